//! The public error: what happened, what the caller can do about it, and where.
//!
//! Rules, for everything that crosses a public boundary of this crate:
//!
//! 1. The kind tells the caller what to do; detail goes into the message, which is not an interface.
//! 2. A message is one line, lower case, without a final dot; it names the thing, the value and the remedy.
//! 3. Whoever knows more adds it with [`Error::with`]; nobody logs an error and carries on.
//! 4. A failed change whose effect is not known says so ([`Error::outcome_unknown`]).
//! 5. [`ErrorKind::Corrupt`] is never retried and never turned into another kind.
//! 6. Text from a plugin is bounded and escaped before it gets here.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Result with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The thing is not there.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// Somebody else changed it first, or another operation is in the way.
    Conflict,
    /// We are known and may not.
    Denied,
    /// Credentials are missing, wrong or expired.
    Unauthenticated,
    /// The store asks for less; wait.
    Throttled,
    /// It may work later.
    Unavailable,
    /// It took too long and was given up.
    Timeout,
    /// Somebody asked for it to stop.
    Cancelled,
    /// This store, plugin or build cannot do it.
    Unsupported,
    /// The request or a setting is wrong.
    Invalid,
    /// No room is left: disk full, quota reached.
    Exhausted,
    /// Stored or transferred bytes are not what they must be.
    Corrupt,
    /// A plugin misbehaved: trap, broken contract, limit.
    Plugin,
    /// A defect of this crate or of its environment.
    Internal,
}

/// How a plugin, or a store of the embedder's own, misbehaved in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultKind {
    /// It broke off by itself, or because it passed the host what no plugin may.
    Trap,
    /// It broke off after it had asked for more memory than it may have.
    Memory,
    /// It computed for too long.
    Cpu,
    /// Nothing moved for too long.
    Stalled,
    /// It took longer than what it had to move allows.
    Overdue,
    /// It answered what the contract does not allow.
    Contract,
}

impl FaultKind {
    /// The kind in one word, such as `trap`, for logs and the names of metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Stalled => "stalled",
            Self::Overdue => "overdue",
            Self::Contract => "contract",
        }
    }
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It will fail again.
    Never,
    /// It may work, after this long if the store said so.
    After(Option<Duration>),
    /// It was tried again until the limit.
    Exhausted,
}

/// An error of the host. `Display` is one line for logs and users; `Debug` holds everything.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    operation: &'static str,
    message: String,
    context: Vec<(&'static str, String)>,
    outcome_unknown: bool,
    fault: Option<FaultKind>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of a kind, in an operation (a verb such as `put` or `restore`), with a message.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            retry: Retry::Never,
            operation,
            message: message.into(),
            context: Vec::new(),
            outcome_unknown: false,
            fault: None,
            source: None,
        }))
    }

    /// Shorthand for [`ErrorKind::Invalid`].
    #[must_use]
    pub fn invalid(operation: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, operation, message)
    }

    /// Shorthand for [`ErrorKind::Corrupt`].
    #[must_use]
    pub fn corrupt(operation: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, operation, message)
    }

    /// Shorthand for [`ErrorKind::Internal`].
    #[must_use]
    pub fn internal(operation: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, operation, message)
    }

    /// Shorthand for [`ErrorKind::Cancelled`].
    #[must_use]
    pub fn cancelled(operation: &'static str) -> Self {
        Self::new(ErrorKind::Cancelled, operation, "cancelled on request")
    }

    /// Classifies an error of the operating system; `path` is the file or folder concerned.
    #[must_use]
    pub fn io(operation: &'static str, path: impl AsRef<std::path::Path>, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match source.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::AlreadyExists => ErrorKind::AlreadyExists,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Denied,
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => ErrorKind::Exhausted,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, operation, format!("`{}`", path.as_ref().display())).with_source(source)
    }

    /// Adds context: a name and a value, shown after the message.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((name, value.to_string()));
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Sets whether trying again can help.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Marks a failed change as one that may have taken effect all the same.
    #[must_use]
    pub fn outcome_unknown(mut self) -> Self {
        self.0.outcome_unknown = true;
        self
    }

    /// Marks it as the fault of a plugin or a store, in place of an honest answer.
    #[must_use]
    pub fn with_fault(mut self, fault: FaultKind) -> Self {
        self.0.fault = Some(fault);
        self
    }

    /// The fault that it comes from; `None` for an honest answer and for errors of the host's own.
    #[must_use]
    pub fn fault(&self) -> Option<FaultKind> {
        self.0.fault
    }

    /// What the caller can do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The verb that failed.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The message without operation, context and cause.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the failed change may have taken effect.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.outcome_unknown
    }

    /// Whether this is of the given kind.
    #[must_use]
    pub fn is(&self, kind: ErrorKind) -> bool {
        self.0.kind == kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.operation, self.0.message)?;
        for (i, (name, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            write!(f, ")")?;
        }
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        if self.0.outcome_unknown {
            write!(f, "; it is not known whether it took effect")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retry", &self.0.retry)
            .field("operation", &self.0.operation)
            .field("message", &self.0.message)
            .field("context", &self.0.context)
            .field("outcome_unknown", &self.0.outcome_unknown)
            .field("fault", &self.0.fault)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|s| &**s as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_with_context_cause_and_doubt() {
        let e = Error::new(ErrorKind::Timeout, "put", "no answer within 30 s")
            .with("backend", "s3")
            .with("key", "a/b")
            .with_source(std::io::Error::other("reset"))
            .outcome_unknown();
        assert_eq!(
            e.to_string(),
            "put: no answer within 30 s (backend=s3, key=a/b): reset; it is not known whether it took effect"
        );
    }
}
