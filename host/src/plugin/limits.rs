//! How much a plugin may use before it is stopped, and the memory limiter that holds it to it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::ResourceLimiter;

use super::meter::Vitals;

/// What one instance of a plugin, or one call of it, may use. The defaults suit servers; tests shrink them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Linear memory of an instance in bytes, all memories together. Default 256 MiB.
    pub memory: u64,
    /// Elements of each table of an instance. Default 100 000.
    pub table_elements: u64,
    /// Core instances, memories and tables of an instance, each. Default 64.
    pub items: u32,
    /// Bytes that one call from the guest into the host may carry. Default 16 MiB.
    pub hostcall_bytes: u64,
    /// Host resources (streams, descriptors, requests) that an instance may hold, of all kinds together. Some kinds have
    /// narrower bounds of their own: 16 listings of folders, 8 HTTP messages that are not sent, 64 HTTP responses. Default 1000.
    pub resources: u32,
    /// A call ends when it neither moved payload nor computed for this long. Default 30 s.
    pub stall: Duration,
    /// Files, folders and listings of folders that all instances of a location may have open at once. Default 1024.
    pub open_files: u32,
    /// Requests of all instances of a location that may be under way at once, each until the body of its response has ended or
    /// was dropped; never fewer than `instances`. Default 64.
    pub requests: u32,
    /// Processor time that one call may take. Default 10 s.
    pub cpu: Duration,
    /// Time that every call may take. Default 60 s.
    pub call_base: Duration,
    /// Slowest payload rate, in bytes per second, that adds to `call_base`. Default 256 KiB.
    pub call_rate: u64,
    /// Most instances of one location, whatever the plugin wishes. Default 16.
    pub instances: u32,
    /// Calls after which an instance is replaced. Default 10 000.
    pub calls_per_instance: u32,
    /// Linear memory in bytes from which an instance is replaced after a call. Default 64 MiB.
    pub recycle_memory: u64,
    /// Locations of one plugin that are kept open; the least recently used is dropped. Default 64.
    pub locations: u32,
    /// Log lines per second that a location may write, after a burst of four times as many. Default 50.
    pub log_lines: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            table_elements: 100_000,
            items: 64,
            hostcall_bytes: 16 << 20,
            resources: 1000,
            open_files: 1024,
            requests: 64,
            stall: Duration::from_secs(30),
            cpu: Duration::from_secs(10),
            call_base: Duration::from_secs(60),
            call_rate: 256 << 10,
            instances: 16,
            calls_per_instance: 10_000,
            recycle_memory: 64 << 20,
            locations: 64,
            log_lines: 50,
        }
    }
}

impl Limits {
    /// The requests that a location may have under way: each of its instances has two at least, as one that was given up may end
    /// a moment later than its call.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.max(self.instances.saturating_mul(2))
    }

    /// The time that a call may take that moves this many bytes of payload.
    #[must_use]
    pub fn allowance(&self, payload: u64) -> Duration {
        self.call_base.saturating_add(Duration::from_secs(payload.div_ceil(self.call_rate.max(1))))
    }
}

/// Holds one instance to its memory and notes how much it has and whether it asked for more.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    memory: u64,
    table_elements: u64,
    items: usize,
    used: u64,
    vitals: Arc<Vitals>,
}

impl MemoryLimiter {
    pub(crate) fn new(limits: &Limits, vitals: Arc<Vitals>) -> Self {
        Self {
            memory: limits.memory,
            table_elements: limits.table_elements,
            items: limits.items as usize,
            used: 0,
            vitals,
        }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current) as u64);
        if used > self.memory {
            self.vitals.refuse_memory();
            return Ok(false);
        }
        if maximum.is_some_and(|max| desired > max) {
            return Ok(false);
        }
        self.used = used;
        self.vitals.has_memory(used);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired as u64 <= self.table_elements && maximum.is_none_or(|max| desired <= max))
    }

    fn instances(&self) -> usize {
        self.items
    }

    fn tables(&self) -> usize {
        self.items
    }

    fn memories(&self) -> usize {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_of_an_instance_share_one_limit() {
        let vitals = Arc::<Vitals>::default();
        let limits = Limits { memory: 100, ..Limits::default() };
        let mut limiter = MemoryLimiter::new(&limits, Arc::clone(&vitals));
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!((vitals.memory(), vitals.memory_refused()), (100, false));
        assert!(!limiter.memory_growing(60, 61, None).unwrap());
        assert_eq!((vitals.memory(), vitals.memory_refused()), (100, true));
    }

    #[test]
    fn a_table_grows_to_its_limit_whatever_it_says_itself() {
        let limits = Limits { table_elements: 100, ..Limits::default() };
        let mut limiter = MemoryLimiter::new(&limits, Arc::default());
        assert!(limiter.table_growing(0, 100, None).unwrap());
        assert!(!limiter.table_growing(100, 101, None).unwrap());
        assert!(!limiter.table_growing(0, 11, Some(10)).unwrap());
    }

    #[test]
    fn more_payload_gives_more_time() {
        let limits = Limits::default();
        assert_eq!(limits.allowance(0), Duration::from_secs(60));
        assert_eq!(limits.allowance(16 << 20), Duration::from_secs(60 + 64));
    }
}
