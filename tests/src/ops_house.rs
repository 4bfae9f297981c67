//! A database with a host over a folder of backups, as the suites of the operations use it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use siltstone::model::{Location, State, TenantState};
use siltstone::ops::{BackupRequest, RestoreRequest, Status};
use siltstone::plugin::{Limits, PluginPackage};
use siltstone::settings::{HostSettings, VerifyMode};
use siltstone::storage::{StackSettings, Storage};
use siltstone::{ErrorKind, Host, HostBuilder, Result};

use crate::folder_db::{Files, FolderDb, read_tree};
use crate::servers::Cloud;

/// The backend of all suites here.
pub const BACKEND: &str = "filesystem";

/// What a house is built from; may be built again after it was stopped or died.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Data folder of the database.
    pub root: PathBuf,
    /// `BACKUP_FILESYSTEM_PATH`.
    pub backups: PathBuf,
    /// The host's settings.
    pub settings: HostSettings,
    /// Variables beside `BACKUP_FILESYSTEM_PATH`.
    pub variables: Vec<(String, String)>,
    /// Plugins that did not come with the host.
    pub packages: Vec<PluginPackage>,
    /// Backends beside the filesystem, by name.
    pub storages: Vec<(String, Arc<dyn Storage>)>,
    /// What plugins may use.
    pub limits: Limits,
    /// How calls are tried again.
    pub stack: StackSettings,
}

/// A running host over a [`FolderDb`].
pub struct House {
    /// What it was built from.
    pub plan: Plan,
    /// The database.
    pub db: Arc<FolderDb>,
    /// The host.
    pub host: Host,
}

impl Plan {
    /// A node of that name with its data in `<base>/<name>`, and its backups in `<base>/backups`. Terminal states are
    /// published at once.
    pub fn new(base: &Path, name: &str) -> Result<Self> {
        let mut settings = HostSettings::new(name)?;
        settings.modules = vec![format!("backup-{BACKEND}")];
        settings.compile_cache = Some(kept("compiled"));
        settings.publish_after = Duration::ZERO;
        settings.chunk_size = 2 << 20;
        settings.cores = 2;
        Ok(Self {
            root: base.join(name),
            backups: base.join("backups"),
            settings,
            variables: Vec::new(),
            packages: Vec::new(),
            storages: Vec::new(),
            limits: Limits::default(),
            stack: StackSettings::default(),
        })
    }

    /// The same with the time that a terminal state is held back for a quick cancel.
    #[must_use]
    pub fn publishing_after(mut self, time: Duration) -> Self {
        self.settings.publish_after = time;
        self
    }

    /// The same with another bundled plugin enabled, by these variables.
    #[must_use]
    pub fn with_plugin<V: AsRef<str>>(mut self, name: &str, variables: &[(&str, V)]) -> Self {
        self.settings.modules.push(format!("backup-{name}"));
        self.variables
            .extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.as_ref().to_owned())));
        self
    }

    /// The same with a plugin that did not come with the host enabled, by these variables, all of which it may see.
    #[must_use]
    pub fn with_package<V: AsRef<str>>(mut self, package: PluginPackage, variables: &[(&str, V)]) -> Self {
        let mut grants = package.granted().clone();
        grants.settings.extend(variables.iter().map(|(name, _)| (*name).to_owned()));
        let name = package.name().to_string();
        self.packages.push(package.grants(grants));
        self.with_plugin(&name, variables)
    }

    /// The same with the plugin of a store enabled, which is reached at a port, its own or that of a proxy, in the path `db`.
    pub fn with_cloud(mut self, cloud: &Cloud, port: u16) -> Result<Self> {
        let folders = cloud.plugin_path(port).map_err(|e| siltstone::Error::invalid("install", e))?;
        self.settings.plugin_path.extend(folders);
        Ok(self.with_plugin(cloud.plugin(), &cloud.variables(port, "db")))
    }

    /// The same with another check before the commit.
    #[must_use]
    pub fn verifying(mut self, mode: VerifyMode) -> Self {
        self.settings.verify = mode;
        self
    }

    /// Starts the host, which ends what an earlier one has left.
    pub async fn start(&self) -> Result<House> {
        let db = Arc::new(FolderDb::open(&self.root)?);
        let begun = Instant::now();
        loop {
            let path = ("BACKUP_FILESYSTEM_PATH".to_owned(), self.backups.display().to_string());
            let variables = self.variables.iter().cloned().chain([path]);
            let builder = HostBuilder::new(db.clone(), db.clone(), &self.root, self.settings.clone());
            let stores = self.storages.iter().cloned();
            let builder = stores.fold(builder, |builder, (name, store)| builder.storage(name, store));
            let builder = self.packages.iter().cloned().fold(builder, HostBuilder::plugin);
            let builder = builder.environment(variables).limits(self.limits.clone()).stack(self.stack);
            match builder.build().await {
                // A host of this process that was dropped gives its lock up when its last thread has noticed.
                Err(e) if e.is(ErrorKind::Conflict) && begun.elapsed() < Duration::from_secs(5) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(e) => return Err(e),
                Ok(host) => return Ok(House { plan: self.clone(), db, host }),
            }
        }
    }
}

impl House {
    /// Makes a backup of everything and waits for its end.
    pub async fn backup(&self, id: &str) -> Result<Status> {
        self.backup_with(BackupRequest::new(BACKEND, id)).await
    }

    /// Makes a backup and waits for its end.
    pub async fn backup_with(&self, request: BackupRequest) -> Result<Status> {
        let (backend, id) = (request.backend.clone(), request.id.clone());
        let location = request.location.clone();
        self.host.backup(request).await?;
        self.host.wait_backup(&backend, &id, &location).await
    }

    /// Restores everything of a backup and waits for its end.
    pub async fn restore(&self, id: &str) -> Result<Status> {
        self.restore_with(RestoreRequest::new(BACKEND, id)).await
    }

    /// Restores and waits for the end.
    pub async fn restore_with(&self, request: RestoreRequest) -> Result<Status> {
        let (backend, id) = (request.backend.clone(), request.id.clone());
        let location = request.location.clone();
        self.host.restore(request).await?;
        self.host.wait_restore(&backend, &id, &location).await
    }

    /// Status of a backup at the configured place.
    pub async fn status(&self, id: &str) -> Result<Status> {
        self.host.backup_status(BACKEND, id, &Location::default()).await
    }

    /// Cancels a backup at the configured place.
    pub async fn cancel(&self, id: &str) -> Result<()> {
        self.host.cancel_backup(BACKEND, id, &Location::default()).await
    }

    /// Waits until a backup at the configured place has ended here.
    pub async fn ended(&self, id: &str) -> Result<Status> {
        self.host.wait_backup(BACKEND, id, &Location::default()).await
    }

    /// Waits until a restore from the configured place has ended here.
    pub async fn restored(&self, id: &str) -> Result<Status> {
        self.host.wait_restore(BACKEND, id, &Location::default()).await
    }

    /// Names of all files in the backup folder, temporary ones included.
    pub fn objects(&self) -> Result<Vec<String>> {
        Ok(read_tree(&self.plan.backups)?.into_keys().collect())
    }

    /// Everything in the backup folder that is no descriptor: after a backup that did not succeed, nothing of it may be there.
    pub fn beside_descriptors(&self) -> Result<Vec<String>> {
        Ok(self.objects()?.into_iter().filter(|name| !name.ends_with("/backup.json")).collect())
    }

    /// Folders of cuts, of restores, and records of operations that are still there.
    pub fn local_leftovers(&self) -> Result<Vec<String>> {
        let mut left = Vec::new();
        for folder in [".siltstone/staging", ".siltstone/operations", ".siltstone/scratch", "staging"] {
            match std::fs::read_dir(self.plan.root.join(folder)) {
                Ok(entries) => left.extend(
                    entries.flatten().map(|e| format!("{folder}/{}", e.file_name().to_string_lossy())),
                ),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(siltstone::Error::io("look", folder, e)),
            }
        }
        Ok(left)
    }

    /// Stops the host in order.
    pub async fn stop(self) -> Plan {
        self.host.shutdown().await;
        self.plan
    }
}

/// A folder below the target folder that outlives a run: compiled components, Python packages.
pub fn kept(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.map_or_else(std::env::temp_dir, Path::to_path_buf).join("e2e-kept").join(name)
}

/// Repeatable bytes of which about half shrink.
pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut out = Vec::with_capacity(len + 64);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
        out.extend_from_slice(b"key=valu");
    }
    out.truncate(len);
    out
}

/// Files of these lengths, `0`, `1`, … in folder `d`.
pub fn files(seed: u64, lengths: &[usize]) -> Files {
    let file = |(n, len): (usize, &usize)| (format!("d/{n}"), (bytes(seed + n as u64, *len), 0o640));
    lengths.iter().enumerate().map(file).collect()
}

/// Fills a database with two collections, one of them with tenants; `scale` bytes in the largest file.
pub fn fill(db: &FolderDb, scale: usize) -> Result<()> {
    db.add("Article", None, TenantState::Hot, &files(1, &[scale, 1000, 0, 1, scale / 3]))?;
    db.add("Book", Some("acme"), TenantState::Hot, &files(20, &[scale / 2, 77]))?;
    db.add("Book", Some("zeta"), TenantState::Cold, &files(40, &[5, scale / 4]))
}

/// Waits for something, at most ten seconds.
pub async fn until(mut reached: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if reached() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    false
}

/// The error text of a status.
pub fn error_of(status: &Status) -> &str {
    status.error.as_deref().unwrap_or_default()
}

/// A status in few words, for messages of failed assertions.
pub fn shown(status: &Status) -> String {
    format!("{} {}: {}", status.id, status.state.as_str(), error_of(status))
}

/// The terminal states of several statuses, counted.
pub fn counted<'a>(statuses: impl IntoIterator<Item = &'a Status>) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for status in statuses {
        *counts.entry(State::as_str(status.state)).or_default() += 1;
    }
    counts
}
