//! What a command has to say, and how it ended.

use std::process::ExitCode;

use serde_json::Value;

use crate::error::{Error, ErrorKind};

/// How a command ended; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The command or the request is wrong: usage, a value out of range, an id that is taken, something in the way.
    Refused = 2,
    /// There is no such backup.
    NotFound = 3,
    /// Stored data is damaged.
    Damaged = 4,
    /// It was cancelled or interrupted.
    Cancelled = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// How a command that ends in an error ends.
    pub(super) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Invalid | ErrorKind::AlreadyExists | ErrorKind::Conflict | ErrorKind::Unsupported => {
                Self::Refused
            }
            // The host's own refusal of a place, not the store's.
            ErrorKind::Denied if error.operation() == "grant" => Self::Refused,
            ErrorKind::Corrupt => Self::Damaged,
            ErrorKind::Cancelled => Self::Cancelled,
            _ => Self::Failed,
        }
    }
}

/// What a command has to say.
#[derive(Debug)]
pub(super) struct Report {
    /// For people.
    pub(super) text: String,
    /// For programs.
    pub(super) json: Value,
    /// Why the exit code is not 0, in one line.
    pub(super) failure: Option<(Exit, String)>,
}

impl Report {
    /// All is well.
    pub(super) fn fine(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, failure: None }
    }

    /// It ended badly, and there is something to show.
    pub(super) fn failed(exit: Exit, message: impl Into<String>, json: Value) -> Self {
        Self { text: String::new(), json, failure: Some((exit, message.into())) }
    }
}
