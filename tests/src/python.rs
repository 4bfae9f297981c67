//! Python packages that tests need, each set installed once below the target folder.

use std::fs::{File, create_dir_all, remove_dir_all, write};
use std::path::PathBuf;
use std::process::Command;

use crate::ops_house::kept;

/// The folder of the programs of an environment with exactly these packages, installed now if that was not done yet. Test
/// processes that want it at the same time wait for each other.
///
/// # Errors
///
/// When it cannot be installed; the text holds what the installer said.
pub fn environment(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let home = kept(&format!("python-{name}"));
    let wanted = packages.join("\n");
    let programs = home.join("bin");
    let ready = home.join("ready");
    let failed = |e: std::io::Error| format!("Python packages in {}: {e}", home.display());
    create_dir_all(kept("")).map_err(failed)?;
    let lock = File::create(kept(&format!("python-{name}.lock"))).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if std::fs::read_to_string(&ready).is_ok_and(|found| found == wanted) {
        return Ok(programs);
    }
    // It may be missing.
    let _ = remove_dir_all(&home);
    run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(programs.join("python")).args(install).args(packages))?;
    write(&ready, wanted).map_err(failed)?;
    Ok(programs)
}

fn run(command: &mut Command) -> Result<(), String> {
    let done = command.output().map_err(|e| format!("{command:?}: {e}; python3 is needed"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!(
        "{command:?} failed; python3 with venv and the Python package registry are needed:\n{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    ))
}
