//! A database without anything in it, for commands that need none.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, EngineInfo, ShardId};
use crate::source::{
    Budget, CollectionInfo, CutOutcome, InstallState, NamedBlob, RestorePlan, RestoreTarget, ShardPlan,
    SnapshotSource, Staging,
};

/// Has nothing to back up and takes nothing back.
#[derive(Debug)]
pub(super) struct Nothing;

impl Nothing {
    pub(super) fn source() -> Arc<dyn SnapshotSource> {
        Arc::new(Self)
    }

    pub(super) fn target() -> Arc<dyn RestoreTarget> {
        Arc::new(Self)
    }
}

fn none<T>(operation: &'static str) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, operation, "there is no database here"))
}

impl SnapshotSource for Nothing {
    fn engine(&self) -> EngineInfo {
        EngineInfo { name: "none".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn collections(&self) -> Result<Vec<CollectionInfo>> {
        Ok(Vec::new())
    }

    fn prepare(&self, _: &ShardId) -> Result<()> {
        Ok(())
    }

    fn cut(&self, _: &[ShardId], _: &Budget) -> Result<CutOutcome> {
        none("cut")
    }

    fn extras(&self) -> Result<Vec<NamedBlob>> {
        Ok(Vec::new())
    }
}

impl RestoreTarget for Nothing {
    fn admit(&self, _: &RestorePlan) -> Result<()> {
        none("restore")
    }

    fn stage(&self, _: &ShardPlan) -> Result<Staging> {
        none("restore")
    }

    fn check(&self, _: &Staging) -> Result<()> {
        none("restore")
    }

    fn install(&self, _: &RestorePlan, _: Vec<Staging>) -> Result<()> {
        none("restore")
    }

    fn outcome(&self, _: AttemptId) -> Result<InstallState> {
        Ok(InstallState::Absent)
    }

    fn abort(&self, _: AttemptId) -> Result<()> {
        Ok(())
    }
}
