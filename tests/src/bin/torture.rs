//! What takes minutes or needs root: processes killed in great numbers and at every system call, and full disks.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use siltstone_tests::crash::{Arena, Moment, Outcome};
use siltstone_tests::disk_full;
use siltstone_tests::load::{self, Size};

#[derive(Parser)]
#[command(
    about = "Tortures backup and restore, and checks after each round that nothing is lost, mixed or left over."
)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Kills a backup or a restore at random moments.
    Crash {
        /// How many times.
        #[arg(long, default_value_t = 60)]
        rounds: u32,
        /// Seed of the moments; printed, so that a failure can be repeated.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Kills a backup and a restore at each n-th system call that changes the disk. Needs strace.
    Sweep {
        /// Highest n; a thread that makes fewer calls survives.
        #[arg(long, default_value_t = 24)]
        up_to: u32,
        /// Tries each n that is a multiple of this, plus one.
        #[arg(long, default_value_t = 1)]
        step: u32,
    },
    /// Fills the disk of the backups and that of the database. Needs root.
    DiskFull,
    /// A server with very many collections, tenants and requests, and requests that nobody should send.
    Load,
    /// A little of everything.
    Short,
}

/// System calls after which the disk holds something else.
const CALLS: [&str; 6] = [
    "fsync,fdatasync,syncfs",
    "rename,renameat,renameat2",
    "link,linkat",
    "unlink,unlinkat,rmdir",
    "mkdir,mkdirat",
    "pwrite64,write",
];

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let begun = Instant::now();
    let done = match args.what {
        What::Crash { rounds, seed } => crash(rounds, seed.unwrap_or_else(rand::random)).await,
        What::Sweep { up_to, step } => sweep(up_to, step.max(1)).await,
        What::DiskFull => disks().await,
        What::Load => loaded(FULL).await,
        What::Short => short().await,
    };
    let (text, code) = match done {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(violation) => (format!("FAILED: {violation}"), ExitCode::FAILURE),
    };
    say(&format!("{text} ({:.1} s)", begun.elapsed().as_secs_f64()));
    code
}

fn say(text: &str) {
    // Nobody may be reading; the exit code counts.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn driver() -> Result<PathBuf, String> {
    beside("driver")
}

/// A program that lies beside this one.
fn beside(name: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let program = own.with_file_name(name);
    if program.exists() {
        Ok(program)
    } else {
        Err(format!("{} is missing; build the workspace", program.display()))
    }
}

const FULL: Size = Size {
    collections: 1000,
    tenants: 5000,
    objects: 20,
    polls: 200,
    creates: 50,
    calm: Duration::from_secs(20),
};

const SHORT: Size = Size {
    collections: 60,
    tenants: 150,
    objects: 20,
    polls: 200,
    creates: 50,
    calm: Duration::from_secs(5),
};

async fn loaded(size: Size) -> Result<String, String> {
    let base = tempfile::tempdir().map_err(|e| e.to_string())?;
    load::run(base.path(), &beside("siltstone-db")?, size, say).await
}

async fn short() -> Result<String, String> {
    say(&crash(12, rand::random()).await?);
    say(&sweep(7, 3).await?);
    say(&loaded(SHORT).await?);
    disks().await
}

async fn crash(rounds: u32, seed: u64) -> Result<String, String> {
    say(&format!("crash: {rounds} rounds with seed {seed}"));
    let base = tempfile::tempdir().map_err(|e| e.to_string())?;
    let arena = Arena::new(base.path(), &driver()?, 5 << 20).await?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut counts: BTreeMap<(bool, Outcome), u32> = BTreeMap::new();
    for round in 0..rounds {
        let word = ["UP", "ACCEPTED", "TRANSFERRING", "TRANSFERRING", "TRANSFERRED", "FINALIZING"];
        let word = word[random.random_range(0..word.len())];
        let reached = random.random_range(0..11 << 20);
        let wait = Duration::from_micros(random.random_range(0..40_000));
        let moment = Moment::After(word, if word == "TRANSFERRING" { reached } else { 0 }, wait);
        let restores = round % 2 == 1;
        let outcome = if restores { arena.restore(&moment).await? } else { arena.backup(&moment).await? };
        *counts.entry((restores, outcome)).or_default() += 1;
    }
    Ok(format!("crash: {}", table(&counts)))
}

async fn sweep(up_to: u32, step: u32) -> Result<String, String> {
    let base = tempfile::tempdir().map_err(|e| e.to_string())?;
    let arena = Arena::new(base.path(), &driver()?, 3 << 20).await?;
    let mut counts: BTreeMap<(bool, Outcome), u32> = BTreeMap::new();
    for calls in CALLS {
        for n in (1..=up_to).step_by(step as usize) {
            let moment = Moment::SystemCall(calls, n);
            *counts.entry((false, arena.backup(&moment).await?)).or_default() += 1;
            *counts.entry((true, arena.restore(&moment).await?)).or_default() += 1;
        }
    }
    Ok(format!("sweep: {}", table(&counts)))
}

fn table(counts: &BTreeMap<(bool, Outcome), u32>) -> String {
    let verb = |restores| if restores { "restores" } else { "backups" };
    let row =
        |((restores, outcome), n): (&(bool, Outcome), &u32)| format!("{n} {} {outcome:?}", verb(*restores));
    counts.iter().map(row).collect::<Vec<_>>().join(", ")
}

async fn disks() -> Result<String, String> {
    let base = tempfile::tempdir().map_err(|e| e.to_string())?;
    disk_full::backup(&base.path().join("full-store")).await?;
    disk_full::restore(&base.path().join("full-database")).await?;
    disk_full::writes(&base.path().join("full-writes"))?;
    Ok("disk-full: backups, restores and writes end cleanly and go on with room".to_owned())
}
