//! One location: the tree of folders, and what this filesystem can do.

use std::cell::Cell;

use siltstone_plugin_sdk::types::{Capabilities, DigestKinds, Error, PartOrder, PartRules, Preconditions};

use crate::attributes::Attempt;
use crate::error::failed;
use crate::folder::{Code, Folder};
use crate::tree::Tree;

/// Most keys in one call of `delete`.
pub const DELETE_BATCH: u32 = 1000;
/// Largest part of a multipart upload.
pub const MAX_PART: u64 = 1 << 30;
/// Most parts of one upload.
pub const MAX_PARTS: u32 = 1_000_000;
/// Largest file, because offsets of files are signed.
pub const MAX_FILE: u64 = i64::MAX as u64;

/// How often a step is tried whose folder others keep removing because it was empty. A try is a few calls, and
/// about every second one succeeds even among writers and deleters that never rest.
pub(crate) const TRIES: u32 = 128;

/// An open location. It holds no state that a call depends on, only what spares repeated work.
pub struct Store<F> {
    pub(crate) tree: Tree<F>,
    pub(crate) random: fn() -> u64,
    links: Cell<Option<Links>>,
}

/// Whether a file can have a second name here, which is what `if-absent` rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Links {
    Work,
    Missing,
}

impl<F: Folder> Store<F> {
    /// A store in this folder; `random` makes the names of temporary files unique.
    pub fn new(root: F, random: fn() -> u64) -> Self {
        Self { tree: Tree::new(root), random, links: Cell::new(None) }
    }

    /// What the store can do. Tries a hard link when asked for the first time.
    pub fn capabilities(&self) -> Result<Capabilities, Error> {
        let preconditions = match self.links()? {
            Links::Work => Preconditions::IF_ABSENT,
            Links::Missing => Preconditions::empty(),
        };
        Ok(Capabilities {
            max_put: MAX_FILE,
            max_object: MAX_FILE,
            parts: PartRules {
                order: PartOrder::AnyOrder,
                min_size: 1,
                max_size: MAX_PART,
                multiple_of: 1,
                max_count: MAX_PARTS,
            },
            preconditions,
            digests: DigestKinds::empty(),
            delete_batch: DELETE_BATCH,
            in_flight: 4,
        })
    }

    fn links(&self) -> Result<Links, Error> {
        if let Some(known) = self.links.get() {
            return Ok(known);
        }
        // Where nothing can be written, a read-only mount for example, there is nothing to learn, and reading
        // must work. The claim is safe: a put that finds no links fails, it never goes without the check.
        let Ok((temp, _)) = self.create_temp(&Attempt::none(), "") else {
            return Ok(Links::Work);
        };
        let second = format!("{}.link", temp.name);
        let linked = temp.folder.link(&temp.name, &temp.folder, &second);
        let _ = temp.folder.unlink(&second);
        self.discard(temp);
        let links = match linked {
            Ok(()) => Links::Work,
            // `io` is how a word that WASI lacks arrives, and FUSE has such a word for "no links".
            Err(Code::Io) => Links::Missing,
            Err(code) if lacks_links(code) => Links::Missing,
            Err(code) => return Err(failed(code, "try a hard link in .siltstone-tmp")),
        };
        self.links.set(Some(links));
        Ok(links)
    }
}

/// Whether the word means that this filesystem gives no file a second name.
pub(crate) fn lacks_links(code: Code) -> bool {
    matches!(code, Code::Unsupported | Code::NotPermitted | Code::CrossDevice | Code::TooManyLinks)
}
