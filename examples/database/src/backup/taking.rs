//! Takes files into a capture: links what never changes, copies what does, makes up what must be fresh.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use siltstone::model::RelativePath;
use siltstone::source::SegmentClass;
use siltstone::{Error, Result};

use crate::backup::capture::{Capture, Item, Place};
use crate::backup::open::{Journal, OpenShard, journals};
use crate::backup::tree::Tree;
use crate::database::read_dir;
use crate::engine::journal::{Take, scan};
use crate::engine::shard::{EMPTY, LOCK, VERSION, expect_unwritten};

/// Permission bits of files that the cut writes.
const MODE: u32 = 0o644;

pub(crate) struct Taking<'a> {
    capture: &'a Capture,
    items: Vec<Item>,
}

impl<'a> Taking<'a> {
    pub(crate) fn of(capture: &'a Capture) -> Self {
        Self { capture, items: Vec::new() }
    }

    /// An open shard: trees as they were taken, journals up to the mark.
    pub(crate) fn open(mut self, shard: &OpenShard, journals: &[Journal]) -> Result<Vec<Item>> {
        let flushed = shard.trees.iter().map(|t| (t.keyspace, t.flushed)).collect();
        for tree in &shard.trees {
            self.tree(tree)?;
        }
        self.journal(journals, &Take { before: shard.before, flushed })?;
        self.frame(shard.folder())
    }

    /// A closed shard: everything there is.
    pub(crate) fn closed(mut self) -> Result<Vec<Item>> {
        let live = &self.capture.live;
        if !live.join(VERSION).exists() {
            expect_unwritten("capture shard", live)?;
            self.made_up(EMPTY)?;
            return Ok(self.items);
        }
        for folder in read_dir(&live.join("keyspaces"))? {
            self.tree(&Tree::at_rest(&folder)?)?;
        }
        self.journal(&journals(live)?, &Take::everything())?;
        self.frame(live)
    }

    /// What a shard needs beside trees and journals. The live lock is never taken: a second name of it would be locked too.
    fn frame(mut self, live: &Path) -> Result<Vec<Item>> {
        let version = live.join(VERSION);
        let content = fs::read(&version).map_err(|e| Error::io("capture shard", &version, e))?;
        self.written(VERSION, &content)?;
        self.made_up(LOCK)?;
        Ok(self.items)
    }

    fn tree(&mut self, tree: &Tree) -> Result<()> {
        let folder = format!("keyspaces/{}", tree.keyspace);
        self.folder(&format!("{folder}/tables"))?;
        self.written(&format!("{folder}/current"), &tree.current)?;
        self.written(&format!("{folder}/{}", tree.manifest.0), &tree.manifest.1)?;
        for table in &tree.tables {
            self.linked(&format!("{folder}/tables/{table}"))?;
        }
        Ok(())
    }

    /// Copies what counts of the journals into one. There always is one, be it empty: without any, fjall would open the
    /// shard as an empty database and say nothing.
    fn journal(&mut self, journals: &[Journal], take: &Take) -> Result<()> {
        let number = journals.last().map_or(0, |(number, _)| *number);
        let name = format!("{number}.jnl");
        self.folder("")?;
        let path = self.capture.staging.join(&name);
        let fail = |e| Error::io("copy journal", &path, e);
        let mut out = File::create(&path).map_err(fail)?;
        let (mut length, mut last) = (0, None);
        for (_, journal) in journals {
            let found = scan(journal, take, last).map_err(fail)?;
            let mut source = journal;
            source.seek(SeekFrom::Start(found.start)).map_err(fail)?;
            length += io::copy(&mut source.take(found.end - found.start), &mut out).map_err(fail)?;
            last = found.last;
            if found.is_complete {
                break;
            }
        }
        self.push(&name, length, MODE, SegmentClass::Copied, Place::Staged)
    }

    /// A file that is written once: a link, or the live file itself where links are impossible.
    fn linked(&mut self, path: &str) -> Result<()> {
        let (from, to) = (self.capture.live.join(path), self.capture.staging.join(path));
        let place = match (self.capture.link)(&from, &to) {
            Ok(()) => Place::Staged,
            Err(e) if is_impossible(&e) => Place::Live,
            Err(e) => return Err(Error::io("link file", &from, e)),
        };
        let read = if place == Place::Staged { &to } else { &from };
        let metadata = fs::metadata(read).map_err(|e| Error::io("capture file", read, e))?;
        let mode = metadata.permissions().mode() & 0o777;
        self.push(path, metadata.len(), mode, SegmentClass::Immutable, place)
    }

    fn written(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let to = self.capture.staging.join(path);
        self.folder("")?;
        fs::write(&to, content).map_err(|e| Error::io("copy file", &to, e))?;
        self.push(path, content.len() as u64, MODE, SegmentClass::Copied, Place::Staged)
    }

    fn made_up(&mut self, path: &str) -> Result<()> {
        self.push(path, 0, MODE, SegmentClass::Inline, Place::Empty)
    }

    fn folder(&self, path: &str) -> Result<()> {
        let folder = self.capture.staging.join(path);
        fs::create_dir_all(&folder).map_err(|e| Error::io("create folder", &folder, e))
    }

    fn push(&mut self, path: &str, length: u64, mode: u32, class: SegmentClass, place: Place) -> Result<()> {
        self.items.push(Item { path: RelativePath::new(path)?, length, mode, class, place });
        Ok(())
    }
}

/// Whether links cannot be made here at all: another filesystem, one without links, or no more of them.
fn is_impossible(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let kinds = [Kind::CrossesDevices, Kind::PermissionDenied, Kind::Unsupported, Kind::TooManyLinks];
    kinds.contains(&error.kind())
}
