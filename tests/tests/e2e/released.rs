//! A version of the interface that has been released never changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use siltstone::model::Hash;

/// Every released version, and the BLAKE3 over its files in order of their names: the name and its bytes, each after its
/// length in eight bytes, the lowest first.
const RELEASED: [(&str, &str); 1] =
    [("0.1.0", "378fa9b220e8f03ffaee61d28e2345e6563902ce6d5ccf354e6a043632c0d6d5")];

fn wit(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit").join(path)
}

/// The WIT files of a folder by name; the folder may hold these `others` beside them.
fn files(folder: &Path, others: &[&str]) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let files = entries.filter(|path| !others.contains(&path.file_name().unwrap().to_str().unwrap()));
    files
        .map(|path| {
            assert!(path.extension().is_some_and(|e| e == "wit"), "{} is no WIT file", path.display());
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn digest(files: &BTreeMap<String, String>) -> String {
    let mut bytes = Vec::new();
    for part in files.iter().flat_map(|(name, text)| [name, text]) {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part.as_bytes());
    }
    Hash::of(&bytes).to_string()
}

/// The version that all of them name in their `package` line.
fn version(files: &BTreeMap<String, String>) -> String {
    let named: BTreeSet<&str> = files
        .values()
        .map(|text| text.lines().find_map(|l| l.strip_prefix("package siltstone:storage@")).unwrap())
        .map(|rest| rest.strip_suffix(';').unwrap())
        .collect();
    assert_eq!(named.len(), 1, "{named:?}");
    named.first().unwrap().to_string()
}

/// Of `major.minor.patch`.
fn numbers(version: &str) -> Vec<u64> {
    let numbers: Vec<u64> = version.split('.').map(|number| number.parse().unwrap()).collect();
    assert_eq!(numbers.len(), 3, "{version}");
    numbers
}

#[test]
fn a_released_version_is_what_it_was() {
    let folders: BTreeSet<String> = fs::read_dir(wit("released"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    assert!(folders.iter().eq(RELEASED.iter().map(|(version, _)| version)), "{folders:?}");
    for (released, expected) in RELEASED {
        let files = files(&wit("released").join(released), &[]);
        assert_eq!(version(&files), released);
        assert_eq!(digest(&files), expected, "wit/released/{released} was changed");
    }
}

#[test]
fn the_interface_is_the_released_one_while_it_has_its_version() {
    let current = files(&wit("storage"), &["README.md", "deps"]);
    let version = version(&current);
    let Some((released, _)) = RELEASED.iter().find(|(released, _)| *released == version) else {
        assert!(
            RELEASED.iter().all(|(released, _)| numbers(released) < numbers(&version)),
            "{version} is no next version"
        );
        return;
    };
    assert!(
        current == files(&wit("released").join(released), &[]),
        "wit/storage says that it is {version}, which has been released: give it a new version (wit/storage/README.md)"
    );
}
