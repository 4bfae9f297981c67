//! A folder as something to back up, and as something to restore into.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::source::{RestoreTarget, SnapshotSource};

pub(super) fn source(folder: &Path) -> Result<Arc<dyn SnapshotSource>> {
    Err(Error::internal("backup", format!("`{}`: not wired yet", folder.display())))
}

pub(super) fn target(folder: &Path) -> Result<Arc<dyn RestoreTarget>> {
    Err(Error::internal("restore", format!("`{}`: not wired yet", folder.display())))
}
