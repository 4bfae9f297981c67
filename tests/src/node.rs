//! Node packages that tests need, each set installed once below the target folder, exactly as its lock file says.

use std::fs::{copy, create_dir_all, remove_dir_all};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install::{once, run};
use crate::ops_house::kept;

/// The folder of the programs of the packages that `package.json` and `package-lock.json` in a folder name, installed now if
/// that was not done yet. Test processes that want it at the same time wait for each other.
///
/// # Errors
///
/// When it cannot be installed; the text holds what the installer said.
pub fn packages(name: &str, manifests: &Path) -> Result<PathBuf, String> {
    const MANIFESTS: [&str; 2] = ["package.json", "package-lock.json"];
    let home = kept(&format!("node-{name}"));
    let mut wanted = String::new();
    for manifest in MANIFESTS {
        let path = manifests.join(manifest);
        wanted += &std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    once(&home, &wanted, || {
        // It may be missing.
        let _ = remove_dir_all(&home);
        create_dir_all(&home).map_err(|e| e.to_string())?;
        for manifest in MANIFESTS {
            copy(manifests.join(manifest), home.join(manifest)).map_err(|e| e.to_string())?;
        }
        // No package may run anything while it is installed.
        let install = ["ci", "--ignore-scripts", "--omit=dev", "--omit=optional", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(install).current_dir(&home), "npm and the Node package registry")
    })?;
    Ok(home.join("node_modules/.bin"))
}
