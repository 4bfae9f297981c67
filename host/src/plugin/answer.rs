//! Turns an honest error of a plugin into an error of the host: bounded, escaped, without secrets.

use std::time::Duration;

use super::bindings::types;
use super::describe::plain;
use super::fault::Effect;
use super::redact::Redactor;
use super::text;
use super::validate::Breach;
use crate::error::{Error, ErrorKind, Retry};

/// Bytes of a message; the contract's bound.
const MAX_MESSAGE: usize = 4096;
/// Bytes of a request id; the contract's bound.
const MAX_REQUEST_ID: usize = 256;
/// The longest wish for a pause that is passed on.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// The error that the caller sees, or the sentence of the contract that the plugin broke with it.
pub(crate) fn error(
    given: types::Error,
    backend: &str,
    operation: &'static str,
    effect: Effect,
    redactor: &Redactor,
) -> Result<Error, Breach> {
    if given.message.len() > MAX_MESSAGE {
        return Err(format!(
            "the message of an error has {} bytes; at most {MAX_MESSAGE}",
            given.message.len()
        ));
    }
    if let Some(id) = &given.request_id {
        plain("a request id", id, 0, MAX_REQUEST_ID)?;
    }
    let pause = given.retry_after_ms.map(|ms| Duration::from_millis(ms).min(MAX_PAUSE));
    let (kind, retry) = match given.kind {
        types::ErrorKind::NotFound => (ErrorKind::NotFound, Retry::Never),
        types::ErrorKind::AlreadyExists => (ErrorKind::AlreadyExists, Retry::Never),
        types::ErrorKind::PreconditionFailed => (ErrorKind::Conflict, Retry::Never),
        types::ErrorKind::Unauthenticated => (ErrorKind::Unauthenticated, Retry::Never),
        types::ErrorKind::Denied => (ErrorKind::Denied, Retry::Never),
        types::ErrorKind::Throttled => (ErrorKind::Throttled, Retry::After(pause)),
        types::ErrorKind::Transient => (ErrorKind::Unavailable, Retry::After(pause)),
        types::ErrorKind::Quota => (ErrorKind::Exhausted, Retry::Never),
        types::ErrorKind::InvalidConfig => (ErrorKind::Invalid, Retry::Never),
        types::ErrorKind::Unsupported => (ErrorKind::Unsupported, Retry::Never),
        types::ErrorKind::Corrupt => (ErrorKind::Corrupt, Retry::Never),
        types::ErrorKind::Internal => (ErrorKind::Internal, Retry::Never),
    };
    let message = text::quoted(&redactor.clean(&given.message), MAX_MESSAGE);
    let mut error = Error::new(kind, operation, message).with_retry(retry).with("backend", backend);
    if let Some(status) = given.http_status {
        error = error.with("http_status", status);
    }
    if let Some(id) = given.request_id {
        error = error.with("request_id", redactor.clean(&id));
    }
    if effect == Effect::Changes && given.outcome == types::Outcome::Unknown {
        error = error.outcome_unknown();
    }
    Ok(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(message: &str) -> types::Error {
        types::Error {
            kind: types::ErrorKind::Throttled,
            message: message.to_owned(),
            http_status: Some(503),
            request_id: Some("r1".to_owned()),
            retry_after_ms: Some(u64::MAX),
            outcome: types::Outcome::Unknown,
        }
    }

    fn map(given: types::Error, effect: Effect) -> Result<Error, Breach> {
        let redactor = Redactor::new([("KEY".to_owned(), "hunter2".to_owned())]);
        error(given, "s3", "put", effect, &redactor)
    }

    #[test]
    fn the_words_of_a_plugin_are_quoted_escaped_and_redacted() {
        let error = map(given("slow\ndown hunter2"), Effect::Changes).unwrap();
        assert_eq!(
            error.to_string(),
            "put: \"slow\\ndown [redacted KEY]\" (backend=s3, http_status=503, request_id=r1); \
             it is not known whether it took effect"
        );
        assert_eq!(error.retry(), Retry::After(Some(MAX_PAUSE)));
    }

    #[test]
    fn a_read_has_no_outcome_to_doubt() {
        assert!(!map(given("x"), Effect::Reads).unwrap().is_outcome_unknown());
    }

    #[test]
    fn a_message_or_request_id_beyond_its_bound_is_a_breach() {
        assert!(map(given(&"x".repeat(4096)), Effect::Reads).is_ok());
        assert!(map(given(&"x".repeat(4097)), Effect::Reads).is_err());
        let mut long = given("x");
        long.request_id = Some("x".repeat(257));
        assert!(map(long, Effect::Reads).is_err());
    }
}
