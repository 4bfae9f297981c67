//! What happened, for people and for programs.

use std::io::Write;
use std::time::Duration;

use indicatif::HumanBytes;
use serde::Serialize;
use siltstone::model::{Compression, Scope};
use siltstone::ops::Status;
use siltstone::{Error, Result};

use crate::demo::compare::Comparison;
use crate::demo::writers::Written;

/// The figures of a run. Rates are in megabytes (10^6 bytes) of raw data.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figures {
    verified: bool,
    /// Bytes of the segment files that were backed up.
    raw_bytes: u64,
    stored_bytes: u64,
    /// Stored by raw bytes.
    ratio: f64,
    compression: &'static str,
    files: u64,
    shards: u64,
    cold_shards: u64,
    load_seconds: f64,
    seconds: f64,
    mb_per_s: f64,
    scope: Scope,
    /// Longest time that the cut held writers.
    pause_ms: f64,
    /// Longest time that a write took while the backup ran, as the writers saw it.
    max_write_latency_ms: f64,
    /// Operations that were acknowledged while the backup ran.
    writes_during_backup: u64,
    /// Operations of the writers that the backup holds.
    writes_in_backup: u64,
    restore_seconds: f64,
    restore_mb_per_s: f64,
    compare_seconds: f64,
    /// Objects that the backup must contain.
    objects: u64,
    /// Objects that came back and are equal.
    objects_compared: u64,
    /// Most memory that the whole process ever had, database and writers included; absent where the system does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory_bytes: Option<u64>,
    /// What does not match; empty when verified.
    problems: Vec<String>,
}

/// How long the steps took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) load: Duration,
    pub(super) backup: Duration,
    pub(super) restore: Duration,
    pub(super) compare: Duration,
}

/// How many shards there were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shards {
    pub(super) all: u64,
    pub(super) cold: u64,
}

impl Figures {
    /// Of a run that came to its end.
    pub(super) fn new(
        backup: &Status,
        compression: Compression,
        times: Times,
        shards: Shards,
        written: &Written,
        compared: Comparison,
    ) -> Result<Self> {
        let outcome = backup
            .outcome
            .as_ref()
            .ok_or_else(|| Error::internal("demo", "the status of the backup has no outcome"))?;
        let raw = backup.raw_bytes;
        let rate = |time: Duration| raw as f64 / 1e6 / time.as_secs_f64().max(1e-3);
        Ok(Self {
            verified: compared.problems.is_empty()
                && compared.equal == compared.objects
                && compared.objects > 0,
            raw_bytes: raw,
            stored_bytes: outcome.stored_bytes,
            ratio: outcome.stored_bytes as f64 / raw.max(1) as f64,
            compression: compression.name(),
            files: outcome.files,
            shards: shards.all,
            cold_shards: shards.cold,
            load_seconds: times.load.as_secs_f64(),
            seconds: times.backup.as_secs_f64(),
            mb_per_s: rate(times.backup),
            scope: outcome.scope,
            pause_ms: outcome.pause_us as f64 / 1e3,
            max_write_latency_ms: written.longest.as_secs_f64() * 1e3,
            writes_during_backup: written.measured,
            writes_in_backup: compared.operations,
            restore_seconds: times.restore.as_secs_f64(),
            restore_mb_per_s: rate(times.restore),
            compare_seconds: times.compare.as_secs_f64(),
            objects: compared.objects,
            objects_compared: compared.equal,
            peak_memory_bytes: peak_memory(),
            problems: compared.problems,
        })
    }

    /// Whether everything matched.
    pub(super) fn is_verified(&self) -> bool {
        self.verified
    }

    /// One JSON object on one line.
    pub(super) fn json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::internal("demo", "cannot encode").with_source(e))
    }

    /// A few lines.
    pub(super) fn text(&self) -> String {
        let scope = match self.scope {
            Scope::Node => "node: one instant for all shards",
            Scope::Collection => "collection: one instant for each collection",
            Scope::Shard => "shard: one instant for each shard",
        };
        let memory = self.peak_memory_bytes.map_or("unknown".to_owned(), |b| HumanBytes(b).to_string());
        let mut lines = vec![
            format!(
                "raw        {} in {} files of {} shards ({} cold)",
                HumanBytes(self.raw_bytes),
                self.files,
                self.shards,
                self.cold_shards
            ),
            format!(
                "stored     {} (ratio {:.3}, {})",
                HumanBytes(self.stored_bytes),
                self.ratio,
                self.compression
            ),
            format!("backup     {:.2} s, {:.0} MB/s", self.seconds, self.mb_per_s),
            format!("scope      {scope}"),
            format!("pause      {:.2} ms at most", self.pause_ms),
            format!(
                "writes     {} during the backup, the slowest took {:.2} ms",
                self.writes_during_backup, self.max_write_latency_ms
            ),
            format!("restore    {:.2} s, {:.0} MB/s", self.restore_seconds, self.restore_mb_per_s),
            format!("memory     {memory} at most, database and writers included"),
        ];
        if self.verified {
            lines.push(format!(
                "verified   all {} objects came back and are equal; each shard ends with a write that it may end with{}",
                self.objects,
                if self.scope == Scope::Node { ", and all of them at one instant" } else { "" }
            ));
        } else {
            lines.push(format!(
                "NOT EQUAL  {} of {} objects came back and are equal",
                self.objects_compared, self.objects
            ));
            lines.extend(self.problems.iter().map(|p| format!("           {p}")));
        }
        lines.join("\n")
    }

    /// Says it on standard output.
    pub(super) fn print(text: &str) -> Result<()> {
        writeln!(std::io::stdout(), "{text}").map_err(|e| Error::io("print", "standard output", e))
    }
}

/// `VmHWM` of this process.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
