//! The composition root: joins source, plugins, repository and operations.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{Location, NodeName};
use crate::ops::{
    BackendInfo, BackupRequest, ForgetReport, Order, RestoreRequest, Status, VerifyDepth, VerifyReport,
};
use crate::settings::HostSettings;
use crate::source::{RestoreTarget, SnapshotSource};

/// Makes a [`Host`].
pub struct HostBuilder {
    source: Arc<dyn SnapshotSource>,
    target: Arc<dyn RestoreTarget>,
    data: PathBuf,
    settings: HostSettings,
    environment: BTreeMap<String, String>,
}

impl HostBuilder {
    /// For a database that is both source and target. `data` is its data folder: the host keeps its own files under
    /// `<data>/.siltstone`, which must be on the filesystem of the segments so that they can be linked.
    pub fn new(
        source: Arc<dyn SnapshotSource>,
        target: Arc<dyn RestoreTarget>,
        data: impl Into<PathBuf>,
        settings: HostSettings,
    ) -> Self {
        Self { source, target, data: data.into(), settings, environment: BTreeMap::new() }
    }

    /// The variables from which plugins get their settings; none by default.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment = variables.into_iter().collect();
        self
    }

    /// Loads and configures the plugins, ends what the journal holds from an earlier run, and starts the host's runtime.
    /// Unknown modules, missing settings, unusable folders are errors that name the variable.
    pub async fn build(self) -> Result<Host> {
        let _ = (self.source, self.target, self.data, self.settings, self.environment);
        Err(Error::internal("start", "not wired yet"))
    }
}

/// A running host. Clones share it. Operations run on a runtime of its own; dropping the last clone cancels them.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    node: NodeName,
}

impl Host {
    /// This node's name.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        &self.inner.node
    }

    /// The enabled backends.
    #[must_use]
    pub fn backends(&self) -> Vec<BackendInfo> {
        Vec::new()
    }

    /// Accepts a backup and answers its status; it then runs by itself. Errors that matter to callers:
    /// `Invalid` (id, backend not enabled, selection, ranges), `AlreadyExists` (the id is taken),
    /// `Conflict` (another backup is `already in progress`), others from the store (write probe).
    pub async fn backup(&self, request: BackupRequest) -> Result<Status> {
        let _ = request;
        Err(Error::internal("backup", "not wired yet"))
    }

    /// Status of a backup: from memory while it runs here, else from its descriptor. `NotFound` names the id;
    /// a backend that is not enabled is `Invalid`.
    pub async fn backup_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        let _ = (backend, id, location);
        Err(Error::internal("status", "not wired yet"))
    }

    /// Waits until a backup that runs here has ended and answers its last status.
    pub async fn wait_backup(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        self.backup_status(backend, id, location).await
    }

    /// Cancels a running backup. Unknown ids and ones that have failed or been cancelled are ok; a bad id is `Invalid`,
    /// a backup that succeeded is `Conflict`.
    pub async fn cancel_backup(&self, backend: &str, id: &str, location: &Location) -> Result<()> {
        let _ = (backend, id, location);
        Err(Error::internal("cancel", "not wired yet"))
    }

    /// Accepts a restore and answers its status. `NotFound`: no such backup; `Invalid`: not restorable, selection;
    /// `Conflict`: another restore is `already in progress`.
    pub async fn restore(&self, request: RestoreRequest) -> Result<Status> {
        let _ = request;
        Err(Error::internal("restore", "not wired yet"))
    }

    /// Status of the last restore of a backup on this server; `NotFound` when there was none.
    pub async fn restore_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        let _ = (backend, id, location);
        Err(Error::internal("status", "not wired yet"))
    }

    /// Waits until a restore that runs here has ended.
    pub async fn wait_restore(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        self.restore_status(backend, id, location).await
    }

    /// Cancels a running restore; as [`Host::cancel_backup`], and `Conflict` once it is being installed.
    pub async fn cancel_restore(&self, backend: &str, id: &str, location: &Location) -> Result<()> {
        let _ = (backend, id, location);
        Err(Error::internal("cancel", "not wired yet"))
    }

    /// All backups at a location, running, failed and cancelled ones included.
    pub async fn list(&self, backend: &str, location: &Location, order: Order) -> Result<Vec<Status>> {
        let _ = (backend, location, order);
        Err(Error::internal("list", "not wired yet"))
    }

    /// Checks a backup and reports everything that is wrong with it.
    pub async fn verify(
        &self,
        backend: &str,
        id: &str,
        location: &Location,
        depth: VerifyDepth,
    ) -> Result<VerifyReport> {
        let _ = (backend, id, location, depth);
        Err(Error::internal("verify", "not wired yet"))
    }

    /// Deletes a backup that has ended. `Conflict` while it runs or another backup of the location refers to its chunks.
    pub async fn forget(&self, backend: &str, id: &str, location: &Location) -> Result<ForgetReport> {
        let _ = (backend, id, location);
        Err(Error::internal("forget", "not wired yet"))
    }

    /// Stops accepting, cancels what runs, and waits until it has ended.
    pub async fn shutdown(&self) {}
}
