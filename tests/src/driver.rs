//! A process that makes or restores one backup, to be killed by a test; and the test's side of it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use siltstone::model::{Compression, Location, State};
use siltstone::ops::{BackupRequest, RestoreRequest};

use crate::ops_house::{BACKEND, Plan};

/// What the driver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Verb {
    /// Makes a backup.
    Backup,
    /// Restores one.
    Restore,
}

/// Arguments of the driver.
#[derive(Debug, Parser)]
#[command(about = "Makes or restores one backup of a folder database; made to be killed.")]
pub struct Args {
    /// What to do.
    verb: Verb,
    /// Folder with the data of the node and with `backups`.
    #[arg(long)]
    base: PathBuf,
    /// Name of the node.
    #[arg(long)]
    node: String,
    /// Id of the backup.
    #[arg(long)]
    id: String,
    /// Microseconds before every 64 KiB that are read from the database.
    #[arg(long, default_value_t = 0)]
    read_delay: u64,
    /// `CompressionLevel`.
    #[arg(long, default_value = "BestSpeed")]
    compression: String,
}

/// Runs the driver: a line per change of state or progress on standard output, the last one with the terminal state.
pub async fn run(args: Args) -> siltstone::Result<()> {
    let house = Plan::new(&args.base, &args.node)?.start().await?;
    say("UP");
    house.db.hooks.read_delay_us.store(args.read_delay, Ordering::Relaxed);
    let place = Location::default();
    match args.verb {
        Verb::Backup => {
            let mut request = BackupRequest::new(BACKEND, &args.id);
            request.compression = Compression::from_name(&args.compression).unwrap_or_default();
            house.host.backup(request).await?;
        }
        Verb::Restore => {
            house.host.restore(RestoreRequest::new(BACKEND, &args.id)).await?;
        }
    }
    say("ACCEPTED");
    let mut last = String::new();
    loop {
        let status = match args.verb {
            Verb::Backup => house.host.backup_status(BACKEND, &args.id, &place).await?,
            Verb::Restore => house.host.restore_status(BACKEND, &args.id, &place).await?,
        };
        let line = format!("{} {}", status.state.as_str(), status.progress.raw_done);
        if line != last {
            say(&line);
            last = line;
        }
        if status.state.is_terminal() {
            if let Some(error) = status.error.filter(|_| status.state != State::Success) {
                say(&format!("ERROR {error}"));
            }
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn say(line: &str) {
    // Nobody may be listening any more; the driver goes on.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A running driver.
pub struct Driver {
    child: Child,
    lines: Receiver<String>,
    /// All lines so far.
    pub seen: Vec<String>,
}

impl Driver {
    /// Starts a command that runs the driver.
    pub fn spawn(mut command: Command) -> std::io::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn()?;
        let (sender, lines) = channel();
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { child, lines, seen: Vec::new() })
    }

    /// Waits for a line for which `wanted` holds; `None` when the driver ended first or took longer than 30 seconds.
    pub fn wait_for(&mut self, mut wanted: impl FnMut(&str) -> bool) -> Option<String> {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30)).ok()?;
            self.seen.push(line.clone());
            if wanted(&line) {
                return Some(line);
            }
        }
    }

    /// Kills it as a power cut would, as far as a process is concerned.
    pub fn kill(mut self) -> std::io::Result<Vec<String>> {
        self.child.kill()?;
        self.end()
    }

    /// Waits for its end and answers everything that it said.
    pub fn end(mut self) -> std::io::Result<Vec<String>> {
        self.child.wait()?;
        self.seen.extend(self.lines.iter());
        Ok(self.seen)
    }
}

/// The arguments of a driver.
pub fn arguments(verb: Verb, base: &Path, node: &str, id: &str, read_delay: u64) -> Vec<String> {
    let verb = if verb == Verb::Backup { "backup" } else { "restore" };
    [
        verb,
        "--base",
        &base.display().to_string(),
        "--node",
        node,
        "--id",
        id,
        "--read-delay",
        &read_delay.to_string(),
    ]
    .iter()
    .map(ToString::to_string)
    .collect()
}
