//! The enabled plugins, and storages of the embedder's own, as the backends that operations ask for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::catalogue::{Catalogue, MODULE_PREFIX};
use super::health::{BackendHealth, PluginFacts};
use crate::error::{Error, Result};
use crate::model::{BackendName, Clock, Location};
use crate::ops::{BackendInfo, Backends};
use crate::plugin::{
    ConfiguredPlugin, ExtraRoots, Plugin, PluginEngine, PluginPackage, PluginSource, SettingKind, Sha256,
};
use crate::settings::{HostSettings, warn_of_unknown_settings};
use crate::storage::{Counters, StackSettings, Storage, stack_counting};

/// The backends of a host.
pub(super) struct EnabledBackends {
    enabled: BTreeMap<BackendName, Enabled>,
    stack: StackSettings,
    clock: Arc<dyn Clock>,
}

struct Enabled {
    opens: Opens,
    info: BackendInfo,
    /// Of all its locations, and for as long as the host runs.
    counters: Arc<Counters>,
    /// Wrapped storages by location, the least recently used first; what wraps them, such as the limit of calls at once,
    /// is shared by all operations at a location.
    open: Mutex<Vec<OpenLocation>>,
}

struct OpenLocation {
    location: Location,
    bare: Arc<dyn Storage>,
    wrapped: Arc<dyn Storage>,
}

/// Locations of a backend that stay open.
const OPEN_LOCATIONS: usize = 16;

impl Enabled {
    fn new(opens: Opens, info: BackendInfo, clock: &Arc<dyn Clock>) -> Self {
        let counters = Arc::new(Counters::new(Arc::clone(clock)));
        Self { opens, info, counters, open: Mutex::default() }
    }

    fn health(&self) -> BackendHealth {
        let (counts, health, last_fault) = self.counters.report();
        let plugin = match &self.opens {
            Opens::Plugin(plugin, made_of) => Some(PluginFacts {
                interface: made_of.interface.clone(),
                source: plugin.plugin().source().clone(),
                sha256: made_of.sha256,
                grants: made_of.grants.clone(),
                instances: plugin.plugin().instances(),
            }),
            Opens::Storage(_) => None,
        };
        BackendHealth { info: self.info.clone(), plugin, health, counts, last_fault }
    }

    async fn open(
        &self,
        backend: &BackendName,
        location: &Location,
        stack_settings: &StackSettings,
    ) -> Result<Arc<dyn Storage>> {
        // Always asked: what was granted may be another folder by now, and then this is another storage.
        let bare =
            self.opens.open(backend, location).await.inspect_err(|error| self.counters.not_opened(error))?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.iter().position(|o| o.location == *location).map(|at| open.remove(at));
        let entry = known.filter(|o| Arc::ptr_eq(&o.bare, &bare)).unwrap_or_else(|| OpenLocation {
            location: location.clone(),
            wrapped: stack_counting(
                Arc::clone(&bare),
                backend.clone(),
                stack_settings,
                Arc::clone(&self.counters),
            ),
            bare,
        });
        let storage = Arc::clone(&entry.wrapped);
        open.push(entry);
        let excess = open.len().saturating_sub(OPEN_LOCATIONS);
        open.drain(..excess);
        Ok(storage)
    }
}

/// What a backend opens its locations with.
enum Opens {
    /// A plugin, which knows many.
    Plugin(ConfiguredPlugin, MadeOf),
    /// A storage that the embedder made; it is its only location.
    Storage(Arc<dyn Storage>),
}

/// What is told of a plugin.
struct MadeOf {
    interface: String,
    sha256: Sha256,
    grants: Vec<String>,
}

impl MadeOf {
    fn new(plugin: &Plugin, package: &PluginPackage) -> Self {
        let grants = match package.source() {
            PluginSource::Bundled => vec!["what it says it needs, as it came with the host".to_owned()],
            PluginSource::File(_) | PluginSource::Embedder => package.granted().lines(),
        };
        Self { interface: plugin.interface_version().to_owned(), sha256: package.sha256(), grants }
    }
}

impl EnabledBackends {
    /// Loads and configures what the settings enable, and opens each backend's configured location once, so that a wrong
    /// setting stops the start. An unknown `backup-` module is an error that lists the known ones.
    pub(super) async fn start(
        engine: &Arc<PluginEngine>,
        settings: &HostSettings,
        environment: &BTreeMap<String, String>,
        catalogue: &Catalogue,
        (stack, clock): (StackSettings, Arc<dyn Clock>),
    ) -> Result<Self> {
        let mut enabled = BTreeMap::new();
        for module in settings.modules.iter().filter_map(|m| m.strip_prefix(MODULE_PREFIX)) {
            let package = catalogue.find(module)?;
            let plugin = Plugin::from_package(engine, package).await?;
            let name = BackendName::new(plugin.info().name.as_str())?;
            let known: Vec<&str> = plugin.info().settings.iter().map(|s| s.name.as_str()).collect();
            warn_of_unknown_settings(module, &known, environment);
            let configured = plugin.configure(
                &|name| environment.get(name).cloned(),
                extra_roots(package, &settings.extra_paths),
            )?;
            let opens = Opens::Plugin(configured, MadeOf::new(&plugin, package));
            let opened = opens.open(&name, &Location::default()).await;
            let home = opened.map_err(|e| e.with("settings", folders(&plugin)))?.home().to_owned();
            let info = BackendInfo { name: name.to_string(), version: plugin.info().version.clone(), home };
            enabled.insert(name, Enabled::new(opens, info, &clock));
        }
        Ok(Self { enabled, stack, clock })
    }

    /// Adds the storages of the embedder; two backends of one name are an error.
    pub(super) fn with_storages(mut self, storages: Vec<(String, Arc<dyn Storage>)>) -> Result<Self> {
        for (name, storage) in storages {
            let name = BackendName::new(name)?;
            let info = BackendInfo {
                name: name.to_string(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                home: storage.home().to_owned(),
            };
            let added = Enabled::new(Opens::Storage(storage), info, &self.clock);
            if self.enabled.insert(name.clone(), added).is_some() {
                let text =
                    format!("two backends have the name `{name}`; rename the storage or disable the module");
                return Err(Error::invalid("start", text));
            }
        }
        Ok(self)
    }

    /// How each of them is, by name.
    pub(super) fn health(&self) -> Vec<BackendHealth> {
        self.enabled.values().map(Enabled::health).collect()
    }

    fn find(&self, backend: &BackendName) -> Result<&Enabled> {
        self.enabled.get(backend).ok_or_else(|| not_enabled(backend.as_str()))
    }
}

/// The variables that name the plugin's folders: what to look at when its configured place cannot be opened.
fn folders(plugin: &Plugin) -> String {
    let folders = plugin.info().settings.iter().filter(|s| s.kind == SettingKind::Folder);
    folders.map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Only the filesystem plugin that came with the host takes folders from requests; others get what their grants name.
pub(crate) fn extra_roots(package: &PluginPackage, extra: &[PathBuf]) -> ExtraRoots {
    let takes = package.name().as_str() == "filesystem" && *package.source() == PluginSource::Bundled;
    let paths: Vec<PathBuf> = if takes { extra.to_vec() } else { Vec::new() };
    ExtraRoots { variable: "BACKUP_FILESYSTEM_EXTRA_PATHS".to_owned(), paths }
}

fn not_enabled(name: &str) -> Error {
    let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    Error::invalid(
        "find backend",
        format!("backend `{shown}` is not enabled; add `{MODULE_PREFIX}{shown}` to ENABLE_MODULES"),
    )
}

impl Opens {
    async fn open(&self, backend: &BackendName, location: &Location) -> Result<Arc<dyn Storage>> {
        match self {
            Self::Plugin(plugin, _) => {
                let place =
                    crate::plugin::Location { bucket: location.bucket.clone(), path: location.path.clone() };
                let storage: Arc<dyn Storage> = plugin.open(&place).await?;
                Ok(storage)
            }
            Self::Storage(storage) if *location == Location::default() => Ok(Arc::clone(storage)),
            Self::Storage(_) => Err(Error::invalid(
                "find backend",
                format!("backend `{backend}` has one location: leave out `Bucket` and `Path`"),
            )),
        }
    }
}

#[async_trait]
impl Backends for EnabledBackends {
    fn resolve(&self, name: &str) -> Result<BackendName> {
        let short = name.strip_prefix(MODULE_PREFIX).unwrap_or(name);
        let known = self.enabled.keys().find(|known| known.as_str() == short);
        known.cloned().ok_or_else(|| not_enabled(short))
    }

    async fn open(&self, backend: &BackendName, location: &Location) -> Result<Arc<dyn Storage>> {
        self.find(backend)?.open(backend, location, &self.stack).await
    }

    fn list(&self) -> Vec<BackendInfo> {
        self.enabled.values().map(|e| e.info.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Memory;

    fn memory() -> Arc<dyn Storage> {
        Arc::new(Memory::new(Memory::full()))
    }

    fn with(storages: &[&str]) -> Result<EnabledBackends> {
        let none = EnabledBackends {
            enabled: BTreeMap::new(),
            stack: StackSettings::default(),
            clock: Arc::new(crate::model::SystemClock),
        };
        none.with_storages(storages.iter().map(|name| ((*name).to_owned(), memory())).collect())
    }

    #[tokio::test]
    async fn a_storage_of_the_embedder_is_a_backend_by_both_of_its_names() {
        let backends = with(&["vault"]).unwrap();
        for name in ["vault", "backup-vault"] {
            let backend = backends.resolve(name).unwrap();
            assert_eq!(backends.open(&backend, &Location::default()).await.unwrap().home(), "memory:");
        }
        assert_eq!(backends.list()[0].home, "memory:");
        assert!(backends.resolve("filesystem").unwrap_err().to_string().contains("backup-filesystem"));
    }

    #[tokio::test]
    async fn a_storage_of_the_embedder_refuses_other_locations() {
        let backends = with(&["vault"]).unwrap();
        let elsewhere = Location { path: Some("other".into()), ..Location::default() };
        let error = backends.open(&backends.resolve("vault").unwrap(), &elsewhere).await.unwrap_err();
        assert!(error.to_string().contains("`vault` has one location"), "{error}");
    }

    #[test]
    fn two_backends_cannot_have_one_name() {
        let error = with(&["vault", "vault"]).err().unwrap();
        assert!(error.to_string().contains("two backends have the name `vault`"), "{error}");
        assert!(with(&["Vault"]).is_err());
    }
}
