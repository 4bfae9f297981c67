//! What this server has begun and must end after a crash.
//!
//! Before an operation touches a location it is recorded here, durably, and the record goes away when the operation has
//! ended and cleaned up. After a crash, [`Journal::open`] hands back what was left; a server acts on its own records
//! only, never on what a listing of a location seems to say, since another server may be alive.
//!
//! Everything lies under `<data folder>/.siltstone/` (mode 0700): `lock`, one file per operation in `operations/`, one
//! per restore in `restores/`. A file is two lines: the record as JSON, and the BLAKE3 of the first line.

mod entry;
mod envelope;
mod folder;
mod record;
mod restores;

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use entry::Entry;
pub use record::{OpenUpload, Phase, Record, RestoreRecord, Verb, Wish};
pub use restores::{KEPT_RESTORES, Restores};

use self::envelope::Defect;
use self::folder::Folder;
use crate::error::{Error, ErrorKind, Result};
use crate::model::AttemptId;

/// How long a lock may linger: a process that is being killed holds it to its end, and so does a child that its parent
/// has forked and that has not yet begun its own program.
const PATIENCE: Duration = Duration::from_secs(1);

/// The journal of one server. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    restores: Restores,
}

#[derive(Debug)]
struct Shared {
    operations: Folder,
    /// Held, never read: the lock goes when the last user of the journal does, or with the process.
    _lock: File,
}

/// What an earlier process left.
#[derive(Debug)]
pub enum Found {
    /// An operation that did not end. It is to be undone, and then [`Entry::finish`]ed.
    Unfinished(Entry),
    /// A file that cannot be read. Whatever it recorded is unknown and stays as it is; an operator has to look.
    Unreadable(Unreadable),
}

/// A file of the journal that cannot be read. It is reported at every start until somebody removes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where it is now, relative to the data folder. A damaged one has been renamed to end in `.damaged`; one of a newer
    /// version has its old name, so that the newer version finds it.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Journal {
    /// Opens the journal in a data folder, which must exist, and answers what an earlier process left, oldest first.
    ///
    /// Reads and writes a few small files; call it before serving. Another process that has it open, and keeps it open
    /// for a second, is [`ErrorKind::Conflict`].
    pub fn open(data: &Path) -> Result<(Self, Vec<Found>)> {
        let root = Folder::open(data, ".siltstone")?;
        let lock = lock(&root)?;
        let operations = Folder::open(data, ".siltstone/operations")?;
        let (restores, unreadable) =
            Restores::open(Folder::open(data, ".siltstone/restores")?, KEPT_RESTORES)?;
        let shared = Arc::new(Shared { operations, _lock: lock });
        let mut found = Vec::new();
        for name in shared.operations.names()? {
            match read_record(&shared.operations, &name)? {
                Ok(None) => {}
                Ok(Some(record)) => found.push(Found::Unfinished(Entry::new(Arc::clone(&shared), record))),
                Err(unreadable) => found.push(Found::Unreadable(unreadable)),
            }
        }
        found.extend(unreadable.into_iter().map(Found::Unreadable));
        Ok((Self { shared, restores }, found))
    }

    /// Records an operation that is about to begin. When it answers, the record is durable.
    ///
    /// An attempt that is recorded already is [`ErrorKind::AlreadyExists`].
    pub async fn begin(&self, record: Record) -> Result<Entry> {
        Entry::create(Arc::clone(&self.shared), record).await
    }

    /// The states of restores, which outlive the restores.
    #[must_use]
    pub fn restores(&self) -> &Restores {
        &self.restores
    }
}

/// Nobody else may act on our records: two processes would undo each other's operations.
fn lock(root: &Folder) -> Result<File> {
    let path = root.path().join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|e| Error::io("journal", &path, e))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(PATIENCE / 100),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "journal",
                    format!(
                        "another process uses `{}`; stop it, or give each server a data folder of its own",
                        root.path().display()
                    ),
                ));
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("journal", &path, e)),
        }
    }
}

/// The record of a file, `None` when the file is none of ours.
fn read_record(folder: &Folder, name: &str) -> Result<Result<Option<Record>, Unreadable>> {
    if let Some(known) = already_aside(folder, name) {
        return Ok(Err(known));
    }
    let Some(stem) = name.strip_suffix(".json") else { return Ok(Ok(None)) };
    let record = envelope::open::<Record>(&folder.read(name)?).and_then(|record| {
        if AttemptId::parse(stem).is_ok_and(|attempt| attempt == record.attempt) {
            Ok(record)
        } else {
            Err(Defect::Damaged(format!("it holds the record of attempt {}", record.attempt)))
        }
    });
    match record {
        Ok(record) => Ok(Ok(Some(record))),
        Err(defect) => Ok(Err(report(folder, name, defect)?)),
    }
}

fn already_aside(folder: &Folder, name: &str) -> Option<Unreadable> {
    name.contains(".damaged").then(|| Unreadable {
        file: folder.shown(name),
        reason: "damaged; found at an earlier start".to_owned(),
    })
}

fn report(folder: &Folder, name: &str, defect: Defect) -> Result<Unreadable> {
    Ok(match defect {
        Defect::Damaged(reason) => Unreadable { file: folder.shown(&folder.set_aside(name)?), reason },
        Defect::Newer(format) => Unreadable {
            file: folder.shown(name),
            reason: format!("format {format} of a newer version; start that version to finish it"),
        },
    })
}
