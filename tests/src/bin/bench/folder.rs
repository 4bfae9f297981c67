//! A folder of files that never change, as a database of one shard.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use siltstone::model::{AttemptId, CollectionName, EngineInfo, RelativePath, Scope, ShardId, TenantState};
use siltstone::source::{
    Budget, CollectionInfo, Cut, CutOutcome, Hold, InstallState, NamedBlob, RestorePlan, RestoreTarget,
    SegmentClass, SegmentContent, SegmentFile, ShardInfo, ShardPlan, SnapshotSource, Staging,
};
use siltstone::{Error, Result};

/// What the collection is called.
const NAME: &str = "Bench";

fn engine() -> EngineInfo {
    EngineInfo { name: "bench-folder".to_owned(), version: "1".to_owned() }
}

fn shard() -> Result<ShardId> {
    Ok(ShardId { collection: CollectionName::new(NAME)?, tenant: None })
}

/// The files to back up.
pub(crate) struct FolderSource {
    files: Vec<SegmentFile>,
}

impl FolderSource {
    /// All files of a folder, or only the one at a path below it.
    pub(crate) fn new(folder: &Path, only: Option<&Path>) -> crate::Result<Self> {
        let mut files = Vec::new();
        for (path, length) in crate::data::files(folder)? {
            let below = path.strip_prefix(folder)?;
            if only.is_some_and(|only| only != below) {
                continue;
            }
            files.push(SegmentFile {
                path: RelativePath::new(below.to_str().ok_or("a file name is not UTF-8")?)?,
                length,
                mode: path.metadata()?.permissions().mode() & 0o777,
                class: SegmentClass::Immutable,
                content: SegmentContent::Path(path),
            });
        }
        Ok(Self { files })
    }
}

impl SnapshotSource for FolderSource {
    fn engine(&self) -> EngineInfo {
        engine()
    }

    fn collections(&self) -> Result<Vec<CollectionInfo>> {
        Ok(vec![CollectionInfo {
            name: CollectionName::new(NAME)?,
            schema: serde_json::json!({}),
            aliases: Vec::new(),
            shards: vec![ShardInfo { tenant: None, state: TenantState::Hot }],
        }])
    }

    fn prepare(&self, _: &ShardId) -> Result<()> {
        Ok(())
    }

    fn cut(&self, _: &[ShardId], _: &Budget) -> Result<CutOutcome> {
        let cut = FolderCut { shard: shard()?, files: self.files.clone() };
        Ok(CutOutcome { cuts: vec![Box::new(cut)], gone: Vec::new() })
    }

    fn extras(&self) -> Result<Vec<NamedBlob>> {
        Ok(Vec::new())
    }
}

struct FolderCut {
    shard: ShardId,
    files: Vec<SegmentFile>,
}

impl Cut for FolderCut {
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

    fn files(&self, _: &ShardId) -> Result<Vec<SegmentFile>> {
        Ok(self.files.clone())
    }
}

/// The folder that a restore makes; its parent exists.
pub(crate) struct FolderTarget {
    folder: PathBuf,
}

impl FolderTarget {
    /// A folder that does not exist yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    fn staging(&self) -> PathBuf {
        self.folder.with_extension("staging")
    }
}

impl RestoreTarget for FolderTarget {
    fn admit(&self, _: &RestorePlan) -> Result<()> {
        if self.folder.exists() {
            return Err(Error::invalid("restore", format!("`{}` already exists", self.folder.display())));
        }
        Ok(())
    }

    fn stage(&self, plan: &ShardPlan) -> Result<Staging> {
        let folder = self.staging();
        std::fs::create_dir(&folder).map_err(|e| Error::io("restore", &folder, e))?;
        Ok(Staging { shard: plan.shard.clone(), folder })
    }

    fn check(&self, _: &Staging) -> Result<()> {
        Ok(())
    }

    fn install(&self, _: &RestorePlan, staged: Vec<Staging>) -> Result<()> {
        staged.iter().try_for_each(|s| {
            std::fs::rename(&s.folder, &self.folder).map_err(|e| Error::io("restore", &self.folder, e))
        })
    }

    fn outcome(&self, _: AttemptId) -> Result<InstallState> {
        Ok(if self.folder.exists() { InstallState::Installed } else { InstallState::Absent })
    }

    fn abort(&self, _: AttemptId) -> Result<()> {
        match std::fs::remove_dir_all(self.staging()) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("restore", self.staging(), e))
            }
            _ => Ok(()),
        }
    }
}
