//! The HTTP clients of one location, shared by all its instances.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::Error as HttpError;

use super::address::Reach;
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
    allowed: Allowed,
    /// One for each reach that was granted, so that an origin is resolved as far as its own grant goes.
    ways: Vec<(Reach, reqwest::Client)>,
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
        let mut ways = Vec::new();
        for reach in [Reach::Public, Reach::Named, Reach::Metadata] {
            let mut of_reach = origins.iter().filter(|granted| granted.reach == reach).peekable();
            if of_reach.peek().is_none() {
                continue;
            }
            let builder = reqwest::Client::builder();
            let builder = if of_reach.any(|granted| granted.origin.is_secure) {
                builder.tls_certs_merge(authorities.iter().cloned())
            } else {
                // Nothing here speaks TLS, so a machine without authorities will do.
                builder.tls_certs_only(authorities.iter().cloned())
            };
            let proxy_host = proxy.map(Proxy::host);
            let resolver = Guarded { reach, lookup: Arc::clone(&lookup), proxy: proxy_host };
            ways.push((reach, finish(builder, resolver, proxy)?));
        }
        Ok(Self { allowed: Allowed(origins), ways, requests: Arc::new(Semaphore::new(requests as usize)) })
    }

    /// The right to one more request. It is not waited for: what the others wait for may be this very instance.
    pub(super) fn admit(&self) -> std::result::Result<OwnedSemaphorePermit, HttpError> {
        Arc::clone(&self.requests).try_acquire_owned().map_err(|_| HttpError::ConnectionLimitReached)
    }

    /// The client for a request. Refuses what was not granted, before anything is sent; names are looked at once more when
    /// they are resolved.
    pub(super) fn way(&self, uri: &http::Uri) -> std::result::Result<&reqwest::Client, HttpError> {
        let origin = Origin::of(uri).ok_or(HttpError::HttpRequestUriInvalid)?;
        let reach = self.allowed.reach(&origin).ok_or(HttpError::HttpRequestDenied)?;
        match origin.host.parse::<IpAddr>() {
            // No name, so nothing will be resolved.
            Ok(address) if !reach.admits(address) => return Err(HttpError::DestinationIpProhibited),
            // `0x7f.1` and the like are addresses to a URL parser, though not to us.
            Err(_) if looks_numeric(&origin.host) => return Err(HttpError::HttpRequestUriInvalid),
            _ => {}
        }
        let way = self.ways.iter().find(|(known, _)| *known == reach);
        way.map(|(_, http)| http).ok_or(HttpError::HttpRequestDenied)
    }
}

/// The client, with all that does not depend on who speaks TLS.
fn finish(
    builder: reqwest::ClientBuilder,
    resolver: Guarded,
    proxy: Option<&Proxy>,
) -> Result<reqwest::Client> {
    let builder = builder
        .dns_resolver(Arc::new(resolver))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // Never that of the environment by itself.
        .no_proxy()
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(IDLE)
        .pool_idle_timeout(IDLE_TIME);
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy.rule()),
        None => builder,
    };
    builder.build().map_err(|e| Error::internal("open", "the HTTP client cannot be set up").with_source(e))
}

/// Whether a URL parser would take a host for an IPv4 address: its last label is a number of some kind.
fn looks_numeric(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x")
}
