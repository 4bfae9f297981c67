//! The host's settings with their defaults.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::Result;
use crate::model::NodeName;

/// Settings of a host. Every field has a default except the node's name.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// This node's name (`CLUSTER_HOSTNAME`).
    pub node: NodeName,
    /// Modules to enable (`ENABLE_MODULES`), such as `backup-filesystem`.
    pub modules: Vec<String>,
    /// Raw bytes per chunk when a request does not say (`BACKUP_CHUNK_TARGET_SIZE`).
    pub chunk_size: u64,
    /// What is checked before a backup becomes `SUCCESS` (`BACKUP_VERIFY`).
    pub verify: VerifyMode,
    /// Whether a restart ends what its journal holds (`ENABLE_CLEANUP_UNFINISHED_BACKUPS`).
    pub cleanup: Cleanup,
    /// Whether a location is probed before the first create (`BACKUP_SKIP_ACCESS_CHECK`).
    pub start_check: StartCheck,
    /// How long writers may be held by a cut (`BACKUP_MAX_PAUSE`).
    pub max_pause: Duration,
    /// Folders under which a `Path` override of the filesystem backend may lie (`BACKUP_FILESYSTEM_EXTRA_PATHS`).
    pub extra_paths: Vec<PathBuf>,
    /// Folders with plugins that did not come with the host (`BACKUP_PLUGIN_PATH`).
    pub plugin_path: Vec<PathBuf>,
    /// File with certificates in PEM of authorities that are trusted besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The proxy for stores behind TLS, as a URL that may hold a password.
    pub https_proxy: Option<ProxyUrl>,
    /// Hosts that are reached without the proxy.
    pub no_proxy: Vec<String>,
    /// Where compiled plugins are kept; `None` = the default below the data folder.
    pub compile_cache: Option<PathBuf>,
    /// Cores that `CPUPercentage` is a share of.
    pub cores: usize,
    /// A terminal state is published no sooner than this after the request, so that a quick cancel can win.
    pub publish_after: Duration,
}

impl HostSettings {
    /// Raw bytes per chunk by default: 128 MiB.
    pub const CHUNK_SIZE: u64 = 128 << 20;
    /// Smallest and largest chunk size of a request: 2 MiB and 512 MiB.
    pub const CHUNK_SIZES: std::ops::RangeInclusive<u64> = (2 << 20)..=(512 << 20);

    /// The defaults, for a node name.
    pub fn new(node: impl Into<String>) -> Result<Self> {
        Ok(Self {
            node: NodeName::new(node)?,
            modules: Vec::new(),
            chunk_size: Self::CHUNK_SIZE,
            verify: VerifyMode::List,
            cleanup: Cleanup::OwnJournal,
            start_check: StartCheck::Probe,
            max_pause: Duration::from_millis(50),
            extra_paths: Vec::new(),
            plugin_path: Vec::new(),
            ca_bundle: None,
            https_proxy: None,
            no_proxy: Vec::new(),
            compile_cache: None,
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            publish_after: Duration::from_millis(500),
        })
    }

    /// Threads that compress and hash: `max(1, round(cores × percentage / 100))`.
    #[must_use]
    pub fn workers(&self, cpu_percentage: u8) -> usize {
        ((self.cores * usize::from(cpu_percentage) + 50) / 100).max(1)
    }
}

/// The URL of a proxy. It may hold a password, so it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(pub String);

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProxyUrl(..)")
    }
}

/// What is checked before a backup becomes `SUCCESS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerifyMode {
    /// List the attempt, compare every chunk's stored length, read the manifest back.
    #[default]
    List,
    /// As `List`, and re-read a sample of the chunks.
    Sample,
    /// As `List`, and re-read and re-hash every chunk.
    Full,
}

/// What a restart does with operations that its own journal holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cleanup {
    /// Ends them: aborts uploads, deletes the attempt's objects, writes `FAILED`.
    #[default]
    OwnJournal,
    /// Leaves them as they are.
    Off,
}

/// Whether a location is probed before the first create at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartCheck {
    /// Writes and deletes a small object, and finds out whether conditional create works.
    #[default]
    Probe,
    /// Does not; conditional create counts as unproven.
    Skip,
}
