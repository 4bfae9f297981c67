//! A bound on the time of each call.
//!
//! It sits round the store, inside [`super::Retrying`], so that it bounds one attempt and a hanging one is tried
//! again, and inside [`super::Limited`], so that waiting for a permit does not count.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Blob, ByteRange, Capabilities, ListPage, ListRequest, ObjectMeta, PartTag, PutOptions, Sink, Storage,
    UploadId, Verb,
};
use crate::error::{Error, ErrorKind, FaultKind, Result, Retry};
use crate::model::ObjectKey;

/// How long one attempt of a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutSettings {
    /// For any call. Default 60 s.
    pub base: Duration,
    /// On top of it, for each begun MiB that the call moves, and for each part that a `multipart_finish` joins.
    /// Default 4 s: a line slower than 256 KiB/s in each of the calls at once is as good as none.
    pub per_mib: Duration,
}

impl Default for TimeoutSettings {
    fn default() -> Self {
        Self { base: Duration::from_secs(60), per_mib: Duration::from_secs(4) }
    }
}

/// Ends calls that take too long with [`ErrorKind::Timeout`], a fault that may be retried; a change that is ended so has
/// an unknown outcome.
#[derive(Debug)]
pub struct Timed {
    inner: Arc<dyn Storage>,
    settings: TimeoutSettings,
}

impl Timed {
    /// Bounds the calls of a storage.
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>, settings: TimeoutSettings) -> Self {
        Self { inner, settings }
    }

    /// `size` counts the MiB or the parts beyond the base.
    async fn bound<T>(
        &self,
        verb: Verb,
        key: impl std::fmt::Display,
        size: u64,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let per_size = self.settings.per_mib.saturating_mul(u32::try_from(size).unwrap_or(u32::MAX));
        let bound = self.settings.base.saturating_add(per_size);
        match tokio::time::timeout(bound, call).await {
            Ok(result) => result,
            Err(_) => {
                let error = Error::new(
                    ErrorKind::Timeout,
                    verb.as_str(),
                    format!("given up on `{key}` after {bound:?}"),
                )
                .with_retry(Retry::After(None))
                .with_fault(FaultKind::Overdue);
                Err(if verb.changes() { error.outcome_unknown() } else { error })
            }
        }
    }
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[async_trait]
impl Storage for Timed {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        self.bound(Verb::Put, key, mib(body.len()), self.inner.put(key, body, options)).await
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let most = to.writer().room().min(range.len.unwrap_or(u64::MAX));
        self.bound(Verb::Get, key, mib(most), self.inner.get(key, range, to)).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        self.bound(Verb::Head, key, 0, self.inner.head(key)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        self.bound(Verb::List, &request.prefix, 0, self.inner.list(request)).await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        let first = keys.first().map_or("", ObjectKey::as_str);
        self.bound(Verb::Delete, first, 0, self.inner.delete(keys)).await
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        let call = self.inner.multipart_start(key, part_size, total, options);
        self.bound(Verb::MultipartStart, key, 0, call).await
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        let call = self.inner.multipart_put(key, id, number, body);
        self.bound(Verb::MultipartPut, key, mib(body.len()), call).await
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        let call = self.inner.multipart_finish(key, id, parts);
        self.bound(Verb::MultipartFinish, key, parts.len() as u64, call).await
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        self.bound(Verb::MultipartAbort, key, 0, self.inner.multipart_abort(key, id)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Action, Faulty, Memory, Rule};

    fn key() -> ObjectKey {
        ObjectKey::new("k").unwrap()
    }

    fn hanging() -> Timed {
        let rules = vec![Rule::any(Action::Hang)];
        Timed::new(Arc::new(Faulty::new(Arc::new(Memory::default()), rules)), TimeoutSettings::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_change_ends_with_an_unknown_outcome_after_the_time_of_its_size() {
        let began = tokio::time::Instant::now();
        let body = Blob::from(vec![0; (2 << 20) + 1]);
        let e = hanging().put(&key(), &body, &PutOptions::default()).await.unwrap_err();
        assert!(e.is(ErrorKind::Timeout) && e.is_outcome_unknown(), "{e}");
        assert_eq!(e.retry(), Retry::After(None));
        assert_eq!(began.elapsed().as_secs(), 60 + 3 * 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_read_had_no_effect() {
        let began = tokio::time::Instant::now();
        let range = ByteRange { offset: 0, len: None };
        let e = hanging().get(&key(), range, &Sink::new(1 << 20)).await.unwrap_err();
        assert!(e.is(ErrorKind::Timeout) && !e.is_outcome_unknown(), "{e}");
        assert_eq!(began.elapsed().as_secs(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_range_has_no_bound_that_overflows() {
        let range = ByteRange { offset: 0, len: None };
        let call = hanging();
        let sink = Sink::new(u64::MAX);
        let key = key();
        let get = call.get(&key, range, &sink);
        assert!(tokio::time::timeout(Duration::from_secs(3600), get).await.is_err(), "still waiting");
    }
}
