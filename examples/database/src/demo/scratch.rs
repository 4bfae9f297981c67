//! The folder in which everything happens: removed at the end, unless it shall be kept.

use std::fs;
use std::path::{Path, PathBuf};

use siltstone::{Error, ErrorKind, Result};
use tempfile::TempDir;

/// Free space that is needed, per byte of the data set: data, backup, and what compaction has not removed yet.
const ROOM: u64 = 3;

/// The folder and its parts.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
    _removed: Option<TempDir>,
}

impl Scratch {
    /// A new folder with room for a data set of so many bytes; `keep` names one that stays.
    pub(super) fn new(keep: Option<&Path>, size: u64) -> Result<Self> {
        let scratch = match keep {
            None => {
                let folder = tempfile::Builder::new()
                    .prefix("siltstone-demo-")
                    .tempdir()
                    .map_err(|e| Error::io("make scratch folder", std::env::temp_dir(), e))?;
                Self { root: folder.path().to_owned(), _removed: Some(folder) }
            }
            Some(folder) => {
                fs::create_dir_all(folder).map_err(|e| Error::io("make folder", folder, e))?;
                let fail = |e| Error::io("read folder", folder, e);
                if fs::read_dir(folder).map_err(fail)?.next().is_some() {
                    let text = format!("`{}` is not empty: name another folder to keep", folder.display());
                    return Err(Error::invalid("make folder", text));
                }
                Self { root: folder.canonicalize().map_err(fail)?, _removed: None }
            }
        };
        scratch.expect_room(size.saturating_mul(ROOM))?;
        Ok(scratch)
    }

    /// The data folder of the database that will be lost.
    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The data folder of the database that is restored.
    pub(super) fn restored(&self) -> PathBuf {
        self.root.join("restored")
    }

    /// The backups.
    pub(super) fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }

    /// Compiled plugins, so that the second host need not compile them again.
    pub(super) fn compiled(&self) -> PathBuf {
        self.root.join("compiled")
    }

    fn expect_room(&self, needed: u64) -> Result<()> {
        let of =
            rustix::fs::statvfs(&self.root).map_err(|e| Error::io("look for room", &self.root, e.into()))?;
        let free = of.f_bavail.saturating_mul(of.f_frsize);
        if free >= needed {
            return Ok(());
        }
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        Err(Error::new(
            ErrorKind::Exhausted,
            "look for room",
            format!(
                "`{}` has {} MiB of free space and {} MiB are needed: name a bigger place with TMPDIR or --keep, or \
                 a smaller data set with --size",
                self.root.display(),
                mib(free),
                mib(needed)
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_folder_must_be_empty_and_stays_while_a_scratch_folder_goes() {
        let base = tempfile::tempdir().unwrap();
        let kept = base.path().join("kept");
        drop(Scratch::new(Some(&kept), 1).unwrap());
        assert!(kept.is_dir());
        fs::write(kept.join("mine"), b"x").unwrap();
        let error = Scratch::new(Some(&kept), 1).unwrap_err();
        assert!(error.to_string().contains("is not empty"), "{error}");
        let scratch = Scratch::new(None, 1).unwrap();
        let root = scratch.root.clone();
        assert!(root.is_dir());
        drop(scratch);
        assert!(!root.exists());
    }

    #[test]
    fn too_little_room_is_told_before_anything_is_written() {
        let error = Scratch::new(None, u64::MAX).unwrap_err();
        assert!(error.is(ErrorKind::Exhausted) && error.to_string().contains("--size"), "{error}");
    }
}
