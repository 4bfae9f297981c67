//! The files of one shard in one cut: linked or copied into staging, or read in place while something keeps them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::{fs, io};

use siltstone::model::{RelativePath, ShardId};
use siltstone::source::{Hold, SegmentClass, SegmentContent, SegmentFile};
use siltstone::{Error, ErrorKind, Result};

use crate::backup::open::OpenShard;
use crate::backup::taking::Taking;
use crate::backup::tree::Pin;
use crate::database::LinkFn;
use crate::engine::pool::{Transition, Watcher};
use crate::engine::sync::lock;

pub(crate) struct Capture {
    pub(crate) shard: ShardId,
    /// The folder of the live shard.
    pub(crate) live: PathBuf,
    /// The folder for links and copies.
    pub(crate) staging: PathBuf,
    pub(crate) link: LinkFn,
    phase: Mutex<Phase>,
}

enum Phase {
    /// Nothing is taken yet: the shard is closed, and whoever opens or removes it takes the files first.
    Owed,
    Taken {
        items: Vec<Item>,
        pins: Vec<Pin>,
    },
    Failed(ErrorKind, String),
}

/// One file.
pub(crate) struct Item {
    pub(crate) path: RelativePath,
    pub(crate) length: u64,
    pub(crate) mode: u32,
    pub(crate) class: SegmentClass,
    pub(crate) place: Place,
}

/// Where the content of a file is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Staged,
    Live,
    /// Nowhere: an empty file that the cut makes up.
    Empty,
}

impl Capture {
    pub(crate) fn new(shard: ShardId, live: PathBuf, staging: PathBuf, link: LinkFn) -> Arc<Self> {
        Arc::new(Self { shard, live, staging, link, phase: Mutex::new(Phase::Owed) })
    }

    /// Takes the files of a closed shard, unless that has happened.
    pub(crate) fn take_closed(&self) {
        let mut phase = lock(&self.phase);
        if matches!(*phase, Phase::Owed) {
            *phase = match Taking::of(self).closed() {
                Ok(items) => Phase::Taken { items, pins: Vec::new() },
                Err(e) => Phase::Failed(e.kind(), e.to_string()),
            };
        }
    }

    /// Takes the files of an open shard at its mark; `false` if journals were lost since it was taken.
    pub(crate) fn take_open(&self, mut shard: OpenShard) -> Result<Captured> {
        let Some(journals) = shard.take_journals()? else { return Ok(Captured::Lost) };
        let items = Taking::of(self).open(&shard, &journals)?;
        let pins = shard.trees.drain(..).filter_map(|t| t.pin).collect();
        *lock(&self.phase) = Phase::Taken { items, pins };
        if self.hold() == Hold::Links {
            self.release();
        }
        Ok(Captured::Whole)
    }

    /// What keeps the files.
    pub(crate) fn hold(&self) -> Hold {
        match &*lock(&self.phase) {
            Phase::Taken { items, .. } if items.iter().any(|i| i.place == Place::Live) => Hold::Pin,
            _ => Hold::Links,
        }
    }

    /// All files; taken by now.
    pub(crate) fn files(self: &Arc<Self>) -> Result<Vec<SegmentFile>> {
        match &*lock(&self.phase) {
            Phase::Taken { items, .. } => {
                Ok(items.iter().enumerate().map(|(index, item)| self.file(index, item)).collect())
            }
            Phase::Failed(kind, message) => Err(Error::new(*kind, "capture shard", message.clone())),
            Phase::Owed => Err(Error::internal("capture shard", format!("`{}` is not captured", self.shard))),
        }
    }

    fn file(self: &Arc<Self>, index: usize, item: &Item) -> SegmentFile {
        let content = match item.place {
            Place::Staged => SegmentContent::Path(item.path.under(&self.staging)),
            Place::Empty => SegmentContent::Inline(bytes::Bytes::new()),
            Place::Live => {
                let capture = Arc::clone(self);
                SegmentContent::Stream(Arc::new(move || Ok(Box::new(capture.open(index)?))))
            }
        };
        SegmentFile {
            path: item.path.clone(),
            length: item.length,
            mode: item.mode,
            class: item.class,
            content,
        }
    }

    /// Opens a file where it is now.
    fn open(&self, index: usize) -> io::Result<fs::File> {
        let phase = lock(&self.phase);
        let Phase::Taken { items, .. } = &*phase else {
            return Err(io::Error::other("the files of the cut could not be kept"));
        };
        let item = items.get(index).ok_or_else(|| io::Error::other("no such file in the cut"))?;
        let folder = if item.place == Place::Live { &self.live } else { &self.staging };
        fs::File::open(item.path.under(folder))
    }

    /// Copies what is still read in place, so that the live files may go.
    fn relocate(&self) {
        let mut phase = lock(&self.phase);
        let Phase::Taken { items, pins } = &mut *phase else { return };
        for item in items.iter_mut().filter(|i| i.place == Place::Live) {
            let (from, to) = (item.path.under(&self.live), item.path.under(&self.staging));
            if let Err(e) = fs::copy(&from, &to) {
                let e = Error::io("copy file of a cut", &from, e);
                *phase = Phase::Failed(e.kind(), e.to_string());
                return;
            }
            item.place = Place::Staged;
        }
        pins.clear();
    }

    fn release(&self) {
        if let Phase::Taken { pins, .. } = &mut *lock(&self.phase) {
            pins.clear();
        }
    }
}

/// What came of taking an open shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Captured {
    /// Its files are there.
    Whole,
    /// A journal was begun and removed meanwhile: try again.
    Lost,
}

impl Watcher for Capture {
    fn before(&self, transition: Transition) {
        if transition == Transition::Touch {
            self.take_closed();
        }
        self.relocate();
    }
}
