//! What an answer that is no success means to the host.

use http::{HeaderMap, StatusCode};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::retry_after_ms;
use siltstone_plugin_sdk::types::{Error, ErrorKind, Precondition};

use crate::config::{Config, name};
use crate::reply::Fault;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// A verb with its object, such as `put a/b`.
    pub doing: &'a str,
    /// Whether it changes something.
    pub changes: bool,
    /// The condition it was asked under.
    pub condition: &'a Precondition,
}

/// The error for a status, its headers and what the body says.
pub fn error(
    config: &Config,
    asked: Asked<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    fault: Option<Fault>,
) -> Error {
    let fault = fault.unwrap_or_default();
    let kind = kind(status, &fault, asked.condition);
    let said = match (fault.reason.as_str(), fault.message.lines().next().unwrap_or_default()) {
        ("", "") => format!("HTTP {}", status.as_u16()),
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    let hint = match kind {
        ErrorKind::Unauthenticated => format!(
            "; asked as {}; look at {} and {}",
            config.source.principal(),
            name::CREDENTIALS,
            name::USE_AUTH
        ),
        ErrorKind::Denied => format!(
            "; asked as {}; look at its permissions and at {}",
            config.source.principal(),
            name::CREDENTIALS
        ),
        ErrorKind::InvalidConfig => format!("; look at {}", name::BUCKET),
        _ => String::new(),
    };
    let mut made =
        error::new(kind, format!("cannot {} in bucket {}: {said}{hint}", asked.doing, config.bucket));
    made.http_status = Some(status.as_u16());
    made.request_id = headers.get("x-guploader-uploadid").and_then(|v| v.to_str().ok()).map(|id| {
        // Longer than the contract lets one be.
        id.chars().take(128).collect()
    });
    made.retry_after_ms = retry_after_ms(headers);
    // A server that broke down, or that was too slow, may have done it first.
    let refuses = kind == ErrorKind::Throttled && !fault.reason.is_empty();
    let breaks = matches!(status.as_u16(), 408 | 500 | 502..=599);
    if asked.changes && breaks && !refuses { error::outcome_unknown(made) } else { made }
}

fn kind(status: StatusCode, fault: &Fault, condition: &Precondition) -> ErrorKind {
    use ErrorKind as K;
    match fault.reason.as_str() {
        "NoSuchUpload" | "NoSuchKey" | "InvalidPart" => return K::NotFound,
        "NoSuchBucket" | "InvalidBucketName" => return K::InvalidConfig,
        "rateLimitExceeded" | "userRateLimitExceeded" | "SlowDown" => return K::Throttled,
        "quotaExceeded" | "dailyLimitExceeded" => return K::Quota,
        "BadDigest" | "backendError" | "internalError" | "InternalError" => return K::Transient,
        "conditionNotMet" if matches!(condition, Precondition::IfAbsent) => return K::AlreadyExists,
        "AuthenticationRequired" | "authError" => return K::Unauthenticated,
        _ => {}
    }
    // It has no word for these.
    if status.as_u16() == 404 && fault.message.contains("bucket does not exist") {
        return K::InvalidConfig;
    }
    if status.as_u16() == 400 && fault.message.contains("doesn't match calculated") {
        return K::Transient;
    }
    match status.as_u16() {
        404 | 410 => K::NotFound,
        401 => K::Unauthenticated,
        403 => K::Denied,
        409 | 408 | 425 => K::Transient,
        412 if matches!(condition, Precondition::IfAbsent) => K::AlreadyExists,
        412 => K::PreconditionFailed,
        300..=399 => K::InvalidConfig,
        411 | 413 | 501 => K::Unsupported,
        429 | 503 => K::Throttled,
        507 => K::Quota,
        500..=599 => K::Transient,
        _ => K::Internal,
    }
}

#[cfg(test)]
mod tests {
    use siltstone_plugin_sdk::cloud::Prefix;
    use siltstone_plugin_sdk::types::Outcome;

    use super::*;
    use crate::config::Uploads;
    use crate::credentials::Source;

    fn told(status: u16, reason: &str, message: &str, changes: bool, condition: &Precondition) -> Error {
        let config = Config {
            bucket: "nightly".to_owned(),
            prefix: Prefix::default(),
            endpoint: "https://s.example".to_owned(),
            source: Source::Metadata("metadata.google.internal".to_owned()),
            uploads: Uploads::Parts,
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-guploader-uploadid", "R1".parse().unwrap());
        headers.insert("retry-after", "3".parse().unwrap());
        let fault = Fault { reason: reason.to_owned(), message: message.to_owned() };
        let asked = Asked { doing: "put a/b", changes, condition };
        error(&config, asked, StatusCode::from_u16(status).unwrap(), &headers, Some(fault))
    }

    #[test]
    fn every_answer_has_a_kind_and_names_what_to_look_at() {
        use ErrorKind as K;
        for (status, reason, message, kind, word) in [
            (404, "notFound", "No such object: nightly/a/b", K::NotFound, "put a/b in bucket nightly"),
            (404, "notFound", "The specified bucket does not exist.", K::InvalidConfig, "BACKUP_GCS_BUCKET"),
            (401, "authError", "", K::Unauthenticated, "the service account of the machine"),
            (403, "forbidden", "", K::Denied, "permissions"),
            (403, "rateLimitExceeded", "", K::Throttled, "rateLimitExceeded"),
            (400, "invalid", "Provided CRC32C \"x\" doesn't match calculated CRC32C", K::Transient, "CRC32C"),
            (410, "", "", K::NotFound, "HTTP 410"),
            (429, "", "", K::Throttled, "HTTP 429"),
            (418, "", "", K::Internal, "HTTP 418"),
        ] {
            let error = told(status, reason, message, true, &Precondition::None);
            assert_eq!(error.kind, kind, "{status} {reason}");
            assert!(error.message.contains(word), "{}", error.message);
            assert_eq!((error.http_status, error.retry_after_ms), (Some(status), Some(3000)));
            assert_eq!(error.request_id.as_deref(), Some("R1"));
        }
    }

    #[test]
    fn conditions_and_broken_servers_are_told_apart() {
        let stale = Precondition::IfMatch("x".to_owned());
        assert_eq!(
            told(412, "conditionNotMet", "", true, &Precondition::IfAbsent).kind,
            ErrorKind::AlreadyExists
        );
        assert_eq!(told(412, "conditionNotMet", "", true, &stale).kind, ErrorKind::PreconditionFailed);
        assert_eq!(told(500, "", "", true, &stale).outcome, Outcome::Unknown);
        assert_eq!(told(500, "", "", false, &stale).outcome, Outcome::NoEffect);
        assert_eq!(told(503, "backendError", "", true, &stale).outcome, Outcome::Unknown);
        assert_eq!(told(503, "SlowDown", "", true, &stale).outcome, Outcome::NoEffect);
        assert_eq!(told(429, "", "", true, &stale).outcome, Outcome::NoEffect);
    }
}
