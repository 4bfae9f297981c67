//! The records of the journal.

use serde::{Deserialize, Serialize};

use crate::model::{AttemptId, BackendName, BackupId, CollectionName, NodeName, ObjectKey, State, Timestamp};
use crate::storage::UploadId;

/// An operation that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What is being done.
    pub verb: Verb,
    /// The backup.
    pub id: BackupId,
    /// Where it lies.
    pub backend: BackendName,
    /// The request's override of the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The request's override of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// This node.
    pub node: NodeName,
    /// This run; also names the file.
    pub attempt: AttemptId,
    /// How far it is.
    pub phase: Phase,
    /// Multipart uploads that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uploads: Vec<OpenUpload>,
    /// When it began.
    pub started_at: Timestamp,
    /// The collections it was asked for, resolved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<CollectionName>,
    /// Whether somebody was told that it is cancelled.
    #[serde(default, skip_serializing_if = "Wish::is_to_go_on")]
    pub wish: Wish,
}

/// What is wished of an operation that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// That it goes on.
    #[default]
    GoOn,
    /// That it is cancelled.
    Cancel,
}

impl Wish {
    fn is_to_go_on(&self) -> bool {
        *self == Self::GoOn
    }
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Writes a backup.
    Backup,
    /// Brings one back.
    Restore,
    /// Carries one to another location, which the record names.
    Copy,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Recorded; the location and the database may have been touched.
    Begun,
    /// Data is moving: to the location, or into the staging folders.
    Moving,
    /// The one step that makes it visible has begun and may have taken effect: the terminal write of the descriptor, or
    /// the install.
    Committing,
    /// It ended without success, and what it left is being removed.
    Undoing,
}

/// A multipart upload that must be given up when the operation does not end well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenUpload {
    /// The key of its object.
    pub key: ObjectKey,
    /// Its id.
    pub upload: UploadId,
}

/// The state of one restore, as its status is answered after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreRecord {
    /// The backup.
    pub id: BackupId,
    /// Where it lies.
    pub backend: BackendName,
    /// The run.
    pub attempt: AttemptId,
    /// Its state.
    pub state: State,
    /// Why it ended without success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; [`Timestamp::ZERO`] before.
    pub completed_at: Timestamp,
    /// The URI of the backup, for people.
    pub path: String,
    /// The collections it was asked for, resolved.
    pub collections: Vec<CollectionName>,
    /// Node of the backup whose data came here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_node: Option<NodeName>,
}
