//! Opens a folder by its real path without following a link anywhere on the way, and makes it where it is missing.
//!
//! Whoever may write to one of the folders on the way could put a link in its place at any moment, also right after somebody has
//! looked. So nothing is looked at first: the folder that is opened is the one that is used.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

/// Only a place to start from: nothing is read or written through it, where the system has such a thing.
#[cfg(target_os = "linux")]
const START: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const START: OFlags = OFlags::RDONLY;
const FOLDER: OFlags = START.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// The mode of a new folder, less what the process masks.
const NEW: u32 = 0o777;

/// What becomes of a folder that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// An error.
    Fails,
    /// It is made, with all levels above it.
    IsMade,
}

/// Opens a folder by an absolute path without `..`. A link on the way is an error of its own kind: see [`is_link`].
pub(super) fn open(path: &Path, missing: Missing) -> Result<File> {
    match at_once(path) {
        Err(Errno::NOENT) if missing == Missing::IsMade => step_by_step(path, missing),
        // Other systems and older kernels do not have the call, and some containers forbid it.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(path, missing),
        opened => Ok(opened?),
    }
}

#[cfg(target_os = "linux")]
fn at_once(path: &Path) -> std::result::Result<File, Errno> {
    use rustix::fs::{ResolveFlags, openat2};
    openat2(CWD, path, FOLDER, Mode::empty(), ResolveFlags::NO_SYMLINKS).map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn at_once(_: &Path) -> std::result::Result<File, Errno> {
    Err(Errno::NOSYS)
}

/// Whether an error of [`open`] is what a link on the way brings about; so does a file.
pub(super) fn is_link(error: &Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw_os_error), Some(Errno::LOOP | Errno::NOTDIR))
}

fn step_by_step(path: &Path, missing: Missing) -> Result<File> {
    let mut parts = path.components();
    if parts.next() != Some(Component::RootDir) {
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut at = openat(CWD, "/", FOLDER, Mode::empty())?;
    for part in parts {
        let Component::Normal(name) = part else {
            return Err(ErrorKind::InvalidInput.into());
        };
        at = match openat(&at, name, FOLDER, Mode::empty()) {
            Err(Errno::NOENT) if missing == Missing::IsMade => {
                match mkdirat(&at, name, Mode::from_raw_mode(NEW)) {
                    // Somebody else may have been faster.
                    Ok(()) | Err(Errno::EXIST) => openat(&at, name, FOLDER, Mode::empty())?,
                    Err(errno) => return Err(errno.into()),
                }
            }
            opened => opened?,
        };
    }
    Ok(File::from(at))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    type Way = fn(&Path, Missing) -> Result<File>;
    const WAYS: [Way; 2] = [open, step_by_step];

    fn inode(path: &Path) -> u64 {
        path.metadata().unwrap().ino()
    }

    #[test]
    fn a_folder_is_opened_and_made_with_all_levels_above_it() {
        for way in WAYS {
            let house = tempfile::tempdir().unwrap();
            let root = house.path().canonicalize().unwrap();
            let deep = root.join("a/b/c");
            assert_eq!(way(&deep, Missing::Fails).unwrap_err().kind(), ErrorKind::NotFound);
            let made = way(&deep, Missing::IsMade).unwrap();
            assert_eq!(made.metadata().unwrap().ino(), inode(&deep));
            let again = way(&deep, Missing::Fails).unwrap();
            assert_eq!(again.metadata().unwrap().ino(), inode(&deep));
            assert!(way(Path::new("/"), Missing::Fails).is_ok());
        }
    }

    #[test]
    fn a_link_on_the_way_or_at_its_end_is_not_followed_and_nothing_is_made_behind_it() {
        for way in WAYS {
            let house = tempfile::tempdir().unwrap();
            let root = house.path().canonicalize().unwrap();
            std::fs::create_dir_all(root.join("outside/b")).unwrap();
            std::fs::create_dir(root.join("a")).unwrap();
            std::fs::write(root.join("file"), "").unwrap();
            symlink(root.join("outside"), root.join("a/link")).unwrap();
            for path in ["a/link", "a/link/b", "a/link/new", "file", "file/b"] {
                for missing in [Missing::Fails, Missing::IsMade] {
                    let error = way(&root.join(path), missing).unwrap_err();
                    assert!(is_link(&error), "{path}: {error}");
                }
            }
            assert!(!root.join("outside/new").exists());
        }
    }

    #[test]
    fn a_path_that_is_not_plain_is_refused() {
        assert_eq!(step_by_step(Path::new("a"), Missing::Fails).unwrap_err().kind(), ErrorKind::InvalidInput);
        let up = step_by_step(Path::new("/usr/../etc"), Missing::Fails);
        assert_eq!(up.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
