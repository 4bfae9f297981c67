//! The smallest database that is written to while it is backed up: lines, in segments that are sealed and never change again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use siltstone::model::{CollectionName, EngineInfo, RelativePath, Scope, ShardId, TenantState};
use siltstone::source::{
    Budget, CollectionInfo, Cut, CutOutcome, Hold, NamedBlob, SegmentClass, SegmentContent, SegmentFile,
    ShardInfo, SnapshotSource,
};
use siltstone::{Error, Result};

/// The name of the only collection.
const COLLECTION: &str = "notes";

/// A database of notes.
#[derive(Debug)]
pub struct Notes {
    folder: PathBuf,
    segments: Mutex<Segments>,
}

#[derive(Debug)]
struct Segments {
    /// Name and length of those that nobody writes to any more.
    sealed: Vec<(String, u64)>,
    open: File,
    written: u64,
}

impl Notes {
    /// An empty database in a new folder.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        let segments = Segments { sealed: Vec::new(), open: segment(folder, 0)?, written: 0 };
        Ok(Self { folder: folder.to_owned(), segments: Mutex::new(segments) })
    }

    /// Adds a note.
    pub fn add(&self, note: &str) -> Result<()> {
        let mut segments = self.lock();
        let line = format!("{note}\n");
        segments.open.write_all(line.as_bytes()).map_err(|e| Error::io("add", &self.folder, e))?;
        segments.written += line.len() as u64;
        Ok(())
    }

    /// Seals what is being written: the one instant in which writers wait.
    fn seal(&self) -> Result<Vec<(String, u64)>> {
        let mut segments = self.lock();
        if segments.written > 0 {
            let number = segments.sealed.len();
            segments.open = segment(&self.folder, number + 1)?;
            let sealed = (name(number), std::mem::take(&mut segments.written));
            segments.sealed.push(sealed);
        }
        Ok(segments.sealed.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(number: usize) -> String {
    format!("{number:06}.notes")
}

fn segment(folder: &Path, number: usize) -> Result<File> {
    let path = folder.join(name(number));
    File::create_new(&path).map_err(|e| Error::io("create", &path, e))
}

impl SnapshotSource for Notes {
    fn engine(&self) -> EngineInfo {
        EngineInfo { name: "notes".to_owned(), version: "1".to_owned() }
    }

    fn collections(&self) -> Result<Vec<CollectionInfo>> {
        Ok(vec![CollectionInfo {
            name: CollectionName::new(COLLECTION)?,
            schema: serde_json::Value::Null,
            aliases: Vec::new(),
            shards: vec![ShardInfo { tenant: None, state: TenantState::Hot }],
        }])
    }

    fn prepare(&self, _shard: &ShardId) -> Result<()> {
        Ok(())
    }

    fn cut(&self, shards: &[ShardId], budget: &Budget) -> Result<CutOutcome> {
        let ours = ShardId { collection: CollectionName::new(COLLECTION)?, tenant: None };
        let gone = shards.iter().filter(|shard| **shard != ours).cloned().collect();
        let begun = Instant::now();
        let sealed = self.seal()?;
        let pause = begun.elapsed();
        // With links of our own, a database that deletes old segments may go on to do so.
        let mut files = Vec::new();
        for (name, length) in sealed {
            let link = budget.staging.join(&name);
            fs::hard_link(self.folder.join(&name), &link).map_err(|e| Error::io("cut", &link, e))?;
            files.push(SegmentFile {
                path: RelativePath::new(name)?,
                length,
                mode: 0o644,
                class: SegmentClass::Immutable,
                content: SegmentContent::Path(link),
            });
        }
        Ok(CutOutcome { cuts: vec![Box::new(Sealed { shard: ours, files, pause })], gone })
    }

    fn extras(&self) -> Result<Vec<NamedBlob>> {
        Ok(Vec::new())
    }
}

/// The segments of one instant.
struct Sealed {
    shard: ShardId,
    files: Vec<SegmentFile>,
    pause: Duration,
}

impl Cut for Sealed {
    fn scope(&self) -> Scope {
        Scope::Node
    }

    fn shards(&self) -> Vec<(ShardId, TenantState)> {
        vec![(self.shard.clone(), TenantState::Hot)]
    }

    fn pause(&self) -> Duration {
        self.pause
    }

    fn hold(&self) -> Hold {
        Hold::Links
    }

    fn files(&self, _shard: &ShardId) -> Result<Vec<SegmentFile>> {
        Ok(self.files.clone())
    }
}
