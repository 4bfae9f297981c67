//! A bound on the number of calls at once.
//!
//! It sits inside [`super::Retrying`], so that a call that waits before its next attempt leaves its place to others, and
//! outside [`super::Timed`], so that a call has its whole time once it has a place.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    Blob, ByteRange, Capabilities, ListPage, ListRequest, ObjectMeta, PartTag, PutOptions, Sink, Storage,
    UploadId,
};
use crate::error::{Error, Result};
use crate::model::ObjectKey;

/// Lets so many calls through at once; the others wait in the order in which they came.
#[derive(Debug)]
pub struct Limited {
    inner: Arc<dyn Storage>,
    places: Semaphore,
}

impl Limited {
    /// Bounds the calls of a storage to `at_once`.
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>, at_once: NonZeroU32) -> Self {
        let places = usize::try_from(at_once.get()).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { inner, places: Semaphore::new(places) }
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>> {
        self.places.acquire().await.map_err(|e| Error::internal("limit", "the limit is gone").with_source(e))
    }
}

#[async_trait]
impl Storage for Limited {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        let _place = self.place().await?;
        self.inner.put(key, body, options).await
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let _place = self.place().await?;
        self.inner.get(key, range, to).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        let _place = self.place().await?;
        self.inner.head(key).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        let _place = self.place().await?;
        self.inner.list(request).await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        let _place = self.place().await?;
        self.inner.delete(keys).await
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        let _place = self.place().await?;
        self.inner.multipart_start(key, part_size, total, options).await
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        let _place = self.place().await?;
        self.inner.multipart_put(key, id, number, body).await
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        let _place = self.place().await?;
        self.inner.multipart_finish(key, id, parts).await
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        let _place = self.place().await?;
        self.inner.multipart_abort(key, id).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::storage::{Action, Faulty, Memory, Rule};

    fn slow(at_once: u32) -> Arc<Limited> {
        let rules = vec![Rule::any(Action::Delay(Duration::from_secs(1)))];
        let inner = Arc::new(Faulty::new(Arc::new(Memory::default()), rules));
        Arc::new(Limited::new(inner, NonZeroU32::new(at_once).unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_than_allowed_run_at_once_and_they_go_in_order() {
        let storage = slow(2);
        let began = Instant::now();
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..6_u64 {
            let storage = Arc::clone(&storage);
            calls.spawn(async move {
                tokio::time::sleep(Duration::from_millis(number)).await;
                storage.list(&ListRequest { limit: 1, ..ListRequest::default() }).await.unwrap();
                (number, began.elapsed().as_secs())
            });
        }
        let mut ends = calls.join_all().await;
        ends.sort_unstable();
        assert_eq!(ends, [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_call_gives_its_place_back() {
        let storage = slow(1);
        let request = ListRequest { limit: 1, ..ListRequest::default() };
        assert!(tokio::time::timeout(Duration::from_millis(10), storage.list(&request)).await.is_err());
        tokio::time::timeout(Duration::from_millis(1_500), storage.list(&request)).await.unwrap().unwrap();
    }
}
