//! A small database that is written to all the while.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use siltstone::model::TenantState;
use siltstone_tests::folder_db::{Files, FolderDb};

/// Between two writes.
const PAUSE: Duration = Duration::from_millis(5);

/// Writes, reads back and compares, over and over, until it is stopped.
pub(super) struct Writer {
    written: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(root: &Path) -> Self {
        let db = FolderDb::open(root).unwrap();
        let (written, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (count, end) = (Arc::clone(&written), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for turn in 0_u64.. {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let files: Files = BTreeMap::from([("segment".to_owned(), (vec![turn as u8; 4096], 0o600))]);
                db.drop_collection("C").unwrap();
                db.add("C", None, TenantState::Hot, &files).unwrap();
                assert_eq!(db.content().unwrap()["C"], files);
                count.fetch_add(1, Ordering::Relaxed);
                // Enough to be seen to go on; without a pause it takes a processor and the disk from all other tests.
                std::thread::sleep(PAUSE);
            }
        });
        Self { written, stop, thread: Some(thread) }
    }

    /// Waits until two more writes that began from now on were read back.
    pub(super) fn assert_goes_on(&self) {
        let (before, since) = (self.written.load(Ordering::Relaxed), Instant::now());
        while self.written.load(Ordering::Relaxed) < before + 2 {
            assert!(since.elapsed() < Duration::from_secs(30), "the database does not write any more");
            assert!(self.thread.as_ref().is_some_and(|t| !t.is_finished()), "the database has failed");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}
