//! A folder that a backup is restored into, by one rename.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, ShardId};
use crate::source::{InstallState, RestorePlan, RestoreTarget, ShardPlan, Staging};

/// A folder that a backup is restored into. It must not exist, or be empty.
///
/// Files are staged in a folder beside it and appear by one rename. A backup of one shard without a tenant is restored as
/// the folder itself; any other as `<collection>/` and, for a tenant, `<collection>/<tenant>/` below it. The engine of the
/// backup does not matter: its files are laid out as that engine keeps a shard. Schemas, aliases and extras are not
/// restored. Nothing but the files of the backup is left in the folder, so a restore counts as installed when nothing of
/// it is staged any more and the folder is not empty.
#[derive(Clone, Debug)]
pub struct DirectoryTarget {
    folder: PathBuf,
}

impl DirectoryTarget {
    /// Restores into `folder`; the folder above it must exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where everything of a restore is staged: `.<name>.siltstone-restore-<id>` beside the folder.
    fn staging(&self, restore: AttemptId) -> Result<PathBuf> {
        let name = self.folder.file_name().ok_or_else(|| {
            Error::invalid("restore", format!("`{}` does not end in a name", self.folder.display()))
        })?;
        let mut staging = OsString::from(".");
        staging.push(name);
        staging.push(format!(".siltstone-restore-{restore}"));
        Ok(self.folder.with_file_name(staging))
    }

    /// Where the only shard of a restore waits for the last rename, on its own.
    fn ready(&self, restore: AttemptId) -> Result<PathBuf> {
        let mut ready = self.staging(restore)?.into_os_string();
        ready.push("-ready");
        Ok(ready.into())
    }

    /// Whether the folder is missing or empty.
    fn is_vacant(&self) -> Result<bool> {
        match fs::read_dir(&self.folder) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => Ok(false),
            Err(e) => Err(Error::io("restore", &self.folder, e)),
        }
    }

    fn expect_vacant(&self) -> Result<()> {
        if self.is_vacant()? {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::AlreadyExists,
            "restore",
            format!("`{}` already exists and is not empty; name another folder", self.folder.display()),
        ))
    }
}

impl RestoreTarget for DirectoryTarget {
    fn admit(&self, plan: &RestorePlan) -> Result<()> {
        self.expect_vacant()?;
        let mut folders: Vec<String> =
            plan.collections.iter().flat_map(|c| &c.shards).map(|(s, _)| place(s).to_lowercase()).collect();
        folders.sort();
        if let Some(pair) = folders.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                "restore",
                format!("folder `{}` already exists: two shards of the backup have this name", pair[0]),
            ));
        }
        Ok(())
    }

    fn stage(&self, plan: &ShardPlan) -> Result<Staging> {
        let folder = self.staging(plan.restore)?.join(place(&plan.shard));
        remove(&folder)?;
        fs::create_dir_all(&folder).map_err(|e| Error::io("stage", &folder, e))?;
        Ok(Staging { shard: plan.shard.clone(), folder })
    }

    /// There is no engine to open: the host has verified every file by its hash.
    fn check(&self, staged: &Staging) -> Result<()> {
        let metadata = fs::metadata(&staged.folder).map_err(|e| Error::io("check", &staged.folder, e))?;
        if metadata.is_dir() {
            Ok(())
        } else {
            Err(Error::corrupt("check", format!("`{}` is not a folder", staged.folder.display())))
        }
    }

    fn install(&self, plan: &RestorePlan, staged: Vec<Staging>) -> Result<()> {
        self.admit(plan)?;
        let all = self.staging(plan.restore)?;
        let mut shards = plan.collections.iter().flat_map(|c| &c.shards).map(|(shard, _)| shard);
        let only = match (shards.next(), shards.next()) {
            (Some(shard), None) if shard.tenant.is_none() => Some(place(shard)),
            _ => None,
        };
        if staged.is_empty() {
            fs::create_dir_all(&all).map_err(|e| Error::io("install", &all, e))?;
        }
        sync_tree(&all)?;
        let source = match only {
            None => all,
            Some(place) => {
                let ready = self.ready(plan.restore)?;
                fs::rename(all.join(place), &ready).map_err(|e| Error::io("install", &ready, e))?;
                remove(&all)?;
                ready
            }
        };
        // A rename replaces an empty folder, and fails if somebody has put something into it.
        fs::rename(&source, &self.folder).map_err(|e| Error::io("install", &self.folder, e))?;
        sync(&parent(&self.folder)).map_err(Error::outcome_unknown)
    }

    fn outcome(&self, restore: AttemptId) -> Result<InstallState> {
        let is_staged = self.staging(restore)?.exists() || self.ready(restore)?.exists();
        Ok(if is_staged || self.is_vacant()? { InstallState::Absent } else { InstallState::Installed })
    }

    fn abort(&self, restore: AttemptId) -> Result<()> {
        remove(&self.staging(restore)?)?;
        remove(&self.ready(restore)?)
    }
}

/// Where a shard lies below the folder: the name of the collection, then of the tenant.
fn place(shard: &ShardId) -> String {
    match &shard.tenant {
        Some(tenant) => format!("{}/{tenant}", shard.collection),
        None => shard.collection.to_string(),
    }
}

fn parent(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove folder", folder, e)),
        _ => Ok(()),
    }
}

/// Makes the names in a folder and below it durable; the files are durable already.
fn sync_tree(folder: &Path) -> Result<()> {
    let fail = |e| Error::io("sync folder", folder, e);
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_type().map_err(fail)?.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    sync(folder)
}

fn sync(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::io("sync folder", folder, e))
}
