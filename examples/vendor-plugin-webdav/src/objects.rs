//! Reads and deletes objects.
//!
//! An object that is being replaced is away for a moment on many servers, as [`crate::publish`] tells; meanwhile what replaces
//! it is there under its name with `~`. So whoever does not find it looks there, and then again.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use siltstone_plugin_sdk::cloud::one_by_one;
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::{Body, Response};
use siltstone_plugin_sdk::io::Sink;
use siltstone_plugin_sdk::types::{
    Capabilities, DigestKinds, Error, ObjectMeta, PartOrder, PartRules, Preconditions,
};

use crate::config::ExclusiveMove;
use crate::failure::Effect;
use crate::list::{Collections, Kind, NEXT};
use crate::multistatus::Entry;
use crate::range::{BEYOND, Range, size_of};
use crate::requests::{Store, folder};

/// Largest object. What a server can take is for it to say; this is what a request of one day at 12 MB/s carries.
const MAX_OBJECT: u64 = 1 << 40;
/// Keys in one delete: each is a request of its own.
const DELETE_BATCH: u32 = 64;
/// Calls at once: such servers are small more often than not.
const IN_FLIGHT: u32 = 4;
/// How often an object that is not there is looked for beside its name, and then again.
const LOOKS: u32 = 2;

/// The name of what is about to replace an object.
pub(crate) fn next(key: &str) -> String {
    format!("{key}{NEXT}")
}

impl Store {
    /// See `capabilities` of the contract. WebDAV has no uploads in parts; the host then sends every object in one piece.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_put: MAX_OBJECT,
            max_object: MAX_OBJECT,
            parts: PartRules {
                order: PartOrder::None,
                min_size: 0,
                max_size: 0,
                multiple_of: 0,
                max_count: 0,
            },
            preconditions: match self.config.exclusive {
                ExclusiveMove::OneStep => Preconditions::IF_ABSENT,
                ExclusiveMove::TwoSteps => Preconditions::empty(),
            },
            digests: DigestKinds::empty(),
            delete_batch: DELETE_BATCH,
            in_flight: IN_FLIGHT,
        }
    }

    /// See `head` of the contract.
    ///
    /// There is no etag: servers make it of length and time, and two contents of one tick and length would share one.
    pub fn head(&self, key: &str) -> Result<ObjectMeta, Error> {
        let doing = format!("look at {key}");
        let found = find(&doing, key, |name| self.object(&doing, name))?;
        let size = found.size.ok_or_else(|| error::corrupt(format!("cannot {doing}: it has no length")))?;
        Ok(ObjectMeta { key: key.to_owned(), size, etag: None, modified_ms: found.modified_ms })
    }

    /// See `get` of the contract.
    pub fn get(&self, key: &str, offset: u64, len: Option<u64>, to: &Sink) -> Result<u64, Error> {
        if len == Some(0) || offset >= BEYOND {
            return self.head(key).map(|_| 0);
        }
        let doing = format!("get {key}");
        find(&doing, key, |name| self.fetch(&doing, name, Range { offset, len }, to))
    }

    /// See `delete` of the contract. Collections stay: to remove one is to remove whatever comes into it meanwhile.
    pub fn delete(&self, keys: &[String]) -> Result<Vec<(String, Error)>, Error> {
        let mut there = BTreeMap::new();
        for key in keys {
            there.entry(folder(key)).or_insert_with(|| self.objects_in(folder(key)));
        }
        one_by_one(keys, |key| {
            let there = match there.get(folder(key)) {
                Some(Ok(there)) => there,
                Some(Err(error)) => return Err(error.clone()),
                None => return Err(error::internal(format!("{key} was not looked for"))),
            };
            // In this order, or what was about to replace the object would stand for it again.
            for name in [next(key), key.to_owned()] {
                if there.contains(&name) {
                    self.remove(&name)?;
                }
            }
            Ok(())
        })
    }

    /// Removes one object; one that is not there counts as removed.
    pub(crate) fn remove(&self, key: &str) -> Result<(), Error> {
        let doing = format!("delete {key}");
        let request = self.request("DELETE", &self.config.address.object(key));
        let response = self.ask(&doing, Effect::Objects, request, Body::Empty)?;
        match response.status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            status if status.is_success() && status != StatusCode::MULTI_STATUS => Ok(()),
            _ => Err(self.refused(&doing, Effect::Objects, &response)),
        }
    }

    /// The keys of a collection that are objects. A delete of a collection would take all that is in it, so nothing is deleted
    /// that was not seen to be none.
    fn objects_in(&self, path: &str) -> Result<BTreeSet<String>, Error> {
        let mut there = BTreeSet::new();
        self.read(path, &mut |name, kind| {
            if matches!(kind, Kind::Object { .. }) {
                there.insert(format!("{path}{name}"));
            }
        })?;
        Ok(there)
    }

    /// What is under a name, unless it is a collection.
    pub(crate) fn object(&self, doing: &str, name: &str) -> Result<Option<Entry>, Error> {
        let found = self.look(doing, &self.config.address.object(name))?;
        Ok(found.filter(|entry| !entry.is_collection))
    }

    fn fetch(&self, doing: &str, name: &str, range: Range, to: &Sink) -> Result<Option<u64>, Error> {
        let request = self.request("GET", &self.config.address.object(name));
        let request = request.header("range", range.header());
        let response = self.ask(doing, Effect::None, request, Body::Empty)?;
        let (skip, expected) = match response.status {
            StatusCode::PARTIAL_CONTENT => (0, range.promised(response.header("content-range"))?),
            StatusCode::RANGE_NOT_SATISFIABLE => return Ok(Some(0)),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status if status == StatusCode::OK || !is_failure(status) => {
                // All of an object, from a server that knows no ranges, or a page about a collection.
                let Some(found) = self.object(doing, name)? else { return Ok(None) };
                if status != StatusCode::OK {
                    return Err(self.refused(doing, Effect::None, &response));
                }
                let size = response.length().or(found.size);
                let size = size.ok_or_else(|| error::corrupt(format!("cannot {doing}: it has no length")))?;
                (range.offset, range.within(size))
            }
            _ => return Err(self.refused(doing, Effect::None, &response)),
        };
        let got = receive(doing, &response, to, skip, expected)?;
        self.confirm(doing, name, &Version::of(&response))?;
        Ok(Some(got))
    }

    /// Whether what was read is there still. Some servers look at a file and open it later, so that an object which was replaced
    /// between comes with the length of the old one and the bytes of the new.
    fn confirm(&self, doing: &str, name: &str, read: &Version) -> Result<(), Error> {
        let request = self.request("HEAD", &self.config.address.object(name));
        let response = self.ask(doing, Effect::None, request, Body::Empty)?;
        match response.status {
            StatusCode::NOT_FOUND | StatusCode::GONE => {}
            status if status.is_success() && read.may_be(&Version::of(&response)) => return Ok(()),
            status if status.is_success() => {}
            _ => return Err(self.refused(doing, Effect::None, &response)),
        }
        Err(error::transient(format!("cannot {doing}: it was replaced while it was read")))
    }
}

/// What tells one content of an object from another, as far as a server says it.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    etag: Option<String>,
    modified: Option<String>,
    size: Option<u64>,
}

impl Version {
    fn of(response: &Response) -> Self {
        let header = |name| response.header(name).map(str::to_owned);
        let size = match response.header("content-range") {
            Some(range) => size_of(range),
            None => response.length(),
        };
        Self { etag: header("etag"), modified: header("last-modified"), size }
    }

    /// Whether nothing that both tell differs.
    fn may_be(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        agree(&self.etag, &other.etag)
            && agree(&self.modified, &other.modified)
            && agree(&self.size, &other.size)
    }
}

/// Whether a status speaks of the request and not of what is under its name.
fn is_failure(status: StatusCode) -> bool {
    !(status.is_redirection() || status == StatusCode::METHOD_NOT_ALLOWED)
}

fn receive(doing: &str, response: &Response, to: &Sink, skip: u64, expected: u64) -> Result<u64, Error> {
    if expected == 0 {
        return Ok(0);
    }
    let got = response.copy_part_to(to, skip, expected)?;
    if got == expected {
        Ok(got)
    } else {
        Err(error::transient(format!("cannot {doing}: {got} of {expected} bytes came")))
    }
}

/// Asks for an object until it is found under its name or beside it.
fn find<T>(doing: &str, key: &str, ask: impl Fn(&str) -> Result<Option<T>, Error>) -> Result<T, Error> {
    if let Some(found) = ask(key)? {
        return Ok(found);
    }
    let beside = next(key);
    for _ in 0..LOOKS {
        for name in [beside.as_str(), key] {
            if let Some(found) = ask(name)? {
                return Ok(found);
            }
        }
    }
    Err(error::not_found(format!("cannot {doing}: {key} does not exist")))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use siltstone_plugin_sdk::types::ErrorKind;

    #[test]
    fn an_object_is_found_wherever_a_replacement_has_it_at_that_moment() {
        // What each question finds: under the name, beside it, under the name again, and so on.
        for (answers, asked) in [
            (&[true][..], &["k"][..]),
            (&[false, true], &["k", "k~"]),
            (&[false, false, true], &["k", "k~", "k"]),
            (&[false, false, false, true], &["k", "k~", "k", "k~"]),
        ] {
            let names = RefCell::new(Vec::new());
            let found = find("get k", "k", |name| {
                names.borrow_mut().push(name.to_owned());
                Ok(answers[names.borrow().len() - 1].then_some(()))
            });
            assert!(found.is_ok());
            assert_eq!(*names.borrow(), asked);
        }
        let missing = find("get k", "k", |_| Ok(None::<()>)).unwrap_err();
        assert_eq!(missing.kind, ErrorKind::NotFound);
        assert!(find("get k", "k", |_| Err::<Option<()>, _>(error::denied("no"))).is_err());
    }

    #[test]
    fn two_answers_are_of_one_content_when_nothing_differs_that_both_tell() {
        let version = |etag: &str, size| Version { etag: Some(etag.to_owned()), modified: None, size };
        let read = version("a", Some(7));
        assert!(read.may_be(&version("a", Some(7))) && read.may_be(&version("a", None)));
        assert!(read.may_be(&Version { etag: None, modified: Some("now".to_owned()), size: Some(7) }));
        assert!(!read.may_be(&version("b", Some(7))) && !read.may_be(&version("a", Some(8))));
    }
}
