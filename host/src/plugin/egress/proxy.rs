//! The proxy that the operator names for what leaves the network.

use std::net::IpAddr;

use super::address::is_metadata;
use super::origin::bare;
use crate::error::{Error, Result};

/// A proxy for origins behind TLS, and the hosts that are reached without it.
///
/// Through a proxy it is the proxy that resolves names, so which addresses are reached is for it to decide. Origins by address,
/// this machine, metadata services and origins without TLS never use one.
#[derive(Clone, Debug)]
pub struct Proxy {
    uri: reqwest::Url,
    direct: Vec<String>,
}

impl Proxy {
    /// Of `http://[user:password@]host:port`, and of the hosts that are reached without it: names, each with all names below
    /// it, or `*` for all.
    ///
    /// # Errors
    ///
    /// `Invalid` for what is no URL of a proxy; the text holds none of it, since it may hold a password.
    pub fn new(uri: &str, direct: impl IntoIterator<Item = String>) -> Result<Self> {
        let wrong = || {
            Error::invalid("start", "HTTPS_PROXY must be http://host:port, with user:password@ if need be")
        };
        let with_scheme = if uri.contains("://") { uri.to_owned() } else { format!("http://{uri}") };
        let uri = reqwest::Url::parse(&with_scheme).map_err(|_| wrong())?;
        if !matches!(uri.scheme(), "http" | "https") || uri.host_str().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        let direct =
            direct.into_iter().map(|host| bare(host.trim().trim_start_matches("*.").trim_start_matches('.')));
        Ok(Self { uri, direct: direct.filter(|host| !host.is_empty()).collect() })
    }

    /// The host of the proxy itself.
    pub(super) fn host(&self) -> String {
        bare(self.uri.host_str().unwrap_or_default())
    }

    /// The rule for a client.
    pub(super) fn rule(&self) -> reqwest::Proxy {
        let proxy = self.clone();
        reqwest::Proxy::custom(move |target| proxy.serves(target).then(|| proxy.uri.clone()))
    }

    fn serves(&self, target: &reqwest::Url) -> bool {
        let host = bare(target.host_str().unwrap_or_default());
        let is_near = host == "localhost" || host.ends_with(".localhost");
        let is_direct = self.direct.iter().any(|direct| {
            direct == "*"
                || host == *direct
                || host.strip_suffix(direct.as_str()).is_some_and(|label| label.ends_with('.'))
        });
        target.scheme() == "https"
            && host.parse::<IpAddr>().is_err()
            && !is_near
            && !is_metadata(&host)
            && !is_direct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_behind_tls_go_through_a_proxy() {
        let direct = ["internal.example", "*.corp", ".lan"].map(str::to_owned);
        let proxy = Proxy::new("proxy.example:3128", direct).unwrap();
        let serves = |uri: &str| proxy.serves(&uri.parse().unwrap());
        assert!(serves("https://s3.amazonaws.com/x") && serves("https://notinternal.example/"));
        for near in [
            "http://s3.amazonaws.com/",
            "https://192.0.2.1/",
            "https://[2001:db8::1]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://metadata.google.internal/",
            "https://internal.example/",
            "https://a.internal.example/",
            "https://a.corp/",
            "https://b.lan/",
        ] {
            assert!(!serves(near), "{near}");
        }
        assert!(
            !Proxy::new("http://p:1", ["*".to_owned()]).unwrap().serves(&"https://a.b/".parse().unwrap())
        );
        for bad in ["ftp://user:hushhush@p:1", "http://", "http://user:hushhush@"] {
            let error = Proxy::new(bad, []).unwrap_err().to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("hush"), "{error}");
        }
    }
}
