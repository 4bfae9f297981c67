//! Finds, makes and removes the folders on the way to an object.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Deref;

use crate::error::is_missing;
use crate::folder::{Code, Folder};

/// Most folders whose entry is remembered as durable.
const MAX_DURABLE: usize = 256;

/// The granted folder and everything below it.
pub struct Tree<F> {
    root: F,
    /// Folders, as paths ending in `/`, whose entry in the folder above this instance has synced. What
    /// another writer made may not be durable yet: it may have died before its own sync.
    durable: RefCell<BTreeSet<String>>,
}

/// A folder of the tree.
pub enum At<'a, F> {
    /// The granted folder itself.
    Root(&'a F),
    /// One below it.
    Below(F),
}

impl<F> Deref for At<'_, F> {
    type Target = F;

    fn deref(&self) -> &F {
        match self {
            At::Root(folder) => folder,
            At::Below(folder) => folder,
        }
    }
}

/// Whether folders must survive a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// Objects lie in them.
    Durable,
    /// Only temporary files lie in them.
    Temporary,
}

impl<F: Folder> Tree<F> {
    /// A tree below this folder.
    pub fn new(root: F) -> Self {
        Self { root, durable: RefCell::default() }
    }

    /// The folder of this path, or `None` when some part of it is missing or is no folder.
    pub fn find(&self, path: &[&str]) -> Result<Option<At<'_, F>>, Code> {
        let mut at = At::Root(&self.root);
        for name in path {
            at = match at.open_folder(name) {
                Ok(folder) => At::Below(folder),
                Err(code) if is_missing(code) => return Ok(None),
                Err(code) => return Err(code),
            };
        }
        Ok(Some(at))
    }

    /// The folder of this path; what is missing is made. `no-entry` when somebody removes it meanwhile.
    pub fn ensure(&self, path: &[&str], lasting: Lasting) -> Result<At<'_, F>, Code> {
        let mut at = At::Root(&self.root);
        let mut so_far = String::new();
        for name in path {
            so_far.push_str(name);
            so_far.push('/');
            let folder = match at.open_folder(name) {
                Err(Code::NoEntry) => {
                    self.durable.borrow_mut().remove(&so_far);
                    match at.create_folder(name) {
                        Ok(()) | Err(Code::Exist) => at.open_folder(name)?,
                        Err(code) => return Err(code),
                    }
                }
                opened => opened?,
            };
            if lasting == Lasting::Durable && !self.durable.borrow().contains(&so_far) {
                sync(&*at)?;
                self.remember(&so_far);
            }
            at = At::Below(folder);
        }
        Ok(at)
    }

    /// Removes the folder of this path and those above it, as far as they are empty. Answers how many names
    /// of the path still stand.
    pub fn prune(&self, path: &[&str]) -> usize {
        let mut chain = vec![At::Root(&self.root)];
        for name in path {
            match chain.last().map(|at| at.open_folder(name)) {
                Some(Ok(folder)) => chain.push(At::Below(folder)),
                _ => break,
            }
        }
        // The last one found is opened for nothing but to learn that it is there.
        chain.pop();
        while let Some(above) = chain.last() {
            let name = path[chain.len() - 1];
            if above.remove_folder(name).is_err() {
                return chain.len();
            }
            let removed = format!("{}/", path[..chain.len()].join("/"));
            self.durable.borrow_mut().remove(&removed);
            chain.pop();
        }
        0
    }

    fn remember(&self, path: &str) {
        let mut durable = self.durable.borrow_mut();
        if durable.len() >= MAX_DURABLE {
            durable.clear();
        }
        durable.insert(path.to_owned());
    }
}

/// Makes the entries of a folder durable, where the filesystem has such a thing: some network and FUSE
/// filesystems refuse to sync a folder because they never hold its entries back.
pub fn sync<F: Folder>(folder: &F) -> Result<(), Code> {
    match folder.sync() {
        Err(Code::Invalid | Code::Unsupported | Code::BadDescriptor) => Ok(()),
        synced => synced,
    }
}
