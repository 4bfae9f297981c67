//! A response whose head is here and whose body is still to come.

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::error;
use crate::io::Sink;
use crate::types::Error;
use crate::wasi::http::types::{IncomingBody, IncomingResponse};
use crate::wasi::io::streams::{InputStream, StreamError};

/// Most bytes that are moved by one call.
const STEP: u64 = 1 << 20;

/// The head of a response, and its body.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers that could be read.
    pub headers: HeaderMap,
    incoming: IncomingResponse,
}

impl Response {
    pub(super) fn new(incoming: IncomingResponse) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in incoming.headers().entries() {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value)) {
                headers.append(name, value);
            }
        }
        let status = StatusCode::from_u16(incoming.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        Self { status, headers, incoming }
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `content-length`.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length").and_then(|value| value.parse().ok())
    }

    /// Reads the body.
    ///
    /// # Errors
    ///
    /// `corrupt` when it is longer than `most` bytes, `transient` when it ends early.
    pub fn read(&self, most: usize) -> Result<Vec<u8>, Error> {
        self.with_body(|stream| {
            let mut all = Vec::new();
            loop {
                match stream.blocking_read(64 << 10) {
                    Ok(bytes) => all.extend_from_slice(&bytes),
                    Err(StreamError::Closed) => return Ok(all),
                    Err(StreamError::LastOperationFailed(_)) => return Err(ended_early()),
                }
                if all.len() > most {
                    return Err(error::corrupt(format!("a response of more than {most} bytes")));
                }
            }
        })
    }

    /// Moves the body to the sink and answers its length; the bytes stay in the host.
    ///
    /// # Errors
    ///
    /// `transient` when the body ends early or the sink takes no more.
    pub fn copy_to(&self, sink: &Sink) -> Result<u64, Error> {
        self.with_body(|stream| {
            let out = sink.stream();
            let mut total = 0;
            loop {
                match out.blocking_splice(stream, STEP) {
                    Ok(n) => total += n,
                    Err(StreamError::Closed) => return Ok(total),
                    Err(StreamError::LastOperationFailed(_)) => return Err(ended_early()),
                }
            }
        })
    }

    fn with_body<T>(&self, read: impl FnOnce(&InputStream) -> Result<T, Error>) -> Result<T, Error> {
        let body: IncomingBody =
            self.incoming.consume().map_err(|()| error::internal("the body was read already"))?;
        let stream = body.stream().map_err(|()| error::internal("the body was read already"))?;
        let result = read(&stream);
        // A child must go before its parent.
        drop(stream);
        drop(body);
        result
    }
}

fn ended_early() -> Error {
    error::transient("the response ended early")
}

/// Milliseconds of a `retry-after` in seconds; the form with a date is left out, as clocks differ.
pub fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    seconds.checked_mul(1000)
}
