//! Plugins that vendors copy, each against a real server, with the grants that its document names.

use std::path::Path;

use siltstone_tests::certify::{check, environment};
use siltstone_tests::servers::Azurite;
use siltstone_tests::vendors::Template;

use super::bundled::{CLOUD, FOLDER, assert_passed};

/// A manifest that grants these settings, with their values.
fn config(grants: &str, settings: &[(&str, &str)]) -> String {
    let names: Vec<&str> = settings.iter().map(|(name, _)| *name).collect();
    format!("settings = {names:?}\n{grants}\n{}", environment(settings))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_template_passes_on_a_folder_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let component = tokio::task::spawn_blocking(|| Template::Python.component().unwrap()).await.unwrap();
    let config = config("", &[("FOLDER_PATH", folder.path().to_str().unwrap())]);
    let certificate = check(&component, &config, &["--rounds", "2"]).await.unwrap();
    assert_passed(&certificate, &FOLDER);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_javascript_template_passes_on_azurite() {
    let folder = tempfile::tempdir().unwrap();
    let server = Azurite::start(folder.path(), &["nightly"]).await.unwrap();
    let connection = server.with_signature("rwdlac", "2099-01-01T00:00:00Z").unwrap();
    let (_, signature) = connection.split_once("SharedAccessSignature=").unwrap();
    let component = tokio::task::spawn_blocking(|| Template::Js.component().unwrap()).await.unwrap();
    let origin = format!("http://127.0.0.1:{}", server.port);
    let settings = [
        ("SAS_ORIGIN", origin.as_str()),
        ("SAS_ACCOUNT", Azurite::ACCOUNT.0),
        ("SAS_CONTAINER", "nightly"),
        ("SAS_PATH", "some/prefix"),
        ("SAS_TOKEN", signature),
    ];
    let certificate = check(Path::new(&component), &config("", &settings), &["--rounds", "1"]).await.unwrap();
    assert_passed(&certificate, &CLOUD);
    let secret = signature.rsplit_once("sig=").unwrap().1;
    assert!(!certificate.text.contains(secret), "{}", certificate.text);
}
