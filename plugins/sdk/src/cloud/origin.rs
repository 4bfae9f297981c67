//! Origins of URIs, as needs.

use ::http::Uri;

use crate::error;
use crate::types::{Error, OriginNeed};

/// The origin of `scheme://host[:port][/...]`.
///
/// # Errors
///
/// `invalid-config` for anything else.
pub fn origin_need(uri: &str, purpose: &str) -> Result<OriginNeed, Error> {
    let wrong = || error::invalid_config(format!("{uri:?} is no address of a server"));
    let parsed: Uri = uri.parse().map_err(|_| wrong())?;
    let scheme = parsed.scheme_str().filter(|s| matches!(*s, "http" | "https")).ok_or_else(wrong)?;
    let host = parsed.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    if parsed.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(wrong());
    }
    let port = parsed.port_u16().unwrap_or(usual_port(scheme));
    Ok(OriginNeed { scheme: scheme.to_owned(), host: host.to_owned(), port, purpose: purpose.to_owned() })
}

/// The port of a scheme.
pub fn usual_port(scheme: &str) -> u16 {
    if scheme == "http" { 80 } else { 443 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let of = |uri: &str| origin_need(uri, "x").map(|o| (o.scheme, o.host, o.port)).ok();
        assert_eq!(of("https://a.b/c?d"), Some(("https".into(), "a.b".into(), 443)));
        assert_eq!(of("http://127.0.0.1:10000/x"), Some(("http".into(), "127.0.0.1".into(), 10_000)));
        for bad in ["a.b", "ftp://a.b", "https://", "https://u:p@a.b/", "https://a b/"] {
            assert!(of(bad).is_none(), "{bad}");
        }
    }
}
