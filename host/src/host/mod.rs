//! The composition root: joins source, plugins, repository and operations.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

mod backends;
mod catalogue;
mod health;
mod outward;
mod runtime;

pub use health::{BackendHealth, PluginFacts};
use tokio::runtime::Handle;

use crate::error::{Error, Result};
use crate::host::backends::EnabledBackends;
#[cfg(feature = "cli")]
pub(crate) use crate::host::backends::extra_roots;
pub(crate) use crate::host::catalogue::Catalogue;
#[cfg(feature = "cli")]
pub(crate) use crate::host::catalogue::MODULE_PREFIX;
pub(crate) use crate::host::outward::engine_settings;
use crate::host::runtime::{OwnRuntime, run_on};
use crate::journal::{Found, Journal, Verb};
use crate::model::{Clock, Location, NodeName, SystemClock};
use crate::ops::{
    self, BackendInfo, BackupRequest, Context, CopyRequest, Copying, ForgetReport, Order, Registry,
    RestoreRequest, Status, VerifyDepth, VerifyReport,
};
use crate::plugin::{EngineSettings, Limits, PluginEngine, PluginPackage};
use crate::settings::{Cleanup, HostSettings};
use crate::source::{RestoreTarget, SnapshotSource};
use crate::storage::{StackSettings, Storage};

/// Makes a [`Host`]: the only place where a database, plugins, stores, settings and a clock meet. Everything but the four
/// arguments of [`HostBuilder::new`] has a default.
pub struct HostBuilder {
    source: Arc<dyn SnapshotSource>,
    target: Arc<dyn RestoreTarget>,
    data: PathBuf,
    settings: HostSettings,
    environment: BTreeMap<String, String>,
    plugins: Vec<PluginPackage>,
    storages: Vec<(String, Arc<dyn Storage>)>,
    limits: Limits,
    stack: StackSettings,
    clock: Arc<dyn Clock>,
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
        Self {
            source,
            target,
            data: data.into(),
            settings,
            environment: BTreeMap::new(),
            plugins: Vec::new(),
            storages: Vec::new(),
            limits: Limits::default(),
            stack: StackSettings::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The variables from which plugins get their settings; none by default.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment = variables.into_iter().collect();
        self
    }

    /// Adds a plugin that [`HostSettings::modules`] can name as `backup-<name>`, beside those that come with the host and those in the
    /// folders of [`HostSettings::plugin_path`]. It reaches what its package grants, and nothing else.
    #[must_use]
    pub fn plugin(mut self, package: PluginPackage) -> Self {
        self.plugins.push(package);
        self
    }

    /// Adds a backend that is no plugin but a storage of the embedder's own, enabled without being named in
    /// `ENABLE_MODULES`. It runs in this process with all its rights, and is trusted to keep the contract of
    /// [`Storage`]; the conformance suite checks it. Requests cannot give it another bucket or path.
    #[must_use]
    pub fn storage(mut self, name: impl Into<String>, storage: Arc<dyn Storage>) -> Self {
        self.storages.push((name.into(), storage));
        self
    }

    /// What plugins may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How calls to stores are limited, timed and tried again.
    #[must_use]
    pub fn stack(mut self, stack: StackSettings) -> Self {
        self.stack = stack;
        self
    }

    /// What every time that is written down comes from, ids of attempts and the clock of plugins included; by default that
    /// of the system. Waits and time-outs do not go by it.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Loads and configures the plugins, ends what the journal holds from an earlier run, and starts the host's runtime.
    /// Unknown modules, missing settings and unusable folders are errors that name the variable.
    pub async fn build(self) -> Result<Host> {
        let runtime = OwnRuntime::start()?;
        let handle = runtime.handle()?;
        let on = handle.clone();
        let (context, backends) = run_on(&handle, async move { self.start(on).await }).await?;
        Ok(Host { inner: Arc::new(Inner { context, backends, handle, _runtime: runtime }) })
    }

    async fn start(self, runtime: Handle) -> Result<(Arc<Context>, Arc<EnabledBackends>)> {
        std::fs::create_dir_all(&self.data).map_err(|e| Error::io("start", &self.data, e))?;
        let data = self.data.canonicalize().map_err(|e| Error::io("start", &self.data, e))?;
        let folder = data.join(".siltstone");
        let (journal, found) = Journal::open(&data)?;
        empty_folder(&folder.join("scratch"))?;
        let outward = engine_settings(&self.settings)?;
        let catalogue = Catalogue::read(self.plugins, &self.settings.plugin_path)?;
        let engine = PluginEngine::new(EngineSettings {
            cache_dir: Some(self.settings.compile_cache.clone().unwrap_or_else(|| folder.join("compiled"))),
            protected: [vec![data], outward.protected].concat(),
            limits: self.limits,
            clock: Some(Arc::clone(&self.clock)),
            ..outward
        })?;
        let treated = (self.stack, Arc::clone(&self.clock));
        let backends =
            EnabledBackends::start(&engine, &self.settings, &self.environment, &catalogue, treated).await?;
        let backends = Arc::new(backends.with_storages(self.storages)?);
        let cleanup = self.settings.cleanup;
        let context = Arc::new(Context {
            settings: self.settings,
            source: self.source,
            target: self.target,
            backends: Arc::clone(&backends) as Arc<dyn ops::Backends>,
            journal,
            registry: Registry::default(),
            folder,
            runtime,
            clock: self.clock,
            proven: std::sync::Mutex::default(),
        });
        end_earlier(&context, cleanup, found).await;
        Ok((context, backends))
    }
}

/// How long a start waits until the operations of an earlier run are ended.
const RECOVERY_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

fn empty_folder(folder: &std::path::Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("start", folder, e)),
        _ => {}
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::io("start", folder, e))
}

async fn end_earlier(context: &Arc<Context>, cleanup: Cleanup, found: Vec<Found>) {
    match cleanup {
        Cleanup::OwnJournal => {
            let (runtime, shared) = (context.runtime.clone(), Arc::clone(context));
            let ending = runtime.spawn(async move { ops::recover(&shared, found).await });
            // A store that does not answer must not keep the database from serving.
            if tokio::time::timeout(RECOVERY_PATIENCE, ending).await.is_err() {
                tracing::warn!(
                    "ending the operations of an earlier run takes long and goes on in the background"
                );
            }
        }
        Cleanup::Off if !found.is_empty() => tracing::warn!(
            records = found.len(),
            "operations of an earlier run are left as they are: ENABLE_CLEANUP_UNFINISHED_BACKUPS is off"
        ),
        Cleanup::Off => {}
    }
}

/// A running host. Clones share it. Operations run on a runtime of its own; dropping the last clone ends them at once,
/// and the next start cleans up: prefer [`Host::shutdown`].
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    context: Arc<Context>,
    backends: Arc<EnabledBackends>,
    handle: Handle,
    _runtime: OwnRuntime,
}

impl Host {
    /// This node's name.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        &self.inner.context.settings.node
    }

    /// The enabled backends.
    #[must_use]
    pub fn backends(&self) -> Vec<BackendInfo> {
        self.inner.context.backends.list()
    }

    /// The runtime that operations and plugins run on. Whoever calls storages of plugins that it has opened itself spawns the
    /// calls here, so that guests never compute on its own threads.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.inner.handle
    }

    /// How the enabled backends are, and what their calls came to since the host was started: for a health check, and for
    /// metrics. Cheap, and never waits for a plugin.
    #[must_use]
    pub fn health(&self) -> Vec<BackendHealth> {
        self.inner.backends.health()
    }

    /// Accepts a backup and answers its status; it then runs by itself. Errors that matter to callers:
    /// `Invalid` (id, backend not enabled, selection, ranges), `AlreadyExists` (the id is taken),
    /// `Conflict` (another backup is `already in progress`), others from the store (write probe).
    pub async fn backup(&self, request: BackupRequest) -> Result<Status> {
        self.run(|context| ops::backup(context, request)).await
    }

    /// Status of a backup: from memory while it runs here, else from its descriptor. `NotFound` names the id;
    /// a backend that is not enabled is `Invalid`.
    pub async fn backup_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        let (backend, id, location) = owned(backend, id, location);
        self.run(|context| async move { ops::backup_status(&context, &backend, &id, &location).await }).await
    }

    /// Waits until a backup that runs here has ended and answers its last status.
    pub async fn wait_backup(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        self.wait(Verb::Backup, backend, id, location).await?;
        self.backup_status(backend, id, location).await
    }

    /// Cancels a running backup. Unknown ids and ones that have failed or been cancelled are ok; a bad id is `Invalid`,
    /// a backup that succeeded is `Conflict`.
    pub async fn cancel_backup(&self, backend: &str, id: &str, location: &Location) -> Result<()> {
        self.cancel(Verb::Backup, backend, id, location).await
    }

    /// Accepts a restore and answers its status. `NotFound`: no such backup; `Invalid`: not restorable, selection;
    /// `Conflict`: another restore is `already in progress`.
    pub async fn restore(&self, request: RestoreRequest) -> Result<Status> {
        self.run(|context| ops::restore(context, request)).await
    }

    /// Status of the last restore of a backup on this server; `NotFound` when there was none.
    pub async fn restore_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        let (backend, id, location) = owned(backend, id, location);
        self.run(|context| async move { ops::restore_status(&context, &backend, &id, &location).await }).await
    }

    /// Waits until a restore that runs here has ended.
    pub async fn wait_restore(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        self.wait(Verb::Restore, backend, id, location).await?;
        self.restore_status(backend, id, location).await
    }

    /// Cancels a running restore; as [`Host::cancel_backup`], and `Conflict` once it is being installed.
    pub async fn cancel_restore(&self, backend: &str, id: &str, location: &Location) -> Result<()> {
        self.cancel(Verb::Restore, backend, id, location).await
    }

    /// All backups at a location, running, failed and cancelled ones included.
    pub async fn list(&self, backend: &str, location: &Location, order: Order) -> Result<Vec<Status>> {
        let (backend, location) = (backend.to_owned(), location.clone());
        self.run(|context| async move { ops::list(&context, &backend, &location, order).await }).await
    }

    /// Checks a backup and reports everything that is wrong with it.
    pub async fn verify(
        &self,
        backend: &str,
        id: &str,
        location: &Location,
        depth: VerifyDepth,
    ) -> Result<VerifyReport> {
        let (backend, id, location) = owned(backend, id, location);
        self.run(|context| async move { ops::verify(&context, &backend, &id, &location, depth).await }).await
    }

    /// Accepts a copy of a backup to another location, of the same or another backend, and answers the handle of the copy,
    /// which then runs by itself, one at a time. `NotFound`: no such backup; `Invalid`: not a `SUCCESS`, or source and
    /// target are the same; `AlreadyExists`: another backup has the id at the target; `Conflict`: another copy is
    /// `already in progress`. The source is only read from. A copy that ends early leaves no backup at the target, and the
    /// same request goes on from the whole objects that it did leave.
    pub async fn copy(&self, request: CopyRequest) -> Result<Copying> {
        self.run(|context| ops::copy(context, request)).await
    }

    /// Deletes a backup that has ended. `Conflict` while it runs or another backup of the location refers to its chunks.
    pub async fn forget(&self, backend: &str, id: &str, location: &Location) -> Result<ForgetReport> {
        let (backend, id, location) = owned(backend, id, location);
        self.run(|context| async move { ops::forget(&context, &backend, &id, &location).await }).await
    }

    /// Accepts nothing more, cancels what runs and waits until it has ended; what is being committed is let through.
    pub async fn shutdown(&self) {
        self.inner.context.registry.close();
        for (_, operation) in self.inner.context.registry.running() {
            // What cannot be cancelled any more is about to end by itself.
            let _ = operation.request_cancel();
            operation.wait().await;
        }
    }

    async fn run<T, F>(&self, work: impl FnOnce(Arc<Context>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        run_on(&self.inner.handle, work(Arc::clone(&self.inner.context))).await
    }

    async fn cancel(&self, verb: Verb, backend: &str, id: &str, location: &Location) -> Result<()> {
        let (backend, id, location) = owned(backend, id, location);
        self.run(|context| async move { ops::cancel(&context, verb, &backend, &id, &location).await }).await
    }

    async fn wait(&self, verb: Verb, backend: &str, id: &str, location: &Location) -> Result<()> {
        let context = &self.inner.context;
        let name = context.backends.resolve(backend)?;
        if let Some(operation) = ops::find(context, verb, &name, id, location) {
            operation.wait().await;
        }
        Ok(())
    }
}

fn owned(backend: &str, id: &str, location: &Location) -> (String, String, Location) {
    (backend.to_owned(), id.to_owned(), location.clone())
}

#[cfg(test)]
mod tests;
