//! The host's own storage contract and its wrappers; knows no wasm.
//!
//! [`Storage`] is what the repository is written against. The plugin adapter implements it, and so do the in-memory
//! reference and every wrapper. The contract is written on the trait, and the conformance suite holds all of them to it.

mod blob;
mod bound;
mod capabilities;
mod counters;
mod digest;
#[cfg(any(test, feature = "conformance"))]
mod inject;
mod limit;
#[cfg(any(test, feature = "conformance"))]
mod memory;
mod observe;
pub(crate) mod probe;
mod retry;
mod sink;
mod stack;
mod timeout;
mod verb;

use async_trait::async_trait;

pub use blob::{Blob, Digests};
pub use bound::{Bounded, ListingSettings};
pub use capabilities::{Capabilities, DigestKinds, PartOrder, PartRules, Preconditions};
pub use counters::{Counters, Counts, Health, LastFault, VerbCounts};
#[cfg(any(test, feature = "conformance"))]
pub use inject::{Action, Faulty, Rule, When};
pub use limit::Limited;
#[cfg(any(test, feature = "conformance"))]
pub use memory::Memory;
pub use observe::Observed;
pub use probe::{Written, probe_conditions, probe_write};
pub use retry::{RetrySettings, Retrying};
pub use sink::{Sink, SinkWriter};
pub use stack::{StackSettings, stack, stack_counting};
pub use timeout::{Timed, TimeoutSettings};
pub use verb::Verb;

use crate::error::{Error, Result};
use crate::model::{AttemptId, ObjectKey};

/// Where a store that needs temporary objects keeps them, under `<attempt>/` or `none/`. Listings hide these keys unless
/// their prefix begins with this; `delete` removes them by key.
pub const TEMPORARY: &str = ".siltstone-tmp/";

/// When a put may take effect; check and write are one step of the store. A condition that the store's capabilities lack
/// is [`crate::ErrorKind::Unsupported`] and changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Always.
    #[default]
    None,
    /// Only when no object has the key; else [`crate::ErrorKind::AlreadyExists`].
    IfAbsent,
    /// Only when the object has exactly this etag; else [`crate::ErrorKind::Conflict`].
    IfMatch(String),
}

/// How an object is put.
#[derive(Clone, Debug, Default)]
pub struct PutOptions {
    /// When it may take effect.
    pub condition: Precondition,
    /// The attempt that writes, for the store's temporary names.
    pub attempt: Option<AttemptId>,
    /// Media type to store.
    pub content_type: Option<&'static str>,
    /// Further attributes of the interface, as name and value. The host itself sends none: they are there for the conformance
    /// suite, since one that a store cannot honour must be [`crate::ErrorKind::Unsupported`].
    pub attributes: Vec<(String, String)>,
}

/// One stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its key.
    pub key: ObjectKey,
    /// Its length in bytes.
    pub size: u64,
    /// Changes whenever the content may have changed.
    pub etag: Option<String>,
    /// Last change, milliseconds since 1970.
    pub modified_ms: Option<u64>,
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// Only keys that begin with this; may be empty, need not end at a `/`.
    pub prefix: String,
    /// Whether keys are folded at the first `/` after the prefix.
    pub depth: Depth,
    /// Token of the page before.
    pub token: Option<String>,
    /// Most objects and prefixes of a page, at least 1.
    pub limit: u32,
}

/// Whether a listing folds keys at `/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Every key.
    #[default]
    All,
    /// Keys up to the first `/` after the prefix; the rest as prefixes.
    OneLevel,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Objects in ascending byte order of their keys, each greater than any of the pages before.
    pub objects: Vec<ObjectMeta>,
    /// With [`Depth::OneLevel`]: distinct prefixes ending in `/`, ascending.
    pub prefixes: Vec<String>,
    /// Token of the next page; `None` on the last.
    pub next: Option<String>,
}

/// The range of a get: `len` bytes from `offset`, or all up to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub offset: u64,
    /// How many; `None` up to the end.
    pub len: Option<u64>,
}

/// Id of a multipart upload; opaque, at most 4 KiB.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UploadId(pub String);

/// What a store answers to an accepted part; opaque, at most 1 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartTag(pub String);

/// Objects under keys at one location.
///
/// Dropping a future of any method cancels the call; a cancelled change may have taken effect. Implementations and
/// wrappers write every method out, so that none silently loses the better one of an inner storage.
#[async_trait]
pub trait Storage: Send + Sync + std::fmt::Debug {
    /// The URI of the location for people, without a trailing slash: `s3://bucket/prefix`, or a folder.
    fn home(&self) -> &str;

    /// What the store can do; the same as long as the value lives.
    fn capabilities(&self) -> &Capabilities;

    /// Stores the whole blob. On success it is complete and durable and every later call sees it; readers never see a part.
    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta>;

    /// Writes a range to the sink and answers how many bytes. A range that begins at or beyond the end gives 0.
    /// A missing key is [`crate::ErrorKind::NotFound`]. After an error the sink holds some of the bytes; see [`Sink::reset`].
    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64>;

    /// Size, etag and time of an object; [`crate::ErrorKind::NotFound`] when it is missing.
    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta>;

    /// One page of a listing. A page may hold fewer than `limit` and still have a next one.
    async fn list(&self, request: &ListRequest) -> Result<ListPage>;

    /// Deletes at most `capabilities().delete_batch` objects; a missing key counts as deleted. Answers the keys that could
    /// not be deleted; an error means that none is known to be.
    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>>;

    /// Begins an upload in parts of `part_size` bytes (the last may be smaller), `total` in all where known.
    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId>;

    /// Sends part `number`, from 1; sending a number again replaces it.
    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag>;

    /// Makes the object of all parts from 1 without a gap, ascending; checks the condition; atomic and durable as `put`.
    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta>;

    /// Gives an upload up and removes its parts. An unknown id is ok.
    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()>;
}
