//! A bound on how far a listing goes on.
//!
//! It sits directly on the store, so that a listing without end is counted as a fault of the store. How much was listed
//! travels in the token of the next page: a page that is asked for again counts once.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Blob, ByteRange, Capabilities, ListPage, ListRequest, ObjectMeta, PartTag, PutOptions, Sink, Storage,
    UploadId,
};
use crate::error::{Error, ErrorKind, FaultKind, Result};
use crate::model::{BackendName, ObjectKey};

/// A page counts as at least so many names: those of others are left out of it, and may be all of it.
const PAGE: u64 = 100;

/// How much of a location is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListingSettings {
    /// Most names of one listing, over all its pages. Default 10 million: more than the chunks of a backup of 20 TB in the
    /// smallest chunks.
    pub names: u64,
}

impl Default for ListingSettings {
    fn default() -> Self {
        Self { names: 10_000_000 }
    }
}

/// Ends listings that go on for too long with [`ErrorKind::Plugin`], a fault that is not retried.
#[derive(Debug)]
pub struct Bounded {
    inner: Arc<dyn Storage>,
    backend: BackendName,
    settings: ListingSettings,
}

impl Bounded {
    /// Bounds the listings of a storage; `backend` is the name in the error.
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>, backend: BackendName, settings: ListingSettings) -> Self {
        Self { inner, backend, settings }
    }

    fn endless(&self, prefix: &str) -> Error {
        let message = format!(
            "backend `{}` lists more than {} names under `{prefix}` at {} and promises more; give the backups a bucket or \
             a path of their own, or have the plugin mended",
            self.backend,
            self.settings.names,
            self.home(),
        );
        Error::new(ErrorKind::Plugin, "list", message).with_fault(FaultKind::Contract)
    }
}

#[async_trait]
impl Storage for Bounded {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        self.inner.put(key, body, options).await
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        self.inner.get(key, range, to).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        let (listed, token) = match &request.token {
            None => (0, None),
            Some(token) => {
                let (listed, token) = token
                    .split_once(':')
                    .and_then(|(listed, token)| Some((listed.parse::<u64>().ok()?, token.to_owned())))
                    .ok_or_else(|| {
                        Error::invalid("list", "the page token does not come from this backend")
                    })?;
                (listed, Some(token))
            }
        };
        let request = ListRequest { token, ..request.clone() };
        let mut page = self.inner.list(&request).await?;
        if let Some(next) = page.next.take() {
            let names = (page.objects.len() as u64).saturating_add(page.prefixes.len() as u64);
            let listed = listed.saturating_add(names.max(PAGE));
            if listed >= self.settings.names {
                return Err(self.endless(&request.prefix));
            }
            page.next = Some(format!("{listed}:{next}"));
        }
        Ok(page)
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        self.inner.delete(keys).await
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        self.inner.multipart_start(key, part_size, total, options).await
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        self.inner.multipart_put(key, id, number, body).await
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        self.inner.multipart_finish(key, id, parts).await
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        self.inner.multipart_abort(key, id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Action, Faulty, Memory, Rule, Verb};

    fn bounded(inner: Arc<dyn Storage>, names: u64) -> Bounded {
        Bounded::new(inner, "vault".parse().unwrap(), ListingSettings { names })
    }

    /// The pages of a listing, and the error that ended it.
    async fn walk(storage: &dyn Storage, limit: u32) -> (u64, Option<Error>) {
        let mut request = ListRequest { prefix: "x/".to_owned(), limit, ..ListRequest::default() };
        for pages in 1.. {
            match storage.list(&request).await {
                Err(error) => return (pages, Some(error)),
                Ok(page) if page.next.is_none() => return (pages, None),
                Ok(page) => request.token = page.next,
            }
        }
        unreachable!()
    }

    #[tokio::test]
    async fn a_listing_without_end_is_ended_with_what_to_do() {
        let rules = vec![Rule::on(Verb::List, Action::ListForEver)];
        let endless = Arc::new(Faulty::new(Arc::new(Memory::default()), rules));
        for (limit, pages) in [(1_000, 5), (250, 20), (1, 50)] {
            let (walked, error) =
                walk(&bounded(Arc::clone(&endless) as Arc<dyn Storage>, 5_000), limit).await;
            let error = error.unwrap();
            assert_eq!((walked, error.kind()), (pages, ErrorKind::Plugin), "{error}");
            assert_eq!(error.fault(), Some(FaultKind::Contract));
            for word in ["`vault`", "more than 5000 names", "`x/`", "a path of their own"] {
                assert!(error.to_string().contains(word), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn a_listing_that_ends_in_time_is_whole() {
        let memory = Arc::new(Memory::default());
        for n in 0..30 {
            let key = ObjectKey::new(format!("x/{n:02}")).unwrap();
            memory.put(&key, &Blob::from(vec![1]), &PutOptions::default()).await.unwrap();
        }
        let storage = bounded(memory, 1_000);
        let (pages, error) = walk(&storage, 4).await;
        assert!(pages == 8 && error.is_none(), "{pages} pages, {error:?}");
        let foreign = ListRequest { token: Some("garbage".to_owned()), limit: 1, ..ListRequest::default() };
        assert_eq!(storage.list(&foreign).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
}
