//! The descriptor: the state of one backup across nodes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{AttemptId, BackupId, CollectionName, Hash, NodeName, ObjectKey, Scope, State, Timestamp};

/// The body of `backup.json`. Unknown fields are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Version of the stored format.
    pub format: u32,
    /// Names of features that a reader must know.
    pub requires: Vec<String>,
    /// The user-given id.
    pub id: BackupId,
    /// The attempt it stands for.
    pub attempt: AttemptId,
    /// `STARTED`, `SUCCESS`, `FAILED` or `CANCELED`.
    pub state: State,
    /// When the attempt began.
    pub started_at: Timestamp,
    /// When it ended; [`Timestamp::ZERO`] before.
    pub completed_at: Timestamp,
    /// What was asked for.
    pub selection: Selected,
    /// What each node stored; empty before `SUCCESS`.
    pub nodes: BTreeMap<NodeName, NodeEntry>,
    /// The backup whose chunks may be reused, for an incremental one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BackupId>,
    /// The attempt of the base, since its id may be used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_attempt: Option<AttemptId>,
    /// Why it ended without success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Version of the host that wrote it.
    pub host_version: String,
    /// Fields of newer writers.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// What a backup was asked to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected {
    /// The collections, resolved.
    pub collections: Vec<CollectionName>,
    /// The `CompressionLevel` of the request.
    pub compression: String,
    /// Raw bytes per chunk.
    pub chunk_size: u64,
}

/// What one node stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeEntry {
    /// Key of the manifest, relative to the root.
    pub manifest: ObjectKey,
    /// BLAKE3 of the manifest as it is stored.
    pub manifest_blake3: Hash,
    /// Bytes of the manifest as it is stored.
    pub manifest_bytes: u64,
    /// Bytes of all files before compression.
    pub raw_bytes: u64,
    /// Bytes of all chunks that the manifest names.
    pub stored_bytes: u64,
    /// Bytes of the chunks that this attempt wrote.
    pub new_bytes: u64,
    /// Raw bytes of the files whose content the base had.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reused_bytes: u64,
    /// Number of files.
    pub files: u64,
    /// Widest instant that all shards share.
    pub scope: Scope,
    /// Longest time that writers were held, in microseconds.
    pub pause_us: u64,
    /// What is not in the backup, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedItem>,
}

fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedItem {
    /// A collection, shard or file.
    pub what: String,
    /// Why.
    pub why: String,
}
