//! Turns granted names into addresses that a grant admits.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::Reach;
use super::origin::bare;

/// The addresses of a name, as a resolver found them.
pub type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks names up. What it answers is checked against the grants before anything is connected to.
pub trait Lookup: fmt::Debug + Send + Sync {
    /// All addresses of a host.
    fn lookup(&self, host: &str) -> Found;
}

/// The resolver of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> Found {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// No address of a host is one that the grant admits.
#[derive(Debug)]
pub(super) struct Refused(pub(super) String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` has no address that was granted", self.0)
    }
}

impl std::error::Error for Refused {}

/// The resolver of one client. It is asked for names alone, never for the port and scheme that the name is granted with;
/// so it serves origins of one reach only.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) reach: Reach,
    pub(super) lookup: Arc<dyn Lookup>,
    /// The host of the proxy, which the client connects to by itself. No guest can name it, unless it is granted as well.
    pub(super) proxy: Option<String>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let reach = self.reach;
        let is_proxy = self.proxy.as_ref() == Some(&bare(&host));
        let found = self.lookup.lookup(&host);
        Box::pin(async move {
            let admitted = |address: &IpAddr| is_proxy || reach.admits(*address);
            let found: Vec<IpAddr> = found.await?.into_iter().filter(admitted).collect();
            if found.is_empty() {
                return Err(Refused(host).into());
            }
            // The client puts the port of the request in.
            Ok(Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}
