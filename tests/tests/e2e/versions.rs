//! One host serves plugins of two versions of the interface side by side, through conversions at its edge.

use std::path::Path;
use std::sync::Arc;

use siltstone::conformance::{StorageCheck, check_storage};
use siltstone::model::{Location, State};
use siltstone::ops::{BackupRequest, CopyRequest, RestoreRequest, VerifyDepth};
use siltstone::plugin::{
    self, EngineSettings, ExtraRoots, Plugin, PluginEngine, PluginGrants, PluginPackage, PluginSource,
};
use siltstone::{ErrorKind, Host, HostBuilder};
use siltstone_next::{FOLDER, NAME};
use siltstone_tests::folder_db::FolderDb;
use siltstone_tests::ops_house::{BACKEND, Plan, fill, kept, shown};

/// The plugin that is built against `tests/wit/next`.
fn next() -> PluginPackage {
    let component = std::fs::read(env!("NEXT_WASM")).unwrap();
    let grants = PluginGrants { settings: vec![FOLDER.to_owned()], ..PluginGrants::default() };
    PluginPackage::new(NAME, component).unwrap().grants(grants)
}

fn engine() -> Arc<PluginEngine> {
    PluginEngine::new(EngineSettings { cache_dir: Some(kept("compiled")), ..EngineSettings::default() })
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn plugins_of_two_versions_keep_the_contract_at_the_same_time() {
    let base = tempfile::tempdir().unwrap();
    let at = |name: &str| base.path().join(name).display().to_string();
    let engine = engine();
    let new = Plugin::from_package(&engine, &next()).await.unwrap();
    let bundled = siltstone_plugins::all().iter().find(|p| p.name == BACKEND).unwrap();
    let old = Plugin::load(&engine, bundled.component, PluginSource::Bundled).await.unwrap();
    assert_eq!(new.interface(), "siltstone:storage@0.2.0-test");
    assert_eq!(old.interface(), "siltstone:storage@0.1.0");

    let open = async |plugin: &Plugin, variable: &str, folder: String| {
        let env = |name: &str| (name == variable).then(|| folder.clone());
        let configured = plugin.configure(&env, ExtraRoots::default()).unwrap();
        configured.open(&plugin::Location::default()).await.unwrap()
    };
    let new = open(&new, FOLDER, at("new")).await;
    let old = open(&old, "BACKUP_FILESYSTEM_PATH", at("old")).await;
    let check = StorageCheck::default();
    let (new, old) = tokio::join!(check_storage(new, &check), check_storage(old, &check));
    assert!(new.passed(), "{new}");
    assert!(old.passed(), "{old}");
}

struct Node {
    db: Arc<FolderDb>,
    host: Host,
}

/// A node whose host has both plugins enabled.
async fn node(base: &Path, name: &str) -> Node {
    let plan = Plan::new(base, name).unwrap();
    let mut settings = plan.settings;
    settings.modules.push(format!("backup-{NAME}"));
    let db = Arc::new(FolderDb::open(&plan.root).unwrap());
    let variable = |name: &str, folder: &str| (name.to_owned(), base.join(folder).display().to_string());
    let host = HostBuilder::new(db.clone(), db.clone(), &plan.root, settings)
        .environment([variable("BACKUP_FILESYSTEM_PATH", "old"), variable(FOLDER, "new")])
        .plugin(next())
        .build()
        .await
        .unwrap();
    Node { db, host }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_moves_between_plugins_of_two_versions_and_is_restored_from_either() {
    let base = tempfile::tempdir().unwrap();
    let a = node(base.path(), "a").await;
    fill(&a.db, 40 << 20).unwrap();
    for (number, (from, to)) in [(BACKEND, NAME), (NAME, BACKEND)].into_iter().enumerate() {
        let id = format!("from-{from}");
        let here = Location::default();
        let mut request = BackupRequest::new(from, id.as_str());
        // Chunks beyond one part, so that the copy and the backup are made of uploads in parts.
        request.chunk_size = Some(32 << 20);
        request.compression = siltstone::model::Compression::from_name("NoCompression").unwrap();
        a.host.backup(request).await.unwrap();
        let status = a.host.wait_backup(from, &id, &here).await.unwrap();
        assert_eq!(status.state, State::Success, "{}", shown(&status));
        a.host.copy(CopyRequest::new(id.as_str(), from, to)).await.unwrap().wait().await.unwrap();
        let found = a.host.verify(to, &id, &here, VerifyDepth::ReadData).await.unwrap();
        assert!(found.problems.is_empty(), "{found:?}");

        let b = node(base.path(), &format!("b{number}")).await;
        b.host.restore(RestoreRequest::new(to, id.as_str())).await.unwrap();
        let status = b.host.wait_restore(to, &id, &here).await.unwrap();
        assert_eq!(status.state, State::Success, "{}", shown(&status));
        assert!(a.db.content().unwrap() == b.db.content().unwrap(), "{from} to {to}");
        b.host.shutdown().await;
    }
    a.host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_of_a_version_that_nobody_speaks_is_refused_by_both_names() {
    let mut component = next().component().to_vec();
    // The same plugin, had it been built against a later version: the names have the same length.
    let (spoken, unknown) = (b"@0.2.0-test", b"@0.9.0-test");
    let places: Vec<usize> =
        component.windows(spoken.len()).enumerate().filter(|(_, w)| w == spoken).map(|(at, _)| at).collect();
    for at in places {
        component[at..at + unknown.len()].copy_from_slice(unknown);
    }
    let error = Plugin::load(&engine(), &component, PluginSource::Embedder).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let text = error.to_string();
    for part in
        ["speaks siltstone:storage@0.9.0-test", "this host speaks siltstone:storage@0.2.0-test, 0.1.x"]
    {
        assert!(text.contains(part), "{text}");
    }
}
