//! Errors of the database as gRPC has them.

use siltstone::{Error, ErrorKind};
use tonic::{Code, Status};

/// Longest message in bytes: it travels in a header.
const MAX_TEXT: usize = 2048;

/// The code and text for an error.
pub(super) fn status(error: &Error) -> Status {
    let code = match error.kind() {
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::Conflict => Code::FailedPrecondition,
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Throttled | ErrorKind::Exhausted => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Timeout => Code::DeadlineExceeded,
        ErrorKind::Cancelled => Code::Cancelled,
        ErrorKind::Unsupported => Code::Unimplemented,
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::Corrupt => Code::DataLoss,
        _ => Code::Internal,
    };
    let mut text = error.to_string();
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    Status::new(code, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters() {
        let status = status(&Error::invalid("test", "ä".repeat(MAX_TEXT)));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().len() <= MAX_TEXT && status.message().len() > MAX_TEXT - 3);
    }
}
