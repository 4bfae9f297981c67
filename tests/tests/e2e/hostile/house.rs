//! One host with the hostile plugin and the filesystem plugin side by side, and a database beside them.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use siltstone::Result;
use siltstone::model::ObjectKey;
use siltstone::plugin::{
    ConfiguredPlugin, EngineSettings, ExtraRoots, Limits, Location, Lookup, Plugin, PluginEngine,
    PluginPackage, PluginSource, PluginStorage, hex,
};
use siltstone::storage::{Blob, PutOptions, Storage};
use siltstone_hostile::{ADDRESS, BAKED, BEHAVIOUR, FOLDER, Function, MARK, Order, REQUESTS, SECRET};
use siltstone_tests::ops_house::kept;

use super::writer::Writer;

/// What the outside of the granted folder holds.
pub(super) const OUTSIDE: &str = "what lies outside";
/// The value of the secret setting.
pub(super) const HUNTER2: &str = "hunter2-and-more";

/// What a house is made of.
#[derive(Default)]
pub(super) struct Plan {
    /// The address setting; that of the listener when there is none.
    pub(super) address: Option<String>,
    /// Lines of the plugin's manifest, besides its pin and the settings that it may see.
    pub(super) grants: String,
    /// The resolver of names.
    pub(super) lookup: Option<Arc<dyn Lookup>>,
}

/// One host with the hostile plugin and the filesystem plugin side by side.
pub(super) struct House {
    /// The first to be dropped, as it writes below the root.
    writer: Writer,
    pub(super) root: tempfile::TempDir,
    listener: TcpListener,
    engine: Arc<PluginEngine>,
    plan: Plan,
    filesystem: Arc<PluginStorage>,
    turns: AtomicU64,
}

impl House {
    pub(super) async fn new(plan: Plan) -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in ["granted", "outside", "plugins", "db"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        std::fs::write(at("outside/secret"), OUTSIDE).unwrap();
        std::fs::write(at("granted/kept"), "kept").unwrap();
        symlink("../outside", at("granted/link")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();

        let mut limits = Limits::default();
        limits.memory = 32 << 20;
        // Time of a processor, of which an honest call needs a thousandth however busy the machine is; the others pass on the
        // wall, so they leave an honest call time to get its turn.
        limits.cpu = Duration::from_millis(300);
        limits.stall = Duration::from_secs(4);
        limits.call_base = Duration::from_secs(7);
        limits.call_rate = 1 << 30;
        limits.open_files = 400;
        limits.requests = REQUESTS as u32;
        let engine = PluginEngine::new(EngineSettings {
            cache_dir: Some(kept("compiled")),
            protected: vec![at("outside"), at("db"), at("plugins")],
            limits,
            lookup: plan.lookup.clone(),
            ..EngineSettings::default()
        })
        .unwrap();

        let filesystem = open_filesystem(&engine, &at("backups")).await.unwrap();
        let writer = Writer::start(&at("db"));
        Self { root, listener, engine, plan, filesystem, writer, turns: AtomicU64::default() }
    }

    /// The filesystem plugin at another place, in instances of its own.
    pub(super) async fn open_filesystem(&self, folder: &Path) -> Result<Arc<PluginStorage>> {
        open_filesystem(&self.engine, folder).await
    }

    /// Loads the hostile component as a vendor's plugin, and gives it its settings.
    pub(super) async fn hostile(&self, order: Order) -> Result<ConfiguredPlugin> {
        let plugin = self.load(&component(order)).await?;
        self.configure(&plugin, order)
    }

    /// Loads a component as a vendor's plugin: from a file, with a manifest that pins it and grants what the plan says.
    pub(super) async fn load(&self, component: &[u8]) -> Result<Plugin> {
        let plugins = tempfile::tempdir_in(self.root.path().join("plugins")).unwrap();
        let file = plugins.path().join("hostile.wasm");
        std::fs::write(&file, component).unwrap();
        let pin = hex(&PluginPackage::new("hostile", component).unwrap().sha256());
        let settings = [BEHAVIOUR, FOLDER, ADDRESS, SECRET];
        let manifest = format!("sha256 = {pin:?}\nsettings = {settings:?}\n{}", self.plan.grants);
        std::fs::write(file.with_extension("toml"), manifest).unwrap();
        Plugin::from_package(&self.engine, &PluginPackage::from_files(&file)?).await
    }

    /// The same component as one that came with the host.
    pub(super) async fn bundled(&self, order: Order) -> Result<ConfiguredPlugin> {
        let plugin = Plugin::load(&self.engine, &component(order), PluginSource::Bundled).await?;
        self.configure(&plugin, order)
    }

    fn configure(&self, plugin: &Plugin, order: Order) -> Result<ConfiguredPlugin> {
        let folder = self.root.path().join("granted").display().to_string();
        let env = |name: &str| match name {
            BEHAVIOUR => Some(order.to_string()),
            FOLDER => Some(folder.clone()),
            ADDRESS => Some(match &self.plan.address {
                Some(address) => address.clone(),
                None => self.listener.local_addr().unwrap().to_string(),
            }),
            SECRET => Some(HUNTER2.to_owned()),
            _ => None,
        };
        let extra = ExtraRoots { variable: "HOSTILE_EXTRA".to_owned(), paths: vec![] };
        plugin.configure(&env, extra)
    }

    /// The hostile plugin at its place.
    pub(super) async fn open(&self, order: Order) -> Result<Arc<PluginStorage>> {
        self.hostile(order).await?.open(&Location::default()).await
    }

    /// Nobody connected, outside of the granted folder nothing has changed, the plugin beside works and the database goes on.
    pub(super) async fn assert_undisturbed(&self) {
        let body = Blob::from(vec![5; 100_000]);
        // Others may do the same at the same time.
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let key = ObjectKey::new(format!("a/b{turn}")).unwrap();
        let meta = self.filesystem.put(&key, &body, &PutOptions::default()).await.unwrap();
        assert_eq!(meta, self.filesystem.head(&key).await.unwrap());
        assert_not_connected(&self.listener);
        let outside = self.root.path().join("outside");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), OUTSIDE);
        tokio::task::block_in_place(|| self.writer.assert_goes_on());
    }
}

async fn open_filesystem(engine: &Arc<PluginEngine>, folder: &Path) -> Result<Arc<PluginStorage>> {
    let bundled = siltstone_plugins::all().iter().find(|p| p.name == "filesystem").unwrap();
    let plugin = Plugin::load(engine, bundled.component, PluginSource::Bundled).await?;
    let folder = folder.display().to_string();
    let env = |name: &str| (name == "BACKUP_FILESYSTEM_PATH").then(|| folder.clone());
    plugin.configure(&env, ExtraRoots::default())?.open(&Location::default()).await
}

/// The component as it was built.
pub(super) fn hostile_bytes() -> Vec<u8> {
    std::fs::read(env!("HOSTILE_WASM")).unwrap()
}

/// The component with the order for `describe` written into it, where it is one.
pub(super) fn component(order: Order) -> Vec<u8> {
    let mut component = hostile_bytes();
    if order.function == Function::Describe {
        let places = component.windows(BAKED.len()).enumerate().filter(|(_, window)| window == BAKED);
        let [at] = places.map(|(at, _)| at).collect::<Vec<_>>()[..] else {
            panic!("there must be one place")
        };
        let order = order.to_string();
        component[at + MARK.len()..][..order.len()].copy_from_slice(order.as_bytes());
    }
    component
}

/// Nobody has connected since the last look.
pub(super) fn assert_not_connected(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    let connected = listener.accept().map(|(_, from)| from);
    assert_eq!(connected.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// Resident memory of this process in bytes.
pub(super) fn resident() -> u64 {
    memory("VmRSS:")
}

/// The most that it ever was.
pub(super) fn most_resident() -> u64 {
    memory("VmHWM:")
}

fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
