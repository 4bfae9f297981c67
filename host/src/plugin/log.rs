//! What a plugin writes to the log or to its standard streams: bounded, redacted, rate-limited lines.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::redact::Redactor;
use super::text;

/// Bytes of a line; the contract's bound.
const MAX_LINE: usize = 4096;
/// Bytes of an unfinished line. More than a line may show, so that a secret is seen whole before the line is cut.
const MAX_OPEN: usize = (16 << 10) + 4;
/// Lines of a standard stream that are kept for the text of a fault.
const LAST_LINES: usize = 4;
/// Bytes of each of them.
const MAX_LAST: usize = 512;
/// Seconds' worth of lines that may come at once.
const BURST: f64 = 4.0;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
}

/// The log of one location.
#[derive(Debug)]
pub(crate) struct Log {
    plugin: String,
    redactor: Arc<Redactor>,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    per_second: f64,
    tokens: f64,
    at: Instant,
    dropped: u64,
}

impl Log {
    pub(crate) fn new(plugin: &str, redactor: Arc<Redactor>, lines_per_second: u32) -> Self {
        let per_second = f64::from(lines_per_second);
        let bucket = Bucket { per_second, tokens: per_second * BURST, at: Instant::now(), dropped: 0 };
        Self { plugin: plugin.to_owned(), redactor, bucket: Mutex::new(bucket) }
    }

    /// Writes a line and answers true, or counts it as dropped.
    pub(crate) fn write(&self, level: Level, line: &str) -> bool {
        let Some(dropped) = lock(&self.bucket).take(Instant::now()) else { return false };
        let plugin = self.plugin.as_str();
        if dropped > 0 {
            tracing::warn!(plugin, dropped, "log lines of the plugin were dropped: it wrote too many");
        }
        let line = self.shown(line);
        match level {
            Level::Debug => tracing::debug!(plugin, "{line}"),
            Level::Info => tracing::info!(plugin, "{line}"),
            Level::Warn => tracing::warn!(plugin, "{line}"),
        }
        true
    }

    /// The line as it may be seen.
    pub(crate) fn shown(&self, line: &str) -> String {
        text::one_line(&self.redactor.clean(line), MAX_LINE)
    }
}

impl Bucket {
    /// The number of lines dropped before this one, or nothing when this one is dropped.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let grown = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + grown).min(self.per_second * BURST);
        self.at = now;
        if self.tokens < 1.0 {
            self.dropped += 1;
            return None;
        }
        self.tokens -= 1.0;
        Some(std::mem::take(&mut self.dropped))
    }
}

/// One standard stream of an instance. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct LogPipe {
    log: Arc<Log>,
    level: Level,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Debug, Default)]
struct Lines {
    open: Vec<u8>,
    last: VecDeque<String>,
}

impl LogPipe {
    pub(crate) fn new(log: Arc<Log>, level: Level) -> Self {
        Self { log, level, lines: Arc::default() }
    }

    /// Forgets the lines of the call before.
    pub(crate) fn begin(&self) {
        *lock(&self.lines) = Lines::default();
    }

    /// The last lines that were written, as they may be seen, on one line.
    pub(crate) fn last_words(&self) -> Option<String> {
        let mut lines = lock(&self.lines);
        self.end_line(&mut lines);
        (!lines.last.is_empty())
            .then(|| lines.last.iter().map(String::as_str).collect::<Vec<_>>().join(" / "))
    }

    fn take(&self, bytes: &[u8]) {
        let mut lines = lock(&self.lines);
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let room = MAX_OPEN.saturating_sub(lines.open.len());
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            lines.open.extend_from_slice(&text[..text.len().min(room)]);
            if part.ends_with(b"\n") {
                self.end_line(&mut lines);
            }
        }
    }

    fn end_line(&self, lines: &mut Lines) {
        let line = std::mem::take(&mut lines.open);
        let line = String::from_utf8_lossy(&line);
        if line.trim().is_empty() || !self.log.write(self.level, &line) {
            return;
        }
        if lines.last.len() == LAST_LINES {
            lines.last.pop_front();
        }
        lines.last.push_back(text::cut(&self.log.shown(&line), MAX_LAST).to_owned());
    }
}

impl IsTerminal for LogPipe {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogPipe {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only guests of WASI 0.1 and 0.3 ask for this one, and neither is linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for LogPipe {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for LogPipe {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Lines and tokens are plain values; a panic between two changes cannot make them unusable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn log() -> Arc<Log> {
        let secret = ("TOKEN".to_owned(), "hunter2".to_owned());
        Arc::new(Log::new("p", Arc::new(Redactor::new([secret])), 10))
    }

    #[test]
    fn lines_are_redacted_escaped_and_cut() {
        let shown = log().shown(&format!("hunter2\u{7}{}", "x".repeat(10_000)));
        assert!(shown.starts_with("[redacted TOKEN]\\u{7}xx"), "{shown}");
        assert!(shown.len() <= MAX_LINE + 16, "{}", shown.len());
    }

    #[test]
    fn a_flood_is_dropped_and_counted_and_the_rate_recovers() {
        let now = Instant::now();
        let mut bucket = Bucket { per_second: 10.0, tokens: 40.0, at: now, dropped: 0 };
        let passed = (0..1000).filter(|_| bucket.take(now).is_some()).count();
        assert_eq!(passed, 40);
        assert_eq!(bucket.take(now + Duration::from_secs(1)), Some(960));
        assert_eq!(bucket.take(now + Duration::from_secs(1)), Some(0));
    }

    #[test]
    fn a_pipe_remembers_its_last_lines_and_never_more_than_a_few() {
        let pipe = LogPipe::new(log(), Level::Debug);
        pipe.take(b"first\nsec");
        pipe.take(b"ond hunter2\n\nopen");
        assert_eq!(pipe.last_words().as_deref(), Some("first / second [redacted TOKEN] / open"));
        for _ in 0..10 {
            pipe.take(&vec![b'x'; 1 << 20]);
            assert!(lock(&pipe.lines).open.len() <= MAX_OPEN);
            pipe.take(b"\n");
        }
        assert_eq!(lock(&pipe.lines).last.len(), LAST_LINES);
        assert!(pipe.last_words().unwrap().len() <= LAST_LINES * (MAX_LAST + 3));
        pipe.begin();
        assert_eq!(pipe.last_words(), None);
    }
}
