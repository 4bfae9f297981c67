//! The operations: one file per verb.

mod report;
mod request;

pub use report::{BackendInfo, BackupOutcome, ForgetReport, Progress, Status, VerifyReport};
pub use request::{
    BackupRequest, CPU_PERCENTAGES, DEFAULT_CPU_PERCENTAGE, Order, RestoreRequest, VerifyDepth,
};
