//! A folder of immutable files as a source and as a target: for tools, for tests, and as the smallest example of both.

mod source;
mod target;

use crate::model::EngineInfo;

pub use source::DirectorySource;
pub use target::DirectoryTarget;

/// What stands for the engine in a backup of a folder.
fn engine_info() -> EngineInfo {
    EngineInfo { name: "directory".to_owned(), version: "1".to_owned() }
}

#[cfg(test)]
mod tests;
