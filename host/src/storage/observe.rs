//! Counters and debug events of every attempt.
//!
//! It sits between [`super::Limited`] and [`super::Timed`]: it sees each attempt, not only the last one of a call, the
//! time-outs among them, and its times do not hold the wait for a place.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{
    Blob, ByteRange, Capabilities, Counters, ListPage, ListRequest, ObjectMeta, PartTag, PutOptions, Sink,
    Storage, UploadId, Verb,
};
use crate::error::{Error, Result};
use crate::model::{BackendName, ObjectKey};

/// Counts attempts and writes a debug event for each, never with content.
#[derive(Debug)]
pub struct Observed {
    inner: Arc<dyn Storage>,
    backend: BackendName,
    counters: Arc<Counters>,
}

impl Observed {
    /// Observes a storage; `backend` is the name in the events.
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>, backend: BackendName) -> Self {
        Self::counting(inner, backend, Arc::default())
    }

    /// The same with counters that count for others too.
    #[must_use]
    pub fn counting(inner: Arc<dyn Storage>, backend: BackendName, counters: Arc<Counters>) -> Self {
        Self { inner, backend, counters }
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    async fn watch<T>(
        &self,
        verb: Verb,
        key: &str,
        call: impl Future<Output = Result<T>> + Send,
        bytes: impl FnOnce(&T) -> u64 + Send,
    ) -> Result<T> {
        let mut attempt = Attempt { observed: self, verb, key, began: Instant::now(), ended: false };
        let result = call.await;
        attempt.end(result.as_ref().map(bytes));
        result
    }
}

/// An attempt that runs; dropped without an end, it counts as dropped.
struct Attempt<'a> {
    observed: &'a Observed,
    verb: Verb,
    key: &'a str,
    began: Instant,
    ended: bool,
}

impl Attempt<'_> {
    fn end(&mut self, result: Result<u64, &Error>) {
        self.ended = true;
        let (backend, verb, key, elapsed) =
            (&self.observed.backend, self.verb, self.key, self.began.elapsed());
        match result {
            Ok(bytes) => tracing::debug!(%backend, %verb, key, bytes, ?elapsed, "done"),
            Err(error) => tracing::debug!(%backend, %verb, key, ?elapsed, %error, "failed"),
        }
        self.observed.counters.ended(verb, elapsed, result);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let (backend, verb, key) = (&self.observed.backend, self.verb, self.key);
            tracing::debug!(%backend, %verb, key, elapsed = ?self.began.elapsed(), "dropped");
            self.observed.counters.dropped(verb);
        }
    }
}

#[async_trait]
impl Storage for Observed {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        self.watch(Verb::Put, key.as_str(), self.inner.put(key, body, options), |_| body.len()).await
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        self.watch(Verb::Get, key.as_str(), self.inner.get(key, range, to), |len| *len).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        self.watch(Verb::Head, key.as_str(), self.inner.head(key), |_| 0).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        self.watch(Verb::List, &request.prefix, self.inner.list(request), |_| 0).await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        let first = keys.first().map_or("", ObjectKey::as_str);
        self.watch(Verb::Delete, first, self.inner.delete(keys), |_| 0).await
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        let call = self.inner.multipart_start(key, part_size, total, options);
        self.watch(Verb::MultipartStart, key.as_str(), call, |_| 0).await
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        let call = self.inner.multipart_put(key, id, number, body);
        self.watch(Verb::MultipartPut, key.as_str(), call, |_| body.len()).await
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        let call = self.inner.multipart_finish(key, id, parts);
        self.watch(Verb::MultipartFinish, key.as_str(), call, |_| 0).await
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        self.watch(Verb::MultipartAbort, key.as_str(), self.inner.multipart_abort(key, id), |_| 0).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;
    use crate::storage::{Action, Faulty, Memory, Rule};

    #[tokio::test(start_paused = true)]
    async fn attempts_bytes_errors_and_times_are_counted_by_verb() {
        let second = Duration::from_secs(1);
        let rules = vec![Rule::on(Verb::Put, Action::Delay(second)), Rule::on(Verb::List, Action::Hang)];
        let inner = Arc::new(Faulty::new(Arc::new(Memory::default()), rules));
        let storage = Observed::new(inner, BackendName::new("memory").unwrap());
        let counters = storage.counters();
        let key = ObjectKey::new("k").unwrap();
        for _ in 0..2 {
            storage.put(&key, &vec![7; 10].into(), &PutOptions::default()).await.unwrap();
        }
        let range = ByteRange { offset: 4, len: Some(100) };
        storage.get(&key, range, &Sink::new(100)).await.unwrap();
        storage.head(&ObjectKey::new("nope").unwrap()).await.unwrap_err();
        assert!(tokio::time::timeout(second, storage.list(&ListRequest::default())).await.is_err());

        let counts = counters.snapshot();
        let puts = counts.of(Verb::Put);
        assert_eq!((puts.calls, puts.bytes, puts.elapsed), (2, 20, 2 * second));
        assert_eq!((counts.bytes_out(), counts.bytes_in(), counts.errors()), (20, 6, 1));
        assert_eq!(counts.of(Verb::Head).errors, HashMap::from([(ErrorKind::NotFound, 1)]));
        assert_eq!((counts.of(Verb::List).calls, counts.of(Verb::List).dropped), (0, 1));
    }
}
