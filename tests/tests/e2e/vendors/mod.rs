//! The plugins that vendors copy: each with a backup and a restore, and refused as it must be. That they keep the contract is
//! for their certificates to say.

mod js;
mod python;
mod webdav;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use siltstone::ErrorKind;
use siltstone::model::{Location as Place, State};
use siltstone::ops::{BackupRequest, RestoreRequest, VerifyDepth};
use siltstone::plugin::{
    EngineSettings, ExtraRoots, Location, Plugin, PluginEngine, PluginGrants, PluginPackage, hex,
};
use siltstone::storage::Storage;
use siltstone_tests::ops_house::{Plan, bytes, error_of, fill, kept, shown};
use siltstone_tests::vendors::Template;

/// The component of a template with what an operator grants and sets.
async fn open(template: Template, settings: &[(&str, &str)]) -> siltstone::Result<Arc<dyn Storage>> {
    let settings: BTreeMap<&str, &str> = settings.iter().copied().collect();
    let grants = PluginGrants {
        settings: settings.keys().map(|name| (*name).to_owned()).collect(),
        ..PluginGrants::default()
    };
    let plugin = load(&package(template).await?.grants(grants)).await?;
    let value = |name: &str| settings.get(name).map(|value| (*value).to_owned());
    let storage = plugin.configure(&value, ExtraRoots::default())?.open(&Location::default()).await?;
    Ok(storage)
}

async fn load(package: &PluginPackage) -> siltstone::Result<Plugin> {
    let engine = EngineSettings { cache_dir: Some(kept("compiled")), ..EngineSettings::default() };
    Plugin::from_package(&PluginEngine::new(engine)?, package).await
}

/// The component of a template without grants. It is compiled by now, which takes tens of seconds: one test does it, and
/// those that run at the same time wait.
pub(crate) async fn package(template: Template) -> siltstone::Result<PluginPackage> {
    let component = tokio::task::spawn_blocking(move || template.component().unwrap()).await.unwrap();
    let package = PluginPackage::new(template.plugin(), std::fs::read(component).unwrap())?;
    let lock = File::create(kept(&format!("vendor-{}.compiled", template.plugin()))).unwrap();
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.unwrap().unwrap();
    load(&package).await?;
    drop(lock);
    Ok(package)
}

/// The way of an operator: the component with its manifest in a plugin folder, enabled by name.
async fn installed(base: &Path, template: Template, settings: &[(&str, &str)]) -> Plan {
    let folder = base.join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let package = package(template).await.unwrap();
    let names: Vec<String> = settings.iter().map(|(name, _)| format!("{name:?}")).collect();
    let manifest = format!("sha256 = \"{}\"\nsettings = [{}]\n", hex(&package.sha256()), names.join(", "));
    std::fs::write(folder.join(format!("{}.wasm", template.plugin())), package.component()).unwrap();
    std::fs::write(folder.join(format!("{}.toml", template.plugin())), manifest).unwrap();
    let mut plan = Plan::new(base, "a").unwrap().with_plugin(template.plugin(), settings);
    plan.settings.plugin_path = vec![folder];
    plan
}

/// Backs up, verifies, and restores on another machine.
async fn brings_a_database_back(template: Template, base: &Path, settings: &[(&str, &str)]) {
    let (plan, name, here) = (installed(base, template, settings).await, template.plugin(), Place::default());
    let a = plan.start().await.unwrap();
    fill(&a.db, 3 << 20).unwrap();
    // More than one part of 16 MiB.
    let big = [("d/0".to_owned(), (bytes(7, 20 << 20), 0o640))].into();
    a.db.add("Big", None, siltstone::model::TenantState::Hot, &big).unwrap();
    let mut request = BackupRequest::new(name, "full");
    request.compression = siltstone::model::Compression::from_name("NoCompression").unwrap();
    request.chunk_size = Some(32 << 20);
    a.host.backup(request).await.unwrap();
    let status = a.host.wait_backup(name, "full", &here).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    let again = a.host.backup(BackupRequest::new(name, "full")).await.unwrap_err();
    assert!(again.is(ErrorKind::AlreadyExists) || again.is(ErrorKind::Conflict), "{again}");
    let report = a.host.verify(name, "full", &here, VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let content = a.db.content().unwrap();
    let mut plan = a.stop().await;

    plan.root = base.join("b");
    let b = plan.start().await.unwrap();
    b.host.restore(RestoreRequest::new(name, "full")).await.unwrap();
    let status = b.host.wait_restore(name, "full", &here).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", error_of(&status));
    assert!(b.db.content().unwrap() == content, "the other machine has other files");
    b.stop().await;
}

/// A copy of a template whose build is not to succeed: what the build says, with this instead of the line that begins so.
fn says_of_a_wrong_pin(template: Template, file: &str, right: &str, wrong: &str) -> String {
    let base = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(template.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, base.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let pins = std::fs::read_to_string(base.path().join(file)).unwrap();
    assert!(pins.contains(right), "{file} does not pin {right}");
    std::fs::write(base.path().join(file), pins.replace(right, wrong)).unwrap();
    let mut command = std::process::Command::new(base.path().join("build.sh"));
    let wit = template.folder().join("../../wit/storage");
    says(command.env("TARGET", base.path().join("target")).env("WIT", wit))
}

fn says(command: &mut std::process::Command) -> String {
    let done = command.output().unwrap();
    assert!(!done.status.success(), "it was built");
    String::from_utf8(done.stderr).unwrap()
}

/// What the build says where no language is installed.
fn says_without_a_language(template: Template) -> String {
    let base = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/usr/bin/dirname", base.path().join("dirname")).unwrap();
    says(template.build(&base.path().join("target")).env("PATH", base.path()))
}
