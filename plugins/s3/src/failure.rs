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

/// The error for a status, its headers and the document that came with it, if one did.
pub fn error(
    config: &Config,
    asked: Asked<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    fault: Option<Fault>,
) -> Error {
    let fault = fault.unwrap_or_default();
    let kind = kind(status, &fault.code, asked.condition);
    let hint = hint(config, kind, status, headers, &fault);
    let said = match (fault.code.as_str(), fault.message.as_str()) {
        ("", _) => format!("HTTP {}", status.as_u16()),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    };
    let mut made =
        error::new(kind, format!("cannot {} in bucket {}: {said}{hint}", asked.doing, config.bucket));
    made.http_status = Some(status.as_u16());
    made.request_id = headers.get("x-amz-request-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
    made.retry_after_ms = retry_after_ms(headers);
    // A server that broke down may have done it first, unless it says that it refused.
    let refuses = kind == ErrorKind::Throttled && !fault.code.is_empty();
    if asked.changes && matches!(status.as_u16(), 500 | 502..=599) && !refuses {
        error::outcome_unknown(made)
    } else {
        made
    }
}

fn kind(status: StatusCode, code: &str, condition: &Precondition) -> ErrorKind {
    use ErrorKind as K;
    match code {
        // There is nothing that could have the etag.
        "NoSuchKey" if matches!(condition, Precondition::IfMatch(_)) => return K::PreconditionFailed,
        "NoSuchKey" | "NoSuchUpload" | "NoSuchVersion" => return K::NotFound,
        "NoSuchBucket"
        | "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "InvalidBucketName"
        | "IllegalLocationConstraintException" => return K::InvalidConfig,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "RequestTimeTooSkewed"
        | "TokenRefreshRequired"
        | "InvalidSecurity" => return K::Unauthenticated,
        "AccessDenied" | "AccountProblem" | "AllAccessDisabled" => return K::Denied,
        "SlowDown" | "RequestLimitExceeded" | "Throttling" | "TooManyRequests" => return K::Throttled,
        // What arrived is not what was sent: the next try may fare better.
        "BadDigest"
        | "XAmzContentSHA256Mismatch"
        | "XAmzContentChecksumMismatch"
        | "InvalidDigest"
        | "InternalError"
        | "ServiceUnavailable"
        | "IncompleteBody"
        | "RequestTimeout"
        | "OperationAborted"
        | "ConditionalRequestConflict" => {
            return K::Transient;
        }
        "QuotaExceeded" | "XMinioStorageFull" | "ServiceQuotaExceededException" => return K::Quota,
        "EntityTooLarge" | "EntityTooSmall" | "NotImplemented" | "InvalidStorageClass" => {
            return K::Unsupported;
        }
        _ => {}
    }
    match status.as_u16() {
        404 => K::NotFound,
        401 => K::Unauthenticated,
        403 => K::Denied,
        409 | 408 | 425 => K::Transient,
        412 if matches!(condition, Precondition::IfAbsent) => K::AlreadyExists,
        412 => K::PreconditionFailed,
        301 | 302 | 307 | 308 => K::InvalidConfig,
        411 | 413 | 501 => K::Unsupported,
        429 | 503 => K::Throttled,
        507 => K::Quota,
        500..=599 => K::Transient,
        _ => K::Internal,
    }
}

/// What to look at, where that is known.
fn hint(config: &Config, kind: ErrorKind, status: StatusCode, headers: &HeaderMap, fault: &Fault) -> String {
    let region = headers.get("x-amz-bucket-region").and_then(|v| v.to_str().ok()).or(fault.region.as_deref());
    if let Some(region) = region.filter(|region| *region != config.region) {
        return format!("; the bucket is in region {region}, {} says {}", name::REGION[0], config.region);
    }
    match kind {
        ErrorKind::Unauthenticated | ErrorKind::Denied => {
            format!(
                "; asked as {}; look at {} and at the permissions",
                config.source.principal(),
                name::KEY[0]
            )
        }
        ErrorKind::InvalidConfig if fault.code == "NoSuchBucket" => format!("; look at {}", name::BUCKET),
        ErrorKind::InvalidConfig if status.is_redirection() => {
            format!("; look at {} and {}", name::ENDPOINT, name::REGION[0])
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use siltstone_plugin_sdk::cloud::Prefix;

    use super::*;
    use crate::config::Style;
    use crate::credentials::{Keys, Source};
    use siltstone_plugin_sdk::types::Outcome;

    fn told(status: u16, code: &str, changes: bool, condition: &Precondition) -> Error {
        let config = Config {
            bucket: "nightly".to_owned(),
            prefix: Prefix::default(),
            is_secure: true,
            authority: "s3.example.com".to_owned(),
            style: Style::Path,
            region: "us-east-1".to_owned(),
            source: Source::Static(Keys { key: "AKID".to_owned(), secret: "hush".to_owned(), token: None }),
        };
        let fault = Fault { code: code.to_owned(), ..Fault::default() };
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-request-id", "R1".parse().unwrap());
        headers.insert("retry-after", "3".parse().unwrap());
        let asked = Asked { doing: "put a/b", changes, condition };
        error(&config, asked, StatusCode::from_u16(status).unwrap(), &headers, Some(fault))
    }

    #[test]
    fn every_answer_has_a_kind_and_names_what_to_look_at() {
        use ErrorKind as K;
        for (status, code, kind, word) in [
            (404, "NoSuchKey", K::NotFound, "put a/b in bucket nightly"),
            (404, "NoSuchBucket", K::InvalidConfig, "BACKUP_S3_BUCKET"),
            (403, "SignatureDoesNotMatch", K::Unauthenticated, "access key AKID"),
            (403, "AccessDenied", K::Denied, "permissions"),
            (403, "", K::Denied, "HTTP 403"),
            (503, "SlowDown", K::Throttled, "SlowDown"),
            (400, "BadDigest", K::Transient, "BadDigest"),
            (301, "PermanentRedirect", K::InvalidConfig, "AWS_REGION"),
            (418, "", K::Internal, "HTTP 418"),
        ] {
            let error = told(status, code, true, &Precondition::None);
            assert_eq!(error.kind, kind, "{status} {code}");
            assert!(error.message.contains(word) && !error.message.contains("hush"), "{}", error.message);
            assert_eq!((error.http_status, error.retry_after_ms), (Some(status), Some(3000)));
            assert_eq!(error.request_id.as_deref(), Some("R1"));
        }
    }

    #[test]
    fn conditions_and_broken_servers_are_told_apart() {
        assert_eq!(
            told(412, "PreconditionFailed", true, &Precondition::IfAbsent).kind,
            ErrorKind::AlreadyExists
        );
        let stale = Precondition::IfMatch("x".to_owned());
        assert_eq!(told(412, "PreconditionFailed", true, &stale).kind, ErrorKind::PreconditionFailed);
        assert_eq!(told(404, "NoSuchKey", true, &stale).kind, ErrorKind::PreconditionFailed);
        assert_eq!(told(500, "InternalError", true, &stale).outcome, Outcome::Unknown);
        assert_eq!(told(500, "InternalError", false, &stale).outcome, Outcome::NoEffect);
        assert_eq!(told(503, "", true, &stale).outcome, Outcome::Unknown);
        assert_eq!(told(503, "SlowDown", true, &stale).outcome, Outcome::NoEffect);
    }
}
