//! Runs one thing, a child of our own or a pipeline of other tools, and measures it.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Result;
use crate::child::{Answer, Backend, Verb};

/// Wall time and CPU of all processes of one run, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Wall.
    pub(crate) wall: f64,
    /// In user mode.
    pub(crate) user: f64,
    /// In the kernel.
    pub(crate) sys: f64,
}

/// Measures what runs in child processes that are waited for.
pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Cost)> {
    // What earlier runs left to be written must not be paid by this one.
    rustix::fs::sync();
    let (user, sys) = children()?;
    let begun = Instant::now();
    let done = work()?;
    let wall = begun.elapsed().as_secs_f64();
    let (user_after, sys_after) = children()?;
    Ok((done, Cost { wall, user: user_after - user, sys: sys_after - sys }))
}

/// CPU seconds of the children that were waited for, and of theirs.
fn children() -> Result<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program stands in parentheses and may hold anything.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect::<Vec<_>>());
    let ticks = |number: usize| -> Result<f64> {
        let field = fields.as_ref().and_then(|f| f.get(number - 3)).ok_or("/proc/self/stat is too short")?;
        Ok(field.parse::<f64>()? / rustix::param::clock_ticks_per_second() as f64)
    };
    Ok((ticks(16)?, ticks(17)?))
}

/// Runs programs that feed each other, from `input` to `output` where given.
pub(crate) fn pipeline(stages: &[Vec<OsString>], input: Option<&Path>, output: Option<&Path>) -> Result<()> {
    let mut from = match input {
        Some(path) => Stdio::from(File::open(path)?),
        None => Stdio::null(),
    };
    let mut running = Vec::new();
    for (number, stage) in stages.iter().enumerate() {
        let [program, args @ ..] = stage.as_slice() else { return Err("an empty command".into()) };
        let to = match output {
            _ if number + 1 < stages.len() => Stdio::piped(),
            Some(path) => Stdio::from(File::create(path)?),
            None => Stdio::null(),
        };
        let mut child = Command::new(program).args(args).stdin(from).stdout(to).spawn()?;
        from = child.stdout.take().map_or_else(Stdio::null, Stdio::from);
        running.push((program, child));
    }
    for (program, mut child) in running {
        let status = child.wait()?;
        if !status.success() {
            return Err(format!("{} ended with {status}", program.display()).into());
        }
    }
    Ok(())
}

/// Words of a command.
pub(crate) fn words<const N: usize>(words: [&dyn AsRef<std::ffi::OsStr>; N]) -> Vec<OsString> {
    words.iter().map(|w| w.as_ref().to_owned()).collect()
}

/// Stops when a program is not installed, and names its package.
pub(crate) fn require(programs: &[(&str, &str)]) -> Result<()> {
    for (program, package) in programs {
        let found =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            return Err(format!("`{program}` is missing: apt-get install {package}").into());
        }
    }
    Ok(())
}

/// The folders of a benchmark; removed with all that is in them at the end.
pub(crate) struct Work {
    root: tempfile::TempDir,
}

impl Work {
    /// Below a folder, which is made if missing.
    pub(crate) fn new(parent: &Path) -> Result<Self> {
        std::fs::create_dir_all(parent)?;
        let parent = parent.canonicalize()?;
        Ok(Self { root: tempfile::Builder::new().prefix("siltstone-bench-").tempdir_in(parent)? })
    }

    /// A path below it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Removes what a run made, outside of any measurement.
    pub(crate) fn clear(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => Ok(std::fs::remove_dir_all(path)?),
            Ok(_) => Ok(std::fs::remove_file(path)?),
            Err(_) => Ok(()),
        }
    }
}

/// One backup or restore in a child process.
#[derive(Clone)]
pub(crate) struct Ours<'a> {
    /// Where.
    pub(crate) work: &'a Work,
    /// What.
    pub(crate) verb: Verb,
    /// What is backed up, or made.
    pub(crate) folder: PathBuf,
    /// Name of the store in the work folder.
    pub(crate) store: &'a str,
    /// What storage is reached through.
    pub(crate) backend: Backend,
    /// `CompressionLevel`.
    pub(crate) compression: &'a str,
    /// Threads that compress and hash.
    pub(crate) workers: usize,
}

impl Ours<'_> {
    /// Runs it.
    pub(crate) fn run(&self) -> Result<Answer> {
        let mut command = Command::new(std::env::current_exe()?);
        let verb = match self.verb {
            Verb::Backup => "backup",
            Verb::Restore => "restore",
        };
        let backend = match self.backend {
            Backend::Filesystem => "filesystem",
            Backend::Native => "native",
        };
        command.args(["child", "--verb", verb, "--backend", backend, "--compression", self.compression]);
        command.arg("--folder").arg(&self.folder);
        command.arg("--store").arg(self.work.path(self.store));
        command.arg("--state").arg(self.work.path("state"));
        command.arg("--workers").arg(self.workers.to_string());
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("the {verb} ended with {}", output.status).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
