//! The suites that every storage and every engine must pass.

pub mod engine;
mod report;
mod storage;

pub use report::{CaseReport, Outcome, Report};
pub use storage::{Begun, Figure, StorageCheck, StorageSuite, check_storage, measure_storage};
