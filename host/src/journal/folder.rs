//! A private folder whose files change in one durable step.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind as Io, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::envelope::MAX_BYTES;
use crate::error::{Error, Result};

/// The end of the name of a file that is being written.
const TEMPORARY: &str = ".tmp";

/// A folder that only we can enter.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The path below the data folder, for reports.
    relative: &'static str,
}

/// The steps of a write, in order. A crash between any two of them leaves the old file or the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    Write,
    Sync,
    Rename,
    SyncFolder,
}

impl Folder {
    /// Opens `<data>/<relative>`, making it if need be, and removes files that were being written when a process died.
    pub(super) fn open(data: &Path, relative: &'static str) -> Result<Self> {
        let path = data.join(relative);
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => sync(path.parent().unwrap_or(data))?,
            Err(e) if e.kind() == Io::AlreadyExists => {}
            Err(e) => return Err(Error::io("journal", &path, e)),
        }
        // Also when it was there before, or the umask took bits away.
        std::fs::set_permissions(&path, Permissions::from_mode(0o700))
            .map_err(|e| Error::io("journal", &path, e))?;
        let folder = Self { path, relative };
        for name in folder.names()?.iter().filter(|name| name.ends_with(TEMPORARY)) {
            folder.remove(name)?;
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file relative to the data folder.
    pub(super) fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.relative)
    }

    /// The names of its files, ascending. A name that is not UTF-8 is none of ours.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let failed = |e| Error::io("journal", &self.path, e);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_file() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The content of a file; of one that is larger than any record, a little more than a record may have.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.path.join(name);
        let mut content = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut content))
            .map_err(|e| Error::io("journal", &path, e))?;
        Ok(content)
    }

    /// Makes a file of that name with that content, or replaces it, in one durable step. Blocks.
    ///
    /// When it fails, the file is the old one or the new one.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        self.write_in_steps(name, content, &mut |_| Ok(()))
    }

    /// As [`Folder::write`]; `before` is asked before each step and may end the write there.
    pub(super) fn write_in_steps(
        &self,
        name: &str,
        content: &[u8],
        before: &mut dyn FnMut(Step) -> Result<()>,
    ) -> Result<()> {
        let (path, temporary) = (self.path.join(name), self.path.join(format!("{name}{TEMPORARY}")));
        let failed = |e| Error::io("journal", &temporary, e);
        before(Step::Create)?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed)?;
        before(Step::Write)?;
        file.write_all(content).map_err(failed)?;
        before(Step::Sync)?;
        file.sync_all().map_err(failed)?;
        before(Step::Rename)?;
        std::fs::rename(&temporary, &path).map_err(|e| Error::io("journal", &path, e))?;
        before(Step::SyncFolder)?;
        sync(&self.path)
    }

    /// Removes a file durably; one that is not there is fine. Blocks.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        match std::fs::remove_file(&path) {
            Ok(()) => sync(&self.path),
            Err(e) if e.kind() == Io::NotFound => Ok(()),
            Err(e) => Err(Error::io("journal", &path, e)),
        }
    }

    /// Renames a file to a name ending in `.damaged`, which is free, and answers that name.
    pub(super) fn set_aside(&self, name: &str) -> Result<String> {
        let taken = self.names()?;
        let aside = std::iter::once(format!("{name}.damaged"))
            .chain((2_u32..).map(|n| format!("{name}.{n}.damaged")))
            .find(|aside| !taken.contains(aside))
            .unwrap_or_else(|| format!("{name}.damaged"));
        let path = self.path.join(name);
        std::fs::rename(&path, self.path.join(&aside)).map_err(|e| Error::io("journal", &path, e))?;
        sync(&self.path)?;
        Ok(aside)
    }
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::io("journal", folder, e))
}
