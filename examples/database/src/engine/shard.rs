//! One shard: a fjall database in a folder of its own, with a keyspace for properties and one for vectors.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fjall::{
    AbstractTree, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Snapshot,
};
use siltstone::model::ShardId;
use siltstone::{Error, ErrorKind, Result};

use crate::database::read_dir;
use crate::engine::folder;

/// The file that stands for a shard that nothing was ever written to.
pub(crate) const EMPTY: &str = "EMPTY";
/// The file that fjall locks while a database is open.
pub(crate) const LOCK: &str = "lock";
/// The file without which fjall takes a folder for a new database.
pub(crate) const VERSION: &str = "version";
/// How long a closed database may take to let go of its files.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);
/// How long a child that was forked while the lock was open may keep it, until it begins its own program.
const OPEN_LIMIT: Duration = Duration::from_secs(1);
/// Batches wait outside the write gate at this many sealed memtables; fjall itself would hold them inside at four.
const SEALED_LIMIT: usize = 3;
/// The same for runs in the first level; fjall would hold them inside at twenty.
const RUN_LIMIT: usize = 18;

/// What one open shard may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShardBudget {
    /// Bytes of block cache.
    pub(crate) cache: u64,
    /// Bytes of a memtable, of which there are two; stored with a shard when it is created.
    pub(crate) memtable: u64,
    /// Open files.
    pub(crate) files: usize,
}

/// An open shard.
pub(crate) struct Shard {
    pub(crate) id: Arc<ShardId>,
    pub(crate) folder: PathBuf,
    pub(crate) objects: Keyspace,
    pub(crate) vectors: Keyspace,
    /// Held from looking whether an object exists until it is written.
    pub(crate) write: Mutex<()>,
    /// Whether the engine has refused a write, after which it takes none until it is opened again.
    stopped: AtomicBool,
    database: Database,
}

impl Shard {
    /// Opens a shard, creates it if its folder says that it was never written to.
    pub(crate) fn open(id: Arc<ShardId>, folder: &Path, budget: ShardBudget) -> Result<Self> {
        if !folder.join(VERSION).exists() {
            Self::create(folder, budget)?;
        }
        let database = open_database(folder, budget)?;
        let (objects, vectors) =
            (keyspace(&database, folder, OBJECTS)?, keyspace(&database, folder, VECTORS)?);
        let (folder, write, stopped) = (folder.to_owned(), Mutex::new(()), AtomicBool::new(false));
        Ok(Self { id, folder, objects, vectors, write, stopped, database })
    }

    /// Creates a shard beside its place and moves it there, so that a crash never leaves half of one.
    fn create(folder: &Path, budget: ShardBudget) -> Result<()> {
        expect_unwritten("open shard", folder)?;
        // A folder can be moved over an empty one only.
        let empty = folder.join(EMPTY);
        if empty.exists() {
            fs::remove_file(&empty).map_err(|e| Error::io("create shard", &empty, e))?;
        }
        let parent = folder.parent().unwrap_or(folder);
        let mut new = folder.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        folder::remove(&new)?;
        let database = open_database(&new, budget)?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(budget.memtable);
        for name in [OBJECTS, VECTORS] {
            database.keyspace(name, options).map_err(|e| engine("create shard", folder, e))?;
        }
        drop(database);
        wait_unlocked(&new)?;
        fs::rename(&new, folder).map_err(|e| Error::io("create shard", folder, e))?;
        folder::sync(parent)
    }

    /// Whether the engine takes no more writes, say because the disk was full; a new start of it might.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// An error of a write, after which the engine takes no other.
    pub(crate) fn stop(&self, operation: &'static str, error: fjall::Error) -> Error {
        self.stopped.store(true, Ordering::Relaxed);
        if matches!(error, fjall::Error::Poisoned) {
            let message = format!(
                "the engine of shard `{}` has stopped after an error in the background, such as a full disk; \
                 the next request opens it again",
                self.id
            );
            return Error::new(ErrorKind::Internal, operation, message).with_source(error);
        }
        engine(operation, &self.folder, error).with("shard", &self.id)
    }

    /// An atomic batch over both keyspaces; written to the operating system before it is acknowledged.
    pub(crate) fn batch(&self) -> OwnedWriteBatch {
        self.database.batch()
    }

    /// One instant for several reads.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.database.snapshot()
    }

    /// Waits until a batch will not be held back by compaction; called outside the write gate. An error if the engine has
    /// stopped, in which case it would wait for ever.
    pub(crate) fn wait_for_room(&self) -> Result<()> {
        let is_full =
            |k: &Keyspace| k.sealed_memtable_count() >= SEALED_LIMIT || k.tree.l0_run_count() >= RUN_LIMIT;
        while is_full(&self.objects) || is_full(&self.vectors) {
            self.database.persist(PersistMode::Buffer).map_err(|e| self.stop("write", e))?;
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// The number that the next batch will have; all that a cut reads under the write gate.
    pub(crate) fn next_seqno(&self) -> u64 {
        self.database.seqno()
    }

    /// Flushes what is in memory now, at most for this long. Polls, so it has no place under the write gate. An error if
    /// the engine has stopped; what was acknowledged is in the journal all the same.
    pub(crate) fn flush(&self, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit;
        for keyspace in [&self.objects, &self.vectors] {
            let upto = keyspace.tree.get_highest_memtable_seqno();
            keyspace.rotate_memtable().map_err(|e| self.stop("flush", e))?;
            while keyspace.tree.get_highest_persisted_seqno() < upto && Instant::now() < until {
                // Notices an engine that has stopped and will never flush.
                self.database.persist(PersistMode::Buffer).map_err(|e| self.stop("flush", e))?;
                sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }

    /// Closes the shard and waits until nothing of it runs any more.
    pub(crate) fn close(self) -> Result<()> {
        let folder = self.folder.clone();
        drop(self);
        wait_unlocked(&folder)
    }
}

const OBJECTS: &str = "objects";
const VECTORS: &str = "vectors";

fn open_database(folder: &Path, budget: ShardBudget) -> Result<Database> {
    let until = Instant::now() + OPEN_LIMIT;
    loop {
        let opened = Database::builder(folder)
            .cache_size(budget.cache)
            .max_cached_files(Some(budget.files))
            .worker_threads(1)
            .open();
        match opened {
            Err(fjall::Error::Locked) if Instant::now() < until => sleep(Duration::from_millis(5)),
            opened => return opened.map_err(|e| engine("open shard", folder, e)),
        }
    }
}

/// A keyspace that exists; fjall would silently create a missing one.
fn keyspace(database: &Database, folder: &Path, name: &str) -> Result<Keyspace> {
    if !database.keyspace_exists(name) {
        return Err(Error::corrupt("open shard", format!("keyspace `{name}` is missing"))
            .with("folder", folder.display()));
    }
    database.keyspace(name, KeyspaceCreateOptions::default).map_err(|e| engine("open shard", folder, e))
}

/// An error of fjall.
pub(crate) fn engine(operation: &'static str, path: &Path, error: fjall::Error) -> Error {
    let kind = match &error {
        fjall::Error::Io(e) if e.kind() == std::io::ErrorKind::StorageFull => ErrorKind::Exhausted,
        fjall::Error::Io(_) | fjall::Error::Poisoned => ErrorKind::Internal,
        fjall::Error::Locked => ErrorKind::Conflict,
        fjall::Error::InvalidVersion(_) => ErrorKind::Unsupported,
        _ => ErrorKind::Corrupt,
    };
    Error::new(kind, operation, format!("engine failed at `{}`", path.display())).with_source(error)
}

/// Makes the folder of a shard that nothing was written to yet; the folder above it is the caller's to sync.
pub(crate) fn reserve(folder: &Path) -> Result<()> {
    if let Some(parent) = folder.parent() {
        folder::create(parent)?;
    }
    fs::create_dir(folder).map_err(|e| Error::io("create shard", folder, e))
}

/// Refuses the folder of a shard without a database unless it is what [`reserve`] or a restore of an unwritten shard
/// leaves. One that is missing has been lost: every shard of the catalogue has a folder.
pub(crate) fn expect_unwritten(operation: &'static str, folder: &Path) -> Result<()> {
    let lost = |what: &str| {
        let message = format!("`{}` {what}: restore it from a backup", folder.display());
        Err(Error::corrupt(operation, message))
    };
    if !folder.exists() {
        return lost("is missing");
    }
    let is_unwritten = read_dir(folder)?.iter().all(|path| path.ends_with(EMPTY));
    if is_unwritten { Ok(()) } else { lost("has no `version` file") }
}

/// Whether a folder holds a journal. Without one fjall opens a database with tables as an empty one.
pub(crate) fn has_journal(folder: &Path) -> Result<bool> {
    let entries = fs::read_dir(folder).map_err(|e| Error::io("read folder", folder, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("read folder", folder, e))?;
        if entry.path().extension().is_some_and(|e| e == "jnl") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until the lock of a closed database is free: the last of its workers has let go of it then.
fn wait_unlocked(folder: &Path) -> Result<()> {
    let path = folder.join(LOCK);
    let file = File::open(&path).map_err(|e| Error::io("close shard", &path, e))?;
    let until = Instant::now() + CLOSE_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < until => {
                sleep(Duration::from_micros(200));
            }
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    "close shard",
                    format!("`{}` is still in use", folder.display()),
                ));
            }
            Err(fs::TryLockError::Error(e)) => return Err(Error::io("close shard", &path, e)),
        }
    }
}
