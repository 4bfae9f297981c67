//! Sends one request.

use ::http::request::Parts;

use super::failure::failed;
use super::response::Response;
use crate::io::Blob;
use crate::types::Error;
use crate::wasi::http::outgoing_handler::handle;
use crate::wasi::http::types::{
    ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use crate::wasi::io::streams::{OutputStream, StreamError};

/// What a request carries.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Nothing.
    Empty,
    /// Bytes of the guest's own.
    Bytes(&'a [u8]),
    /// All of a blob; its bytes go from the host to the connection.
    Blob(&'a Blob),
    /// What a blob has from an offset on.
    Rest(&'a Blob, u64),
    /// All of a blob between bytes of the guest's own.
    Framed(&'a [u8], &'a Blob, &'a [u8]),
}

impl Body<'_> {
    /// Length in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob(blob) => blob.size(),
            Self::Rest(blob, offset) => blob.size().saturating_sub(*offset),
            Self::Framed(before, blob, after) => (before.len() + after.len()) as u64 + blob.size(),
        }
    }
}

/// Sends a request and waits for the head of the response, whatever its status. `content-length` is added; `host` is the
/// host's own to write.
///
/// # Errors
///
/// `denied` for an origin that was not granted, `invalid-config` for one that cannot be spoken to, and else `transient`, with
/// an unknown outcome when the request may have arrived and its method changes something.
pub fn send(parts: &Parts, body: Body<'_>) -> Result<Response, Error> {
    let authority = parts.uri.authority().map(ToString::to_string).unwrap_or_default();
    let changes = !matches!(parts.method.as_str(), "GET" | "HEAD");
    exchange(parts, &authority, body).map(Response::new).map_err(|code| failed(&code, &authority, changes))
}

fn exchange(parts: &Parts, authority: &str, body: Body<'_>) -> Result<IncomingResponse, ErrorCode> {
    let request = prepare(parts, authority, body.size())?;
    let out = request.body().map_err(|()| internal("no body"))?;
    // No options: the host bounds the time to connect, and wasmtime 48 keeps every one until the instance ends.
    let response = handle(request, None)?;
    // A connection that fails shows first as a closed body; the reason is in the response.
    let written = write(&out, body);
    let finished = OutgoingBody::finish(out, None);
    let ready = response.subscribe();
    let answer = loop {
        match response.get() {
            Some(answer) => break answer,
            None => ready.block(),
        }
    };
    let answer = answer.map_err(|()| internal("the response was taken already"))??;
    // A server that refuses early need not read the body; one that accepts it must have.
    if answer.status() < 300 {
        written?;
        finished?;
    }
    Ok(answer)
}

fn prepare(parts: &Parts, authority: &str, size: u64) -> Result<OutgoingRequest, ErrorCode> {
    let mut fields: Vec<(String, Vec<u8>)> = parts
        .headers
        .iter()
        // Both are written here and by the host, whoever made the request.
        .filter(|(name, _)| *name != ::http::header::HOST && *name != ::http::header::CONTENT_LENGTH)
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    let has_body = size > 0 || matches!(parts.method.as_str(), "PUT" | "POST");
    if has_body {
        fields.push(("content-length".to_owned(), size.to_string().into_bytes()));
    }
    let fields = Fields::from_list(&fields).map_err(|e| internal(&format!("headers: {e}")))?;
    let request = OutgoingRequest::new(fields);
    let method = match parts.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "PUT" => Method::Put,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    };
    let scheme = if parts.uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let refused = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_method(&method).map_err(refused)?;
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request.set_path_with_query(Some(target)).map_err(refused)?;
    Ok(request)
}

fn write(out: &OutgoingBody, body: Body<'_>) -> Result<(), ErrorCode> {
    let stream = out.write().map_err(|()| internal("the body was taken already"))?;
    let done = match body {
        Body::Empty => 0,
        Body::Bytes(bytes) => write_bytes(&stream, bytes),
        Body::Blob(blob) => splice(&stream, blob, 0),
        Body::Rest(blob, offset) => splice(&stream, blob, offset),
        Body::Framed(before, blob, after) => {
            let mut done = write_bytes(&stream, before);
            if done == before.len() as u64 {
                done += splice(&stream, blob, 0);
            }
            if done == before.len() as u64 + blob.size() {
                done += write_bytes(&stream, after);
            }
            done
        }
    };
    // What is closed after the last byte has taken all of it.
    if done == body.size() { Ok(()) } else { Err(ErrorCode::HttpRequestBodySize(Some(done))) }
}

/// How many bytes were taken: fewer than all when the connection is closed.
fn write_bytes(stream: &OutputStream, mut bytes: &[u8]) -> u64 {
    let mut done = 0;
    while !bytes.is_empty() {
        match stream.check_write() {
            Ok(0) => stream.subscribe().block(),
            Ok(room) => {
                let (now, later) = bytes.split_at(bytes.len().min(room as usize));
                if stream.write(now).is_err() {
                    break;
                }
                done += now.len() as u64;
                bytes = later;
            }
            Err(_) => break,
        }
    }
    done
}

/// The same for what a blob has from an offset on.
fn splice(stream: &OutputStream, blob: &Blob, offset: u64) -> u64 {
    let size = blob.size().saturating_sub(offset);
    let source = blob.stream(offset, size);
    let mut done = 0;
    while done < size {
        match stream.splice(&source, size - done) {
            Ok(0) => {
                stream.subscribe().block();
                source.subscribe().block();
            }
            Ok(n) => done += n,
            Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => break,
        }
    }
    done
}

fn internal(what: &str) -> ErrorCode {
    ErrorCode::InternalError(Some(what.to_owned()))
}
