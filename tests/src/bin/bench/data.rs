//! The data folder: its files, and their pages locked in memory so that no run waits for the disk to read.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::mm::{MapFlags, ProtFlags, mlock, mmap, munmap};

use crate::Result;

/// Every regular file below a folder with its length, in the order of their paths.
pub(crate) fn files(folder: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).map_err(|e| format!("{}: {e}", at.display()))? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_dir() {
                folders.push(entry.path());
            } else if meta.is_file() {
                found.push((entry.path(), meta.len()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Bytes of all files below a folder.
pub(crate) fn bytes(folder: &Path) -> Result<u64> {
    Ok(files(folder)?.iter().map(|f| f.1).sum())
}

/// Pages of files that stay in memory until this is dropped.
pub(crate) struct Locked {
    maps: Vec<(*mut std::ffi::c_void, usize)>,
}

impl Locked {
    /// Reads the files of a folder and locks them.
    pub(crate) fn folder(folder: &Path) -> Result<Self> {
        let files = files(folder)?;
        if files.is_empty() {
            return Err(format!("{} holds no files", folder.display()).into());
        }
        let mut locked = Self { maps: Vec::new() };
        for (path, len) in files.iter().filter(|f| f.1 > 0) {
            let (file, len) = (File::open(path)?, usize::try_from(*len)?);
            // SAFETY: a new shared mapping at an address of the kernel's choice; nothing ever reads through it.
            let at = unsafe { mmap(std::ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, &file, 0) }?;
            locked.maps.push((at, len));
            // SAFETY: exactly the mapping that was just made.
            unsafe { mlock(at, len) }.map_err(|e| {
                format!("cannot lock {} in memory ({e}): raise `ulimit -l` or run as root", path.display())
            })?;
        }
        Ok(locked)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        for (at, len) in self.maps.drain(..) {
            // SAFETY: a mapping of ours that nobody uses; unmapping also unlocks it.
            let _ = unsafe { munmap(at, len) };
        }
    }
}
