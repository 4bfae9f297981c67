//! The in-memory reference storage: strict about the contract, with capabilities to choose.

mod list;
mod upload;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use self::upload::Upload;
use super::{
    Blob, ByteRange, Capabilities, DigestKinds, ListPage, ListRequest, ObjectMeta, PartOrder, PartRules,
    PartTag, Precondition, Preconditions, PutOptions, Sink, Storage, TEMPORARY, UploadId,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ObjectKey, Timestamp};

/// Objects in memory.
///
/// It refuses whatever the contract lets a store refuse: wrong part sizes, gaps, old tags, too large batches, conditions
/// and multipart uploads beyond its capabilities, missing digests, a page token of another listing. Parts of an upload are
/// objects under `.siltstone-tmp/<attempt>/`, hidden as the contract says and deletable by key. No call fails otherwise.
pub struct Memory {
    home: String,
    capabilities: Capabilities,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By key, so that iteration is in byte order.
    objects: BTreeMap<String, Object>,
    uploads: HashMap<UploadId, Upload>,
    /// Last number given out, for etags, ids and tags.
    serial: u64,
}

#[derive(Clone)]
struct Object {
    meta: ObjectMeta,
    content: Blob,
}

impl Memory {
    /// Everything a store can do, with limits small enough for tests: parts of 64 KiB to 64 MiB in any order, both
    /// conditions, no digests.
    #[must_use]
    pub fn full() -> Capabilities {
        Capabilities {
            max_put: 64 << 20,
            max_object: 1 << 40,
            parts: PartRules {
                order: PartOrder::AnyOrder,
                min_size: 64 << 10,
                max_size: 64 << 20,
                multiple_of: 1,
                max_count: 10_000,
            },
            preconditions: Preconditions { if_absent: true, if_match: true },
            digests: DigestKinds::default(),
            delete_batch: 1_000,
            in_flight: 16,
        }
    }

    /// An empty storage with these capabilities.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        Self { home: "memory:".to_owned(), capabilities, state: Mutex::default() }
    }

    /// Every key there is, hidden ones too, in byte order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    /// Number of multipart uploads that are neither finished nor given up.
    #[must_use]
    pub fn open_uploads(&self) -> usize {
        self.lock().uploads.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made after all of its checks, so a panic elsewhere leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_condition(&self, operation: &'static str, condition: &Precondition) -> Result<()> {
        let able = self.capabilities.preconditions;
        let name = match condition {
            Precondition::IfAbsent if !able.if_absent => "if-absent",
            Precondition::IfMatch(_) if !able.if_match => "if-match",
            _ => return Ok(()),
        };
        Err(Error::new(
            ErrorKind::Unsupported,
            operation,
            format!("this storage has no condition {name}; see its capabilities"),
        ))
    }

    fn check_digests(&self, operation: &'static str, body: &Blob) -> Result<()> {
        let (wanted, given) = (self.capabilities.digests, body.digests());
        for (missing, name) in [
            (wanted.sha256 && given.sha256.is_none(), "sha256"),
            (wanted.md5 && given.md5.is_none(), "md5"),
            (wanted.crc32c && given.crc32c.is_none(), "crc32c"),
        ] {
            if missing {
                return Err(Error::invalid(operation, format!("the blob has no digest {name}")));
            }
        }
        if given.kinds().of(body.pieces()) != *given {
            return Err(Error::corrupt(operation, "the content does not have the digests that came with it"));
        }
        Ok(())
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Self::full())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Memory")
            .field("objects", &state.objects.len())
            .field("uploads", &state.uploads.len())
            .finish_non_exhaustive()
    }
}

impl State {
    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn check(&self, operation: &'static str, key: &ObjectKey, condition: &Precondition) -> Result<()> {
        let there = self.objects.get(key.as_str());
        match condition {
            Precondition::IfAbsent if there.is_some() => {
                Err(Error::new(ErrorKind::AlreadyExists, operation, format!("object `{key}` exists")))
            }
            Precondition::IfMatch(etag) if there.and_then(|o| o.meta.etag.as_ref()) != Some(etag) => {
                Err(Error::new(ErrorKind::Conflict, operation, format!("object `{key}` has another etag")))
            }
            _ => Ok(()),
        }
    }

    fn insert(&mut self, key: &ObjectKey, content: Blob) -> ObjectMeta {
        let meta = ObjectMeta {
            key: key.clone(),
            size: content.len(),
            etag: Some(format!("e{}", self.next_serial())),
            modified_ms: Timestamp::now().as_millis(),
        };
        self.objects.insert(key.as_str().to_owned(), Object { meta: meta.clone(), content });
        meta
    }

    fn object(&self, operation: &'static str, key: &ObjectKey) -> Result<&Object> {
        self.objects.get(key.as_str()).ok_or_else(|| missing(operation, key))
    }
}

fn missing(operation: &'static str, key: &ObjectKey) -> Error {
    Error::new(ErrorKind::NotFound, operation, format!("no object `{key}`"))
}

/// It has no storage classes and keeps nothing from being deleted; a tag may be ignored.
fn check_attributes(operation: &'static str, options: &PutOptions) -> Result<()> {
    match options.attributes.iter().find(|(name, _)| name != "tag") {
        None => Ok(()),
        Some((name, _)) => {
            let text = format!("this storage cannot honour the attribute `{name}`");
            Err(Error::new(ErrorKind::Unsupported, operation, text))
        }
    }
}

fn check_key(operation: &'static str, key: &ObjectKey) -> Result<()> {
    if key.as_str().starts_with(TEMPORARY) {
        return Err(Error::invalid(operation, format!("keys under `{TEMPORARY}` belong to the store")));
    }
    Ok(())
}

#[async_trait]
impl Storage for Memory {
    fn home(&self) -> &str {
        &self.home
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        // A put that is dropped here has had no effect; without this no caller could ever drop one.
        tokio::task::yield_now().await;
        check_key("put", key)?;
        check_attributes("put", options)?;
        self.check_condition("put", &options.condition)?;
        self.check_digests("put", body)?;
        if body.len() > self.capabilities.max_put {
            return Err(Error::invalid(
                "put",
                format!("{} bytes for `{key}`, at most {} fit", body.len(), self.capabilities.max_put),
            ));
        }
        let mut state = self.lock();
        state.check("put", key, &options.condition)?;
        Ok(state.insert(key, body.clone()))
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let writer = to.writer();
        tokio::task::yield_now().await;
        let content = self.lock().object("get", key)?.content.clone();
        let end = range.len.map_or(u64::MAX, |len| range.offset.saturating_add(len)).min(content.len());
        let mut at = range.offset;
        while at < end {
            let piece = content.piece_at(at, end - at);
            at += piece.len() as u64;
            writer.write(piece)?;
        }
        Ok(at - range.offset)
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        tokio::task::yield_now().await;
        Ok(self.lock().object("head", key)?.meta.clone())
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        tokio::task::yield_now().await;
        list::page(&self.lock().objects, request)
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        tokio::task::yield_now().await;
        if keys.len() as u64 > u64::from(self.capabilities.delete_batch) {
            return Err(Error::invalid(
                "delete",
                format!("{} keys, at most {} at once", keys.len(), self.capabilities.delete_batch),
            ));
        }
        let mut state = self.lock();
        for key in keys {
            state.objects.remove(key.as_str());
        }
        Ok(Vec::new())
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        tokio::task::yield_now().await;
        check_key("multipart-start", key)?;
        check_attributes("multipart-start", options)?;
        self.check_condition("multipart-start", &options.condition)?;
        let upload = Upload::new(&self.capabilities, key, part_size, total, options)?;
        let mut state = self.lock();
        let id = UploadId(format!("u{}", state.next_serial()));
        state.uploads.insert(id.clone(), upload);
        Ok(id)
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        tokio::task::yield_now().await;
        self.check_digests("multipart-put", body)?;
        self.lock().put_part(&self.capabilities.parts, key, id, number, body)
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        tokio::task::yield_now().await;
        self.lock().finish(key, id, parts)
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        tokio::task::yield_now().await;
        self.lock().abort(key, id)
    }
}
