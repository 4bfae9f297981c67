//! What becomes of files in a plugin folder, right ones and wrong ones.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::{TempDir, tempdir};

use super::*;
use crate::plugin::hex;

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0 as good as any";

fn digest() -> String {
    hex(&PluginPackage::new("dav", COMPONENT).unwrap().sha256())
}

fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

/// A folder with this manifest beside `dav.wasm`.
fn folder(manifest: Option<&[u8]>) -> TempDir {
    let folder = tempdir().unwrap();
    write(&folder.path().join("dav.wasm"), COMPONENT);
    if let Some(text) = manifest {
        write(&folder.path().join("dav.toml"), text);
    }
    folder
}

fn pinned() -> String {
    format!("sha256 = \"{}\"\nsettings = [\"DAV_URL\"]\n", digest())
}

/// What is said of the one plugin in a folder.
fn only(folder: &TempDir) -> Result<PluginPackage> {
    let mut found = plugins_in(&[folder.path().to_owned()]).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0).package
}

fn refused(folder: &TempDir) -> Error {
    only(folder).unwrap_err()
}

#[test]
fn a_component_with_its_manifest_is_a_package() {
    let folder = folder(Some(pinned().as_bytes()));
    let package = only(&folder).unwrap();
    assert_eq!((package.name().as_str(), package.component()), ("dav", COMPONENT));
    assert_eq!(package.granted().settings, ["DAV_URL"]);
    assert_eq!(*package.source(), PluginSource::File(folder.path().join("dav.wasm")));
}

#[test]
fn what_is_no_component_by_its_name_is_not_looked_at() {
    let folder = folder(Some(pinned().as_bytes()));
    write(&folder.path().join("notes.txt"), b"");
    fs::create_dir(folder.path().join("old")).unwrap();
    assert!(only(&folder).is_ok());
}

#[test]
fn a_component_without_a_manifest_is_told_the_digest_to_pin() {
    let error = refused(&folder(None));
    assert!(error.is(ErrorKind::NotFound), "{error}");
    let text = error.to_string();
    assert!(text.contains(&digest()) && text.contains("dav.toml, which pins and grants"), "{text}");
}

#[test]
fn another_component_than_the_pinned_one_is_refused_with_both_digests() {
    let pin = "0".repeat(64);
    let text = refused(&folder(Some(format!("sha256 = \"{pin}\"\n").as_bytes()))).to_string();
    assert!(text.contains(&pin) && text.contains(&digest()) && text.contains("dav.wasm"), "{text}");
}

#[test]
fn files_that_everybody_can_write_are_refused() {
    for name in ["dav.wasm", "dav.toml"] {
        let folder = folder(Some(pinned().as_bytes()));
        let path = folder.path().join(name);
        fs::set_permissions(&path, Permissions::from_mode(0o646)).unwrap();
        let error = refused(&folder);
        assert!(error.is(ErrorKind::Denied), "{error}");
        let text = error.to_string();
        assert!(text.contains(name) && text.contains("chmod o-w"), "{text}");
        fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
        assert!(only(&folder).is_ok(), "the right of a group is the operator's affair");
    }
}

#[test]
fn a_folder_that_everybody_can_write_is_refused() {
    let folder = folder(Some(pinned().as_bytes()));
    for mode in [0o777, 0o1777] {
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        let error = plugins_in(&[folder.path().to_owned()]).unwrap_err();
        assert!(error.is(ErrorKind::Denied), "{error}");
        assert!(error.to_string().contains("BACKUP_PLUGIN_PATH"), "{error}");
    }
}

#[test]
fn a_manifest_that_is_not_utf_8_is_refused() {
    let text = refused(&folder(Some(b"sha256 = \"\xff\"\n"))).to_string();
    assert!(text.contains("dav.toml is not UTF-8"), "{text}");
}

#[test]
fn a_name_that_is_not_utf_8_or_no_name_of_a_backend_is_refused() {
    for name in [&b"\xff.wasm"[..], b"Dav.wasm", b"9.wasm", b".wasm.wasm"] {
        let folder = tempdir().unwrap();
        write(&folder.path().join(std::ffi::OsStr::from_bytes(name)), COMPONENT);
        let error = refused(&folder);
        assert!(error.to_string().contains("invalid backend name"), "{error}");
    }
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("dav.wasm");
    fs::create_dir(&path).unwrap();
    assert!(refused(&folder).to_string().contains("dav.wasm is not a file"));
    fs::remove_dir(&path).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    assert!(refused(&folder).to_string().contains("dav.wasm is not a file"));
}

#[test]
fn a_link_stands_for_the_file_that_it_leads_to() {
    let (folder, elsewhere) = (tempdir().unwrap(), folder(Some(pinned().as_bytes())));
    for name in ["dav.wasm", "dav.toml"] {
        symlink(elsewhere.path().join(name), folder.path().join(name)).unwrap();
    }
    assert_eq!(only(&folder).unwrap().component(), COMPONENT);
    let mode = Permissions::from_mode(0o666);
    fs::set_permissions(elsewhere.path().join("dav.wasm"), mode).unwrap();
    assert!(refused(&folder).is(ErrorKind::Denied));
    fs::remove_file(elsewhere.path().join("dav.wasm")).unwrap();
    assert!(refused(&folder).is(ErrorKind::NotFound));
}

#[test]
fn one_name_in_two_folders_is_wrong_at_both_places() {
    let (a, b) = (folder(Some(pinned().as_bytes())), folder(None));
    let found = plugins_in(&[a.path().to_owned(), b.path().to_owned()]).unwrap();
    assert_eq!(found.len(), 2);
    for listed in found {
        let text = listed.package.unwrap_err().to_string();
        assert!(text.contains("two plugins have the name `dav`"), "{text}");
        for folder in [&a, &b] {
            assert!(text.contains(&folder.path().join("dav.wasm").display().to_string()), "{text}");
        }
    }
}

#[test]
fn a_folder_that_is_missing_is_named_with_its_variable() {
    let missing = tempdir().unwrap().path().join("gone");
    let error = plugins_in(std::slice::from_ref(&missing)).unwrap_err();
    assert!(error.is(ErrorKind::NotFound), "{error}");
    let text = error.to_string();
    assert!(text.contains(&missing.display().to_string()) && text.contains("BACKUP_PLUGIN_PATH"), "{text}");
}

#[test]
fn a_file_beyond_its_bound_is_refused_unread() {
    let folder = folder(Some(pinned().as_bytes()));
    fs::File::options()
        .write(true)
        .open(folder.path().join("dav.toml"))
        .and_then(|file| file.set_len(MAX_MANIFEST + 1))
        .unwrap();
    assert!(refused(&folder).to_string().contains("at most 1048576"));
}
