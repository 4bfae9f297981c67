//! What the operations answer.

use crate::model::{CollectionName, Location, Scope, SkippedItem, State, Timestamp};

/// The state of a backup or of a restore, as the API shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The backend's short name.
    pub backend: String,
    /// The id.
    pub id: String,
    /// Home of the location and the id: `/var/backups/nightly`, `s3://bucket/prefix/nightly`.
    pub path: String,
    /// The overrides of the request.
    pub location: Location,
    /// The state.
    pub state: State,
    /// Why it failed or was cancelled.
    pub error: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; [`Timestamp::ZERO`] while it runs.
    pub completed_at: Timestamp,
    /// Its collections.
    pub collections: Vec<CollectionName>,
    /// Bytes before compression; 0 while a backup runs.
    pub raw_bytes: u64,
    /// The backup it builds on.
    pub base: Option<String>,
    /// Of a restore, the node of the backup whose data comes here.
    pub from_node: Option<String>,
    /// How far it is; of an operation of an earlier process only the totals are known.
    pub progress: Progress,
    /// What came out, of a backup that succeeded.
    pub outcome: Option<BackupOutcome>,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Raw bytes done.
    pub raw_done: u64,
    /// Raw bytes in all; 0 before they are known.
    pub raw_total: u64,
    /// Stored bytes sent or fetched.
    pub stored: u64,
    /// Files done.
    pub files_done: u64,
    /// Files in all.
    pub files_total: u64,
}

/// What came out of a backup.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupOutcome {
    /// Bytes of all chunks.
    pub stored_bytes: u64,
    /// Bytes of the chunks that this attempt wrote.
    pub new_bytes: u64,
    /// Raw bytes of the files whose content the incremental base had.
    pub reused_bytes: u64,
    /// Number of files.
    pub files: u64,
    /// Widest instant that all shards share.
    pub scope: Scope,
    /// Longest time that writers were held, in microseconds.
    pub pause_us: u64,
    /// What is not in the backup, and why.
    pub skipped: Vec<SkippedItem>,
}

/// What `verify` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Chunks looked at.
    pub chunks: u64,
    /// Files looked at.
    pub files: u64,
    /// Stored bytes that were read.
    pub bytes_read: u64,
    /// Everything that is wrong, at most 1000; empty means that the backup is restorable.
    pub problems: Vec<String>,
}

/// What `copy` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// Home of the location it came from.
    pub from: String,
    /// Home of the location it is at now as well.
    pub to: String,
    /// Chunks that the backup needs, those of its base included.
    pub chunks: u64,
    /// Chunks that were sent; each was hashed on its way.
    pub sent_chunks: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Bytes of the chunks that lay at the target already, by key and length; they were not read.
    pub kept_bytes: u64,
}

/// What `forget` removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForgetReport {
    /// Objects deleted.
    pub objects: u64,
    /// Objects that the store refused to delete.
    pub refused: u64,
}

/// A backend that is enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendInfo {
    /// Short name, such as `filesystem`.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// URI of its configured location.
    pub home: String,
}
