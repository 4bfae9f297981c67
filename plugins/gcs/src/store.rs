//! The operations of the contract on whole objects, each one request or a few; those on parts are in the module below it.

mod parts;

use http::Method;
use http::request::Builder;
use siltstone_plugin_sdk::cloud::{self, Range};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::{Body, Response, send};
use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::types::{
    Capabilities, DigestKinds, Error, ErrorKind, ObjectMeta, Page, PartOrder, PartRules, Precondition,
    Preconditions,
};

use crate::config::{Config, Uploads};
use crate::failure::{self, Asked};
use crate::reply::{self, Object};
use crate::request::{FIELDS, Properties, condition, crc32c, finish, frame};
use crate::upload::TEMPORARY;

/// Limits of the service.
const MAX_OBJECT: u64 = 5 << 40;
/// Bytes of a part of the XML API, and of one of a session, which must be a multiple of the least.
const PART_SIZES: (u64, u64) = (5 << 20, 5 << 30);
const SESSION_UNIT: u64 = 256 << 10;
const MAX_PARTS: u32 = 10_000;
/// Objects in one delete: each is a request of its own.
const DELETE_BATCH: u32 = 16;
/// Calls at once.
const IN_FLIGHT: u32 = 8;
/// Most bytes of a document: a listing of a thousand long names is below two megabytes.
const MAX_DOCUMENT: usize = 8 << 20;
/// Objects of one page.
const PAGE: u32 = 1_000;
/// What the tokens of this transport begin with, where a server gave more than a page.
const AFTER: &str = "after:";

/// A location that is open.
#[derive(Debug)]
pub struct Store {
    config: Config,
}

type Attributes = [(String, String)];

impl Store {
    /// Talks to nobody yet.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// The URI for people.
    pub fn home(&self) -> String {
        self.config.home()
    }

    /// What the service promises; emulators promise less than they say, which the host finds out.
    pub fn capabilities(&self) -> Capabilities {
        let parts = match self.config.uploads {
            Uploads::Parts => PartRules {
                order: PartOrder::AnyOrder,
                min_size: PART_SIZES.0,
                max_size: PART_SIZES.1,
                multiple_of: 1,
                max_count: MAX_PARTS,
            },
            Uploads::Session => PartRules {
                order: PartOrder::InOrder,
                min_size: SESSION_UNIT,
                max_size: PART_SIZES.1,
                multiple_of: SESSION_UNIT,
                max_count: MAX_PARTS,
            },
        };
        Capabilities {
            max_put: MAX_OBJECT,
            max_object: MAX_OBJECT,
            parts,
            preconditions: Preconditions::IF_ABSENT | Preconditions::IF_MATCH,
            digests: DigestKinds::CRC32C,
            delete_batch: DELETE_BATCH,
            in_flight: IN_FLIGHT,
        }
    }

    /// See `put` of the contract.
    pub fn put(
        &self,
        key: &str,
        body: &Blob,
        when: &Precondition,
        with: &Attributes,
    ) -> Result<ObjectMeta, Error> {
        let properties = Properties::new(with)?;
        let checksum = checksum(body)?;
        let resource = properties.resource(&self.config.prefix.full(key), Some(&checksum));
        let media = properties.content_type.as_deref().unwrap_or("application/octet-stream");
        let boundary = format!("siltstone-{}{}", cloud::random_name(), cloud::random_name());
        let (before, after) = frame(&boundary, &resource, media);
        let conditions = condition(when)?;
        let mut query = vec![("uploadType", "multipart"), ("fields", FIELDS)];
        query.extend(conditions.iter().map(|(name, value)| (*name, value.as_str())));
        let request = self
            .config
            .upload(&query)
            .header("content-type", format!("multipart/related; boundary={boundary}"));
        let doing = format!("put {key}");
        let asked = Asked { doing: &doing, changes: true, condition: when };
        let response = self.ask(request, Body::Framed(&before, body, &after), asked)?;
        let object = response.read(MAX_DOCUMENT).and_then(|body| reply::json::<Object>(&body));
        // It was accepted, whatever became of the answer.
        let object = object.map_err(error::outcome_unknown)?;
        self.keep_if_whole(key, &doing, &object, body.size(), &checksum)
    }

    /// See `get` of the contract.
    pub fn get(&self, key: &str, offset: u64, len: Option<u64>, to: &Sink) -> Result<u64, Error> {
        let doing = format!("get {key}");
        let asked = Asked { doing: &doing, changes: false, condition: &Precondition::None };
        if len == Some(0) {
            return self.head(key).map(|_| 0);
        }
        let range = Range::new(offset, len);
        let request = self.config.object(Method::GET, Some(key), &[("alt", "media")]);
        let request = match range.header() {
            Some(value) => request.header("range", value),
            None => request,
        };
        let response = match self.ask(request, Body::Empty, asked) {
            Err(error) if error.http_status == Some(416) => return Ok(0),
            response => response?,
        };
        cloud::receive(&doing, &response, range, to)
    }

    /// See `head` of the contract.
    pub fn head(&self, key: &str) -> Result<ObjectMeta, Error> {
        self.look(key)?.meta(key.to_owned())
    }

    fn look(&self, key: &str) -> Result<Object, Error> {
        let request = self.config.object(Method::GET, Some(key), &[("fields", FIELDS)]);
        let doing = format!("look at {key}");
        let asked = Asked { doing: &doing, changes: false, condition: &Precondition::None };
        let response = self.ask(request, Body::Empty, asked)?;
        reply::json(&response.read(MAX_DOCUMENT)?)
    }

    /// See `list` of the contract.
    pub fn list(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<&str>,
        limit: u32,
    ) -> Result<Page, Error> {
        let full = self.config.prefix.full(prefix);
        let limit = limit.clamp(1, PAGE);
        let count = limit.to_string();
        let after = token.and_then(|token| token.strip_prefix(AFTER));
        let fields = format!("items({FIELDS}),prefixes,nextPageToken");
        let mut query = vec![("maxResults", count.as_str()), ("prefix", &full), ("fields", &fields)];
        query.extend(delimiter.map(|delimiter| ("delimiter", delimiter)));
        if after.is_none() {
            query.extend(token.map(|token| ("pageToken", token)));
        }
        let request = self.config.object(Method::GET, None, &query);
        let asked = Asked { doing: &format!("list {full}"), changes: false, condition: &Precondition::None };
        let response = self.ask(request, Body::Empty, asked)?;
        let mut page = reply::listing(&response.read(MAX_DOCUMENT)?, &self.config.prefix)?;
        if !prefix.starts_with(TEMPORARY) {
            page.objects.retain(|object| !object.key.starts_with(TEMPORARY));
            page.prefixes.retain(|prefix| prefix != TEMPORARY);
        }
        Ok(cut(page, after, limit as usize))
    }

    /// See `delete` of the contract.
    pub fn delete(&self, keys: &[String]) -> Result<Vec<(String, Error)>, Error> {
        cloud::one_by_one(keys, |key| self.remove(key))
    }

    /// Deletes one object, which need not be there.
    fn remove(&self, key: &str) -> Result<(), Error> {
        let request = self.config.object(Method::DELETE, Some(key), &[]);
        let doing = format!("delete {key}");
        let asked = Asked { doing: &doing, changes: true, condition: &Precondition::None };
        match self.ask(request, Body::Empty, asked) {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The object that was made, unless the service tells another length or checksum than was sent: then it goes again.
    fn keep_if_whole(
        &self,
        key: &str,
        doing: &str,
        object: &Object,
        size: u64,
        checksum: &str,
    ) -> Result<ObjectMeta, Error> {
        let meta = object.meta(key.to_owned())?;
        let is_whole = meta.size == size && object.crc32c.as_deref().is_none_or(|found| found == checksum);
        if is_whole {
            return Ok(meta);
        }
        if let Some(generation) = &object.generation {
            let query = [("ifGenerationMatch", generation.as_str())];
            let request = self.config.object(Method::DELETE, Some(key), &query);
            let asked = Asked { doing, changes: true, condition: &Precondition::None };
            // Whatever comes of it, what was stored is not what was sent.
            let _ = self.ask(request, Body::Empty, asked);
        }
        Err(error::outcome_unknown(error::transient(format!(
            "cannot {doing}: {size} bytes with the CRC-32C {checksum} were sent, and {} with {} arrived",
            meta.size,
            object.crc32c.as_deref().unwrap_or("none")
        ))))
    }

    /// Sends; an answer that is no success is an error.
    fn ask(&self, request: Builder, body: Body<'_>, asked: Asked<'_>) -> Result<Response, Error> {
        self.ask_for(request, body, asked, |status| (200..300).contains(&status))
    }

    fn ask_for(
        &self,
        request: Builder,
        body: Body<'_>,
        asked: Asked<'_>,
        is_good: impl Fn(u16) -> bool,
    ) -> Result<Response, Error> {
        let token = self.config.source.token()?;
        let parts = finish(request, token.as_deref())?;
        let response = send(&parts, body).map_err(|e| Error {
            message: format!("cannot {} in bucket {}: {}", asked.doing, self.config.bucket, e.message),
            ..e
        })?;
        if is_good(response.status.as_u16()) {
            return Ok(response);
        }
        // Whatever it is, the status counts.
        let document = response.read(MAX_DOCUMENT).unwrap_or_default();
        let fault = reply::fault(&document);
        let mut error = failure::error(&self.config, asked, response.status, &response.headers, fault);
        // A token that ends in the middle of a backup does not end the backup.
        if error.kind == ErrorKind::Unauthenticated && self.config.source.renew(token.as_deref()) {
            error.kind = ErrorKind::Transient;
        }
        Err(error)
    }
}

fn checksum(body: &Blob) -> Result<String, Error> {
    body.digests().crc32c.map(crc32c).ok_or_else(no_digest)
}

fn no_digest() -> Error {
    error::internal("the host gave no CRC-32C with a blob")
}

/// At most `limit` of a page, and those after a key: emulators give all at once, whatever they are asked for.
fn cut(mut page: Page, after: Option<&str>, limit: usize) -> Page {
    if let Some(after) = after {
        page.objects.retain(|object| object.key.as_str() > after);
        page.prefixes.retain(|prefix| prefix.as_str() > after);
    }
    if page.objects.len() + page.prefixes.len() <= limit {
        return page;
    }
    page.objects.sort_by(|a, b| a.key.cmp(&b.key));
    page.prefixes.sort();
    let mut names: Vec<&str> = page.objects.iter().map(|o| o.key.as_str()).collect();
    names.extend(page.prefixes.iter().map(String::as_str));
    names.sort_unstable();
    let last = names[limit - 1].to_owned();
    page.objects.retain(|object| object.key <= last);
    page.prefixes.retain(|prefix| *prefix <= last);
    page.next = Some(format!("{AFTER}{last}"));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_page_is_cut_and_gone_through_by_keys() {
        let all = || Page {
            objects: ["a", "c", "e"]
                .map(|key| ObjectMeta { key: key.to_owned(), size: 1, etag: None, modified_ms: None })
                .to_vec(),
            prefixes: ["b/", "d/"].map(str::to_owned).to_vec(),
            next: None,
        };
        let mut seen = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let after = token.as_deref().and_then(|token| token.strip_prefix(AFTER));
            let page = cut(all(), after, 2);
            assert!(page.objects.len() + page.prefixes.len() <= 2);
            let mut names: Vec<_> = page.objects.into_iter().map(|o| o.key).chain(page.prefixes).collect();
            names.sort();
            seen.extend(names);
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a", "b/", "c", "d/", "e"]);
    }
}
