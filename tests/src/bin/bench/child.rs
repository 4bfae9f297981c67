//! One backup or restore in a process of its own, so that its time, CPU and memory are its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use siltstone::model::{CollectionName, Compression, Location, State};
use siltstone::ops::{BackupRequest, CPU_PERCENTAGES, RestoreRequest, Status};
use siltstone::settings::HostSettings;
use siltstone::source::directory::{DirectorySource, DirectoryTarget};
use siltstone::{Host, HostBuilder};

use crate::Result;
use crate::native::Native;
use crate::report::print;

/// What to do.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    pub(crate) verb: Verb,
    /// The folder to back up, or the one to make.
    #[arg(long)]
    pub(crate) folder: PathBuf,
    /// Where backups lie.
    #[arg(long)]
    pub(crate) store: PathBuf,
    /// The host's own folder.
    #[arg(long)]
    pub(crate) state: PathBuf,
    #[arg(long)]
    pub(crate) backend: Backend,
    /// `CompressionLevel` of a backup.
    #[arg(long, default_value = "DefaultCompression")]
    pub(crate) compression: String,
    /// Threads that compress and hash.
    #[arg(long, default_value_t = 2)]
    pub(crate) workers: usize,
    #[arg(long, default_value = "bench")]
    pub(crate) id: String,
}

/// What to do.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Verb {
    /// Back up.
    Backup,
    /// Restore.
    Restore,
}

/// What storage is reached through.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Backend {
    /// The component.
    Filesystem,
    /// The same in this process.
    Native,
}

impl Backend {
    fn name(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Native => "native",
        }
    }
}

/// What it answers, as one line of JSON.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Answer {
    /// Seconds of the operation alone, without the start of the process.
    pub(crate) seconds: f64,
    /// Raw bytes.
    pub(crate) raw: u64,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(work(args))?;
    print(&(serde_json::to_string(&answer)? + "\n"))
}

async fn work(args: &Args) -> Result<Answer> {
    let host = host(args).await?;
    let begun = Instant::now();
    let ended = match args.verb {
        Verb::Backup => backup(&host, args).await?,
        Verb::Restore => restore(&host, args).await?,
    };
    let seconds = begun.elapsed().as_secs_f64();
    if ended.state != State::Success {
        let why = ended.error.unwrap_or_default();
        return Err(format!("{} ended as {}: {why}", ended.id, ended.state.as_str()).into());
    }
    host.shutdown().await;
    let raw = ended.raw_bytes.max(ended.progress.raw_done);
    Ok(Answer { seconds, raw })
}

async fn host(args: &Args) -> Result<Host> {
    let mut settings = HostSettings::new("bench")?;
    settings.cores = cores(args.workers);
    // A client that could cancel has no part in this.
    settings.publish_after = Duration::ZERO;
    // Made by the host, for its user alone; one that others may enter would not be used.
    settings.compile_cache = Some(args.state.with_file_name("compiled"));
    let nothing = beside(&args.state, "nothing")?;
    let (from, to) = match args.verb {
        Verb::Backup => (&args.folder, &nothing),
        Verb::Restore => (&nothing, &args.folder),
    };
    let source = Arc::new(DirectorySource::new(from, CollectionName::new("Bench")?));
    let target = Arc::new(DirectoryTarget::new(to));
    if let Backend::Filesystem = args.backend {
        settings.modules = vec!["backup-filesystem".to_owned()];
    }
    let mut builder = HostBuilder::new(source, target, &args.state, settings);
    let store = args.store.to_str().ok_or("the store's path is not UTF-8")?;
    builder = match args.backend {
        Backend::Filesystem => builder.environment([("BACKUP_FILESYSTEM_PATH".to_owned(), store.to_owned())]),
        Backend::Native => builder.storage("native", Arc::new(Native::new(&args.store)?)),
    };
    Ok(builder.build().await?)
}

/// The fewest cores of which the largest share that a request can have is that many threads.
fn cores(workers: usize) -> usize {
    (1..).find(|cores| (cores * usize::from(*CPU_PERCENTAGES.end()) + 50) / 100 >= workers).unwrap_or(1)
}

/// A folder beside another one, made if missing.
fn beside(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.with_file_name(name);
    std::fs::create_dir_all(&path)?;
    Ok(path)
}

async fn backup(host: &Host, args: &Args) -> Result<Status> {
    let (backend, id) = (args.backend.name(), args.id.as_str());
    let mut request = BackupRequest::new(backend, id);
    request.compression = Compression::from_name(&args.compression).ok_or("no such compression")?;
    request.cpu_percentage = *CPU_PERCENTAGES.end();
    host.backup(request).await?;
    Ok(host.wait_backup(backend, id, &Location::default()).await?)
}

async fn restore(host: &Host, args: &Args) -> Result<Status> {
    let (backend, id) = (args.backend.name(), args.id.as_str());
    let mut request = RestoreRequest::new(backend, id);
    request.cpu_percentage = *CPU_PERCENTAGES.end();
    host.restore(request).await?;
    Ok(host.wait_restore(backend, id, &Location::default()).await?)
}
