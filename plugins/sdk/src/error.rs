//! Makes the error records that a transport answers with.

use crate::types::{Error, ErrorKind, Outcome};

/// The contract's bound on `error.message`, in bytes.
pub const MAX_MESSAGE: usize = 4096;

/// An error of this kind, with no effect on the store. A message beyond [`MAX_MESSAGE`] is cut.
pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
    let mut message = message.into();
    message.truncate(message.floor_char_boundary(MAX_MESSAGE));
    Error {
        kind,
        message,
        http_status: None,
        request_id: None,
        retry_after_ms: None,
        outcome: Outcome::NoEffect,
    }
}

/// The same error, saying that what was asked for may have happened all the same.
#[must_use]
pub fn outcome_unknown(error: Error) -> Error {
    Error { outcome: Outcome::Unknown, ..error }
}

macro_rules! kinds {
    ($($name:ident $kind:ident),* $(,)?) => { $(
        #[doc = concat!("An error of kind [`ErrorKind::", stringify!($kind), "`], with no effect.")]
        pub fn $name(message: impl Into<String>) -> Error {
            new(ErrorKind::$kind, message)
        }
    )* };
}

kinds! {
    not_found NotFound,
    already_exists AlreadyExists,
    precondition_failed PreconditionFailed,
    unauthenticated Unauthenticated,
    denied Denied,
    throttled Throttled,
    transient Transient,
    quota Quota,
    invalid_config InvalidConfig,
    unsupported Unsupported,
    corrupt Corrupt,
    internal Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_at_a_character_within_the_bound() {
        let error = transient("ä".repeat(MAX_MESSAGE));
        assert_eq!(error.message.len(), MAX_MESSAGE);
        let error = transient(format!("x{}", "ä".repeat(MAX_MESSAGE)));
        assert_eq!(error.message.len(), MAX_MESSAGE - 1);
    }

    #[test]
    fn an_error_has_no_effect_until_said_otherwise() {
        let error = quota("disk full");
        assert_eq!((error.kind, error.outcome), (ErrorKind::Quota, Outcome::NoEffect));
        let error = outcome_unknown(error);
        assert_eq!((error.kind, error.outcome), (ErrorKind::Quota, Outcome::Unknown));
    }
}
