//! The operations: one file per verb.

mod backup;
mod cancel;
mod context;
mod copy;
mod forget;
mod listing;
mod operation;
mod recover;
mod registry;
mod report;
mod request;
mod restore;
mod status;
mod verify;

/// The operation that the error of a store names when it keeps a request from being judged at all.
pub(crate) const LOOK_UP: &str = "look up";

pub use copy::Copying;
pub use report::{BackendInfo, BackupOutcome, CopyReport, ForgetReport, Progress, Status, VerifyReport};
pub use request::{
    BackupRequest, CPU_PERCENTAGES, CopyRequest, DEFAULT_CPU_PERCENTAGE, Order, RestoreRequest, VerifyDepth,
};

pub(crate) use backup::accept as backup;
pub(crate) use cancel::cancel;
pub(crate) use context::{Backends, Context};
pub(crate) use copy::accept as copy;
pub(crate) use forget::{forget, is_needed};
pub(crate) use recover::recover;
pub(crate) use registry::Registry;
pub(crate) use restore::accept as restore;
pub(crate) use status::{backup_status, find, list, restore_status};
pub(crate) use verify::verify;
