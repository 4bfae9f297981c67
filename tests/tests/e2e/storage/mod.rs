//! Every transport against the storage contract, on a real store.

mod azure;
mod filesystem;
mod gcs;
mod identities;
mod lowered;
mod s3;

use std::collections::BTreeMap;
use std::sync::Arc;

use siltstone::plugin::{
    ConfiguredPlugin, EngineSettings, ExtraRoots, Location, Plugin, PluginEngine, PluginSource,
};
use siltstone::storage::Storage;

/// A bundled plugin with settings.
async fn configured(name: &str, settings: &[(&str, &str)]) -> siltstone::Result<ConfiguredPlugin> {
    configured_on(&PluginEngine::new(EngineSettings::default())?, name, settings).await
}

/// The same on an engine.
async fn configured_on(
    engine: &Arc<PluginEngine>,
    name: &str,
    settings: &[(&str, &str)],
) -> siltstone::Result<ConfiguredPlugin> {
    let settings: BTreeMap<&str, &str> = settings.iter().copied().collect();
    let bytes = siltstone_plugins::all().iter().find(|p| p.name == name).unwrap().component;
    let plugin = Plugin::load(engine, bytes, PluginSource::Bundled).await?;
    plugin.configure(&|name| settings.get(name).map(|v| (*v).to_owned()), ExtraRoots::default())
}

/// The component of a bundled plugin at its configured location.
pub(crate) async fn component(name: &str, settings: &[(&str, &str)]) -> siltstone::Result<Arc<dyn Storage>> {
    let storage = configured(name, settings).await?.open(&Location::default()).await?;
    Ok(storage)
}
