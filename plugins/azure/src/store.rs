//! The operations of the contract, each one request or a few.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::request::Builder;
use serde::{Deserialize, Serialize};
use siltstone_plugin_sdk::cloud::{self, Range, http_ms, without_gap};
use siltstone_plugin_sdk::http::{Body, Response, send};
use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::types::{
    Capabilities, DigestKinds, Error, ErrorKind, ObjectMeta, Page, PartOrder, PartRules, Precondition,
    Preconditions,
};
use siltstone_plugin_sdk::{error, host};

use crate::config::Config;
use crate::failure::{self, Asked};
use crate::reply::{self, Block};
use crate::request::{Properties, block_id, block_list, condition, is_block_of, sign};

/// Limits of the service: a blob in one piece, a block, and how many of them.
const MAX_PUT: u64 = 5_000 << 20;
const MAX_BLOCK: u64 = 4_000 << 20;
const MAX_BLOCKS: u32 = 50_000;
/// Blobs in one delete: each is a request of its own.
const DELETE_BATCH: u32 = 16;
/// Most bytes of a document: a list of fifty thousand blocks is below six megabytes.
const MAX_DOCUMENT: usize = 8 << 20;
/// Blobs of one page.
const PAGE: u32 = 5_000;
/// The number of the block that says that an upload was given up; parts begin at 1.
const GIVEN_UP: u32 = 0;

/// An upload is a name for its blocks, and what the blob will be told.
type Upload = cloud::Upload<Blocks>;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Blocks {
    name: String,
    properties: Properties,
}

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

    /// What the service promises.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_put: MAX_PUT,
            max_object: u64::from(MAX_BLOCKS) * MAX_BLOCK,
            parts: PartRules {
                order: PartOrder::AnyOrder,
                min_size: self.config.block,
                max_size: MAX_BLOCK,
                multiple_of: 1,
                max_count: MAX_BLOCKS,
            },
            preconditions: Preconditions::IF_ABSENT | Preconditions::IF_MATCH,
            digests: DigestKinds::MD5,
            delete_batch: DELETE_BATCH,
            in_flight: self.config.in_flight,
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
        let request = Properties::new(with)?.add(condition(request, when));
        let request = request.header("x-ms-blob-type", "BlockBlob").header("content-md5", md5(body)?);
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
        let range = Range::new(offset, len);
        let request = self.config.request(Method::GET, Some(key), &[]);
        let request = match range.header() {
            Some(value) => request.header("x-ms-range", value),
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
        let request = self.config.request(Method::HEAD, Some(key), &[]);
        let doing = format!("look at {key}");
        let asked = Asked { doing: &doing, changes: false, condition: &Precondition::None };
        let response = self.ask(request, Body::Empty, asked)?;
        let size = response.length();
        let size =
            size.ok_or_else(|| error::corrupt(format!("cannot {doing}: the service tells no length")))?;
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
        let mut query = vec![("restype", "container"), ("comp", "list"), ("maxresults", &count)];
        // An empty value is signed in one way by the library and in another by the service.
        query.extend((!full.is_empty()).then_some(("prefix", full.as_str())));
        query.extend(delimiter.map(|delimiter| ("delimiter", delimiter)));
        query.extend(token.map(|token| ("marker", token)));
        let request = self.config.request(Method::GET, None, &query);
        let asked = Asked { doing: &format!("list {full}"), changes: false, condition: &Precondition::None };
        let response = self.ask(request, Body::Empty, asked)?;
        reply::listing(&response.read(MAX_DOCUMENT)?, &self.config.prefix)
    }

    /// See `delete` of the contract.
    pub fn delete(&self, keys: &[String]) -> Result<Vec<(String, Error)>, Error> {
        cloud::one_by_one(keys, |key| {
            let request = self.config.request(Method::DELETE, Some(key), &[]);
            let request = request.header("x-ms-delete-snapshots", "include");
            let doing = format!("delete {key}");
            let asked = Asked { doing: &doing, changes: true, condition: &Precondition::None };
            match self.ask(request, Body::Empty, asked) {
                Ok(_) => Ok(()),
                Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    /// See `multipart-start` of the contract. The service learns of it with the first block.
    pub fn start(&self, when: &Precondition, with: &Attributes) -> Result<String, Error> {
        let name = cloud::random_name();
        let state = Blocks { name, properties: Properties::new(with)? };
        Upload { state, condition: when.clone() }.token()
    }

    /// See `multipart-put` of the contract.
    pub fn put_part(&self, key: &str, token: &str, number: u32, body: &Blob) -> Result<String, Error> {
        let upload = Upload::known(key, token)?;
        self.put_block(key, &upload.state.name, number, Body::Blob(body), &md5(body)?)?;
        Ok(body.size().to_string())
    }

    /// See `multipart-finish` of the contract.
    pub fn finish(&self, key: &str, token: &str, tags: &[(u32, String)]) -> Result<ObjectMeta, Error> {
        let upload = Upload::known(key, token)?;
        without_gap(key, tags)?;
        let name = &upload.state.name;
        let there = self.uncommitted(key)?;
        let there: HashMap<&str, u64> = there.iter().map(|b| (b.name.as_str(), b.size)).collect();
        let mut size = 0;
        let mut is_whole = !there.contains_key(block_id(name, GIVEN_UP).as_str());
        for (number, tag) in tags {
            let expected = tag.parse::<u64>().ok();
            is_whole &=
                expected.is_some() && there.get(block_id(name, *number).as_str()).copied() == expected;
            size += expected.unwrap_or_default();
        }
        let missing = || match upload.condition {
            // Whoever made it took the blocks of all others away.
            Precondition::IfAbsent if self.head(key).is_ok() => {
                error::already_exists(format!("{key} exists in container {}", self.config.container))
            }
            _ => error::not_found(format!("the upload of {key} does not exist any more")),
        };
        if !is_whole {
            return Err(missing());
        }
        let body = block_list(name, tags.len());
        let request = self.config.request(Method::PUT, Some(key), &[("comp", "blocklist")]);
        let request = upload.state.properties.add(condition(request, &upload.condition));
        let request = request.header("content-type", "application/xml");
        let asked = Asked { doing: &format!("finish {key}"), changes: true, condition: &upload.condition };
        match self.ask(request, Body::Bytes(&body), asked) {
            Ok(response) => Ok(meta(key, size, &response)),
            Err(error) if error.kind == ErrorKind::NotFound => Err(missing()),
            Err(error) => Err(error),
        }
    }

    /// See `multipart-abort` of the contract.
    ///
    /// The service has no such request; it removes blocks that are part of no blob after a week. A further block tells a
    /// later finish that the upload was given up. The blocks stay as they are: a finish that is on its way when this is asked
    /// for makes the object that was meant, or none.
    pub fn abort(&self, key: &str, token: &str) -> Result<(), Error> {
        let Some(upload) = Upload::parse(token) else { return Ok(()) };
        let name = &upload.state.name;
        let own: Vec<Block> =
            self.uncommitted(key)?.into_iter().filter(|block| is_block_of(name, &block.name)).collect();
        if own.is_empty() {
            return Ok(());
        }
        self.put_block(key, name, GIVEN_UP, Body::Bytes(b"-"), ONE_BYTE_MD5)?;
        let bytes: u64 = own.iter().map(|block| block.size).sum();
        host::log(
            host::LogLevel::Info,
            &format!(
                "the upload of {key} in container {} was given up; its {} blocks of {bytes} bytes stay until Azure \
                 removes them, after seven days",
                self.config.container,
                own.len()
            ),
        );
        Ok(())
    }

    fn put_block(
        &self,
        key: &str,
        upload: &str,
        number: u32,
        body: Body<'_>,
        md5: &str,
    ) -> Result<(), Error> {
        self.put_block_as(key, &block_id(upload, number), body, md5)
    }

    fn put_block_as(&self, key: &str, id: &str, body: Body<'_>, md5: &str) -> Result<(), Error> {
        let request = self.config.request(Method::PUT, Some(key), &[("comp", "block"), ("blockid", id)]);
        let request = request.header("content-md5", md5);
        let doing = format!("put a block of {key}");
        let asked = Asked { doing: &doing, changes: true, condition: &Precondition::None };
        self.ask(request, body, asked).map(|_| ())
    }

    /// The blocks under a key that are part of no blob.
    fn uncommitted(&self, key: &str) -> Result<Vec<Block>, Error> {
        let query = [("comp", "blocklist"), ("blocklisttype", "uncommitted")];
        let request = self.config.request(Method::GET, Some(key), &query);
        let doing = format!("list the blocks of {key}");
        let asked = Asked { doing: &doing, changes: false, condition: &Precondition::None };
        match self.ask(request, Body::Empty, asked) {
            Ok(response) => reply::uncommitted(&response.read(MAX_DOCUMENT)?),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Signs and sends; an answer that is no success is an error.
    fn ask(&self, request: Builder, body: Body<'_>, asked: Asked<'_>) -> Result<Response, Error> {
        let credential = self.config.source.credential()?;
        let parts = sign(request, body.size(), credential.as_ref())?;
        let response = send(&parts, body).map_err(|e| Error {
            message: format!("cannot {} in container {}: {}", asked.doing, self.config.container, e.message),
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
        if error.kind == ErrorKind::Unauthenticated && self.config.source.renew(credential.as_ref()) {
            error.kind = ErrorKind::Transient;
        }
        Err(error)
    }
}

/// The MD5 of `-`, in base64.
const ONE_BYTE_MD5: &str = "M21evFQ2U05h0W5j3fyjJw==";

fn md5(body: &Blob) -> Result<String, Error> {
    let digest = body.digests().md5;
    digest
        .map(|digest| STANDARD.encode(digest))
        .ok_or_else(|| error::internal("the host gave no MD5 with a blob"))
}

fn meta(key: &str, size: u64, response: &Response) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size,
        etag: response.header("etag").and_then(reply::etag),
        modified_ms: response.header("last-modified").and_then(http_ms),
    }
}
