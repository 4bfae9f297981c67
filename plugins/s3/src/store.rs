//! The operations of the contract, each one request or a few.

use http::Method;
use http::request::Builder;
use siltstone_plugin_sdk::cloud::{self, Range, http_ms, without_gap};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::{Body, Response, send};
use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::types::{
    Capabilities, DigestKinds, Error, ErrorKind, ObjectMeta, Page, PartOrder, PartRules, Precondition,
    Preconditions,
};

use crate::config::Config;
use crate::failure::{self, Asked};
use crate::reply;
use crate::request::{PAYLOAD, attributes, complete_body, condition, delete_body, hex, md5, sha256};

/// Limits of the service: an object in one piece, one in parts, a part, and how many of them.
const MAX_PUT: u64 = 5 << 30;
const MAX_OBJECT: u64 = 5 << 40;
const PART_SIZES: (u64, u64) = (5 << 20, 5 << 30);
const MAX_PARTS: u32 = 10_000;
/// Keys in one delete.
const DELETE_BATCH: u32 = 1000;
/// Calls at once.
const IN_FLIGHT: u32 = 8;
/// Most bytes of a document: a listing of a thousand long keys is below two megabytes.
const MAX_DOCUMENT: usize = 8 << 20;
/// Objects of one page.
const PAGE: u32 = 1000;

/// An upload of the service is known by its id.
type Upload = cloud::Upload<String>;

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

    /// What the service promises; what a store that speaks its protocol really does is for the host to probe.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_put: MAX_PUT,
            max_object: MAX_OBJECT,
            parts: PartRules {
                order: PartOrder::AnyOrder,
                min_size: PART_SIZES.0,
                max_size: PART_SIZES.1,
                multiple_of: 1,
                max_count: MAX_PARTS,
            },
            preconditions: Preconditions::IF_ABSENT | Preconditions::IF_MATCH,
            digests: DigestKinds::SHA256,
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
        let request = self.config.request(Method::PUT, Some(key), &[]);
        let request = attributes(condition(request, when), with)?.header(PAYLOAD, payload(body)?);
        let asked = Asked { doing: &format!("put {key}"), changes: true, condition: when };
        let response = self.ask(request, Body::Blob(body), asked)?;
        Ok(meta(key, body.size(), &response))
    }

    /// See `get` of the contract.
    pub fn get(&self, key: &str, offset: u64, len: Option<u64>, to: &Sink) -> Result<u64, Error> {
        let doing = format!("get {key}");
        let asked = Asked { doing: &doing, changes: false, condition: &Precondition::None };
        if len == Some(0) {
            return self.head(key).map(|_| 0);
        }
        let request = self.config.request(Method::GET, Some(key), &[]).header(PAYLOAD, sha256(b""));
        let range = Range::new(offset, len);
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
        let request = self.config.request(Method::HEAD, Some(key), &[]).header(PAYLOAD, sha256(b""));
        let doing = format!("look at {key}");
        let asked = Asked { doing: &doing, changes: false, condition: &Precondition::None };
        let response = self.ask(request, Body::Empty, asked)?;
        let size = response.length();
        let size =
            size.ok_or_else(|| error::corrupt(format!("cannot {doing}: the store tells no length")))?;
        Ok(meta(key, size, &response))
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
        let count = limit.clamp(1, PAGE).to_string();
        let mut query =
            vec![("list-type", "2"), ("encoding-type", "url"), ("max-keys", &count), ("prefix", &full)];
        query.extend(delimiter.map(|delimiter| ("delimiter", delimiter)));
        query.extend(token.map(|token| ("continuation-token", token)));
        let request = self.config.request(Method::GET, None, &query).header(PAYLOAD, sha256(b""));
        let asked = Asked { doing: &format!("list {full}"), changes: false, condition: &Precondition::None };
        let response = self.ask(request, Body::Empty, asked)?;
        reply::listing(&response.read(MAX_DOCUMENT)?, &self.config.prefix)
    }

    /// See `delete` of the contract.
    pub fn delete(&self, keys: &[String]) -> Result<Vec<(String, Error)>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let full: Vec<String> = keys.iter().map(|key| self.config.prefix.full(key)).collect();
        let body = delete_body(&full);
        let request = self.config.request(Method::POST, None, &[("delete", "")]);
        let request = request
            .header(PAYLOAD, sha256(&body))
            .header("content-md5", md5(&body))
            .header("content-type", "application/xml");
        let doing = format!("delete {} objects", keys.len());
        let asked = Asked { doing: &doing, changes: true, condition: &Precondition::None };
        let response = self.ask(request, Body::Bytes(&body), asked)?;
        let status = response.status;
        let mut left = Vec::new();
        for fault in reply::deleted(&response.read(MAX_DOCUMENT)?)? {
            let Some(at) = full.iter().position(|key| Some(key) == fault.key.as_ref()) else {
                return Err(error::corrupt("the store answers a delete with a key that was not asked for"));
            };
            let doing = format!("delete {}", keys[at]);
            let asked = Asked { doing: &doing, ..asked };
            let error = failure::error(&self.config, asked, status, &response.headers, Some(fault));
            if error.kind != ErrorKind::NotFound {
                left.push((keys[at].clone(), error));
            }
        }
        Ok(left)
    }

    /// See `multipart-start` of the contract.
    pub fn start(&self, key: &str, when: &Precondition, with: &Attributes) -> Result<String, Error> {
        let request = self.config.request(Method::POST, Some(key), &[("uploads", "")]);
        let request = attributes(request, with)?.header(PAYLOAD, sha256(b""));
        let asked = Asked { doing: &format!("begin {key}"), changes: true, condition: &Precondition::None };
        let response = self.ask(request, Body::Empty, asked)?;
        let id = response.read(MAX_DOCUMENT).and_then(|body| reply::upload_id(&body));
        // It has begun, whatever became of the answer.
        let id = id.map_err(error::outcome_unknown)?;
        Upload { state: id, condition: when.clone() }.token()
    }

    /// See `multipart-put` of the contract.
    pub fn put_part(&self, key: &str, token: &str, number: u32, body: &Blob) -> Result<String, Error> {
        let upload = Upload::known(key, token)?;
        let part = number.to_string();
        let request = self.config.request(
            Method::PUT,
            Some(key),
            &[("partNumber", &part), ("uploadId", &upload.state)],
        );
        let request = request.header(PAYLOAD, payload(body)?);
        let doing = format!("put part {number} of {key}");
        let asked = Asked { doing: &doing, changes: true, condition: &Precondition::None };
        let response = self.ask(request, Body::Blob(body), asked)?;
        let tag = response.header("etag").map(str::to_owned);
        tag.ok_or_else(|| error::corrupt(format!("cannot {doing}: the store tells no etag")))
    }

    /// See `multipart-finish` of the contract.
    pub fn finish(&self, key: &str, token: &str, tags: &[(u32, String)]) -> Result<ObjectMeta, Error> {
        let upload = Upload::known(key, token)?;
        without_gap(key, tags)?;
        let body = complete_body(tags);
        let request = self.config.request(Method::POST, Some(key), &[("uploadId", &upload.state)]);
        let request = condition(request, &upload.condition)
            .header(PAYLOAD, sha256(&body))
            .header("content-type", "application/xml");
        let doing = format!("finish {key}");
        let asked = Asked { doing: &doing, changes: true, condition: &upload.condition };
        let response = self.ask(request, Body::Bytes(&body), asked)?;
        // From here on the object may be there.
        let answer = response.read(MAX_DOCUMENT).map_err(error::outcome_unknown)?;
        // It may fail after its head was sent, and then says so in the body of a 200.
        if let Some(fault) = reply::fault(&answer) {
            let status = http::StatusCode::INTERNAL_SERVER_ERROR;
            return Err(failure::error(&self.config, asked, status, &response.headers, Some(fault)));
        }
        reply::completed(&answer).and_then(|_| self.head(key)).map_err(error::outcome_unknown)
    }

    /// See `multipart-abort` of the contract.
    pub fn abort(&self, key: &str, token: &str) -> Result<(), Error> {
        let Some(upload) = Upload::parse(token) else { return Ok(()) };
        let request = self.config.request(Method::DELETE, Some(key), &[("uploadId", &upload.state)]);
        let request = request.header(PAYLOAD, sha256(b""));
        let asked = Asked { doing: &format!("give up {key}"), changes: true, condition: &Precondition::None };
        match self.ask(request, Body::Empty, asked) {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Signs and sends; an answer that is no success is an error.
    fn ask(&self, request: Builder, body: Body<'_>, asked: Asked<'_>) -> Result<Response, Error> {
        let keys = self.config.source.keys()?;
        let parts = self.config.sign(request, keys.as_ref())?;
        let response = send(&parts, body).map_err(|e| Error {
            message: format!("cannot {} in bucket {}: {}", asked.doing, self.config.bucket, e.message),
            ..e
        })?;
        if response.status.is_success() {
            return Ok(response);
        }
        // Whatever it is, the status counts.
        let document = response.read(MAX_DOCUMENT).unwrap_or_default();
        let fault = reply::fault(&document);
        let mut error = failure::error(&self.config, asked, response.status, &response.headers, fault);
        // Credentials that end in the middle of a backup do not end the backup.
        if error.kind == ErrorKind::Unauthenticated && self.config.source.renew(keys.as_ref()) {
            error.kind = ErrorKind::Transient;
        }
        Err(error)
    }
}

fn payload(body: &Blob) -> Result<String, Error> {
    let digest = body.digests().sha256;
    digest.map(|digest| hex(&digest)).ok_or_else(|| error::internal("the host gave no SHA-256 with a blob"))
}

fn meta(key: &str, size: u64, response: &Response) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size,
        etag: response.header("etag").and_then(reply::etag),
        modified_ms: response.header("last-modified").and_then(http_ms),
    }
}
