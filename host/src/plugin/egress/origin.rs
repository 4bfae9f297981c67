//! Origins: what a plugin asks for, and what it was granted.

use std::fmt;

use super::address::{Reach, is_metadata};

/// Where requests go: a scheme, a host or all names below one, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Whether it is spoken to over TLS.
    pub(crate) is_secure: bool,
    /// In lower case; an IPv6 address without its brackets. Begins with `*.` for all names of one more label.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl Origin {
    /// An origin by its parts, where the host may begin with `*.`; `None` when one of them cannot be.
    pub(crate) fn new(scheme: &str, host: &str, port: u16) -> Option<Self> {
        let name = host.strip_prefix("*.").unwrap_or(host);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let literal = |h: &str| {
            let bare = h.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(h);
            bare.parse::<std::net::IpAddr>().is_ok()
        };
        let valid = matches!(scheme, "http" | "https")
            && port > 0
            && host.len() <= 253
            && (name.split('.').all(label) || (name.len() == host.len() && literal(host)));
        valid.then(|| Self { is_secure: scheme == "https", host: bare(host), port })
    }

    /// The origin that `scheme://host[:port]` names, where the host may begin with `*.`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let default = if scheme == "https" { 443 } else { 80 };
        let after = rest.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match rest[after..].rfind(':') {
            Some(at) => (&rest[..after + at], rest[after + at + 1..].parse().ok()?),
            None => (rest, default),
        };
        Self::new(scheme, host, port)
    }

    /// Whether the host is an address, or the name of this machine for itself: nobody else decides what it leads to.
    pub(crate) fn is_fixed(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok()
    }

    /// The origin of a request; `None` for an address that no plugin has to use, such as one with a user name.
    pub(crate) fn of(uri: &http::Uri) -> Option<Self> {
        let is_secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host();
        let shown = authority.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if shown != authority.as_str() || host.is_empty() || host.contains('*') {
            return None;
        }
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        Some(Self { is_secure, host: bare(host), port })
    }

    /// Whether a request to `other` is one to this origin.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let same_host = match self.host.strip_prefix("*.") {
            None => self.host == other.host,
            Some(parent) => other
                .host
                .strip_suffix(parent)
                .and_then(|label| label.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
        };
        same_host && self.is_secure == other.is_secure && self.port == other.port
    }

    /// Whether this is a metadata service.
    pub(crate) fn is_metadata(&self) -> bool {
        is_metadata(&self.host)
    }
}

/// A host in lower case and without brackets, and without the dot that ends an absolute name.
pub(crate) fn bare(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// An origin that a plugin may send requests to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GrantedOrigin {
    pub(crate) origin: Origin,
    pub(crate) reach: Reach,
}

/// The grants of one location.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed(pub(super) Vec<GrantedOrigin>);

impl Allowed {
    /// How far requests to an origin may go: the farthest of the grants that cover it, if there is one.
    pub(super) fn reach(&self, origin: &Origin) -> Option<Reach> {
        self.0.iter().filter(|granted| granted.origin.covers(origin)).map(|granted| granted.reach).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str) -> Option<String> {
        Origin::of(&uri.parse().unwrap()).map(|o| o.to_string())
    }

    #[test]
    fn an_origin_is_what_the_connection_will_be_made_to() {
        assert_eq!(of("https://Bucket.S3.example.com/key").unwrap(), "https://bucket.s3.example.com:443");
        assert_eq!(of("http://127.0.0.1:9000/").unwrap(), "http://127.0.0.1:9000");
        assert_eq!(of("http://[::1]:9000/").unwrap(), "http://[::1]:9000");
        assert_eq!(of("https://s3.example.com./").unwrap(), "https://s3.example.com:443");
        for odd in ["https://user@host/", "https://user:pw@host:443/", "ftp://host/", "https://*.host/"] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_origin_is_written_with_or_without_its_port() {
        let parsed = |text: &str| Origin::parse(text).map(|o| o.to_string());
        for (text, want) in [
            ("https://Dav.example.com", "https://dav.example.com:443"),
            ("http://dav.example.com/", "http://dav.example.com:80"),
            ("https://*.example.com:8443", "https://*.example.com:8443"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://[::1]", "http://[::1]:80"),
            ("http://10.0.0.5:8080", "http://10.0.0.5:8080"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(want));
        }
        for odd in [
            "",
            "https://",
            "ftp://h",
            "https://h/p",
            "https://u@h",
            "https://h:0",
            "https://h:x",
            "https://*",
            "h",
        ] {
            assert_eq!(parsed(odd), None, "{odd}");
        }
        assert!(
            Origin::parse("http://[::1]").unwrap().is_fixed()
                && Origin::parse("http://localhost").unwrap().is_fixed()
        );
        assert!(!Origin::parse("http://a.localhost").unwrap().is_fixed());
    }

    #[test]
    fn a_grant_covers_its_scheme_host_and_port_and_one_label_for_a_star() {
        let grant = Origin { is_secure: true, host: "*.example.com".into(), port: 443 };
        let covers = |uri: &str| grant.covers(&Origin::of(&uri.parse().unwrap()).unwrap());
        assert!(covers("https://a.example.com/"));
        for other in [
            "https://example.com/",
            "https://a.b.example.com/",
            "http://a.example.com:443/",
            "https://a.example.com:444/",
            "https://aexample.com/",
            "https://.example.com/",
        ] {
            assert!(!covers(other), "{other}");
        }
    }
}
