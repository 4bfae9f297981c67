//! What the server knows, and how it answers.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::tokens::Keys;
use super::{Answer, Trouble};

/// Everything.
pub(super) struct State {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) sessions: HashMap<String, Session>,
    pub(super) uploads: HashMap<String, Upload>,
    /// By token: whether it is still accepted.
    pub(super) tokens: HashMap<String, bool>,
    pub(super) keys: Keys,
    pub(super) keep_half: u32,
    pub(super) token_trouble: (u16, u32),
    store_trouble: (u16, u32),
    next: u64,
}

pub(super) struct Object {
    pub(super) content: Bytes,
    pub(super) generation: u64,
    pub(super) media: String,
}

pub(super) struct Session {
    pub(super) name: String,
    pub(super) media: String,
    pub(super) kept: Vec<u8>,
    pub(super) is_done: bool,
}

pub(super) struct Upload {
    pub(super) name: String,
    pub(super) media: String,
    pub(super) parts: BTreeMap<u32, (String, Bytes)>,
}

impl State {
    pub(super) fn new(name: &str, address: SocketAddr) -> Result<Self, String> {
        Ok(Self {
            name: name.to_owned(),
            address,
            objects: BTreeMap::new(),
            sessions: HashMap::new(),
            uploads: HashMap::new(),
            tokens: HashMap::new(),
            keys: Keys::new()?,
            keep_half: 0,
            token_trouble: (0, 0),
            store_trouble: (0, 0),
            next: 1_000,
        })
    }

    pub(super) fn make(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Status(status, times) => self.store_trouble = (status, times),
            Trouble::TokenStatus(status, times) => self.token_trouble = (status, times),
            Trouble::KeepHalf(times) => self.keep_half = times,
            Trouble::SessionsGone => self.sessions.clear(),
            Trouble::TokensRevoked => self.tokens.values_mut().for_each(|is_good| *is_good = false),
        }
    }

    pub(super) fn trouble(&mut self) -> Result<(), Response> {
        take(&mut self.store_trouble)
    }

    /// A number that was not given before.
    pub(super) fn unique(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn bucket(&self, name: &str) -> Result<(), Response> {
        if name == self.name {
            Ok(())
        } else {
            Err(refuse(404, "notFound", "The specified bucket does not exist."))
        }
    }

    /// Checks `ifGenerationMatch`.
    pub(super) fn condition(&self, name: &str, wanted: Option<&str>) -> Result<(), Response> {
        let Some(wanted) = wanted else { return Ok(()) };
        let found = self.objects.get(name).map_or(0, |object| object.generation);
        if wanted.parse() == Ok(found) {
            return Ok(());
        }
        let message = "At least one of the pre-conditions you specified did not hold.";
        Err(refuse(412, "conditionNotMet", message))
    }

    pub(super) fn store(&mut self, name: &str, content: Bytes, media: &str) -> Value {
        let generation = self.unique();
        let object = Object { content, generation, media: media.to_owned() };
        self.objects.insert(name.to_owned(), object);
        self.resource(name).unwrap_or_default()
    }

    pub(super) fn resource(&self, name: &str) -> Option<Value> {
        let object = self.objects.get(name)?;
        Some(json!({
            "kind": "storage#object", "name": name, "bucket": self.name, "contentType": object.media,
            "size": object.content.len().to_string(), "generation": object.generation.to_string(),
            "updated": "2026-11-21T01:02:03.500Z", "crc32c": crc32c(&object.content),
        }))
    }

    pub(super) fn missing(&self, name: &str) -> Response {
        refuse(404, "notFound", &format!("No such object: {}/{name}", self.name))
    }
}

/// One of the answers that were ordered, if there is one left.
pub(super) fn take(trouble: &mut (u16, u32)) -> Result<(), Response> {
    if trouble.1 == 0 {
        return Ok(());
    }
    trouble.1 -= 1;
    let mut answer = refuse(trouble.0, "", "trouble");
    answer.headers_mut().insert("retry-after", http::HeaderValue::from_static("0"));
    Err(answer)
}

pub(super) fn crc32c(content: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(crc32c::crc32c(content).to_be_bytes())
}

pub(super) fn status(status: StatusCode) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

pub(super) fn ok(value: &Value) -> Answer {
    let mut answer = Response::new(Body::from(value.to_string()));
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    Ok(answer)
}

pub(super) fn refuse(code: u16, reason: &str, message: &str) -> Response {
    let error = json!({ "error": { "code": code, "message": message, "errors": [{ "reason": reason }] } });
    let mut answer = Response::new(Body::from(error.to_string()));
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert("x-guploader-uploadid", http::HeaderValue::from_static("request-1"));
    answer
}

pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}
