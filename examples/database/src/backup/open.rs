//! What a cut takes of an open shard before the write gate closes: its journals, held open, and its trees, pinned.
//!
//! The state of a shard at the gate is the tables of any version before it plus the records of the journals up to it. So
//! versions and journals are taken at leisure beforehand, the gate yields nothing but a sequence number, and afterwards the
//! journals are copied up to that number. Journals are taken *before* the versions: what a version lacks is in a journal
//! that exists then, and an open file outlives its name.

use std::fs::File;
use std::io;
use std::path::Path;

use siltstone::{Error, Result};

use crate::backup::tree::{META, Tree};
use crate::database::read_dir;
use crate::engine::pool::Lease;

/// A journal: its number and an open file.
pub(crate) type Journal = (u64, File);

/// An open shard as a cut holds it until the gate has closed and opened again.
pub(crate) struct OpenShard {
    lease: Lease,
    journals: Vec<Journal>,
    pub(crate) trees: Vec<Tree>,
    /// Batches from this sequence number on came after the cut.
    pub(crate) before: u64,
}

impl OpenShard {
    pub(crate) fn take(lease: Lease) -> Result<Self> {
        let journals = journals(&lease.folder)?;
        let meta = lease.folder.join("keyspaces").join(META.to_string());
        let trees = vec![Tree::at_rest(&meta)?, Tree::in_use(&lease.objects)?, Tree::in_use(&lease.vectors)?];
        Ok(Self { lease, journals, trees, before: 0 })
    }

    /// Marks the cut; under the write gate, so no batch is under way. Reads a counter in memory and nothing else.
    pub(crate) fn mark(&mut self) {
        self.before = self.lease.next_seqno();
    }

    /// The journals of the cut, those begun since included; `None` if one of them was begun and removed since, so that
    /// its records are only in tables that are newer than the trees.
    pub(crate) fn take_journals(&mut self) -> Result<Option<Vec<Journal>>> {
        let mut all = std::mem::take(&mut self.journals);
        for (number, file) in journals(&self.lease.folder)? {
            let last = all.last().map_or(0, |(n, _)| *n);
            if number == last + 1 {
                all.push((number, file));
            } else if number > last {
                return Ok(None);
            }
        }
        Ok(Some(all))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.lease.folder
    }
}

/// The journals in the folder of a shard, oldest first.
pub(crate) fn journals(folder: &Path) -> Result<Vec<Journal>> {
    let mut journals = Vec::new();
    for path in read_dir(folder)? {
        if path.extension().is_none_or(|e| e != "jnl") {
            continue;
        }
        let number = crate::backup::tree::number(&path.with_extension(""))?;
        match File::open(&path) {
            Ok(file) => journals.push((number, file)),
            // Flushed and removed since the folder was read.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("capture journal", &path, e)),
        }
    }
    journals.sort_by_key(|(number, _)| *number);
    Ok(journals)
}
