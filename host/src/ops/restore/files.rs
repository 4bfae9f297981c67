//! Writes fetched files into the staging folders.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{FRAME_SIZE, FileLine, ShardId};
use crate::ops::operation::Operation;
use crate::ops::restore::gate::Gate;
use crate::repository::FileSink;

/// The staging folders of one restore. Every path was validated when the manifest was read, every folder is ours alone,
/// and every file is created, never opened.
pub(super) struct StagedFiles {
    folders: HashMap<ShardId, PathBuf>,
    operation: Arc<Operation>,
    gate: Arc<Gate>,
    /// Files of more than one frame that are being written; bounded by the ranges in flight.
    open: Mutex<HashMap<PathBuf, Arc<File>>>,
}

impl StagedFiles {
    /// For the folders of the shards.
    pub(super) fn new(
        folders: HashMap<ShardId, PathBuf>,
        operation: Arc<Operation>,
        gate: Arc<Gate>,
    ) -> Self {
        Self { folders, operation, gate, open: Mutex::default() }
    }

    /// Makes everything durable and checks that nothing is missing. Blocks.
    pub(super) fn finish(&self, folders: &[PathBuf]) -> Result<()> {
        let counters = &self.operation.counters;
        let (done, total) =
            (counters.files_done.load(Ordering::Relaxed), counters.files_total.load(Ordering::Relaxed));
        if done != total {
            return Err(Error::corrupt("restore", format!("{done} of {total} files arrived")));
        }
        // One call writes back everything of the filesystem; all folders of a restore lie on one.
        match folders.first() {
            Some(folder) => sync_filesystem(folder),
            None => Ok(()),
        }
    }

    fn path(&self, file: &FileLine) -> Result<PathBuf> {
        let shard = ShardId { collection: file.collection.clone(), tenant: file.tenant.clone() };
        let folder = self.folders.get(&shard).ok_or_else(|| {
            Error::corrupt("restore", format!("shard `{shard}` has files and no place for them"))
        })?;
        Ok(file.path.under(folder))
    }

    fn create(&self, path: &Path, file: &FileLine) -> Result<File> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| failed(e, path, file))?;
        }
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let handle = created.map_err(|e| failed(e, path, file))?;
        // Set apart from the creation, because that is subject to the process's umask.
        let mode = Permissions::from_mode(file.mode & 0o777);
        handle.set_permissions(mode).map_err(|e| failed(e, path, file))?;
        Ok(handle)
    }

    fn handle(&self, path: &Path, file: &FileLine) -> Result<Arc<File>> {
        let mut open = self.lock();
        if let Some(handle) = open.get(path) {
            return Ok(Arc::clone(handle));
        }
        let handle = Arc::new(self.create(path, file)?);
        open.insert(path.to_path_buf(), Arc::clone(&handle));
        Ok(handle)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<File>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileSink for StagedFiles {
    fn write(&self, file: &FileLine, offset: u64, data: &[u8]) -> Result<()> {
        if self.operation.is_cancelled() {
            return Err(Error::cancelled("restore"));
        }
        let _inside = self.gate.pass()?;
        let path = self.path(file)?;
        if file.length <= FRAME_SIZE {
            let handle = self.create(&path, file)?;
            handle.write_all_at(data, 0).map_err(|e| failed(e, &path, file))?;
        } else {
            let handle = self.handle(&path, file)?;
            handle.write_all_at(data, offset).map_err(|e| failed(e, &path, file))?;
        }
        self.operation.counters.raw_done.fetch_add(data.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn complete(&self, file: &FileLine) -> Result<()> {
        let _inside = self.gate.pass()?;
        let path = self.path(file)?;
        if file.length == 0 {
            self.create(&path, file)?;
        }
        self.lock().remove(&path);
        self.operation.counters.files_done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn failed(&self, file: &FileLine, error: Error) -> Result<()> {
        Err(error.with("collection", &file.collection).with("file", &file.path))
    }

    fn fetched(&self, bytes: u64) {
        self.operation.counters.stored.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn failed(error: std::io::Error, path: &Path, file: &FileLine) -> Error {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return Error::corrupt("restore", format!("the manifest names file `{}` twice", file.path))
            .with_source(error);
    }
    let error = Error::io("restore", path, error);
    if error.is(ErrorKind::Exhausted) {
        return Error::new(
            ErrorKind::Exhausted,
            "restore",
            format!(
                "no space for `{}` ({} bytes); free space on the data filesystem and try again",
                file.path, file.length
            ),
        )
        .with_source(error);
    }
    error
}

fn sync_filesystem(folder: &Path) -> Result<()> {
    let handle = File::open(folder).map_err(|e| Error::io("sync", folder, e))?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&handle).map_err(|e| Error::io("sync", folder, e.into()))?;
    #[cfg(not(target_os = "linux"))]
    sync_tree(folder)?;
    handle.sync_all().map_err(|e| Error::io("sync", folder, e))
}

/// Where the system cannot sync a whole filesystem, every file and folder is synced.
#[cfg(not(target_os = "linux"))]
fn sync_tree(folder: &Path) -> Result<()> {
    let parent = folder.parent().unwrap_or(folder);
    let mut folders = vec![parent.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| Error::io("sync", &folder, e))? {
            let path = entry.map_err(|e| Error::io("sync", &folder, e))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                File::open(&path).and_then(|f| f.sync_all()).map_err(|e| Error::io("sync", &path, e))?;
            }
        }
        File::open(&folder).and_then(|f| f.sync_all()).map_err(|e| Error::io("sync", &folder, e))?;
    }
    Ok(())
}
