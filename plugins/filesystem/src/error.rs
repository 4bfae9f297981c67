//! Turns the system's words into the kinds of error that a host acts on.
//!
//! | kind | words |
//! | --- | --- |
//! | `not-found` | no-entry |
//! | `already-exists` | exist |
//! | `denied` | access, not-permitted, read-only, loop (a symbolic link on the way) |
//! | `quota` | insufficient-space, quota, file-too-large, too-many-links (too many folders in one) |
//! | `invalid-config` | name-too-long, illegal-byte-sequence: this filesystem cannot hold our keys |
//! | `unsupported` | unsupported, cross-device; is-directory, not-directory, not-empty (see below) |
//! | `internal` | what a defect of ours would cause, such as bad-descriptor |
//! | `transient` | io, busy, interrupted and all other trouble of the device or the server behind it |
//!
//! A key and a longer key below it cannot both be objects here, because one name is either a file or a
//! folder: that is `unsupported`. `io` is also what some hosts say for words that WASI cannot express (a
//! read-only mount, a quota of the user), so it may not be taken for damage.

use std::fmt::Display;

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::{Error, ErrorKind};

use crate::folder::Code;

fn kind(code: Code) -> ErrorKind {
    use Code as C;
    match code {
        C::NoEntry => ErrorKind::NotFound,
        C::Exist => ErrorKind::AlreadyExists,
        C::Access | C::NotPermitted | C::ReadOnly | C::Loop => ErrorKind::Denied,
        C::InsufficientSpace | C::Quota | C::FileTooLarge | C::TooManyLinks => ErrorKind::Quota,
        C::NameTooLong | C::IllegalByteSequence => ErrorKind::InvalidConfig,
        C::Unsupported | C::CrossDevice | C::IsDirectory | C::NotDirectory | C::NotEmpty => {
            ErrorKind::Unsupported
        }
        C::BadDescriptor
        | C::Invalid
        | C::InvalidSeek
        | C::MessageSize
        | C::NoTty
        | C::NotRecoverable
        | C::Overflow => ErrorKind::Internal,
        C::Io
        | C::WouldBlock
        | C::Already
        | C::Busy
        | C::Deadlock
        | C::InProgress
        | C::Interrupted
        | C::InsufficientMemory
        | C::NoDevice
        | C::NoLock
        | C::NoSuchDevice
        | C::Pipe
        | C::TextFileBusy => ErrorKind::Transient,
    }
}

/// An error without effect: `doing` is a verb with its object, such as `read a/b`.
pub fn failed(code: Code, doing: impl Display) -> Error {
    error::new(kind(code), format!("cannot {doing}: {}", code.name()))
}

/// The error of a step that changes what others see. Trouble of the device leaves open whether it happened.
pub fn changing(code: Code, doing: impl Display) -> Error {
    let failed = failed(code, doing);
    if failed.kind == ErrorKind::Transient { error::outcome_unknown(failed) } else { failed }
}

/// The error for an object, or an upload, that is not there.
pub fn missing(key: &str) -> Error {
    error::not_found(format!("{key} does not exist"))
}

/// Whether the word means that there is no file or folder of that name, or none that we would follow.
pub fn is_missing(code: Code) -> bool {
    matches!(code, Code::NoEntry | Code::NotDirectory | Code::Loop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use siltstone_plugin_sdk::types::Outcome;

    #[test]
    fn the_message_names_the_deed_and_the_systems_word() {
        let error = failed(Code::InsufficientSpace, "write a/b");
        assert_eq!(error.message, "cannot write a/b: insufficient-space");
        assert_eq!((error.kind, error.outcome), (ErrorKind::Quota, Outcome::NoEffect));
    }

    #[test]
    fn a_broken_device_leaves_the_outcome_of_a_change_open() {
        let error = changing(Code::Io, "publish a/b");
        assert_eq!((error.kind, error.outcome), (ErrorKind::Transient, Outcome::Unknown));
        let error = changing(Code::Access, "publish a/b");
        assert_eq!((error.kind, error.outcome), (ErrorKind::Denied, Outcome::NoEffect));
    }
}
