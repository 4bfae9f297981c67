//! Plain persisted and domain types: no I/O, no async.

mod clock;
mod compression;
mod descriptor;
mod hash;
mod id;
mod location;
mod manifest;
mod path;
mod pattern;
mod scope;
mod selection;
mod spelling;
mod state;
mod time;

pub use clock::{Clock, SystemClock};
pub use compression::{Codec, Compression, Level};
pub use descriptor::{Descriptor, NodeEntry, Selected, SkippedItem};
pub use hash::Hash;
pub use id::{AttemptId, BackendName, BackupId, CollectionName, NodeName, ShardId, TenantName};
pub use location::Location;
pub use manifest::{
    BlobLine, ChunkLine, CollectionLine, CutInfo, EngineInfo, Extent, FileLine, ManifestHeader, ManifestLine,
    ShardLine, SkippedLine,
};
pub use path::{ObjectKey, RelativePath};
pub use pattern::Pattern;
pub use scope::{Scope, TenantState};
pub use selection::Selection;
pub(crate) use spelling::nearest;
pub use state::State;
pub use time::Timestamp;

/// Version of the stored format that this build writes and the newest that it reads.
pub const FORMAT: u32 = 1;
/// Raw bytes of a frame that is not the last of its file.
pub const FRAME_SIZE: u64 = 1 << 20;
