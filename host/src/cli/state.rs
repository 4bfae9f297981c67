//! The folder in which commands without a server keep their journal and their compiled plugins.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// The folder.
#[derive(Debug)]
pub(super) struct StateFolder {
    root: PathBuf,
}

/// A part of it that one command has to itself, so that the next command for the same purpose finds the journal of one
/// that was killed, and never takes that of one that lives.
#[derive(Debug)]
pub(super) struct Claim {
    data: PathBuf,
    _lock: File,
}

impl Claim {
    /// The data folder of the host.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }
}

impl StateFolder {
    /// The one that was asked for, or the user's; made if missing, for this user alone.
    pub(super) fn open(asked: Option<&Path>) -> Result<Self> {
        let root = match asked {
            Some(folder) => std::path::absolute(folder).map_err(|e| Error::io("start", folder, e))?,
            None => default(|name| std::env::var_os(name).map(PathBuf::from))?,
        };
        make(&root)?;
        Ok(Self { root })
    }

    /// Where compiled plugins are kept.
    pub(super) fn compiled(&self) -> PathBuf {
        self.root.join("compiled")
    }

    /// A folder for a command that leaves nothing behind.
    pub(super) fn scratch(&self) -> Result<tempfile::TempDir> {
        tempfile::Builder::new()
            .prefix("scratch-")
            .tempdir_in(&self.root)
            .map_err(|e| Error::io("start", &self.root, e))
    }

    /// Claims the part for a purpose: a verb, a backend, and the folder concerned, if any.
    pub(super) fn claim(&self, verb: &str, backend: &str, folder: Option<&Path>) -> Result<Claim> {
        let mut name = format!("{verb}-{backend}");
        if let Some(folder) = folder {
            let hash = blake3::hash(folder.as_os_str().as_encoded_bytes()).to_hex();
            name = format!("{name}-{}", &hash[..16]);
        }
        let data = self.root.join(name);
        make(&data)?;
        let path = data.join("lock");
        let lock = File::create(&path).map_err(|e| Error::io("start", &path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Claim { data, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::Conflict,
                "start",
                format!(
                    "another `siltstone {verb}` works with `{}`: wait for it, or give this one a --state-dir",
                    data.display()
                ),
            )),
            Err(TryLockError::Error(e)) => Err(Error::io("start", &path, e)),
        }
    }
}

fn default(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
    let absolute = |name| variable(name).filter(|p: &PathBuf| p.is_absolute());
    if let Some(state) = absolute("XDG_STATE_HOME") {
        return Ok(state.join("siltstone"));
    }
    match absolute("HOME") {
        Some(home) => Ok(home.join(".local/state/siltstone")),
        None => Err(Error::invalid(
            "start",
            "there is no place for the state: neither XDG_STATE_HOME nor HOME is set; give --state-dir",
        )),
    }
}

/// Makes a folder and those above it, for this user alone.
fn make(folder: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| Error::io("start", folder, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_follows_the_base_directory_rules() {
        let with = |pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, PathBuf)> =
                pairs.iter().map(|(n, v)| ((*n).to_owned(), PathBuf::from(v))).collect();
            default(move |name| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()))
        };
        assert_eq!(with(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]).unwrap(), Path::new("/s/siltstone"));
        let home = Path::new("/h/.local/state/siltstone");
        assert_eq!(with(&[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]).unwrap(), home);
        assert!(with(&[]).unwrap_err().to_string().contains("--state-dir"));
    }

    #[test]
    fn a_claim_is_exclusive_as_long_as_it_lives_and_the_same_for_the_same_purpose() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateFolder::open(Some(&dir.path().join("a/b"))).unwrap();
        let folder = Some(Path::new("/data"));
        let first = state.claim("backup", "filesystem", folder).unwrap();
        let refusal = state.claim("backup", "filesystem", folder).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::Conflict);
        assert!(refusal.to_string().contains("--state-dir"), "{refusal}");
        let other = state.claim("backup", "filesystem", Some(Path::new("/other"))).unwrap();
        assert_ne!(first.data(), other.data());
        let data = first.data().to_owned();
        drop(first);
        assert_eq!(state.claim("backup", "filesystem", folder).unwrap().data(), data);
    }

    #[test]
    fn the_folder_is_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let state = StateFolder::open(Some(&dir.path().join("state"))).unwrap();
        let claim = state.claim("forget", "filesystem", None).unwrap();
        for folder in [claim.data(), &dir.path().join("state")] {
            assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
