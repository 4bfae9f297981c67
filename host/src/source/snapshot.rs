//! The contract of a database that is backed up.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::model::{CollectionName, EngineInfo, RelativePath, Scope, ShardId, TenantName, TenantState};
use crate::source::NamedBlob;

/// A database that can be backed up while it runs.
///
/// All methods are called on threads on which blocking is fine, never on the threads of the database's own runtime.
pub trait SnapshotSource: Send + Sync {
    /// Name and version of the engine; a restore into another one is refused.
    fn engine(&self) -> EngineInfo;

    /// What there is, in any order, with every shard whatever its state. Asked before a cut for the shards, and after it for
    /// definitions and aliases, so that none that objects of the cut rely on is missing.
    fn collections(&self) -> Result<Vec<CollectionInfo>>;

    /// Flushes ahead, so that little is left for the cut. May be slow; holds nothing afterwards. A shard that is gone or
    /// cold is ok.
    fn prepare(&self, shard: &ShardId) -> Result<()>;

    /// Captures the shards, all at one instant if that holds writers no longer than `budget.max_pause`; else in one cut
    /// per collection, then per shard. Under the write gate there is no fsync, no flush, no hashing and no directory walk.
    /// Never fails for lack of time.
    ///
    /// A shard that was dropped meanwhile is named in [`CutOutcome::gone`]; one dropped afterwards is still delivered.
    fn cut(&self, shards: &[ShardId], budget: &Budget) -> Result<CutOutcome>;

    /// Opaque state of the database outside its collections: users, roles. At most 1 MiB each.
    fn extras(&self) -> Result<Vec<NamedBlob>>;

    /// The same, but only of the users and roles that a request chose; [`crate::ErrorKind::Invalid`] with the name when
    /// one does not exist. Asked once before the request is accepted and once at the cut. A database that keeps no users or
    /// roles of its own leaves it as it is.
    fn chosen_extras(&self, choice: &ExtrasChoice) -> Result<Vec<NamedBlob>> {
        for (field, chosen) in [("includeUsers", &choice.users), ("includeRoles", &choice.roles)] {
            if let Some(first) = chosen.first() {
                let first = first.escape_debug();
                let text = format!(
                    "{field} names `{first}`, and this database has none to choose from; leave it out"
                );
                return Err(Error::invalid("backup", text));
            }
        }
        self.extras()
    }
}

/// Which users and roles a backup takes: names or patterns as [`crate::model::Pattern`] reads them; none = all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtrasChoice {
    /// Users.
    pub users: Vec<String>,
    /// Roles.
    pub roles: Vec<String>,
}

impl ExtrasChoice {
    /// Whether nothing was chosen, so that all are taken.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.users.is_empty() && self.roles.is_empty()
    }
}

/// A collection as the source sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectionInfo {
    /// Its name.
    pub name: CollectionName,
    /// Its definition, opaque to the host; at most 1 MiB as JSON.
    pub schema: serde_json::Value,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// Its shards: one without a tenant, or one per tenant.
    pub shards: Vec<ShardInfo>,
}

/// A shard of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardInfo {
    /// The tenant; `None` for a collection without tenants.
    pub tenant: Option<TenantName>,
    /// Its state.
    pub state: TenantState,
}

/// What a cut may cost.
#[derive(Clone, Debug)]
pub struct Budget {
    /// How long writers may be held.
    pub max_pause: Duration,
    /// A folder, empty and ours alone, in the data folder of the database, into which files may be linked or copied. The
    /// host removes it when the operation ends, and after a crash.
    pub staging: PathBuf,
}

/// What [`SnapshotSource::cut`] made.
pub struct CutOutcome {
    /// The cuts; together they hold every shard that was asked for and is not gone.
    pub cuts: Vec<Box<dyn Cut>>,
    /// Shards that did not exist any more.
    pub gone: Vec<ShardId>,
}

/// One consistent instant of one or more shards. Dropping it releases every pin.
pub trait Cut: Send + Sync {
    /// How much it covers.
    fn scope(&self) -> Scope;
    /// The shards it holds, with their states at the cut.
    fn shards(&self) -> Vec<(ShardId, TenantState)>;
    /// How long writers were really held.
    fn pause(&self) -> Duration;
    /// What keeps the files alive.
    fn hold(&self) -> Hold;
    /// All files that a restored shard needs, and nothing else. Stable until the cut is dropped.
    fn files(&self, shard: &ShardId) -> Result<Vec<SegmentFile>>;
}

/// What keeps the files of a cut alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Links or copies in the staging folder: the engine goes on freely.
    Links,
    /// A pin in the engine: compaction cannot free space until the cut is dropped.
    Pin,
}

/// One file of a cut.
#[derive(Clone)]
pub struct SegmentFile {
    /// Path below the folder of the shard.
    pub path: RelativePath,
    /// Length in bytes; exactly this many are read.
    pub length: u64,
    /// Permission bits, at most `0o777`.
    pub mode: u32,
    /// How the content behaves.
    pub class: SegmentClass,
    /// Where the content is.
    pub content: SegmentContent,
}

/// How the content of a file behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentClass {
    /// Written once; the live file itself or a link to it.
    Immutable,
    /// A private copy, made by the cut, of a file that changes.
    Copied,
    /// Made up by the engine for the restored shard.
    Inline,
}

/// Where the content of a file is.
#[derive(Clone)]
pub enum SegmentContent {
    /// A real path.
    Path(PathBuf),
    /// The bytes themselves.
    Inline(Bytes),
    /// Opened on demand, from the first byte each time.
    Stream(Arc<dyn Fn() -> std::io::Result<Box<dyn Read + Send>> + Send + Sync>),
}

impl SegmentFile {
    /// Opens the content from its first byte.
    pub fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        match &self.content {
            SegmentContent::Path(path) => Ok(Box::new(std::fs::File::open(path)?)),
            SegmentContent::Inline(bytes) => Ok(Box::new(std::io::Cursor::new(bytes.clone()))),
            SegmentContent::Stream(open) => open(),
        }
    }
}

impl std::fmt::Debug for SegmentFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentFile")
            .field("path", &self.path)
            .field("length", &self.length)
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}
