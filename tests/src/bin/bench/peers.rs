//! Backup and restore against the tools that people would use instead.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::child::{Backend, Verb};
use crate::data::{Locked, bytes};
use crate::machine::Machine;
use crate::measure::{Goals, Side, compare};
use crate::report::{Goal, Report};
use crate::run::{Ours, Work, pipeline, require, words};

/// Alternating pairs against named peers on the same data.
///
/// Backups go through the filesystem component into a local folder and are synced; the tar pipelines are not synced,
/// `cp` is followed by `sync`, and restores of ours are synced. Both sides have two threads.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder to back up; its files are locked in memory.
    #[arg(long)]
    data: PathBuf,
    /// Pairs of runs after the warm-up.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Where runs write; needs room for three times the data.
    #[arg(long, default_value = "/var/tmp/siltstone-bench")]
    work: PathBuf,
    /// Only these: gzip, fast, zstd, none, restore.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// A backup against a peer.
struct Case {
    short: &'static str,
    name: &'static str,
    compression: &'static str,
    /// The filter behind tar; none stands for `cp -r` and `sync`.
    filter: Option<[&'static str; 3]>,
    wall: f64,
    bytes: Option<f64>,
}

const CASES: [Case; 4] = [
    Case {
        short: "gzip",
        name: "gzip default / tar | pigz -6 -p2",
        compression: "DefaultCompression",
        filter: Some(["pigz", "-6", "-p2"]),
        wall: 0.45,
        bytes: Some(1.0),
    },
    Case {
        short: "fast",
        name: "gzip BestSpeed / tar | pigz -1 -p2",
        compression: "BestSpeed",
        filter: Some(["pigz", "-1", "-p2"]),
        wall: 0.50,
        bytes: Some(0.98),
    },
    Case {
        short: "zstd",
        name: "zstd default / tar | zstd -3 -T2",
        compression: "ZstdDefaultCompression",
        filter: Some(["zstd", "-3", "-T2"]),
        wall: 0.95,
        bytes: Some(1.015),
    },
    Case {
        short: "none",
        name: "NoCompression / cp -r, sync",
        compression: "NoCompression",
        filter: None,
        wall: 2.0,
        bytes: None,
    },
];

/// Threads on both sides.
const WORKERS: usize = 2;

/// Runs them.
pub(crate) fn run(args: &Args) -> Result<Report> {
    require(&[
        ("tar", "tar"),
        ("pigz", "pigz"),
        ("zstd", "zstd"),
        ("cp", "coreutils"),
        ("diff", "diffutils"),
    ])?;
    let data = args.data.canonicalize()?;
    let work = Work::new(&args.work)?;
    let machine = Machine::look(&work.path(""))?;
    let _locked = Locked::folder(&data)?;
    let wanted = |short: &str| args.only.is_empty() || args.only.iter().any(|o| o == short);
    let mut rows = Vec::new();
    for case in CASES.iter().filter(|c| wanted(c.short)) {
        let goals = Goals { wall: Some(Goal::AtMost(case.wall)), bytes: case.bytes.map(Goal::AtMost) };
        let mut ours = backup(&work, &data, case.compression);
        let mut theirs = match case.filter {
            Some(filter) => archive(&work, &data, filter),
            None => copy(&work, &data),
        };
        rows.push(compare(case.name, args.pairs, &mut ours, &mut theirs, goals)?);
    }
    if wanted("restore") {
        rows.push(restore(&work, &data, args.pairs)?);
    }
    Ok(Report::new("peers", machine, rows))
}

fn ours<'a>(work: &'a Work, verb: Verb, folder: &Path, compression: &'a str) -> Ours<'a> {
    Ours {
        work,
        verb,
        folder: folder.to_path_buf(),
        store: "store",
        backend: Backend::Filesystem,
        compression,
        workers: WORKERS,
    }
}

fn backup<'a>(work: &'a Work, data: &Path, compression: &'a str) -> Side<'a> {
    let ours = ours(work, Verb::Backup, data, compression);
    Side {
        run: Box::new(move || ours.run().map(drop)),
        after: Box::new(|| {
            let made = bytes(&work.path("store"))?;
            work.clear("store")?;
            Ok(made)
        }),
    }
}

fn archive<'a>(work: &'a Work, data: &Path, filter: [&'static str; 3]) -> Side<'a> {
    let data = data.to_path_buf();
    Side {
        run: Box::new(move || {
            let tar = words([&"tar", &"-cf", &"-", &"-C", &data, &"."]);
            let filter = filter.iter().map(Into::into).collect();
            pipeline(&[tar, filter], None, Some(&work.path("archive")))
        }),
        after: Box::new(|| {
            let made = work.path("archive").metadata()?.len();
            work.clear("archive")?;
            Ok(made)
        }),
    }
}

fn copy<'a>(work: &'a Work, data: &Path) -> Side<'a> {
    let data = data.to_path_buf();
    Side {
        run: Box::new(move || {
            pipeline(&[words([&"cp", &"-r", &data, &work.path("copy")])], None, None)?;
            pipeline(&[words([&"sync"])], None, None)
        }),
        after: Box::new(|| {
            let made = bytes(&work.path("copy"))?;
            work.clear("copy")?;
            Ok(made)
        }),
    }
}

fn restore(work: &Work, data: &Path, pairs: usize) -> Result<crate::report::Row> {
    ours(work, Verb::Backup, data, "DefaultCompression").run()?;
    let tar = words([&"tar", &"-cf", &"-", &"-C", &data, &"."]);
    let archive = work.path("archive");
    pipeline(&[tar, words([&"pigz", &"-6", &"-p2"])], None, Some(&archive))?;
    // What both read is as much in memory as what they read in the other cases.
    let _store = Locked::folder(&work.path("store"))?;
    let ours = ours(work, Verb::Restore, &work.path("restored"), "DefaultCompression");
    let mut compared = false;
    let mut ours = Side {
        run: Box::new(move || ours.run().map(drop)),
        after: Box::new(move || {
            if !std::mem::replace(&mut compared, true) {
                same(data, &work.path("restored"))?;
            }
            let made = bytes(&work.path("restored"))?;
            work.clear("restored")?;
            Ok(made)
        }),
    };
    let mut theirs = Side {
        run: Box::new(|| {
            let new = work.path("extracted");
            std::fs::create_dir(&new)?;
            let stages = [words([&"pigz", &"-dc", &"-p2"]), words([&"tar", &"-xf", &"-", &"-C", &new])];
            pipeline(&stages, Some(&archive), None)
        }),
        after: Box::new(|| {
            let made = bytes(&work.path("extracted"))?;
            work.clear("extracted")?;
            Ok(made)
        }),
    };
    let goals = Goals { wall: Some(Goal::AtMost(0.8)), bytes: None };
    compare("restore of gzip / pigz -dc -p2 | tar -x", pairs, &mut ours, &mut theirs, goals)
}

fn same(a: &Path, b: &Path) -> Result<()> {
    let status = Command::new("diff").arg("-rq").arg(a).arg(b).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err("the restored files are not those that were backed up".into()) }
}
