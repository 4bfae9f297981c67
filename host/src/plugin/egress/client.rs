//! The HTTP client of one location, shared by all its instances.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::Error as HttpError;

use super::origin::{Allowed, GrantedOrigin, Origin};
use super::proxy::Proxy;
use super::resolver::{Guarded, Lookup};
use crate::error::{Error, Result};

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// Idle connections that are kept for the next request to a host.
const IDLE: usize = 16;
/// How long they are kept; shorter than the time after which servers commonly close them.
const IDLE_TIME: Duration = Duration::from_secs(50);

/// Sends requests to what was granted.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    allowed: Arc<Allowed>,
    requests: Arc<Semaphore>,
}

impl Client {
    /// At most `requests` are under way at once. HTTP/1.1 and 2, no redirects, no retries, no decompression, no cookies; a proxy only where one is given.
    pub(crate) fn new(
        origins: Vec<GrantedOrigin>,
        requests: u32,
        lookup: Arc<dyn Lookup>,
        authorities: &[reqwest::Certificate],
        proxy: Option<&Proxy>,
    ) -> Result<Self> {
        // Only where the process has chosen none: the choice of its owner stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let is_secure = origins.iter().any(|granted| granted.origin.is_secure);
        let allowed = Arc::new(Allowed(origins));
        let builder = reqwest::Client::builder();
        let builder = if is_secure {
            builder.tls_certs_merge(authorities.iter().cloned())
        } else {
            // Nothing here speaks TLS, so a machine without authorities will do.
            builder.tls_certs_only(authorities.iter().cloned())
        };
        let http = builder
            .dns_resolver(Arc::new(Guarded {
                allowed: Arc::clone(&allowed),
                lookup,
                proxy: proxy.map(Proxy::host),
            }))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // Never that of the environment by itself.
            .no_proxy()
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(IDLE)
            .pool_idle_timeout(IDLE_TIME);
        let http = match proxy {
            Some(proxy) => http.proxy(proxy.rule()),
            None => http,
        };
        let http = http
            .build()
            .map_err(|e| Error::internal("open", "the HTTP client cannot be set up").with_source(e))?;
        Ok(Self { http, allowed, requests: Arc::new(Semaphore::new(requests as usize)) })
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The right to one more request. It is not waited for: what the others wait for may be this very instance.
    pub(super) fn admit(&self) -> std::result::Result<OwnedSemaphorePermit, HttpError> {
        Arc::clone(&self.requests).try_acquire_owned().map_err(|_| HttpError::ConnectionLimitReached)
    }

    /// Refuses what was not granted, before anything is sent; names are looked at once more when they are resolved.
    pub(super) fn check(&self, uri: &http::Uri) -> std::result::Result<(), HttpError> {
        let origin = Origin::of(uri).ok_or(HttpError::HttpRequestUriInvalid)?;
        let mut reaches = self.allowed.reaches(&origin).peekable();
        if reaches.peek().is_none() {
            return Err(HttpError::HttpRequestDenied);
        }
        match origin.host.parse::<IpAddr>() {
            // No name, so nothing will be resolved.
            Ok(address) if !reaches.any(|reach| reach.admits(address)) => {
                Err(HttpError::DestinationIpProhibited)
            }
            // `0x7f.1` and the like are addresses to a URL parser, though not to us.
            Err(_) if looks_numeric(&origin.host) => Err(HttpError::HttpRequestUriInvalid),
            _ => Ok(()),
        }
    }
}

/// Whether a URL parser would take a host for an IPv4 address: its last label is a number of some kind.
fn looks_numeric(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x")
}
