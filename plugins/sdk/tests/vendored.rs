//! The vendored WASI packages are the ones that `wit/storage/README.md` names, unchanged.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// BLAKE3 over every file of `deps/` in order of its path: the path, its bytes, each after its length.
const CONTENT: &str = "a581582f68f0055306bb9291304c20f9282642396cc16f82d8c26eb204743aeb";

const PACKAGES: [&str; 7] = [
    "wasi:cli@0.2.0",
    "wasi:clocks@0.2.0",
    "wasi:filesystem@0.2.0",
    "wasi:http@0.2.0",
    "wasi:io@0.2.0",
    "wasi:random@0.2.0",
    "wasi:sockets@0.2.0",
];

fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}

#[test]
fn the_vendored_packages_are_wasi_0_2_0_as_published() {
    let deps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/storage/deps");
    let mut found = BTreeSet::new();
    files(&deps, &mut found).unwrap();
    let mut packages = BTreeSet::new();
    let mut hasher = blake3::Hasher::new();
    for path in &found {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(&deps).unwrap().to_str().unwrap();
        for part in [name, &text] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let package = text.lines().find_map(|line| line.strip_prefix("package ")?.strip_suffix(';'));
        packages.extend(package.map(str::to_owned));
    }
    assert!(packages.iter().eq(PACKAGES.iter()), "{packages:?}");
    assert_eq!(hasher.finalize().to_hex().as_str(), CONTENT, "the content of deps/ changed");
}
