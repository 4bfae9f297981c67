//! Keeps the catalogue: readers share the current one, a change replaces file and memory in one step.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use siltstone::{Error, Result};

use crate::catalogue::Catalogue;
use crate::engine::folder;
use crate::engine::gate::Gate;
use crate::engine::sync::lock;

pub(crate) struct CatalogueStore {
    path: PathBuf,
    gate: Arc<Gate>,
    current: Mutex<Arc<Catalogue>>,
    changing: Mutex<()>,
}

impl CatalogueStore {
    /// Reads the file; a missing one is an empty catalogue.
    pub(crate) fn open(path: PathBuf, gate: Arc<Gate>) -> Result<Self> {
        let catalogue = match fs::read(&path) {
            Ok(bytes) => Catalogue::parse(&bytes).map_err(|e| e.with("file", path.display()))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Catalogue::default(),
            Err(e) => return Err(Error::io("open catalogue", &path, e)),
        };
        Ok(Self { path, gate, current: Mutex::new(Arc::new(catalogue)), changing: Mutex::new(()) })
    }

    /// The catalogue now.
    pub(crate) fn current(&self) -> Arc<Catalogue> {
        Arc::clone(&lock(&self.current))
    }

    /// Changes the catalogue; durable when this returns. When it fails before the file is in place nothing has
    /// happened; when the folder cannot be synced afterwards the outcome is unknown.
    ///
    /// Only the rename and the swap are inside the write gate, so a cut never waits for the disk here.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Catalogue) -> Result<T>) -> Result<T> {
        let _alone = lock(&self.changing);
        let mut next = (*self.current()).clone();
        let result = change(&mut next)?;
        let bytes = serde_json::to_vec(&next)
            .map_err(|e| Error::internal("write catalogue", "cannot encode").with_source(e))?;
        let temporary = folder::write_beside(&self.path, &bytes)?;
        {
            let _pass = self.gate.enter_change();
            fs::rename(&temporary, &self.path).map_err(|e| Error::io("write catalogue", &self.path, e))?;
            *lock(&self.current) = Arc::new(next);
        }
        if let Some(parent) = self.path.parent() {
            folder::sync(parent).map_err(Error::outcome_unknown)?;
        }
        Ok(result)
    }
}
