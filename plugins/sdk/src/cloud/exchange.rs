//! Lets the credential providers of reqsign work through the host: requests go by its egress, files by its grants.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ::http::{Request, Response};
use bytes::Bytes;
use reqsign_core::{FileRead, HttpSend};

use crate::host;
use crate::http::{Body, send};
use crate::types::Error;

/// Most bytes of an answer with credentials.
const MAX_ANSWER: usize = 256 << 10;

/// Runs a future that never waits, as everything it calls blocks; `None` should it wait all the same.
pub fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Sends requests for credentials.
#[derive(Clone, Copy, Debug)]
pub struct Wire;

impl HttpSend for Wire {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let (parts, body) = request.into_parts();
        let failed = |e: Error| reqsign_core::Error::unexpected(e.message);
        let response = send(&parts, Body::Bytes(&body)).map_err(failed)?;
        let mut answer = Response::new(Bytes::from(response.read(MAX_ANSWER).map_err(failed)?));
        *answer.status_mut() = response.status;
        *answer.headers_mut() = response.headers.clone();
        Ok(answer)
    }
}

/// Reads the files that these settings name, as they are at that moment. What path is asked for does not count: only the
/// settings are granted, each to the path that it holds.
#[derive(Clone, Copy, Debug)]
pub struct SettingFiles(pub &'static [&'static str]);

impl FileRead for SettingFiles {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        let found = self.0.iter().find_map(|name| host::read_file(name).ok());
        found.ok_or_else(|| reqsign_core::Error::config_invalid(format!("the file `{path}` cannot be read")))
    }
}
