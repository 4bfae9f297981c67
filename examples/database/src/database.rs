//! The database: opens the engine and is the handle on everything else.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use siltstone::{Error, ErrorKind, Result};

use crate::catalogue::CatalogueStore;
use crate::engine::folder::{self, DataFolder};
use crate::engine::gate::Gate;
use crate::engine::pool::Pool;
use crate::engine::shard::ShardBudget;
use crate::restore;

/// How many shards are open at a time.
pub const MAX_OPEN_SHARDS: u64 = 64;

/// Open tables of a shard; with all shards open that leaves room below the usual limit of 1024 files.
const OPEN_FILES: usize = 10;

/// How long the lock of the folder may linger: a process that is being killed holds it to its end, and a child that its
/// parent has just forked until it begins its own program.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes a second name of a file; an argument so that a filesystem without hard links can be tried.
pub type LinkFn = fn(&Path, &Path) -> io::Result<()>;

/// The settings of a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder.
    pub data: PathBuf,
    /// Most shards open at a time; default [`MAX_OPEN_SHARDS`].
    pub max_open_shards: u64,
    /// Bytes of block cache for all open shards together; default 256 MiB.
    pub cache: u64,
    /// Bytes of write buffers for all open shards together; default 256 MiB. A shard keeps the share it was created with.
    pub write_buffers: u64,
    /// How files are linked; default [`std::fs::hard_link`].
    pub link: LinkFn,
}

impl Options {
    /// The defaults, for a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            max_open_shards: MAX_OPEN_SHARDS,
            cache: 256 << 20,
            write_buffers: 256 << 20,
            link: |from, to| fs::hard_link(from, to),
        }
    }
}

/// An open database. Clones are handles on the same one; the last of them closes it.
#[derive(Clone)]
pub struct Database {
    pub(crate) engine: Arc<Engine>,
}

pub(crate) struct Engine {
    pub(crate) data: DataFolder,
    pub(crate) gate: Arc<Gate>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) catalogue: Arc<CatalogueStore>,
    pub(crate) budget: ShardBudget,
    pub(crate) link: LinkFn,
    /// Held while a cut is made.
    pub(crate) cut: Mutex<()>,
    /// Held while an install or a change of collections is under way.
    pub(crate) shaping: Mutex<()>,
    _lock: File,
}

impl Database {
    /// Opens a database, creates the folder if it is missing, and finishes or undoes an install that was cut short.
    ///
    /// A write that was acknowledged has reached the operating system: it survives the end of the process by whatever
    /// means. It is synced to the disk when its memtable is flushed, so an outage of power may cost the last writes.
    pub fn open(options: Options) -> Result<Self> {
        let data = DataFolder::new(options.data);
        folder::create(data.root())?;
        let lock = lock_folder(&data)?;
        for folder in [data.shards(), data.restores(), data.trash()] {
            folder::create(&folder)?;
        }
        for entry in read_dir(&data.trash())? {
            folder::remove(&entry)?;
        }
        let gate = Arc::new(Gate::default());
        let catalogue = Arc::new(CatalogueStore::open(data.catalogue(), Arc::clone(&gate))?);
        restore::recover(&data, &catalogue)?;

        let most = options.max_open_shards.max(1);
        let budget = ShardBudget {
            cache: options.cache / most,
            memtable: (options.write_buffers / most / 2).max(32 << 10),
            files: OPEN_FILES,
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let names = Arc::clone(&catalogue);
        let pool = Pool::new(data.clone(), budget, most, Box::new(move |id| names.current().expect_hot(id)));
        Ok(Self {
            engine: Arc::new(Engine {
                data,
                gate,
                pool,
                catalogue,
                budget,
                link: options.link,
                cut: Mutex::new(()),
                shaping: Mutex::new(()),
                _lock: lock,
            }),
        })
    }

    /// How many shards are open now.
    #[must_use]
    pub fn open_shards(&self) -> u64 {
        self.engine.pool.open_count() as u64
    }

    /// Closes all shards and waits until nothing of them runs; for an orderly end.
    pub fn close(self) -> Result<()> {
        self.engine.pool.close_all()
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("data", &self.engine.data).finish_non_exhaustive()
    }
}

fn lock_folder(data: &DataFolder) -> Result<File> {
    let path = data.lock();
    let file = File::create(&path).map_err(|e| Error::io("open database", &path, e))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < until => sleep(PATIENCE / 100),
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "open database",
                    format!("`{}` is in use by another process", data.root().display()),
                ));
            }
            Err(fs::TryLockError::Error(e)) => return Err(Error::io("open database", &path, e)),
        }
    }
}

/// The paths in a folder, sorted.
pub(crate) fn read_dir(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<_>>>())
        .map_err(|e| Error::io("read folder", folder, e))?;
    paths.sort();
    Ok(paths)
}
