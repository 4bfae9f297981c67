//! What every operation works with.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::Journal;
use crate::model::{AttemptId, BackendName, BackupId, Clock, Location, ObjectKey, Timestamp};
use crate::ops::BackendInfo;
use crate::ops::listing::delete_where;
use crate::ops::registry::Registry;
use crate::settings::{HostSettings, StartCheck};
use crate::source::{RestoreTarget, SnapshotSource};
use crate::storage::{Preconditions, Storage, TEMPORARY, probe_conditions, probe_write};

/// Age from which a temporary object belongs to nobody.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The first time of a store that can be true, 2000-01-01T00:00:00Z in milliseconds. Whoever tells seconds in their place seems to
/// mean January 1970.
const EARLIEST: u64 = 946_684_800_000;

/// Opens storages by the names that users know.
#[async_trait]
pub(crate) trait Backends: Send + Sync {
    /// The backend of a short or module name; `Invalid` with the name when it is not enabled.
    fn resolve(&self, name: &str) -> Result<BackendName>;
    /// Its storage at a place, with every wrapper round it.
    async fn open(&self, backend: &BackendName, location: &Location) -> Result<Arc<dyn Storage>>;
    /// What is enabled.
    fn list(&self) -> Vec<BackendInfo>;
}

/// What every operation works with.
pub(crate) struct Context {
    /// The host's settings.
    pub(crate) settings: HostSettings,
    /// The database, as a source.
    pub(crate) source: Arc<dyn SnapshotSource>,
    /// The database, as a target.
    pub(crate) target: Arc<dyn RestoreTarget>,
    /// The storages.
    pub(crate) backends: Arc<dyn Backends>,
    /// What this server has begun.
    pub(crate) journal: Journal,
    /// What runs and what ran.
    pub(crate) registry: Registry,
    /// The host's own folder, `<data>/.siltstone`.
    pub(crate) folder: PathBuf,
    /// The host's own runtime.
    pub(crate) runtime: Handle,
    /// What every time that is written down comes from.
    pub(crate) clock: Arc<dyn Clock>,
    /// What was found out about locations.
    pub(crate) proven: Mutex<HashMap<(BackendName, Location), Preconditions>>,
}

impl Context {
    /// The time to write down.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::by(&*self.clock)
    }

    /// An id for an attempt that begins.
    pub(crate) fn new_attempt(&self) -> AttemptId {
        AttemptId::by(&*self.clock)
    }

    /// A storage by the name that the user gave.
    pub(crate) async fn storage(
        &self,
        backend: &str,
        location: &Location,
    ) -> Result<(BackendName, Arc<dyn Storage>)> {
        let name = self.backends.resolve(backend)?;
        let storage = self.backends.open(&name, location).await?;
        Ok((name, storage))
    }

    /// Probes a location before the first create at it: whether it can be written, and which conditions really hold.
    pub(crate) async fn prove(
        &self,
        backend: &BackendName,
        location: &Location,
        storage: &dyn Storage,
        attempt: AttemptId,
    ) -> Result<Preconditions> {
        let address = (backend.clone(), location.clone());
        if let Some(known) = self.known(&address) {
            return Ok(known);
        }
        if self.settings.start_check == StartCheck::Skip {
            return Ok(Preconditions::default());
        }
        if let Some((key, error)) = probe_write(storage, attempt).await?.left_behind {
            tracing::warn!(%key, %error, "the store lets us write and not delete: what a failed backup leaves will stay");
        }
        let proven = probe_conditions(storage, attempt).await?;
        if let Err(error) = sweep_temporary(storage).await {
            tracing::warn!(%error, "old temporary objects of the location were not looked at");
        }
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(address, proven);
        Ok(proven)
    }

    fn known(&self, address: &(BackendName, Location)) -> Option<Preconditions> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).get(address).copied()
    }

    /// What is proven about a location so far; nothing where it was not probed.
    pub(crate) fn proven(&self, backend: &BackendName, location: &Location) -> Preconditions {
        self.known(&(backend.clone(), location.clone())).unwrap_or_default()
    }

    /// Runs something that blocks.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.runtime
            .spawn_blocking(work)
            .await
            .map_err(|e| Error::internal(operation, "a blocking step ended unexpectedly").with_source(e))?
    }

    /// The folder of the staging folders of all cuts.
    pub(crate) fn cuts(&self) -> PathBuf {
        self.folder.join("staging")
    }

    /// The folder into which an attempt's cut links its files.
    pub(crate) fn staging(&self, attempt: AttemptId) -> PathBuf {
        self.cuts().join(attempt.to_string())
    }

    /// A folder for files that matter to this process only.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }
}

/// Removes temporary objects that nobody writes any more, of servers that died and never came back. Objects of living
/// attempts are younger: their parts are written all the time.
async fn sweep_temporary(storage: &dyn Storage) -> Result<()> {
    // By the system's clock: these are times of the store, and a clock of the embedder's that runs ahead must not make the
    // work of others look old.
    let now = Timestamp::now().as_millis().unwrap_or(0);
    let swept = delete_where(storage, TEMPORARY, |object| is_abandoned(object.modified_ms, now)).await?;
    if swept.objects > 0 {
        tracing::info!(objects = swept.objects, "temporary objects older than a day were removed");
    }
    Ok(())
}

/// Whether an object that was last changed then is one that nobody writes any more. A time that cannot be true says nothing, for
/// what is swept may be the upload of a server that lives.
fn is_abandoned(modified_ms: Option<u64>, now: u64) -> bool {
    let old = now.saturating_sub(ABANDONED.as_millis() as u64);
    modified_ms.is_some_and(|at| (EARLIEST..old).contains(&at))
}

/// Removes a folder and all in it; a missing one is fine.
pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io("clean up", folder, e)),
    }
}

/// The plain text of an error for a status: bounded, one line.
pub(crate) fn status_text(error: &Error) -> String {
    let mut text = error.to_string();
    if let Some((cut, _)) = text.char_indices().nth(2000) {
        text.truncate(cut);
        text.push('…');
    }
    if error.is(ErrorKind::Corrupt) && !text.contains("verify") {
        text.push_str("; run `siltstone verify` on the backup");
    }
    text
}

/// Name of the descriptor in a backup that Weaviate itself has made.
const FOREIGN: &str = "backup_config.json";

/// The error for an id under which there is no descriptor of ours: unknown, or made by Weaviate.
pub(crate) async fn no_descriptor(storage: &dyn Storage, id: &BackupId) -> Error {
    let Ok(key) = ObjectKey::new(format!("{id}/{FOREIGN}")) else {
        return unknown_backup(id.as_str(), storage.home());
    };
    match storage.head(&key).await {
        Ok(_) => {
            let text = format!(
                "`{}/{id}` is a backup that Weaviate itself has made: it holds files of another storage engine; restore it \
                 into Weaviate",
                storage.home()
            );
            Error::new(ErrorKind::Unsupported, "read", text)
        }
        // That it is not known here is the answer, whatever else cannot be told.
        Err(_) => unknown_backup(id.as_str(), storage.home()),
    }
}

/// The error for an id that is not at the location.
pub(crate) fn unknown_backup(id: &str, home: &str) -> Error {
    let shown: String = id.chars().take(130).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::NotFound, "read", format!("backup `{shown}` does not exist at {home}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_cannot_be_true_makes_nothing_abandoned() {
        let now = 1_795_000_000_000;
        let day = ABANDONED.as_millis() as u64;
        for (at, is_old) in [
            (None, false),
            (Some(now), false),
            (Some(now - day), false),
            (Some(now - day - 1), true),
            (Some(EARLIEST), true),
            (Some(EARLIEST - 1), false),
            // Seconds, microseconds, and no time at all in the place of milliseconds.
            (Some(now / 1_000), false),
            (Some(now * 1_000), false),
            (Some(0), false),
            (Some(u64::MAX), false),
            (Some(now + 2 * day), false),
        ] {
            assert_eq!(is_abandoned(at, now), is_old, "{at:?}");
        }
        assert!(!is_abandoned(Some(EARLIEST), 0), "a clock that knows no time makes nothing old");
    }
}
