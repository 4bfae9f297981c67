//! The hostile component of the tests and the filesystem component on one engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use siltstone::model::ObjectKey;
use siltstone::plugin::{
    ConfiguredPlugin, EngineSettings, ExtraRoots, Limits, Location, Plugin, PluginEngine, PluginGrants,
    PluginPackage, PluginSource, PluginStorage,
};
use siltstone::storage::{Blob, PutOptions, Storage};
use siltstone_hostile::{ADDRESS, BEHAVIOUR, Behaviour, FOLDER, SECRET, TRIGGERS};
use siltstone_tests::ops_house::kept;

use crate::Result;
use crate::run::Work;

/// Both plugins.
pub(super) struct Pair {
    hostile: Plugin,
    filesystem: Plugin,
    folder: PathBuf,
}

impl Pair {
    /// Loads both; a call of them that moves nothing ends after `stall`.
    pub(super) fn load(
        work: &Work,
        stall: Duration,
    ) -> impl Future<Output = Result<Arc<Self>>> + Send + use<> {
        let folder = work.path("plugins");
        async move { Self::load_at(folder, stall).await.map(Arc::new) }
    }

    async fn load_at(folder: PathBuf, stall: Duration) -> Result<Self> {
        let mut limits = Limits::default();
        limits.stall = stall;
        // Enough to be a fault of memory, and not so much that filling it is all that is measured.
        limits.memory = 64 << 20;
        let engine = PluginEngine::new(EngineSettings {
            cache_dir: Some(kept("compiled")),
            limits,
            ..EngineSettings::default()
        })?;
        let settings = [BEHAVIOUR, FOLDER, ADDRESS, SECRET].map(str::to_owned).to_vec();
        let package = PluginPackage::new("hostile", std::fs::read(env!("HOSTILE_WASM"))?)?
            .grants(PluginGrants { settings, ..PluginGrants::default() });
        let hostile = Plugin::from_package(&engine, &package).await?;
        let bundled = siltstone_plugins::all().iter().find(|p| p.name == "filesystem");
        let component = bundled.ok_or("no filesystem transport")?.component;
        let filesystem = Plugin::load(&engine, component, PluginSource::Bundled).await?;
        Ok(Self { hostile, filesystem, folder })
    }

    /// The filesystem plugin over an empty folder.
    pub(super) async fn honest(&self) -> Result<Arc<PluginStorage>> {
        let folder = self.folder.join("honest").display().to_string();
        let env = |name: &str| (name == "BACKUP_FILESYSTEM_PATH").then(|| folder.clone());
        let configured = self.filesystem.configure(&env, ExtraRoots::default())?;
        Ok(configured.open(&Location::default()).await?)
    }

    /// The hostile plugin with one behaviour; each location has instances of its own.
    pub(super) fn hostile(&self, behaviour: Behaviour) -> Result<ConfiguredPlugin> {
        let folder = self.folder.join("hostile").display().to_string();
        let variables = BTreeMap::from([
            (BEHAVIOUR, behaviour.name()),
            (FOLDER, folder.as_str()),
            (ADDRESS, "127.0.0.1:9"),
            (SECRET, "hunter2-and-more"),
        ]);
        let env = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        Ok(self.hostile.configure(&env, ExtraRoots::default())?)
    }
}

/// One of the locations of a plugin that takes no notice of them.
pub(super) fn location(number: usize) -> Location {
    Location { bucket: Some(format!("b{number}")), path: None }
}

/// Makes the call that provokes a behaviour; that it works is an error.
pub(super) async fn provoke(storage: &PluginStorage, behaviour: Behaviour) -> Result<()> {
    let key = ObjectKey::new(TRIGGERS[0])?;
    let answered = match behaviour {
        Behaviour::WrongKey => storage.head(&key).await.map(drop),
        _ => storage.put(&key, &Blob::from(vec![7; 9]), &PutOptions::default()).await.map(drop),
    };
    match answered {
        Ok(()) => Err(format!("{} was not found out", behaviour.name()).into()),
        Err(_) => Ok(()),
    }
}
