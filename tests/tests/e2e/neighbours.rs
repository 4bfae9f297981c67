//! A plugin that misbehaves over and over does not take the machine from the others.

use std::collections::BTreeMap;
use std::time::Duration;

use siltstone::ErrorKind;
use siltstone::model::ObjectKey;
use siltstone::plugin::{
    EngineSettings, ExtraRoots, Location, Plugin, PluginEngine, PluginGrants, PluginPackage,
};
use siltstone::storage::{Blob, PutOptions, Storage};
use siltstone_hostile::{ADDRESS, BEHAVIOUR, Behaviour, FOLDER, SECRET, TRIGGERS};
use siltstone_tests::ops_house::kept;
use tokio::time::Instant;

/// On a clock that only moves when everything waits, so that what is measured is waiting and not work.
#[tokio::test(start_paused = true)]
async fn after_each_fault_a_location_waits_before_it_makes_another_instance() {
    let folder = tempfile::tempdir().unwrap();
    let engine =
        PluginEngine::new(EngineSettings { cache_dir: Some(kept("compiled")), ..EngineSettings::default() })
            .unwrap();
    let settings = [BEHAVIOUR, FOLDER, ADDRESS, SECRET].map(str::to_owned).to_vec();
    let package = PluginPackage::new("hostile", std::fs::read(env!("HOSTILE_WASM")).unwrap())
        .unwrap()
        .grants(PluginGrants { settings, ..PluginGrants::default() });
    let plugin = Plugin::from_package(&engine, &package).await.unwrap();
    let variables = BTreeMap::from([
        (BEHAVIOUR, Behaviour::Trap.name().to_owned()),
        (FOLDER, folder.path().join("granted").display().to_string()),
        (ADDRESS, "127.0.0.1:9".to_owned()),
        (SECRET, "hunter2-and-more".to_owned()),
    ]);
    let configured = plugin.configure(&|name| variables.get(name).cloned(), ExtraRoots::default()).unwrap();
    let storage = configured.open(&Location::default()).await.unwrap();

    let (bad, good) = (ObjectKey::new(TRIGGERS[0]).unwrap(), ObjectKey::new("good").unwrap());
    let (body, options) = (Blob::from(vec![7; 9]), PutOptions::default());
    let begun = Instant::now();
    for _ in 0..41 {
        let error = storage.put(&bad, &body, &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Plugin, "{error}");
    }
    // The first call has an instance already, each of the others waits for its own.
    let waited = begun.elapsed();
    let all = Duration::from_millis(40 * 10);
    assert!(waited >= all && waited < 2 * all, "{waited:?}");
    storage.put(&good, &body, &options).await.unwrap();
}
