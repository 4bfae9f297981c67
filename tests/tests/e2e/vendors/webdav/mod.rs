//! The WebDAV plugin of `examples/vendor-plugin-webdav`.

mod contract;
mod replacing;
mod story;
mod trouble;

use std::collections::BTreeMap;
use std::sync::Arc;

use siltstone::model::ObjectKey;
use siltstone::plugin::{
    Addresses, ConfiguredPlugin, EngineSettings, ExtraRoots, Location, OriginGrant, Plugin, PluginEngine,
    PluginGrants, PluginPackage,
};
use siltstone::storage::{Blob, ByteRange, Precondition, PutOptions, Sink, Storage};
use siltstone_tests::ops_house::kept;
use siltstone_tests::servers::{WEBDAV_COMPONENT, WebDav};

/// A server with its data in a folder that goes with it.
struct Scene {
    base: tempfile::TempDir,
    server: WebDav,
}

impl Scene {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let server = WebDav::start(base.path()).unwrap();
        Self { base, server }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// The plugin on this server, with other settings beside or instead of the right ones.
    async fn open(&self, settings: &[(&str, &str)]) -> siltstone::Result<Arc<dyn Storage>> {
        let url = self.url();
        let (user, password) = WebDav::USER;
        let right = [
            ("BACKUP_WEBDAV_URL", &*url),
            ("BACKUP_WEBDAV_USER", user),
            ("BACKUP_WEBDAV_PASSWORD", password),
        ];
        open(&[&right[..], settings].concat()).await
    }
}

/// The plugin with these settings, of which the last of a name counts, and with the origin of its URL granted.
async fn open(settings: &[(&str, &str)]) -> siltstone::Result<Arc<dyn Storage>> {
    let settings: BTreeMap<&str, &str> = settings.iter().copied().collect();
    let url = settings["BACKUP_WEBDAV_URL"];
    let origin = url.split('/').take(3).collect::<Vec<_>>().join("/");
    let grants = PluginGrants {
        settings: WebDav::SETTINGS.map(str::to_owned).to_vec(),
        origins: vec![OriginGrant::new(&origin, Addresses::Public)?],
        ..PluginGrants::default()
    };
    let package = PluginPackage::new("webdav", WEBDAV_COMPONENT)?.grants(grants);
    let storage = configured(&package, &settings).await?.open(&Location::default()).await?;
    Ok(storage)
}

async fn configured(
    package: &PluginPackage,
    settings: &BTreeMap<&str, &str>,
) -> siltstone::Result<ConfiguredPlugin> {
    let engine = EngineSettings { cache_dir: Some(kept("compiled")), ..EngineSettings::default() };
    let plugin = Plugin::from_package(&PluginEngine::new(engine)?, package).await?;
    plugin.configure(&|name| settings.get(name).map(|v| (*v).to_owned()), ExtraRoots::default())
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(name).unwrap()
}

async fn put(
    storage: &dyn Storage,
    name: &str,
    content: &[u8],
    condition: Precondition,
) -> siltstone::Result<()> {
    let body = Blob::with_digests([content.to_vec().into()], storage.capabilities().digests);
    let options = PutOptions { condition, ..PutOptions::default() };
    storage.put(&key(name), &body, &options).await.map(drop)
}

async fn get(storage: &dyn Storage, name: &str, offset: u64, len: Option<u64>) -> siltstone::Result<Vec<u8>> {
    let sink = Sink::new(1 << 20);
    let answered = storage.get(&key(name), ByteRange { offset, len }, &sink).await?;
    let content = sink.take();
    assert_eq!(answered, content.len() as u64);
    Ok(content.to_vec())
}
