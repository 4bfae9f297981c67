//! Installs what tests need below the target folder, once.

use std::fs::{File, create_dir_all, write};
use std::path::Path;
use std::process::Command;

use crate::ops_house::kept;

/// Runs `install` unless what is wanted is in this folder already. Processes that want it at the same time wait for each other.
pub(crate) fn once(
    home: &Path,
    wanted: &str,
    install: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("packages in {}: {e}", home.display());
    create_dir_all(kept("")).map_err(failed)?;
    let mut lock = home.as_os_str().to_owned();
    lock.push(".lock");
    let lock = File::create(lock).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let ready = home.join("ready");
    if std::fs::read_to_string(&ready).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    install()?;
    write(&ready, wanted).map_err(failed)
}

/// Runs a program; the error holds what it said, and what it needs.
pub(crate) fn run(command: &mut Command, needs: &str) -> Result<(), String> {
    let done = command.output().map_err(|e| format!("{command:?}: {e}; {needs} are needed"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!(
        "{command:?} failed; {needs} are needed:\n{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    ))
}
