//! The states of restores, kept across restarts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::blocking;
use super::envelope::{self, Defect};
use super::folder::Folder;
use super::record::RestoreRecord;
use super::{Unreadable, already_aside, report};
use crate::error::Result;
use crate::model::{AttemptId, BackendName, BackupId};

/// How many restores are remembered; beyond it the oldest that have ended are forgotten.
pub const KEPT_RESTORES: usize = 1_000;

/// The last is the URI of the backup: one backend may hold backups of one id at several locations.
type Key = (BackendName, BackupId, String);

/// The newest state of each backup that this server restored from. Clones share it.
#[derive(Clone, Debug)]
pub struct Restores(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: Folder,
    kept: usize,
    records: Mutex<BTreeMap<Key, RestoreRecord>>,
}

impl Restores {
    pub(super) fn open(folder: Folder, kept: usize) -> Result<(Self, Vec<Unreadable>)> {
        let (mut records, mut unreadable) = (BTreeMap::new(), Vec::new());
        for name in folder.names()? {
            if let Some(known) = already_aside(&folder, &name) {
                unreadable.push(known);
                continue;
            }
            if !name.ends_with(".json") {
                continue;
            }
            let record = envelope::open::<RestoreRecord>(&folder.read(&name)?).and_then(|record| {
                if name == file_name(&key(&record)) {
                    Ok(record)
                } else {
                    Err(Defect::Damaged(format!("it holds the restore of `{}`", record.id)))
                }
            });
            match record {
                Ok(record) => drop(records.insert(key(&record), record)),
                Err(defect) => unreadable.push(report(&folder, &name, defect)?),
            }
        }
        Ok((Self(Arc::new(Shared { folder, kept, records: Mutex::new(records) })), unreadable))
    }

    /// Records the state of a restore in place of an earlier one of the same backup. Durable when it answers.
    pub async fn put(&self, record: RestoreRecord) -> Result<()> {
        let shared = Arc::clone(&self.0);
        blocking(move || {
            let content = envelope::seal(&record)?;
            let mut records = shared.lock();
            shared.folder.write(&file_name(&key(&record)), &content)?;
            records.insert(key(&record), record);
            while records.len() > shared.kept {
                let ended = records.iter().filter(|(_, r)| r.state.is_terminal());
                let Some(oldest) = ended.min_by_key(|(_, r)| r.started_at).map(|(key, _)| key.clone()) else {
                    break;
                };
                shared.folder.remove(&file_name(&oldest))?;
                records.remove(&oldest);
            }
            Ok(())
        })
        .await
    }

    /// The state of the newest restore of the backup that has this URI.
    #[must_use]
    pub fn get(&self, backend: &BackendName, id: &BackupId, path: &str) -> Option<RestoreRecord> {
        self.0.lock().get(&(backend.clone(), id.clone(), path.to_owned())).cloned()
    }

    /// The state of one run, as long as it is the newest of its backup.
    #[must_use]
    pub fn of_attempt(&self, attempt: AttemptId) -> Option<RestoreRecord> {
        self.0.lock().values().find(|record| record.attempt == attempt).cloned()
    }

    /// All of a backend, oldest first.
    #[must_use]
    pub fn of(&self, backend: &BackendName) -> Vec<RestoreRecord> {
        let mut found: Vec<_> =
            self.0.lock().values().filter(|record| record.backend == *backend).cloned().collect();
        found.sort_by_key(|record| record.started_at);
        found
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, RestoreRecord>> {
        // Each entry is replaced as a whole, after its file.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(record: &RestoreRecord) -> Key {
    (record.backend.clone(), record.id.clone(), record.path.clone())
}

/// Neither name can hold a dot, so no two keys share a file.
fn file_name((backend, id, path): &Key) -> String {
    let place = blake3::hash(path.as_bytes()).to_hex();
    format!("{backend}.{id}.{}.json", &place[..16])
}
