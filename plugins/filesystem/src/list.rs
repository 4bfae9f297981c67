//! Lists objects in the byte order of their keys, a page at a time.
//!
//! Children of a folder are visited in the order of their paths, a folder's path ending in `/`: then the
//! keys come in byte order, since `a-b` and `a.b` lie before `a/b`. The token of a page is the last path on
//! it; folders that lie wholly before it are not entered.

use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use siltstone_plugin_sdk::keys::{MAX_KEY, is_segment};
use siltstone_plugin_sdk::types::{Error, Page};
use siltstone_plugin_sdk::{error, keys};

use crate::error::{failed, is_missing};
use crate::folder::{Code, Folder, Kind};
use crate::read::meta;
use crate::store::Store;
use crate::temp::TEMP;

/// Most objects and prefixes on one page, whatever the limit asked for, so that the answer is bounded.
pub const MAX_PAGE: u32 = 5000;

/// Fewest names of one folder that are held at once.
const MIN_BATCH: usize = 256;

/// Whether keys are gathered to prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    None,
    Slash,
}

impl<F: Folder> Store<F> {
    /// One page of the objects whose keys begin with the prefix; see `list` of the contract.
    pub fn list(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<&str>,
        limit: u32,
    ) -> Result<Page, Error> {
        let grouping = match delimiter {
            None => Grouping::None,
            Some("/") => Grouping::Slash,
            Some(other) => return Err(error::unsupported(format!("cannot list with delimiter {other:?}"))),
        };
        if limit == 0 {
            return Err(error::unsupported("cannot list with a limit of 0"));
        }
        if let Some(token) = token {
            check_token(token, prefix, grouping)?;
        }
        let page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None };
        let room = limit.min(MAX_PAGE) as usize;
        let mut walk = Walk { prefix, grouping, after: token, room, page };
        // The deepest folder that the prefix names; no other holds a key that begins with it.
        let base = prefix.rfind('/').map_or("", |at| &prefix[..=at]);
        let folders: Vec<&str> = base.split_terminator('/').collect();
        if folders.iter().all(|name| is_segment(name)) {
            let found = self.tree.find(&folders).map_err(|code| listing(base, code))?;
            if let Some(folder) = found {
                let _ = walk.visit(&*folder, base)?;
            }
        }
        Ok(walk.page)
    }
}

fn check_token(token: &str, prefix: &str, grouping: Grouping) -> Result<(), Error> {
    let key = match grouping {
        Grouping::None => token,
        Grouping::Slash => token.strip_suffix('/').unwrap_or(token),
    };
    if token.starts_with(prefix) && keys::segments(key).is_ok() {
        Ok(())
    } else {
        Err(error::internal(format!("{token:?} is not the token of a page of {prefix:?}")))
    }
}

fn listing(path: &str, code: Code) -> Error {
    failed(code, format_args!("list {path:?}"))
}

/// A file or folder that may be on the page or lead to it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Child {
    /// The key of a file, or the path of a folder with `/` at its end: the order of the listing.
    path: String,
    /// Where its name begins in `path`.
    start: usize,
}

impl Child {
    fn new(base: &str, name: &str, kind: Kind) -> Option<Self> {
        // Other programs' files are not ours, and a folder needs room for one more byte of a key.
        let most = match kind {
            Kind::File => MAX_KEY,
            Kind::Folder => MAX_KEY - 2,
            Kind::Other => return None,
        };
        let temporary = base.is_empty() && name == TEMP;
        if temporary || !is_segment(name) || base.len() + name.len() > most {
            return None;
        }
        let slash = if kind == Kind::Folder { "/" } else { "" };
        Some(Self { path: format!("{base}{name}{slash}"), start: base.len() })
    }

    fn is_folder(&self) -> bool {
        self.path.ends_with('/')
    }

    fn name(&self) -> &str {
        self.path[self.start..].trim_end_matches('/')
    }
}

struct Walk<'a> {
    prefix: &'a str,
    grouping: Grouping,
    after: Option<&'a str>,
    room: usize,
    page: Page,
}

impl Walk<'_> {
    /// Puts what lies below the folder on the page, and stops when the page is full and more would follow.
    fn visit<F: Folder>(&mut self, folder: &F, base: &str) -> Result<ControlFlow<()>, Error> {
        let mut seen: Option<String> = None;
        loop {
            let (batch, more) = self.batch(folder, base, seen.as_deref())?;
            for child in &batch {
                let flow =
                    if child.is_folder() { self.folder(folder, child)? } else { self.object(folder, child)? };
                if flow.is_break() {
                    return Ok(flow);
                }
            }
            match batch.into_iter().next_back() {
                Some(last) if more => seen = Some(last.path),
                _ => return Ok(ControlFlow::Continue(())),
            }
        }
    }

    /// The first children of a folder that come after `seen` and concern the page, in order, and whether
    /// there are others. A folder may hold any number of names; we hold a bounded number.
    fn batch<F: Folder>(
        &self,
        folder: &F,
        base: &str,
        seen: Option<&str>,
    ) -> Result<(Vec<Child>, bool), Error> {
        let most = (self.room + 1).max(MIN_BATCH);
        let mut first = BinaryHeap::new();
        let mut more = false;
        let read = folder.entries(&mut |entry| {
            let child = Child::new(base, &entry.name, entry.kind);
            if let Some(child) = child.filter(|child| self.concerns(&child.path))
                && seen.is_none_or(|seen| child.path.as_str() > seen)
            {
                first.push(child);
                if first.len() > most {
                    first.pop();
                    more = true;
                }
            }
            ControlFlow::Continue(())
        });
        match read {
            Ok(()) => Ok((first.into_sorted_vec(), more)),
            // Removed since we opened it, so it holds nothing.
            Err(Code::NoEntry) => Ok((Vec::new(), false)),
            Err(code) => Err(listing(base, code)),
        }
    }

    /// Whether the key, or some key below the folder, begins with the prefix and comes after the token.
    fn concerns(&self, path: &str) -> bool {
        let after = self.after.is_none_or(|after| {
            path > after
                || (self.grouping == Grouping::None && path.ends_with('/') && after.starts_with(path))
        });
        after && path.starts_with(self.prefix)
    }

    fn folder<F: Folder>(&mut self, parent: &F, child: &Child) -> Result<ControlFlow<()>, Error> {
        let folder = match parent.open_folder(child.name()) {
            Ok(folder) => folder,
            // Removed, or replaced by something else, since we read its name.
            Err(code) if is_missing(code) => return Ok(ControlFlow::Continue(())),
            Err(code) => return Err(listing(&child.path, code)),
        };
        match self.grouping {
            Grouping::None => self.visit(&folder, &child.path),
            // An empty folder is left by a writer that stopped half-way; only objects make a prefix.
            Grouping::Slash if holds_object(&folder, &child.path)? => {
                if self.is_full() {
                    return Ok(ControlFlow::Break(()));
                }
                self.page.prefixes.push(child.path.clone());
                Ok(ControlFlow::Continue(()))
            }
            Grouping::Slash => Ok(ControlFlow::Continue(())),
        }
    }

    fn object<F: Folder>(&mut self, parent: &F, child: &Child) -> Result<ControlFlow<()>, Error> {
        if self.is_full() {
            return Ok(ControlFlow::Break(()));
        }
        match parent.stat(child.name()) {
            Ok(stat) if stat.kind == Kind::File => self.page.objects.push(meta(child.path.clone(), &stat)),
            Ok(_) => {}
            Err(code) if is_missing(code) => {}
            Err(code) => return Err(failed(code, format_args!("look at {}", child.path))),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether the page holds all it may. The token of the next page is then the last path on it.
    fn is_full(&mut self) -> bool {
        if self.page.objects.len() + self.page.prefixes.len() < self.room {
            return false;
        }
        let object = self.page.objects.last().map(|object| &object.key);
        self.page.next = object.max(self.page.prefixes.last()).cloned();
        true
    }
}

/// Whether any object lies below the folder.
fn holds_object<F: Folder>(folder: &F, base: &str) -> Result<bool, Error> {
    let mut found = false;
    let mut folders = Vec::new();
    let read = folder.entries(&mut |entry| match Child::new(base, &entry.name, entry.kind) {
        Some(child) if child.is_folder() => {
            folders.push(child);
            ControlFlow::Continue(())
        }
        Some(_) => {
            found = true;
            ControlFlow::Break(())
        }
        None => ControlFlow::Continue(()),
    });
    match read {
        Ok(()) | Err(Code::NoEntry) => {}
        Err(code) => return Err(listing(base, code)),
    }
    if found {
        return Ok(true);
    }
    for child in folders {
        match folder.open_folder(child.name()) {
            Ok(below) => {
                if holds_object(&below, &child.path)? {
                    return Ok(true);
                }
            }
            Err(code) if is_missing(code) => {}
            Err(code) => return Err(listing(&child.path, code)),
        }
    }
    Ok(false)
}
