//! What happens to the HTTP requests of a plugin: each goes to an origin that was granted, at an address that the grant
//! admits, or nowhere.
//!
//! An origin is checked twice: by name before anything is sent, and by address when its name is resolved. The connection
//! is made to the very addresses that were checked, so an answer that changes afterwards changes nothing. Redirects are
//! answers like any other: a plugin that follows one asks anew, and is checked anew.

mod address;
mod body;
mod client;
mod origin;
mod proxy;
mod resolver;

use std::error::Error as StdError;
use std::future::{Future, ready};
use std::sync::Arc;

use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error as HttpError, RequestOptions, WasiBody, WasiHttpHooks};

pub use address::Reach;
pub(crate) use client::Client;
pub(crate) use origin::{GrantedOrigin, Origin};
pub use proxy::Proxy;
use resolver::Refused;
pub use resolver::{Found, Lookup, SystemLookup};

use body::{Admitted, SyncBody};

type IoResult = Box<dyn Future<Output = Result<(), HttpError>> + Send>;
type Sending = Box<dyn Future<Output = Result<(http::Response<WasiBody>, IoResult), HttpError>> + Send>;

/// The way out for one instance.
#[derive(Clone, Debug)]
pub(crate) enum Egress {
    /// Nothing leaves the host.
    Closed,
    /// Through the clients of the location.
    Open(Arc<Client>),
}

impl WasiHttpHooks for Egress {
    /// The client writes it, where the version of the protocol has one.
    fn set_host_header(&mut self) -> bool {
        false
    }

    /// Some pieces on their way while the next is moved, so that neither waits for the other with every piece.
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        4
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _response: IoResult,
    ) -> Sending {
        let Self::Open(client) = self else {
            return Box::new(ready(Err(HttpError::HttpRequestDenied)));
        };
        match client.way(request.uri()).cloned() {
            Ok(http) => {
                let client = Arc::clone(client);
                Box::new(async move { send(&http, client.admit()?, request, options).await })
            }
            Err(error) => Box::new(ready(Err(error))),
        }
    }
}

async fn send(
    http: &reqwest::Client,
    permit: OwnedSemaphorePermit,
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<(http::Response<WasiBody>, IoResult), HttpError> {
    let request = request.map(|body| reqwest::Body::wrap(SyncBody::new(body)));
    let request = reqwest::Request::try_from(request).map_err(|_| HttpError::HttpRequestUriInvalid)?;
    let answer = http.execute(request);
    let answer = match options.and_then(|o| o.first_byte_timeout) {
        Some(limit) => {
            tokio::time::timeout(limit, answer).await.map_err(|_| HttpError::ConnectionReadTimeout)?
        }
        None => answer.await,
    };
    let response = http::Response::<reqwest::Body>::from(answer.map_err(|e| translated(&e))?);
    let response = response.map(|body| {
        let body = body.map_err(|e| translated(&e)).boxed_unsync();
        Admitted::new(body, permit).boxed_unsync()
    });
    Ok((response, Box::new(ready(Ok(())))))
}

/// The word of WASI for an error of the client. Its text stays here: it may hold the URL with a signature in it.
fn translated(error: &reqwest::Error) -> HttpError {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<Refused>() {
            return HttpError::DestinationIpProhibited;
        }
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidCertificate(_) => HttpError::TlsCertificateError,
                _ => HttpError::TlsProtocolError,
            };
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind as Kind;
            match io.kind() {
                Kind::ConnectionRefused => return HttpError::ConnectionRefused,
                Kind::ConnectionReset | Kind::BrokenPipe | Kind::UnexpectedEof | Kind::ConnectionAborted => {
                    return HttpError::ConnectionTerminated;
                }
                _ => {}
            }
        }
        cause = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            // An error within an `io::Error` is not its source.
            Some(within) => Some(within),
            None => inner.source(),
        };
    }
    if error.is_timeout() {
        if error.is_connect() { HttpError::ConnectionTimeout } else { HttpError::ConnectionReadTimeout }
    } else if error.is_connect() {
        HttpError::DestinationUnavailable
    } else if error.is_body() || error.is_decode() {
        HttpError::HttpResponseIncomplete
    } else if error.is_request() {
        HttpError::ConnectionTerminated
    } else {
        HttpError::HttpProtocolError
    }
}

#[cfg(test)]
mod tests;
