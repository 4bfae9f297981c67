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

    /// Moves `len` bytes of the body from `offset` to the sink and answers how many: fewer when the body has no more. What lies
    /// before and behind never reaches the sink, which is how a range comes out of a server that always sends everything.
    ///
    /// # Errors
    ///
    /// `transient` when the connection breaks or the sink takes no more.
    pub fn copy_part_to(&self, sink: &Sink, offset: u64, len: u64) -> Result<u64, Error> {
        self.with_body(|stream| {
            let mut before = offset;
            while before > 0 {
                match stream.blocking_skip(before) {
                    Ok(n) => before -= n,
                    Err(StreamError::Closed) => return Ok(0),
                    Err(StreamError::LastOperationFailed(_)) => return Err(ended_early()),
                }
            }
            let out = sink.stream();
            let mut total = 0;
            while total < len {
                match out.blocking_splice(stream, STEP.min(len - total)) {
                    Ok(n) => total += n,
                    Err(StreamError::Closed) => break,
                    Err(StreamError::LastOperationFailed(_)) => return Err(ended_early()),
                }
            }
            Ok(total)
        })
    }

    /// Lets `read` take the body as it comes, for documents that may be larger than the guest wants to hold. A body that ends
    /// early is an error of the reader.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub fn read_through<T>(
        &self,
        read: impl FnOnce(&mut dyn std::io::Read) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_body(|stream| read(&mut Reader(stream)))
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

/// A body as what parsers read from.
struct Reader<'a>(&'a InputStream);

impl std::io::Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match self.0.blocking_read(buffer.len() as u64) {
            Ok(bytes) => {
                // The host never gives more than it is asked for.
                let taken = bytes.len().min(buffer.len());
                buffer[..taken].copy_from_slice(&bytes[..taken]);
                Ok(taken)
            }
            Err(StreamError::Closed) => Ok(0),
            Err(StreamError::LastOperationFailed(_)) => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
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
