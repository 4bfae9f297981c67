//! Sends the requests of the protocol: each is one exchange, but for a lock that is waited for.

use http::request::{Builder, Parts};
use http::{Request, StatusCode};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::{Body, Response, send};
use siltstone_plugin_sdk::types::{Error, Outcome};
use siltstone_plugin_sdk::wasi::clocks::monotonic_clock::subscribe_duration;

use crate::config::Config;
use crate::failure::{self, Effect};
use crate::list::{Collections, Kind};
use crate::multistatus::{self, ASK, Entry};

/// How long a lock is waited for, in milliseconds from one try to the next. Servers hold one for as long as a request takes, so
/// that the second of two requests for one name is told 423 where it only had to wait for its turn.
const TURNS_MS: [u64; 8] = [2, 5, 10, 20, 40, 80, 160, 320];

/// A location that is open.
#[derive(Debug)]
pub struct Store {
    pub(crate) config: Config,
}

/// How an object may be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Whatever is there.
    Replace,
    /// Only where nothing is.
    Refuse,
}

/// What became of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is there.
    Done,
    /// Something else is there.
    Taken,
    /// There is nothing to move.
    Gone,
}

impl Store {
    /// Talks to nobody yet.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// A request to a URL of the location.
    pub(crate) fn request(&self, method: &str, url: &str) -> Builder {
        let request = Request::builder().method(method).uri(url);
        match &self.config.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    }

    /// Sends a request and answers whatever came.
    pub(crate) fn ask(
        &self,
        doing: &str,
        effect: Effect,
        request: Builder,
        body: Body<'_>,
    ) -> Result<Response, Error> {
        let broken = |e: http::Error| error::internal(format!("cannot {doing}: {e}"));
        let (parts, ()) = request.body(()).map_err(broken)?.into_parts();
        for turn in TURNS_MS {
            let response = self.exchange(doing, effect, &parts, body)?;
            if response.status != StatusCode::LOCKED {
                return Ok(response);
            }
            subscribe_duration(turn * 1_000_000).block();
        }
        self.exchange(doing, effect, &parts, body)
    }

    fn exchange(
        &self,
        doing: &str,
        effect: Effect,
        parts: &Parts,
        body: Body<'_>,
    ) -> Result<Response, Error> {
        send(parts, body).map_err(|e| Error {
            message: format!("cannot {doing} at {}: {}", self.config.address.home(), e.message),
            // Methods that it does not know count as changes there.
            outcome: if effect == Effect::None { Outcome::NoEffect } else { e.outcome },
            ..e
        })
    }

    /// The error that an answer is.
    pub(crate) fn refused(&self, doing: &str, effect: Effect, response: &Response) -> Error {
        failure::error(&self.config, doing, effect, response.status, &response.headers)
    }

    /// What is under a URL, if anything is.
    pub(crate) fn look(&self, doing: &str, url: &str) -> Result<Option<Entry>, Error> {
        let mut found = None;
        self.properties(doing, url, "0", &mut |entry| {
            found.get_or_insert(entry);
            Ok(())
        })?;
        Ok(found)
    }

    fn properties(
        &self,
        doing: &str,
        url: &str,
        depth: &str,
        each: &mut dyn FnMut(Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let request = self.request("PROPFIND", url).header("depth", depth);
        let request = request.header("content-type", "application/xml; charset=utf-8");
        let response = self.ask(doing, Effect::None, request, Body::Bytes(ASK))?;
        match response.status {
            StatusCode::MULTI_STATUS => {
                let named = |e: Error| Error {
                    message: format!("cannot {doing} at {}: {}", self.config.address.home(), e.message),
                    ..e
                };
                response.read_through(|body| multistatus::read(body, each)).map_err(named)
            }
            StatusCode::NOT_FOUND => Ok(()),
            // Whatever answers here is no WebDAV server.
            status if status.is_success() => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Err(failure::error(&self.config, doing, Effect::None, status, &response.headers))
            }
            _ => Err(self.refused(doing, Effect::None, &response)),
        }
    }

    /// Moves an object to the name of a key; its collection is made when it is missing.
    pub(crate) fn rename(
        &self,
        doing: &str,
        from: &str,
        to: &str,
        overwrite: Overwrite,
    ) -> Result<Moved, Error> {
        let (source, target) = (self.config.address.object(from), self.config.address.object(to));
        let flag = if overwrite == Overwrite::Replace { "T" } else { "F" };
        let ask = || {
            let request = self.request("MOVE", &source).header("destination", &target);
            self.ask(doing, Effect::Objects, request.header("overwrite", flag), Body::Empty)
        };
        let mut response = ask()?;
        if is_misplaced(response.status) {
            self.make_collection(doing, folder(to))?;
            response = ask()?;
        }
        match response.status {
            // Of many resources, of which we moved none.
            StatusCode::MULTI_STATUS => Err(self.refused(doing, Effect::Objects, &response)),
            status if status.is_success() => Ok(Moved::Done),
            StatusCode::PRECONDITION_FAILED if overwrite == Overwrite::Refuse => Ok(Moved::Taken),
            // Servers differ in how they say that there is nothing to move.
            status if is_misplaced(status) && self.look(doing, &source)?.is_none() => Ok(Moved::Gone),
            _ => Err(self.refused(doing, Effect::Objects, &response)),
        }
    }

    /// Makes a collection of the location with those above it. Others may make them at the same time.
    pub(crate) fn make_collection(&self, doing: &str, path: &str) -> Result<(), Error> {
        let doing = format!("{doing}: make its collection");
        let levels = self.config.address.levels(path);
        let mut missing = Vec::new();
        for url in &levels {
            let response = self.ask(&doing, Effect::None, self.request("MKCOL", url), Body::Empty)?;
            match response.status {
                status if status.is_success() || status == StatusCode::METHOD_NOT_ALLOWED => break,
                status if is_misplaced(status) && missing.len() + 1 < levels.len() => missing.push(url),
                StatusCode::CONFLICT | StatusCode::NOT_FOUND => {
                    return Err(error::invalid_config(format!(
                        "cannot {doing}: the collection that {} names is not there",
                        crate::config::name::URL
                    )));
                }
                _ => return Err(self.refused(&doing, Effect::None, &response)),
            }
        }
        for url in missing.into_iter().rev() {
            let response = self.ask(&doing, Effect::None, self.request("MKCOL", url), Body::Empty)?;
            if !response.status.is_success() && response.status != StatusCode::METHOD_NOT_ALLOWED {
                return Err(self.refused(&doing, Effect::None, &response));
            }
        }
        Ok(())
    }
}

impl Collections for Store {
    fn read(&self, path: &str, each: &mut dyn FnMut(String, Kind)) -> Result<(), Error> {
        let (doing, address) = (format!("list {path:?}"), &self.config.address);
        self.properties(&doing, &address.collection(path), "1", &mut |entry| {
            let Some(name) = address.name(path, &entry.href)? else { return Ok(()) };
            match (entry.is_collection, entry.size) {
                (true, _) => each(name, Kind::Collection),
                (false, Some(size)) => each(name, Kind::Object { size, modified_ms: entry.modified_ms }),
                (false, None) => return Err(error::corrupt(format!("{:?} has no length", entry.href))),
            }
            Ok(())
        })
    }
}

/// The collection of a key, with a slash at its end; nothing for that of the location.
pub(crate) fn folder(key: &str) -> &str {
    key.rfind('/').map_or("", |at| &key[..=at])
}

/// What servers say when the collection of a resource is missing; the standard has 409 for it.
pub(crate) fn is_misplaced(status: StatusCode) -> bool {
    matches!(status, StatusCode::CONFLICT | StatusCode::NOT_FOUND | StatusCode::FORBIDDEN)
}
