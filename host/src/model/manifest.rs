//! The lines of a manifest: what one node stored in one attempt.

use serde::{Deserialize, Serialize};

use crate::model::{
    AttemptId, BackupId, Codec, CollectionName, Hash, NodeName, ObjectKey, RelativePath, Scope, TenantName,
    TenantState, Timestamp,
};

/// One line, tagged by `kind`. The end line is the writer's and reader's affair and not part of this type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ManifestLine {
    /// The first line.
    Manifest(ManifestHeader),
    /// A chunk, before any file that lies in it.
    Chunk(ChunkLine),
    /// A collection, before its shards.
    Collection(CollectionLine),
    /// A shard, before its files.
    Shard(ShardLine),
    /// A file, or the next piece of a huge one.
    File(FileLine),
    /// A named opaque state of the database.
    Blob(BlobLine),
    /// Something that was left out.
    Skipped(SkippedLine),
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestHeader {
    /// Version of the stored format.
    pub format: u32,
    /// Names of features that a reader must know.
    pub requires: Vec<String>,
    /// The backup's id.
    pub backup: BackupId,
    /// The attempt.
    pub attempt: AttemptId,
    /// The node.
    pub node: NodeName,
    /// The database engine.
    pub engine: EngineInfo,
    /// Version of the host.
    pub host_version: String,
    /// When and how the cut was made.
    pub cut: CutInfo,
}

/// Name and version of a database engine; a restore refuses another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// For example `fjall`.
    pub name: String,
    /// Version of its file format, compared by the engine itself.
    pub version: String,
}

/// When and how the cut was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutInfo {
    /// The instant, or the last of several.
    pub at: Timestamp,
    /// Widest instant that all shards share.
    pub scope: Scope,
    /// Longest time that writers were held, in microseconds.
    pub pause_us: u64,
}

/// A stored data object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkLine {
    /// Key relative to the root.
    pub key: ObjectKey,
    /// How its frames are stored.
    pub codec: Codec,
    /// Sum of the raw lengths of its frames.
    pub raw: u64,
    /// Its length.
    pub stored: u64,
    /// BLAKE3 of its bytes.
    pub blake3: Hash,
}

/// A collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectionLine {
    /// Its name.
    pub name: CollectionName,
    /// Its definition, opaque to the host.
    pub schema: serde_json::Value,
    /// Its aliases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// A shard of the collection named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardLine {
    /// Its collection.
    pub collection: CollectionName,
    /// Its tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantName>,
    /// The tenant's state at the cut.
    pub state: TenantState,
}

/// A file of a shard, or the next piece of it. Every line of a file repeats path, length, mode and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLine {
    /// The shard's collection.
    pub collection: CollectionName,
    /// The shard's tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantName>,
    /// Path below the shard's folder.
    pub path: RelativePath,
    /// Length of the whole file.
    pub length: u64,
    /// Permission bits, at most `0o777`.
    pub mode: u32,
    /// BLAKE3 of the whole file.
    pub blake3: Hash,
    /// Where in the file the first frame of this line begins; a multiple of the frame size.
    pub offset: u64,
    /// The frames from there on, in order. Every frame but the last of the file holds 1 MiB of raw bytes.
    pub extents: Vec<Extent>,
}

/// A run of frames that lie side by side in one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Key of the chunk.
    pub chunk: ObjectKey,
    /// Where in the chunk the first frame begins.
    pub offset: u64,
    /// Stored length of each frame, 1 byte to 1 MiB + 64 KiB.
    pub frames: Vec<u32>,
}

/// A named opaque state of the database, such as its users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobLine {
    /// Its name.
    pub name: String,
    /// Its content, base64, at most 1 MiB before encoding.
    pub content: String,
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedLine {
    /// A collection, shard or file.
    pub what: String,
    /// Why.
    pub why: String,
}
