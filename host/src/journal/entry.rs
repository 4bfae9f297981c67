//! One operation in the journal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::folder::Folder;
use super::record::{OpenUpload, Phase, Record, Wish};
use super::{Shared, envelope};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, ObjectKey};
use crate::storage::UploadId;

/// A recorded operation. Clones share it; dropping it leaves the record, for the next start to find.
///
/// A change is durable when its method answers. A change that fails, or whose future is dropped, may have been made; the
/// file then holds the record of before or after it, and a later change builds on what the file holds.
#[derive(Clone, Debug)]
pub struct Entry {
    journal: Arc<Shared>,
    attempt: AttemptId,
    /// As the file holds it; `None` when the entry has been finished.
    record: Arc<Mutex<Option<Record>>>,
}

impl Entry {
    pub(super) fn new(journal: Arc<Shared>, record: Record) -> Self {
        Self { journal, attempt: record.attempt, record: Arc::new(Mutex::new(Some(record))) }
    }

    pub(super) async fn create(journal: Arc<Shared>, record: Record) -> Result<Self> {
        blocking(move || {
            let name = name(record.attempt);
            if journal.operations.path().join(&name).exists() {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    "journal",
                    format!("attempt {} is recorded already", record.attempt),
                ));
            }
            journal.operations.write(&name, &envelope::seal(&record)?)?;
            Ok(Self::new(journal, record))
        })
        .await
    }

    /// The attempt it records.
    #[must_use]
    pub fn attempt(&self) -> AttemptId {
        self.attempt
    }

    /// The record; `None` when it has been finished.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        lock(&self.record).clone()
    }

    /// Records how far the operation is.
    pub async fn set_phase(&self, phase: Phase) -> Result<()> {
        self.change(move |record| record.phase = phase).await
    }

    /// Records that somebody was promised its cancel.
    pub async fn set_wish(&self, wish: Wish) -> Result<()> {
        self.change(move |record| record.wish = wish).await
    }

    /// Records a multipart upload that has been begun.
    pub async fn upload_opened(&self, key: ObjectKey, upload: UploadId) -> Result<()> {
        self.change(move |record| record.uploads.push(OpenUpload { key, upload })).await
    }

    /// Records that an upload was finished or given up.
    pub async fn upload_closed(&self, key: &ObjectKey, upload: &UploadId) -> Result<()> {
        let closed = OpenUpload { key: key.clone(), upload: upload.clone() };
        self.change(move |record| record.uploads.retain(|open| *open != closed)).await
    }

    /// Removes the record: the operation has ended and nothing is left to undo. Doing it again is fine.
    pub async fn finish(&self) -> Result<()> {
        let this = self.clone();
        blocking(move || {
            let mut record = lock(&this.record);
            if record.is_some() {
                this.folder().remove(&name(this.attempt))?;
                *record = None;
            }
            Ok(())
        })
        .await
    }

    /// The change runs to its end even when the caller is gone, so memory and file never differ for long.
    async fn change(&self, change: impl FnOnce(&mut Record) + Send + 'static) -> Result<()> {
        let this = self.clone();
        blocking(move || {
            let mut record = lock(&this.record);
            let mut next = record.clone().ok_or_else(|| {
                Error::internal("journal", format!("attempt {} has been finished", this.attempt))
            })?;
            change(&mut next);
            this.folder().write(&name(this.attempt), &envelope::seal(&next)?)?;
            *record = Some(next);
            Ok(())
        })
        .await
    }

    fn folder(&self) -> &Folder {
        &self.journal.operations
    }
}

fn name(attempt: AttemptId) -> String {
    format!("{attempt}.json")
}

fn lock(record: &Mutex<Option<Record>>) -> MutexGuard<'_, Option<Record>> {
    // The value is replaced as a whole, after the file.
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs file work where blocking is fine.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("journal", "the runtime ended during a write").with_source(e))?
}
