//! Finds out what a location can really do.

use crate::error::Result;
use crate::storage::{Preconditions, Storage};

/// Probes.
pub async fn probe(storage: &dyn Storage) -> Result<Preconditions> {
    Ok(storage.capabilities().preconditions)
}
