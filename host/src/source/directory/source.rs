//! A folder of files that nobody changes, as one collection with one shard.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::engine_info;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CollectionName, EngineInfo, RelativePath, Scope, ShardId, TenantState};
use crate::source::{
    Budget, CollectionInfo, Cut, CutOutcome, Hold, NamedBlob, SegmentClass, SegmentContent, SegmentFile,
    ShardInfo, SnapshotSource,
};

/// Deepest nesting of folders.
const DEEPEST: u64 = 128;

/// A folder of immutable files as one collection with one shard.
///
/// Nothing holds the files: who changes one while it is read gets an error or a backup that mixes both states. Every
/// file below the folder is taken, at any depth, in the order of its path; folders without files are not kept. A
/// symbolic link, a device, a socket or a pipe is an error that names it, so that nothing is left out in silence.
#[derive(Clone, Debug)]
pub struct DirectorySource {
    folder: PathBuf,
    collection: CollectionName,
}

impl DirectorySource {
    /// The files below `folder` as collection `collection`.
    pub fn new(folder: impl Into<PathBuf>, collection: CollectionName) -> Self {
        Self { folder: folder.into(), collection }
    }
}

impl SnapshotSource for DirectorySource {
    fn engine(&self) -> EngineInfo {
        engine_info()
    }

    fn collections(&self) -> Result<Vec<CollectionInfo>> {
        Ok(vec![CollectionInfo {
            name: self.collection.clone(),
            schema: serde_json::Value::Null,
            aliases: Vec::new(),
            shards: vec![ShardInfo { tenant: None, state: TenantState::Hot }],
        }])
    }

    fn prepare(&self, _shard: &ShardId) -> Result<()> {
        Ok(())
    }

    fn cut(&self, shards: &[ShardId], _budget: &Budget) -> Result<CutOutcome> {
        let ours = ShardId { collection: self.collection.clone(), tenant: None };
        let (here, gone): (Vec<_>, Vec<_>) = shards.iter().cloned().partition(|shard| *shard == ours);
        let mut cuts: Vec<Box<dyn Cut>> = Vec::new();
        if !here.is_empty() {
            let mut files = Vec::new();
            list(&self.folder, "", DEEPEST, &mut files)?;
            cuts.push(Box::new(DirectoryCut { shard: ours, files }));
        }
        Ok(CutOutcome { cuts, gone })
    }

    fn extras(&self) -> Result<Vec<NamedBlob>> {
        Ok(Vec::new())
    }
}

struct DirectoryCut {
    shard: ShardId,
    files: Vec<SegmentFile>,
}

impl Cut for DirectoryCut {
    fn scope(&self) -> Scope {
        Scope::Node
    }

    fn shards(&self) -> Vec<(ShardId, TenantState)> {
        vec![(self.shard.clone(), TenantState::Hot)]
    }

    fn pause(&self) -> Duration {
        Duration::ZERO
    }

    fn hold(&self) -> Hold {
        Hold::Pin
    }

    fn files(&self, shard: &ShardId) -> Result<Vec<SegmentFile>> {
        if *shard == self.shard {
            Ok(self.files.clone())
        } else {
            let message = format!("shard `{shard}` is not in this cut");
            Err(Error::new(ErrorKind::NotFound, "list files", message))
        }
    }
}

/// Appends the files below a folder, in the order of their names, which `prefix` leads.
fn list(folder: &Path, prefix: &str, depth: u64, files: &mut Vec<SegmentFile>) -> Result<()> {
    let fail = |e| Error::io("list folder", folder, e);
    let mut entries = fs::read_dir(folder).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
            return Err(unfit(&path, "its name is not UTF-8; rename it"));
        };
        let metadata = fs::symlink_metadata(&path).map_err(|e| Error::io("list folder", &path, e))?;
        if metadata.is_dir() {
            let Some(depth) = depth.checked_sub(1) else {
                return Err(unfit(&path, "it is nested too deeply"));
            };
            list(&path, &format!("{name}/"), depth, files)?;
        } else {
            files.push(file(path, name, &metadata)?);
        }
    }
    Ok(())
}

fn file(path: PathBuf, name: String, metadata: &Metadata) -> Result<SegmentFile> {
    if metadata.is_symlink() {
        return Err(unfit(&path, "it is a symbolic link; replace it by what it points to, or move it away"));
    }
    if !metadata.is_file() {
        return Err(unfit(&path, "it is neither a file nor a folder; move it away"));
    }
    Ok(SegmentFile {
        path: RelativePath::new(name).map_err(|e| e.with("file", path.display()))?,
        length: metadata.len(),
        mode: metadata.permissions().mode() & 0o777,
        class: SegmentClass::Immutable,
        content: SegmentContent::Path(path),
    })
}

fn unfit(path: &Path, why: &str) -> Error {
    Error::invalid("list folder", format!("`{}` cannot be backed up: {why}", path.display()))
}
