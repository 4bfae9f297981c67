//! Puts objects so that a reader sees all of one or nothing.
//!
//! A body goes to a temporary name first. What happens then depends on what is under the name of the object:
//!
//! * Nothing, or nothing may be there: one `MOVE` with `Overwrite: F`, which most servers check and make in one step.
//! * An object: RFC 4918 wants a server to *delete* what a `MOVE` with `Overwrite: T` replaces, and many do just that, so that
//!   for a moment there is nothing, and for longer if they break down between. Therefore the new object first takes the name
//!   with `~`, which no key has, and moves from there. While the old one is away, readers find the new one there.
//!
//! Two that replace one object at the same time may move each other's: both are there for readers in some order, and the later
//! one stays. `~` beside an object that is there has no meaning; whoever replaces it overwrites that, and whoever deletes the
//! object deletes it first.

use siltstone_plugin_sdk::cloud::random_name;
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::Body;
use siltstone_plugin_sdk::io::Blob;
use siltstone_plugin_sdk::types::{Error, ErrorKind, ObjectMeta, Outcome, Precondition};

use crate::config::{ExclusiveMove, name};
use crate::failure::Effect;
use crate::list::TEMP;
use crate::objects::next;
use crate::requests::{Moved, Overwrite, Store, folder, is_misplaced};

/// What the attributes of a put say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// Who writes.
    pub attempt: &'a str,
    /// The media type.
    pub content_type: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    /// Reads them; a tag has no place on a WebDAV server that all of them keep.
    ///
    /// # Errors
    ///
    /// `unsupported`, naming the attribute that cannot be honoured; `internal` for an attempt that could be a path.
    pub fn read(given: &'a [(String, String)]) -> Result<Self, Error> {
        let mut all = Self { attempt: "none", content_type: None };
        for (name, value) in given {
            match name.as_str() {
                "attempt" => all.attempt = value,
                "content-type" => all.content_type = Some(value),
                "tag" => {}
                _ => {
                    return Err(error::unsupported(format!("attribute {name:?} is not supported by webdav")));
                }
            }
        }
        let clean = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'-';
        if !(1..=64).contains(&all.attempt.len()) || !all.attempt.bytes().all(clean) {
            return Err(error::internal(format!("{:?} is no attempt", all.attempt)));
        }
        Ok(all)
    }
}

impl Store {
    /// See `put` of the contract.
    pub fn put(
        &self,
        key: &str,
        body: &Blob,
        condition: &Precondition,
        attributes: &Attributes<'_>,
    ) -> Result<ObjectMeta, Error> {
        match (condition, self.config.exclusive) {
            (Precondition::IfMatch(_), _) => {
                return Err(error::unsupported("webdav cannot put with if-match"));
            }
            (Precondition::IfAbsent, ExclusiveMove::TwoSteps) => {
                return Err(error::unsupported(format!(
                    "{} says that there is no put if-absent",
                    name::IF_ABSENT
                )));
            }
            _ => {}
        }
        let doing = format!("put {key}");
        let temporary = format!("{TEMP}/{}/{}{}", attributes.attempt, random_name(), random_name());
        let put =
            self.upload(&doing, &temporary, body, attributes.content_type).and_then(|()| match condition {
                Precondition::None => self.replace(&doing, &temporary, key),
                _ => self.claim(&doing, &temporary, key),
            });
        match put {
            Ok(()) => {
                Ok(ObjectMeta { key: key.to_owned(), size: body.size(), etag: None, modified_ms: None })
            }
            Err(error) => {
                // Else the server may be gone, or still at it; the host, which knows the attempt, deletes what is left.
                if error.outcome == Outcome::NoEffect && has_answered(&error) {
                    let _ = self.remove(&temporary);
                }
                Err(error)
            }
        }
    }

    fn upload(&self, doing: &str, name: &str, body: &Blob, content_type: Option<&str>) -> Result<(), Error> {
        let url = self.config.address.object(name);
        let ask = || {
            let request = self.request("PUT", &url);
            let request = request.header("content-type", content_type.unwrap_or("application/octet-stream"));
            self.ask(doing, Effect::None, request, Body::Blob(body))
        };
        let mut response = ask()?;
        if is_misplaced(response.status) {
            self.make_collection(doing, folder(name))?;
            response = ask()?;
        }
        if response.status.is_success() { Ok(()) } else { Err(self.refused(doing, Effect::None, &response)) }
    }

    /// Makes a temporary object the one of the key, whatever is there.
    fn replace(&self, doing: &str, temporary: &str, key: &str) -> Result<(), Error> {
        match self.rename(doing, temporary, key, Overwrite::Refuse)? {
            Moved::Done => return Ok(()),
            Moved::Gone => return Err(lost(doing)),
            Moved::Taken => {}
        }
        let beside = next(key);
        match self.rename(doing, temporary, &beside, Overwrite::Replace)? {
            Moved::Done => {}
            Moved::Gone | Moved::Taken => return Err(lost(doing)),
        }
        // From here on it may be seen, and somebody else who replaces this object may have moved it already.
        match self.rename(doing, &beside, key, Overwrite::Replace) {
            Ok(_) => Ok(()),
            Err(error) => Err(error::outcome_unknown(error)),
        }
    }

    /// Makes a temporary object the one of the key, if there is none.
    fn claim(&self, doing: &str, temporary: &str, key: &str) -> Result<(), Error> {
        let taken = || error::already_exists(format!("cannot {doing}: it exists"));
        // One that was replaced half-way, by somebody who did not live to end it.
        if self.object(doing, &next(key))?.is_some() {
            return Err(taken());
        }
        match self.rename(doing, temporary, key, Overwrite::Refuse)? {
            Moved::Done => Ok(()),
            Moved::Taken => Err(taken()),
            Moved::Gone => Err(lost(doing)),
        }
    }
}

fn has_answered(error: &Error) -> bool {
    error.http_status.is_some() || error.kind == ErrorKind::AlreadyExists
}

fn lost(doing: &str) -> Error {
    error::transient(format!("cannot {doing}: its temporary object was removed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<(String, Option<String>), Error> {
        let given: Vec<_> = given.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Attributes::read(&given).map(|a| (a.attempt.to_owned(), a.content_type.map(str::to_owned)))
    }

    #[test]
    fn an_attempt_names_a_collection_and_nothing_else() {
        assert_eq!(read(&[]).unwrap(), ("none".to_owned(), None));
        let all = read(&[("content-type", "a/b"), ("attempt", "01-ab"), ("tag", "x")]).unwrap();
        assert_eq!(all, ("01-ab".to_owned(), Some("a/b".to_owned())));
        for bad in ["", "..", "a/b", "A", &"a".repeat(65)] {
            assert_eq!(read(&[("attempt", bad)]).unwrap_err().kind, ErrorKind::Internal, "{bad:?}");
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_unsupported_and_named() {
        for name in ["storage-class", "retain-until", "colour"] {
            let error = read(&[(name, "x")]).unwrap_err();
            assert!(
                error.kind == ErrorKind::Unsupported && error.message.contains(name),
                "{}",
                error.message
            );
        }
    }
}
