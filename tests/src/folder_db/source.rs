//! What a backup takes of the database: links to its files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use siltstone::model::{CollectionName, EngineInfo, RelativePath, Scope, ShardId, TenantState};
use siltstone::source::{
    Budget, CollectionInfo, Cut, CutOutcome, Hold, NamedBlob, SegmentClass, SegmentContent, SegmentFile,
    ShardInfo, SnapshotSource,
};
use siltstone::{Error, Result};

use super::{Entry, FolderDb, Shard};

impl SnapshotSource for FolderDb {
    fn engine(&self) -> EngineInfo {
        EngineInfo { name: "folders".to_owned(), version: "1".to_owned() }
    }

    fn collections(&self) -> Result<Vec<CollectionInfo>> {
        let info = |(name, entry): (&String, &Entry)| {
            let shard = |s: &Shard| ShardInfo { tenant: s.tenant.clone(), state: s.state };
            Ok(CollectionInfo {
                name: CollectionName::new(name.as_str())?,
                schema: entry.schema.clone(),
                aliases: entry.aliases.clone(),
                shards: entry.shards.iter().map(shard).collect(),
            })
        };
        self.lock().collections.iter().map(info).collect()
    }

    fn prepare(&self, _: &ShardId) -> Result<()> {
        self.hooks.prepare.pass();
        Ok(())
    }

    fn cut(&self, shards: &[ShardId], budget: &Budget) -> Result<CutOutcome> {
        self.hooks.cut.pass();
        let catalogue = self.lock();
        let begun = Instant::now();
        let (mut held, mut gone) = (Vec::new(), Vec::new());
        for id in shards {
            let entry = catalogue.collections.get(id.collection.as_str());
            let found = entry.and_then(|e| e.shards.iter().find(|s| s.tenant == id.tenant));
            let Some(shard) = found else {
                gone.push(id.clone());
                continue;
            };
            let home = self.root.join("live").join(&shard.folder);
            let to = budget.staging.join(held.len().to_string());
            let files = match shard.state {
                TenantState::Offloaded => Vec::new(),
                _ => link_tree(&home, &to).map_err(|e| Error::io("cut", &home, e))?,
            };
            held.push((id.clone(), shard.state, files));
        }
        let delay = Duration::from_micros(self.hooks.read_delay_us.load(Ordering::Relaxed));
        self.hooks.opened.store(0, Ordering::Relaxed);
        Ok(CutOutcome { cuts: vec![Box::new(LinkedCut { held, pause: begun.elapsed(), delay })], gone })
    }

    fn extras(&self) -> Result<Vec<NamedBlob>> {
        Ok(vec![NamedBlob { name: "users".to_owned(), content: "[\"ada\"]".into() }])
    }
}

/// Links every file below a folder into another one, and answers path and mode of each.
fn link_tree(home: &Path, to: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    let mut folders = vec![home.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(home).unwrap_or(&path).to_string_lossy().into_owned();
            let linked = to.join(&name);
            fs::create_dir_all(linked.parent().unwrap_or(to))?;
            fs::hard_link(&path, &linked)?;
            files.push((name, linked));
        }
    }
    files.sort();
    Ok(files)
}

type Held = (ShardId, TenantState, Vec<(String, PathBuf)>);

struct LinkedCut {
    held: Vec<Held>,
    pause: Duration,
    delay: Duration,
}

impl Cut for LinkedCut {
    fn scope(&self) -> Scope {
        Scope::Node
    }

    fn shards(&self) -> Vec<(ShardId, TenantState)> {
        self.held.iter().map(|(id, state, _)| (id.clone(), *state)).collect()
    }

    fn pause(&self) -> Duration {
        self.pause
    }

    fn hold(&self) -> Hold {
        Hold::Links
    }

    fn files(&self, shard: &ShardId) -> Result<Vec<SegmentFile>> {
        let held = self.held.iter().find(|(id, ..)| id == shard);
        let (_, _, files) = held.ok_or_else(|| Error::internal("cut", format!("no shard `{shard}`")))?;
        let segment = |(name, linked): &(String, PathBuf)| {
            let meta = fs::metadata(linked).map_err(|e| Error::io("cut", linked, e))?;
            let content = if self.delay.is_zero() {
                SegmentContent::Path(linked.clone())
            } else {
                let (path, delay) = (linked.clone(), self.delay);
                SegmentContent::Stream(Arc::new(move || {
                    Ok(Box::new(Slow { file: File::open(&path)?, delay }))
                }))
            };
            Ok(SegmentFile {
                path: RelativePath::new(name.as_str())?,
                length: meta.len(),
                mode: meta.permissions().mode() & 0o777,
                class: SegmentClass::Immutable,
                content,
            })
        };
        files.iter().map(segment).collect()
    }
}

/// A disk from long ago.
struct Slow {
    file: File,
    delay: Duration,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(self.delay);
        let most = buffer.len().min(64 << 10);
        self.file.read(&mut buffer[..most])
    }
}
