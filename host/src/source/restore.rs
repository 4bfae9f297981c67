//! The contract of a database that is restored into.

use std::path::PathBuf;

use bytes::Bytes;

use crate::error::Result;
use crate::model::{AttemptId, BackupId, CollectionName, EngineInfo, ShardId, TenantState};

/// A database that backups can be restored into while it runs.
///
/// All methods are called on threads on which blocking is fine. A restore is all or nothing: `admit`, then `stage` for
/// every shard, the host writes and verifies the files, `check` for every shard, then one `install`; or `abort`.
pub trait RestoreTarget: Send + Sync {
    /// Refuses a plan that cannot be installed: a collection that exists, or an alias of its name, or a name that differs
    /// only in case ([`crate::ErrorKind::AlreadyExists`], message with `already exists` and the name), or files of an
    /// engine or version that it cannot open ([`crate::ErrorKind::Unsupported`]). `install` checks again.
    fn admit(&self, plan: &RestorePlan) -> Result<()>;

    /// Makes an empty folder for the files of one shard, beside the live data on the same filesystem, named after the
    /// restore so that [`RestoreTarget::abort`] finds it after a crash.
    fn stage(&self, plan: &ShardPlan) -> Result<Staging>;

    /// Opens the engine on the staged files, which are complete, verified and synced; counts or scans as far as is cheap;
    /// closes it and waits until nothing of it runs any more.
    fn check(&self, staged: &Staging) -> Result<()>;

    /// Makes all collections appear at once: journal record, renames, fsync, one write of the catalogue. When it fails,
    /// nothing is visible. When the process dies in it, the database itself finishes or undoes it at its next start,
    /// before it serves.
    fn install(&self, plan: &RestorePlan, staged: Vec<Staging>) -> Result<()>;

    /// What became of a restore that this process or an earlier one began.
    fn outcome(&self, restore: AttemptId) -> Result<InstallState>;

    /// Removes everything that is staged for a restore. Idempotent; does nothing to an installed one.
    fn abort(&self, restore: AttemptId) -> Result<()>;
}

/// What became of a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallState {
    /// Its collections are live.
    Installed,
    /// Nothing of it is visible.
    Absent,
}

/// Everything that one restore installs.
#[derive(Clone, Debug)]
pub struct RestorePlan {
    /// This run of the restore.
    pub restore: AttemptId,
    /// The backup it comes from.
    pub backup: BackupId,
    /// The engine that wrote the files.
    pub engine: EngineInfo,
    /// The collections.
    pub collections: Vec<CollectionPlan>,
    /// Opaque state of the database, as far as the request asks for it.
    pub extras: Vec<NamedBlob>,
    /// What happens to an alias that exists.
    pub aliases: AliasPolicy,
}

/// What happens when an alias of the backup exists in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AliasPolicy {
    /// The existing one stays; the restore succeeds.
    #[default]
    Keep,
    /// It is made to point at the restored collection.
    Overwrite,
}

/// A collection to be restored.
#[derive(Clone, Debug)]
pub struct CollectionPlan {
    /// Its name.
    pub name: CollectionName,
    /// Its definition, as [`crate::source::CollectionInfo::schema`] gave it.
    pub schema: serde_json::Value,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// Its shards; an offloaded one has no staged files.
    pub shards: Vec<(ShardId, TenantState)>,
}

/// One shard to be staged.
#[derive(Clone, Debug)]
pub struct ShardPlan {
    /// This run of the restore.
    pub restore: AttemptId,
    /// The shard.
    pub shard: ShardId,
}

/// Where the files of one shard are staged.
#[derive(Clone, Debug)]
pub struct Staging {
    /// The shard.
    pub shard: ShardId,
    /// The folder.
    pub folder: PathBuf,
}

/// A named opaque state of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedBlob {
    /// Its name: 1 to 64 of `[a-z0-9-]`.
    pub name: String,
    /// Its content, at most 1 MiB.
    pub content: Bytes,
}
