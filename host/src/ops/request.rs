//! What the operations are asked for.

use std::collections::BTreeMap;

use crate::model::{Compression, Location, Selection};
use crate::source::{AliasPolicy, ExtrasChoice};

/// `CPUPercentage` when a request does not say.
pub const DEFAULT_CPU_PERCENTAGE: u8 = 50;
/// Values that `CPUPercentage` may have.
pub const CPU_PERCENTAGES: std::ops::RangeInclusive<u8> = 1..=80;

/// Make a backup.
#[derive(Clone, Debug)]
pub struct BackupRequest {
    /// Name of the backend, or its module name: `filesystem`, `backup-filesystem`.
    pub backend: String,
    /// The id; validated by the operation.
    pub id: String,
    /// Which collections.
    pub selection: Selection,
    /// Codec and level.
    pub compression: Compression,
    /// Share of the cores that may compress and hash, per cent, 1 to 80.
    pub cpu_percentage: u8,
    /// Raw bytes per chunk; `None` = the host's default.
    pub chunk_size: Option<u64>,
    /// Where it shall lie.
    pub location: Location,
    /// A backup whose chunks may be reused.
    pub base: Option<String>,
    /// Which users and roles.
    pub extras: ExtrasChoice,
}

impl BackupRequest {
    /// A request with the defaults of the API.
    pub fn new(backend: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            backend: backend.into(),
            id: id.into(),
            selection: Selection::All,
            compression: Compression::default(),
            cpu_percentage: DEFAULT_CPU_PERCENTAGE,
            chunk_size: None,
            location: Location::default(),
            base: None,
            extras: ExtrasChoice::default(),
        }
    }
}

/// Carry a backup to another location.
#[derive(Clone, Debug)]
pub struct CopyRequest {
    /// The id; validated by the operation.
    pub id: String,
    /// Name of the backend that has it, or its module name. It is only read from.
    pub from: String,
    /// Where it lies there.
    pub from_location: Location,
    /// Name of the backend that shall have it, or its module name.
    pub to: String,
    /// Where it shall lie there.
    pub to_location: Location,
}

impl CopyRequest {
    /// A request from one backend's configured location to another's.
    pub fn new(id: impl Into<String>, from: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            from: from.into(),
            from_location: Location::default(),
            to: to.into(),
            to_location: Location::default(),
        }
    }
}

/// Bring a backup back.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// Name of the backend, or its module name.
    pub backend: String,
    /// The id.
    pub id: String,
    /// Which of the backup's collections.
    pub selection: Selection,
    /// Share of the cores that may decompress and hash, per cent, 1 to 80.
    pub cpu_percentage: u8,
    /// Where it lies.
    pub location: Location,
    /// Node names of the backup to node names of here.
    pub node_mapping: BTreeMap<String, String>,
    /// What happens to an alias that exists.
    pub aliases: AliasPolicy,
    /// Names of the opaque states to restore, such as `users`.
    pub extras: Vec<String>,
}

impl RestoreRequest {
    /// A request with the defaults of the API.
    pub fn new(backend: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            backend: backend.into(),
            id: id.into(),
            selection: Selection::All,
            cpu_percentage: DEFAULT_CPU_PERCENTAGE,
            location: Location::default(),
            node_mapping: BTreeMap::new(),
            aliases: AliasPolicy::Keep,
            extras: Vec::new(),
        }
    }
}

/// The order of a list of backups, by start time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    #[default]
    Descending,
}

/// How much of a backup `verify` reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerifyDepth {
    /// Descriptor, manifest, and that every chunk is there with its length.
    #[default]
    Structure,
    /// Also every chunk, re-hashed and decompressed, and every file hash.
    ReadData,
}
