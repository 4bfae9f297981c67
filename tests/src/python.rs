//! Python packages that tests need, each set installed once below the target folder.

use std::fs::remove_dir_all;
use std::path::PathBuf;
use std::process::Command;

use crate::install::{once, run};
use crate::ops_house::kept;

/// The folder of the programs of an environment with exactly these packages, installed now if that was not done yet. Test
/// processes that want it at the same time wait for each other.
///
/// # Errors
///
/// When it cannot be installed; the text holds what the installer said.
pub fn environment(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    const NEEDS: &str = "python3 with venv and the Python package registry";
    let home = kept(&format!("python-{name}"));
    let programs = home.join("bin");
    once(&home, &packages.join("\n"), || {
        // It may be missing.
        let _ = remove_dir_all(&home);
        run(Command::new("python3").args(["-m", "venv"]).arg(&home), NEEDS)?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(programs.join("python")).args(install).args(packages), NEEDS)
    })?;
    Ok(programs)
}
