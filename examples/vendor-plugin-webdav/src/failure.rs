//! What an answer that is no success means to the host.

use http::{HeaderMap, StatusCode};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::retry_after_ms;
use siltstone_plugin_sdk::types::{Error, ErrorKind};

use crate::config::{Config, name};

/// What a request may have done before its answer was an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that the contract speaks of: it read, or wrote a temporary object or a collection.
    None,
    /// An object may have changed.
    Objects,
}

/// The error for a status and its headers. `doing` is a verb with its object, such as `put a/b`.
pub fn error(config: &Config, doing: &str, effect: Effect, status: StatusCode, headers: &HeaderMap) -> Error {
    let kind = kind(status);
    let hint = hint(config, kind, status, headers);
    let said = match status.canonical_reason() {
        Some(reason) => format!("HTTP {} {reason}", status.as_u16()),
        None => format!("HTTP {}", status.as_u16()),
    };
    let mut made = error::new(kind, format!("cannot {doing} at {}: {said}{hint}", config.address.home()));
    made.http_status = Some(status.as_u16());
    made.retry_after_ms = retry_after_ms(headers);
    // A server, or a proxy before it, that broke down may have done it first.
    let is_broken = matches!(status.as_u16(), 500 | 502..=506 | 508..=599);
    if effect == Effect::Objects && is_broken { error::outcome_unknown(made) } else { made }
}

fn kind(status: StatusCode) -> ErrorKind {
    use ErrorKind as K;
    match status.as_u16() {
        401 => K::Unauthenticated,
        402 | 403 | 407 => K::Denied,
        404 | 410 => K::NotFound,
        // Somebody holds a lock, or a collection goes and comes: neither lasts.
        408 | 409 | 423 | 424 | 425 => K::Transient,
        412 => K::PreconditionFailed,
        300..=399 | 405 => K::InvalidConfig,
        411 | 413 | 414 | 415 | 501 => K::Unsupported,
        429 | 503 => K::Throttled,
        507 => K::Quota,
        500..=599 => K::Transient,
        _ => K::Internal,
    }
}

/// What to look at, where that is known.
fn hint(config: &Config, kind: ErrorKind, status: StatusCode, headers: &HeaderMap) -> String {
    match (kind, status.as_u16()) {
        (ErrorKind::Unauthenticated | ErrorKind::Denied, _) => format!(
            "; asked as {}; look at {}, {} or {}, and at the permissions",
            config.principal,
            name::USER,
            name::PASSWORD,
            name::TOKEN
        ),
        (ErrorKind::InvalidConfig, 405) => format!("; is it WebDAV that {} names?", name::URL),
        (ErrorKind::InvalidConfig, _) => {
            let target = headers.get("location").and_then(|v| v.to_str().ok()).unwrap_or("elsewhere");
            format!("; the server sends us to {target:?}; set {} to the right place", name::URL)
        }
        (_, 413) => "; the server, or a proxy before it, bounds the size of a body".to_owned(),
        (_, 423) => "; another client holds a lock".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siltstone_plugin_sdk::types::{Location, Outcome};

    fn told(status: u16, effect: Effect) -> Error {
        let settings =
            [(name::URL, "https://dav.example.com/x"), (name::USER, "me"), (name::PASSWORD, "hush")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()));
        let config = Config::read(&settings, &Location { bucket: None, path: None }).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "3".parse().unwrap());
        headers.insert("location", "https://elsewhere.example.com/".parse().unwrap());
        error(&config, "put a/b", effect, StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn every_answer_has_a_kind_and_names_what_to_look_at() {
        use ErrorKind as K;
        for (status, kind, word) in [
            (401, K::Unauthenticated, "asked as user me; look at BACKUP_WEBDAV_USER"),
            (403, K::Denied, "permissions"),
            (404, K::NotFound, "put a/b at https://dav.example.com/x"),
            (405, K::InvalidConfig, "BACKUP_WEBDAV_URL"),
            (302, K::InvalidConfig, "elsewhere.example.com"),
            (409, K::Transient, "HTTP 409 Conflict"),
            (413, K::Unsupported, "size of a body"),
            (423, K::Transient, "lock"),
            (429, K::Throttled, "429"),
            (503, K::Throttled, "503"),
            (507, K::Quota, "507"),
            (500, K::Transient, "500"),
            (418, K::Internal, "418"),
        ] {
            let error = told(status, Effect::None);
            assert_eq!(error.kind, kind, "{status}");
            assert!(error.message.contains(word) && !error.message.contains("hush"), "{}", error.message);
            assert_eq!((error.http_status, error.retry_after_ms), (Some(status), Some(3000)));
        }
    }

    #[test]
    fn only_a_server_that_broke_down_over_an_object_leaves_a_doubt() {
        for (status, effect, outcome) in [
            (500, Effect::Objects, Outcome::Unknown),
            (503, Effect::Objects, Outcome::Unknown),
            (500, Effect::None, Outcome::NoEffect),
            (403, Effect::Objects, Outcome::NoEffect),
            (501, Effect::Objects, Outcome::NoEffect),
            (507, Effect::Objects, Outcome::NoEffect),
        ] {
            assert_eq!(told(status, effect).outcome, outcome, "{status}");
        }
    }
}
