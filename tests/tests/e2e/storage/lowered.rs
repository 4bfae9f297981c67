//! A storage that claims less than its plugin says, where a server is known not to keep it.

use std::sync::Arc;

use async_trait::async_trait;
use siltstone::model::ObjectKey;
use siltstone::storage::{
    Blob, ByteRange, Capabilities, ListPage, ListRequest, ObjectMeta, PartTag, Precondition, PutOptions,
    Sink, Storage, UploadId,
};
use siltstone::{Error, ErrorKind, Result};

#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) inner: Arc<dyn Storage>,
    pub(super) capabilities: Capabilities,
}

impl Lowered {
    fn check(&self, options: &PutOptions) -> Result<()> {
        let known = match &options.condition {
            Precondition::None => true,
            Precondition::IfAbsent => self.capabilities.preconditions.if_absent,
            Precondition::IfMatch(_) => self.capabilities.preconditions.if_match,
        };
        if known {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Unsupported, "put", "the store lacks this condition"))
        }
    }
}

#[async_trait]
impl Storage for Lowered {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        self.check(options)?;
        self.inner.put(key, body, options).await
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        self.inner.get(key, range, to).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        self.inner.list(request).await
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
        self.check(options)?;
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
