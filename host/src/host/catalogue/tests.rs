//! Which plugin a name stands for, when there are several and when there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::{TempDir, tempdir};

use super::*;
use crate::plugin::{PluginSource, hex};

const COMPONENT: &[u8] = b"not compiled here";

fn given(name: &str) -> PluginPackage {
    PluginPackage::new(name, COMPONENT).unwrap()
}

fn catalogue(given: Vec<PluginPackage>) -> Catalogue {
    Catalogue::read(given, &[]).unwrap()
}

fn refused(catalogue: &Catalogue, name: &str) -> String {
    let error = catalogue.find(name).unwrap_err();
    assert!(error.is(ErrorKind::Invalid), "{error}");
    error.to_string()
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    fs::write(folder.join(name), content).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o644)).unwrap();
}

/// A folder with a plugin of this name, and this line in its manifest.
fn folder(name: &str, line: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let manifest = format!("sha256 = \"{}\"\n{line}\n", hex(&given("x").sha256()));
    write(folder.path(), &format!("{name}.wasm"), COMPONENT);
    write(folder.path(), &format!("{name}.toml"), manifest.as_bytes());
    folder
}

#[test]
fn a_name_stands_for_what_comes_with_the_host_what_is_given_or_what_lies_in_a_folder() {
    let folder = folder("dav", "");
    let catalogue = Catalogue::read(vec![given("tape")], &[folder.path().to_owned()]).unwrap();
    assert_eq!(*catalogue.find("s3").unwrap().source(), PluginSource::Bundled);
    assert_eq!(*catalogue.find("tape").unwrap().source(), PluginSource::Embedder);
    let file = PluginSource::File(folder.path().join("dav.wasm"));
    assert_eq!(*catalogue.find("dav").unwrap().source(), file);
}

#[test]
fn the_name_of_a_bundled_plugin_is_taken_unless_its_place_is_asked_for() {
    let text = refused(&catalogue(vec![given("s3")]), "s3");
    assert!(text.contains("bundled plugin `s3`") && text.contains("replaces = \"s3\""), "{text}");
    let catalogue = catalogue(vec![given("s3").replacing_bundled()]);
    assert_eq!(*catalogue.find("s3").unwrap().source(), PluginSource::Embedder);
    assert_eq!(*catalogue.find("gcs").unwrap().source(), PluginSource::Bundled);
}

#[test]
fn a_file_takes_the_place_of_a_bundled_plugin_only_by_its_manifest() {
    let with = |line: &str| {
        let folder = folder("s3", line);
        let found = Catalogue::read(Vec::new(), &[folder.path().to_owned()]).unwrap();
        found.find("s3").map(|package| package.source().clone())
    };
    let text = with("").unwrap_err().to_string();
    assert!(text.contains("s3.wasm has the name of the bundled plugin"), "{text}");
    assert!(matches!(with("replaces = \"s3\"").unwrap(), PluginSource::File(_)));
}

#[test]
fn a_plugin_replaces_the_bundled_one_of_its_own_name_and_no_other() {
    for (name, replaced) in [("s3", "gcs"), ("dav", "s3"), ("dav", "dav")] {
        let folder = folder(name, &format!("replaces = \"{replaced}\""));
        let found = Catalogue::read(Vec::new(), &[folder.path().to_owned()]).unwrap();
        let text = refused(&found, name);
        assert!(text.contains(&format!("it replaces `{replaced}`, and has the name `{name}`")), "{text}");
        assert!(text.contains("azure, filesystem, gcs, s3"), "{text}");
    }
}

#[test]
fn two_plugins_of_one_name_are_refused() {
    let text = refused(&catalogue(vec![given("tape"), given("tape")]), "tape");
    assert!(text.contains("two plugins have the name `tape`"), "{text}");
    let folder = folder("tape", "");
    let both = Catalogue::read(vec![given("tape")], &[folder.path().to_owned()]).unwrap();
    let text = refused(&both, "tape");
    assert!(text.contains("two plugins have the name `tape`") && text.contains("remove one"), "{text}");
    assert!(both.find("s3").is_ok());
}

#[test]
fn an_unknown_module_is_told_with_the_known_ones_and_the_nearest() {
    let known = catalogue(vec![given("tape")]);
    let text = refused(&known, "filesytem");
    assert!(text.contains("did you mean `backup-filesystem`?"), "{text}");
    assert!(text.contains("`backup-filesytem`") && text.contains("backup-tape"), "{text}");
    assert!(refused(&known, "tapes").contains("did you mean `backup-tape`?"));
    assert!(!refused(&known, "quite-something-else").contains("did you mean"));
}

#[test]
fn a_broken_manifest_matters_only_to_who_enables_its_plugin() {
    let folder = folder("dav", "");
    write(folder.path(), "broken.wasm", COMPONENT);
    let found = Catalogue::read(Vec::new(), &[folder.path().to_owned()]).unwrap();
    assert!(found.find("dav").is_ok() && found.find("s3").is_ok());
    // Without a manifest it is not found, and that is a wrong setting.
    let text = refused(&found, "broken");
    assert!(text.contains("the plugin `broken` cannot be used") && text.contains("SHA-256"), "{text}");
    let told: Vec<(String, bool)> =
        found.all().into_iter().map(|(name, entry)| (name, entry.is_ok())).collect();
    let expected = [
        ("azure", true),
        ("broken", false),
        ("dav", true),
        ("filesystem", true),
        ("gcs", true),
        ("s3", true),
    ];
    assert_eq!(told, expected.map(|(name, is_ok)| (name.to_owned(), is_ok)));
}
