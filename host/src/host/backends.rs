//! The enabled plugins as the storages that operations ask for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::{BackendName, Location};
use crate::ops::{BackendInfo, Backends};
use crate::plugin::{ConfiguredPlugin, ExtraRoots, Plugin, PluginEngine, PluginSource};
use crate::settings::HostSettings;
use crate::storage::Storage;

/// What a module name begins with: `backup-filesystem` is the backend `filesystem`.
const MODULE_PREFIX: &str = "backup-";

/// The backends of a host.
pub(super) struct PluginBackends {
    enabled: BTreeMap<BackendName, Enabled>,
}

struct Enabled {
    plugin: ConfiguredPlugin,
    info: BackendInfo,
}

impl PluginBackends {
    /// Loads and configures what the settings enable, and opens each backend's configured location once, so that a wrong
    /// setting stops the start. An unknown `backup-` module is an error that lists the known ones.
    pub(super) async fn start(
        engine: &Arc<PluginEngine>,
        settings: &HostSettings,
        environment: &BTreeMap<String, String>,
        components: &[(String, Vec<u8>)],
    ) -> Result<Self> {
        let mut enabled = BTreeMap::new();
        for module in settings.modules.iter().filter_map(|m| m.strip_prefix(MODULE_PREFIX)) {
            let Some((_, bytes)) = components.iter().find(|(name, _)| name == module) else {
                let known: Vec<String> =
                    components.iter().map(|(name, _)| format!("{MODULE_PREFIX}{name}")).collect();
                return Err(Error::invalid(
                    "start",
                    format!(
                        "ENABLE_MODULES names `{MODULE_PREFIX}{}`, which is not a module; known: [{}]",
                        module.escape_debug(),
                        known.join(", ")
                    ),
                ));
            };
            let plugin = Plugin::load(engine, bytes, PluginSource::Bundled).await?;
            let name = BackendName::new(plugin.info().name.as_str())?;
            let configured =
                plugin.configure(&|name| environment.get(name).cloned(), extra_roots(module, settings))?;
            let home = open(&configured, &Location::default()).await?.home().to_owned();
            let info = BackendInfo { name: name.to_string(), version: plugin.info().version.clone(), home };
            enabled.insert(name, Enabled { plugin: configured, info });
        }
        Ok(Self { enabled })
    }

    fn find(&self, backend: &BackendName) -> Result<&Enabled> {
        self.enabled.get(backend).ok_or_else(|| not_enabled(backend.as_str()))
    }
}

/// Only the filesystem takes folders from requests.
fn extra_roots(module: &str, settings: &HostSettings) -> ExtraRoots {
    let paths: Vec<PathBuf> = if module == "filesystem" { settings.extra_paths.clone() } else { Vec::new() };
    ExtraRoots { variable: "BACKUP_FILESYSTEM_EXTRA_PATHS".to_owned(), paths }
}

fn not_enabled(name: &str) -> Error {
    let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    Error::invalid(
        "find backend",
        format!("backend `{shown}` is not enabled; add `{MODULE_PREFIX}{shown}` to ENABLE_MODULES"),
    )
}

async fn open(plugin: &ConfiguredPlugin, location: &Location) -> Result<Arc<dyn Storage>> {
    let place = crate::plugin::Location { bucket: location.bucket.clone(), path: location.path.clone() };
    let storage: Arc<dyn Storage> = plugin.open(&place).await?;
    Ok(storage)
}

#[async_trait]
impl Backends for PluginBackends {
    fn resolve(&self, name: &str) -> Result<BackendName> {
        let short = name.strip_prefix(MODULE_PREFIX).unwrap_or(name);
        let known = self.enabled.keys().find(|known| known.as_str() == short);
        known.cloned().ok_or_else(|| not_enabled(short))
    }

    async fn open(&self, backend: &BackendName, location: &Location) -> Result<Arc<dyn Storage>> {
        open(&self.find(backend)?.plugin, location).await
    }

    fn list(&self) -> Vec<BackendInfo> {
        self.enabled.values().map(|e| e.info.clone()).collect()
    }
}
