//! The demonstration: back up a database while it is written to, lose it, bring it back, and compare everything.

mod board;
mod compare;
mod consistency;
mod content;
mod dataset;
mod history;
mod progress;
mod report;
mod scratch;
mod size;
mod stop;
mod words;
mod writers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use siltstone::model::{Compression, Location, State, TenantState};
use siltstone::ops::{BackupRequest, RestoreRequest, Status};
use siltstone::settings::HostSettings;
use siltstone::source::SnapshotSource;
use siltstone::{Error, Host, HostBuilder, Result};
use siltstone_db::{Database, Options};

use board::{Board, Watched};
use compare::{Comparison, Expected};
use dataset::DataSet;
use progress::{Progress, say};
use report::{Figures, Shards, Times};
use scratch::Scratch;
use size::Size;
use stop::Stop;
use writers::{Writers, Written};

/// Back up a live database, lose it, restore it, and compare every object.
///
/// Loads a data set into a database in a scratch folder, makes a backup to another folder while several threads go on
/// writing, deletes the database, restores it into a fresh one and compares every object with what the backup must
/// contain. The scratch folder lies below TMPDIR and is removed at the end.
///
/// The exit code is 0 only if everything matched.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// How much data, in bytes on disk: `300MB`, `1GiB`.
    #[arg(long, default_value = "300MB", value_name = "SIZE")]
    size: Size,
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
    /// Work in this folder, which must be empty or missing, and leave backup and restored database there.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// How the backup is compressed: DefaultCompression, BestSpeed, BestCompression, ZstdDefaultCompression,
    /// ZstdBestSpeed, ZstdBestCompression or NoCompression.
    #[arg(long, default_value = "DefaultCompression", value_name = "NAME", value_parser = compression)]
    compression: Compression,
}

const BACKEND: &str = "filesystem";
const ID: &str = "demo";
/// How long writers are at work before the backup begins.
const WARM_UP: Duration = Duration::from_millis(300);
/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(20);

fn compression(name: &str) -> Result<Compression, String> {
    let known = || Compression::names().collect::<Vec<_>>().join(", ");
    Compression::from_name(name).ok_or_else(|| format!("known are {}", known()))
}

/// Runs it and prints what happened.
pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let stop = Stop::on_signals()?;
    let scratch = Scratch::new(args.keep.as_deref(), args.size.0)?;
    let data = DataSet::of(args.size.0)?;
    let demo = Demo { compression: args.compression, size: args.size.0, data, scratch, stop };
    let figures = demo.run().await?;
    Figures::print(&if args.json { figures.json()? } else { figures.text() })?;
    if args.keep.is_some() {
        say(&format!("the backup is in {}", demo.scratch.backups().display()));
    }
    Ok(if figures.is_verified() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Demo {
    compression: Compression,
    size: u64,
    data: DataSet,
    scratch: Scratch,
    stop: Stop,
}

/// What is left of the lost database.
struct Taken {
    status: Status,
    time: Duration,
    board: Arc<Board>,
    written: Written,
}

impl Demo {
    async fn run(&self) -> Result<Figures> {
        let clock = Instant::now();
        let database = self.load().await?;
        let load = clock.elapsed();
        let taken = self.backup(&database).await?;
        self.lose(database).await?;
        let (restored, restore) = self.restore().await?;
        let clock = Instant::now();
        let (compared, written) = self.compare(restored, &taken.status, &taken.board, taken.written).await?;
        let times = Times { load, backup: taken.time, restore, compare: clock.elapsed() };
        let cold = self.data.shards.iter().filter(|s| s.state == TenantState::Cold).count() as u64;
        let shards = Shards { all: self.data.shards.len() as u64, cold };
        Figures::new(&taken.status, self.compression, times, shards, &written, compared)
    }

    async fn load(&self) -> Result<Database> {
        say(&format!("loading two collections into a new database: {}", self.scratch.data().display()));
        let (folder, data, stop) = (self.scratch.data(), self.data.clone(), self.stop.clone());
        let progress = Progress::new("load", self.size);
        blocking(move || {
            let database = Database::open(Options::new(folder))?;
            data.load(&database, &progress, &stop)?;
            Ok(database)
        })
        .await
    }

    /// Backs up while writers go on.
    async fn backup(&self, database: &Database) -> Result<Taken> {
        let board = Board::new(self.data.shards.len());
        let source = Watched { database: database.clone(), board: Arc::clone(&board) };
        let host = self.host(Arc::new(source), database, &self.scratch.data()).await?;
        let hot = self.data.shards.iter().filter(|s| s.state == TenantState::Hot).cloned().collect();
        let writers = Writers::start(database, &board, hot);
        tokio::time::sleep(WARM_UP).await;
        say(&format!("backing up, with {} threads writing on", writers::WRITERS));
        let mut request = BackupRequest::new(BACKEND, ID);
        request.compression = self.compression;
        board.measures.store(true, Ordering::SeqCst);
        let clock = Instant::now();
        host.backup(request).await?;
        let progress = Progress::new("backup", 0);
        let status = self.follow(&host, Step::Backup, &progress).await?;
        let time = clock.elapsed();
        board.measures.store(false, Ordering::SeqCst);
        drop(progress);
        let written = blocking(move || writers.finish()).await?;
        host.shutdown().await;
        Ok(Taken { status, time, board, written })
    }

    /// Closes the database and deletes it.
    async fn lose(&self, database: Database) -> Result<()> {
        say("deleting the database");
        let folder = self.scratch.data();
        blocking(move || {
            database.close()?;
            std::fs::remove_dir_all(&folder).map_err(|e| Error::io("delete database", &folder, e))
        })
        .await
    }

    /// Restores into a fresh database.
    async fn restore(&self) -> Result<(Database, Duration)> {
        say(&format!("restoring into a fresh database: {}", self.scratch.restored().display()));
        let folder = self.scratch.restored();
        let options = Options::new(&folder);
        let database = blocking(move || Database::open(options)).await?;
        let host = self.host(Arc::new(database.clone()), &database, &folder).await?;
        let clock = Instant::now();
        host.restore(RestoreRequest::new(BACKEND, ID)).await?;
        self.follow(&host, Step::Restore, &Progress::new("restore", 0)).await?;
        let time = clock.elapsed();
        host.shutdown().await;
        Ok((database, time))
    }

    async fn compare(
        &self,
        restored: Database,
        status: &Status,
        board: &Board,
        written: Written,
    ) -> Result<(Comparison, Written)> {
        say("comparing every object with what the backup must contain");
        let missing = || Error::internal("demo", "the backup has no outcome or made no cut");
        let bounds = board.bounds().ok_or_else(missing)?;
        let scope = status.outcome.as_ref().ok_or_else(missing)?.scope;
        let (data, stop) = (self.data.clone(), self.stop.clone());
        let progress = Progress::new("compare", self.size);
        blocking(move || {
            let expected = Expected { data: &data, bounds: &bounds, written: &written, scope };
            let compared = expected.compare(&restored, &progress, &stop)?;
            restored.close()?;
            Ok((compared, written))
        })
        .await
    }

    /// A host over a database, with the folder for backups as its only backend.
    async fn host(&self, source: Arc<dyn SnapshotSource>, target: &Database, data: &Path) -> Result<Host> {
        let mut settings = HostSettings::new("demo")?;
        settings.modules = vec![format!("backup-{BACKEND}")];
        settings.compile_cache = Some(self.scratch.compiled());
        let backups = self.scratch.backups().display().to_string();
        HostBuilder::new(source, Arc::new(target.clone()), data, settings)
            .environment([("BACKUP_FILESYSTEM_PATH".to_owned(), backups)])
            .build()
            .await
    }

    /// Shows the progress of what the host does until it has succeeded.
    async fn follow(&self, host: &Host, step: Step, progress: &Progress) -> Result<Status> {
        let here = Location::default();
        loop {
            let status = match step {
                Step::Backup => host.backup_status(BACKEND, ID, &here).await?,
                Step::Restore => host.restore_status(BACKEND, ID, &here).await?,
            };
            progress.set(status.progress.raw_done, status.progress.raw_total);
            if status.state == State::Success {
                return Ok(status);
            }
            if status.state.is_terminal() {
                let reason = status.error.unwrap_or_else(|| "no reason was given".to_owned());
                return Err(Error::internal("demo", format!("the {} failed: {reason}", step.name())));
            }
            if let Err(stopped) = self.stop.check() {
                host.shutdown().await;
                return Err(stopped);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What the host does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Backup,
    Restore,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("demo", "a step ended unexpectedly").with_source(e))?
}
