//! The state of the machine, without which a figure means nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Result;

/// The state of the machine.
#[derive(Serialize)]
pub(crate) struct Machine {
    cores: usize,
    cpu: String,
    memory_mib: u64,
    available_mib: u64,
    kernel: String,
    /// Load of the last minute when the benchmark began.
    load: f64,
    /// Type of the filesystem of the work folder.
    filesystem: String,
    profile: &'static str,
}

impl Machine {
    /// Looks; `work` is the folder that runs write to.
    pub(crate) fn look(work: &Path) -> Result<Self> {
        let meminfo = std::fs::read_to_string("/proc/meminfo")?;
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or("unknown");
        let load = std::fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            cpu: model.trim_start_matches(['\t', ' ', ':']).to_owned(),
            memory_mib: field(&meminfo, "MemTotal:").unwrap_or_default() >> 20,
            available_mib: field(&meminfo, "MemAvailable:").unwrap_or_default() >> 20,
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load: load.split(' ').next().unwrap_or_default().parse()?,
            filesystem: filesystem(&work.canonicalize()?)?,
            profile: if cfg!(debug_assertions) { "debug: figures say nothing" } else { "release" },
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} x {}, {} MiB memory ({} available), Linux {}, load {}, {}, {} build",
            self.cores,
            self.cpu,
            self.memory_mib,
            self.available_mib,
            self.kernel,
            self.load,
            self.filesystem,
            self.profile
        )
    }
}

/// A field of `/proc/meminfo` or `/proc/self/status`, in bytes.
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|l| l.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The type of the innermost mount that holds a folder.
fn filesystem(folder: &Path) -> Result<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let found = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (_, at, kind) = (words.next()?, PathBuf::from(words.next()?), words.next()?);
            folder.starts_with(&at).then(|| (at.as_os_str().len(), kind.to_owned()))
        })
        .max_by_key(|(len, _)| *len);
    Ok(found.map_or_else(|| "unknown".to_owned(), |(_, kind)| kind))
}
