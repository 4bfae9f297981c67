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
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let fault = fault.unwrap_or_default();
    // An answer without a body has it in a header.
    let code = Some(fault.code).filter(|code| !code.is_empty()).or_else(|| header("x-ms-error-code"));
    let code = code.unwrap_or_default();
    let kind = kind(status, &code, asked.condition);
    // The further lines hold the id and the time of the request.
    let message = fault.message.lines().next().unwrap_or_default();
    let said = match (code.as_str(), message) {
        ("", _) => format!("HTTP {}", status.as_u16()),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    };
    let hint = hint(config, kind, &code);
    let mut made =
        error::new(kind, format!("cannot {} in container {}: {said}{hint}", asked.doing, config.container));
    made.http_status = Some(status.as_u16());
    made.request_id = header("x-ms-request-id");
    made.retry_after_ms = retry_after_ms(headers);
    // A server that broke down may have done it first, unless it says that it refused.
    let refuses = kind == ErrorKind::Throttled && !code.is_empty();
    if asked.changes && matches!(status.as_u16(), 500 | 502..=599) && !refuses {
        error::outcome_unknown(made)
    } else {
        made
    }
}

fn kind(status: StatusCode, code: &str, condition: &Precondition) -> ErrorKind {
    use ErrorKind as K;
    match code {
        "BlobNotFound" | "ResourceNotFound" => return K::NotFound,
        "ContainerNotFound"
        | "ContainerDisabled"
        | "InvalidResourceName"
        | "OutOfRangeInput"
        | "AuthenticationFailedVersion"
        | "AccountIsDisabled" => return K::InvalidConfig,
        "BlobAlreadyExists" => return K::AlreadyExists,
        "ConditionNotMet" | "TargetConditionNotMet" if matches!(condition, Precondition::IfAbsent) => {
            return K::AlreadyExists;
        }
        "ConditionNotMet" | "TargetConditionNotMet" => return K::PreconditionFailed,
        // The blocks went with another upload, or after a week.
        "InvalidBlockList" | "InvalidBlobOrBlock" | "InvalidBlockId" => return K::NotFound,
        "AuthenticationFailed" | "InvalidAuthenticationInfo" | "NoAuthenticationInformation" => {
            return K::Unauthenticated;
        }
        "AuthorizationFailure"
        | "AuthorizationPermissionMismatch"
        | "AuthorizationResourceTypeMismatch"
        | "AuthorizationServiceMismatch"
        | "AuthorizationProtocolMismatch"
        | "AuthorizationSourceIPMismatch"
        | "InsufficientAccountPermissions"
        | "PublicAccessNotPermitted"
        | "LeaseIdMissing"
        | "BlobImmutableDueToPolicy"
        | "SnapshotsPresent" => return K::Denied,
        "ServerBusy" => return K::Throttled,
        // What arrived is not what was sent: the next try may fare better.
        "Md5Mismatch" | "Crc64Mismatch" | "InternalError" | "OperationTimedOut" | "ContainerBeingDeleted" => {
            return K::Transient;
        }
        "BlockCountExceedsLimit" | "AccountLimitExceeded" => return K::Quota,
        "RequestBodyTooLarge"
        | "BlobTypeNotSupported"
        | "InvalidBlobTier"
        | "UnsupportedHeader"
        | "FeatureVersionMismatch"
        | "InvalidBlobType" => return K::Unsupported,
        _ => {}
    }
    match status.as_u16() {
        404 => K::NotFound,
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

/// What to look at, where that is known.
fn hint(config: &Config, kind: ErrorKind, code: &str) -> String {
    let who = config.source.principal();
    match kind {
        ErrorKind::Unauthenticated => {
            format!("; asked with {who}; look at {} and at the clock", config.source.variable())
        }
        ErrorKind::Denied => {
            format!("; asked with {who}; look at {} and at its permissions", config.source.variable())
        }
        ErrorKind::InvalidConfig if code.starts_with("Container") => format!("; look at {}", name::CONTAINER),
        ErrorKind::InvalidConfig => format!("; look at {} and {}", name::ACCOUNT, name::ENDPOINT),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use siltstone_plugin_sdk::cloud::Prefix;
    use siltstone_plugin_sdk::types::Outcome;

    use super::*;
    use crate::credentials::Source;

    fn told(status: u16, code: &str, changes: bool, condition: &Precondition) -> Error {
        let config = Config {
            container: "nightly".to_owned(),
            prefix: Prefix::default(),
            endpoint: "https://acme.blob.core.windows.net".to_owned(),
            source: Source::Key { account: "acme".to_owned(), key: "hush".to_owned() },
            block: 1,
            in_flight: 1,
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-request-id", "R1".parse().unwrap());
        headers.insert("retry-after", "3".parse().unwrap());
        headers.insert("x-ms-error-code", code.parse().unwrap());
        let message = "No.\nRequestId:R1\nTime:now".to_owned();
        let fault = (code != "OnlyHeader").then(|| Fault { code: code.to_owned(), message });
        let asked = Asked { doing: "put a/b", changes, condition };
        error(&config, asked, StatusCode::from_u16(status).unwrap(), &headers, fault)
    }

    #[test]
    fn every_answer_has_a_kind_and_names_what_to_look_at() {
        use ErrorKind as K;
        for (status, code, kind, word) in [
            (404, "BlobNotFound", K::NotFound, "put a/b in container nightly"),
            (404, "ContainerNotFound", K::InvalidConfig, "BACKUP_AZURE_CONTAINER"),
            (403, "AuthenticationFailed", K::Unauthenticated, "the key of the account acme"),
            (403, "AuthorizationPermissionMismatch", K::Denied, "AZURE_STORAGE_KEY"),
            (403, "", K::Denied, "HTTP 403"),
            (403, "OnlyHeader", K::Denied, "OnlyHeader"),
            (503, "ServerBusy", K::Throttled, "ServerBusy"),
            (400, "Md5Mismatch", K::Transient, "Md5Mismatch"),
            (301, "", K::InvalidConfig, "AZURE_STORAGE_ACCOUNT"),
            (418, "", K::Internal, "HTTP 418"),
        ] {
            let error = told(status, code, true, &Precondition::None);
            assert_eq!(error.kind, kind, "{status} {code}");
            assert!(error.message.contains(word) && !error.message.contains("hush"), "{}", error.message);
            assert!(!error.message.contains("RequestId"), "{}", error.message);
            assert_eq!((error.http_status, error.retry_after_ms), (Some(status), Some(3000)));
            assert_eq!(error.request_id.as_deref(), Some("R1"));
        }
    }

    #[test]
    fn conditions_and_broken_servers_are_told_apart() {
        use ErrorKind as K;
        let (absent, stale) = (Precondition::IfAbsent, Precondition::IfMatch("x".to_owned()));
        assert_eq!(told(409, "BlobAlreadyExists", true, &absent).kind, K::AlreadyExists);
        assert_eq!(told(412, "ConditionNotMet", true, &absent).kind, K::AlreadyExists);
        assert_eq!(told(412, "ConditionNotMet", true, &stale).kind, K::PreconditionFailed);
        assert_eq!(told(500, "InternalError", true, &stale).outcome, Outcome::Unknown);
        assert_eq!(told(500, "InternalError", false, &stale).outcome, Outcome::NoEffect);
        assert_eq!(told(503, "", true, &stale).outcome, Outcome::Unknown);
        assert_eq!(told(503, "ServerBusy", true, &stale).outcome, Outcome::NoEffect);
    }
}
