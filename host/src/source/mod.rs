//! The database side: what a database implements so that it can be backed up and restored.
//!
//! *Pin instead of pause.* The engine, not the host, lists the files of a cut and says how each may be captured. The
//! guaranteed unit of consistency is the shard; a wider scope is tried first and reported.

pub mod directory;
mod restore;
mod snapshot;

pub use restore::{
    AliasPolicy, CollectionPlan, InstallState, NamedBlob, RestorePlan, RestoreTarget, ShardPlan, Staging,
};
pub use snapshot::{
    Budget, CollectionInfo, Cut, CutOutcome, ExtrasChoice, Hold, SegmentClass, SegmentContent, SegmentFile,
    ShardInfo, SnapshotSource,
};

pub use crate::model::EngineInfo;
