//! Lists objects in the byte order of their keys, a page at a time.
//!
//! A server knows no pages and no order beyond one collection, so collections are read one by one. The children of one are
//! visited in the order of their paths, a collection's path ending in `/`: then the keys come in byte order, since `a-b` and
//! `a.b` lie before `a/b`. The token of a page is the last path that it has done with; collections that lie wholly before it
//! are not read again. However large a collection is, only as many of its names are held as a page may need.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use siltstone_plugin_sdk::keys::{MAX_KEY, is_segment};
use siltstone_plugin_sdk::types::{Error, ObjectMeta, Page};
use siltstone_plugin_sdk::{error, keys};

/// The collection of temporary objects.
pub const TEMP: &str = ".siltstone-tmp";

/// What follows the name of an object that is about to replace the one of that name; no key has it.
pub const NEXT: char = '~';

/// Most objects and prefixes on one page, whatever the limit asked for, so that the answer is bounded.
pub const MAX_PAGE: u32 = 5000;

/// Collections that are read for one page, so that a call ends in time; more than a key can have.
const MAX_READS: u32 = 600;

/// What a collection holds under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Objects and collections.
    Collection,
    /// An object, or what is about to replace one.
    Object {
        /// Length in bytes.
        size: u64,
        /// Last change, milliseconds since 1970.
        modified_ms: Option<u64>,
    },
}

/// Reads collections.
pub trait Collections {
    /// Hands over every name in a collection (`a/b/`, or nothing for the location) in any order; none when it is not there.
    ///
    /// # Errors
    ///
    /// Those of the store and of `each`.
    fn read(&self, path: &str, each: &mut dyn FnMut(String, Kind)) -> Result<(), Error>;
}

/// Whether keys are gathered to prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    None,
    Slash,
}

/// One page of the objects whose keys begin with the prefix; see `list` of the contract.
///
/// # Errors
///
/// Those of the store; `unsupported` for another delimiter than `/`, `internal` for a token that is none of ours.
pub fn list(
    store: &impl Collections,
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
        // A collection that is done with may lie above the prefix only if nothing of it is left to list.
        let key = token.strip_suffix('/').unwrap_or(token);
        if !token.starts_with(prefix) || keys::segments(key).is_err() {
            return Err(error::internal(format!("{token:?} is not the token of a page of {prefix:?}")));
        }
    }
    let page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None };
    let room = limit.min(MAX_PAGE) as usize;
    let done = token.map(str::to_owned);
    let mut walk = Walk { store, prefix, grouping, after: token, room, page, reads: 0, done };
    // The deepest collection that the prefix names; no other holds a key that begins with it.
    let base = prefix.rfind('/').map_or("", |at| &prefix[..=at]);
    if base.split_terminator('/').all(is_segment) {
        let _ = walk.visit(base)?;
    }
    Ok(walk.page)
}

/// What stands under a path in the order of the listing: that of a collection ends in `/`.
#[derive(Clone, Copy, Debug)]
enum Child {
    Collection,
    Object { meta: (u64, Option<u64>), is_next: bool },
}

/// The path of a name in a collection, and what it is; none for what is no business of ours.
fn child(base: &str, name: &str, kind: Kind) -> Option<(String, Child)> {
    let (name, child) = match kind {
        Kind::Collection => (name, Child::Collection),
        Kind::Object { size, modified_ms } => {
            let plain = name.strip_suffix(NEXT);
            (plain.unwrap_or(name), Child::Object { meta: (size, modified_ms), is_next: plain.is_some() })
        }
    };
    let is_collection = matches!(child, Child::Collection);
    // A collection needs room for one more byte of a key.
    let most = if is_collection { MAX_KEY - 2 } else { MAX_KEY };
    let is_temporary = base.is_empty() && name == TEMP;
    if is_temporary || !is_segment(name) || base.len() + name.len() > most {
        return None;
    }
    Some((format!("{base}{name}{}", if is_collection { "/" } else { "" }), child))
}

struct Walk<'a, S> {
    store: &'a S,
    prefix: &'a str,
    grouping: Grouping,
    after: Option<&'a str>,
    room: usize,
    page: Page,
    reads: u32,
    /// The last path that was done with.
    done: Option<String>,
}

impl<S: Collections> Walk<'_, S> {
    /// Puts what lies below the collection on the page, and stops when the page is full and more would follow.
    fn visit(&mut self, base: &str) -> Result<ControlFlow<()>, Error> {
        let mut seen: Option<String> = None;
        loop {
            if self.is_enough() {
                return Ok(ControlFlow::Break(()));
            }
            let (batch, is_all) = self.batch(base, seen.as_deref())?;
            seen = batch.last_key_value().map(|(path, _)| path.clone());
            for (path, child) in batch {
                let flow = match child {
                    Child::Collection => self.collection(&path)?,
                    Child::Object { meta, .. } => self.object(&path, meta),
                };
                if flow.is_break() {
                    return Ok(flow);
                }
                self.done = Some(path);
            }
            if is_all {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    /// The first children of a collection that come after `seen` and concern the page, and whether these are all.
    fn batch(&mut self, base: &str, seen: Option<&str>) -> Result<(BTreeMap<String, Child>, bool), Error> {
        self.reads += 1;
        let most = self.room + 1;
        let mut first = BTreeMap::new();
        let mut is_all = true;
        self.store.read(base, &mut |name, kind| {
            let Some((path, child)) = child(base, &name, kind) else { return };
            if !self.concerns(&path) || seen.is_some_and(|seen| path.as_str() <= seen) {
                return;
            }
            // What is about to replace an object stands for it only while that is away.
            match child {
                Child::Object { is_next: true, .. } => {
                    first.entry(path).or_insert(child);
                }
                _ => {
                    first.insert(path, child);
                }
            }
            if first.len() > most {
                first.pop_last();
                is_all = false;
            }
        })?;
        Ok((first, is_all))
    }

    /// Whether the key, or some key below the collection, begins with the prefix and comes after the token.
    fn concerns(&self, path: &str) -> bool {
        let is_after = self.after.is_none_or(|after| {
            let holds_it = path.ends_with('/') && path != after && after.starts_with(path);
            path > after || (self.grouping == Grouping::None && holds_it)
        });
        is_after && path.starts_with(self.prefix)
    }

    fn collection(&mut self, path: &str) -> Result<ControlFlow<()>, Error> {
        if self.grouping == Grouping::None {
            return self.visit(path);
        }
        if self.is_enough() {
            return Ok(ControlFlow::Break(()));
        }
        // Deletes leave collections behind; only objects make a prefix.
        if self.holds_object(path)? {
            if self.is_full() {
                return Ok(ControlFlow::Break(()));
            }
            self.page.prefixes.push(path.to_owned());
        }
        Ok(ControlFlow::Continue(()))
    }

    fn object(&mut self, path: &str, (size, modified_ms): (u64, Option<u64>)) -> ControlFlow<()> {
        if self.is_full() {
            return ControlFlow::Break(());
        }
        self.page.objects.push(ObjectMeta { key: path.to_owned(), size, etag: None, modified_ms });
        ControlFlow::Continue(())
    }

    /// Whether any object lies below the collection.
    fn holds_object(&mut self, base: &str) -> Result<bool, Error> {
        self.reads += 1;
        let (mut is_there, mut below) = (false, Vec::new());
        self.store.read(base, &mut |name, kind| match child(base, &name, kind) {
            Some((path, Child::Collection)) => below.push(path),
            Some(_) => is_there = true,
            None => {}
        })?;
        if is_there {
            return Ok(true);
        }
        for path in below {
            if self.holds_object(&path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the page holds all it may.
    fn is_full(&mut self) -> bool {
        let is_full = self.page.objects.len() + self.page.prefixes.len() >= self.room;
        if is_full {
            self.page.next.clone_from(&self.done);
        }
        is_full
    }

    /// Whether so much was read for this page that the next one is to go on, which begins behind what is done with.
    fn is_enough(&mut self) -> bool {
        let has_moved = self.done.as_deref() != self.after;
        let is_enough = self.reads >= MAX_READS && has_moved;
        if is_enough {
            self.page.next.clone_from(&self.done);
        }
        is_enough
    }
}

#[cfg(test)]
mod tests;
