//! The state of an operation, in the words of the wire.

use serde::{Deserialize, Serialize};

/// The eight states that clients know; nothing else may ever be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Accepted.
    Started,
    /// Data is moving.
    Transferring,
    /// All data has moved.
    Transferred,
    /// A restore is being installed; it can no longer be cancelled.
    Finalizing,
    /// Done, verified.
    Success,
    /// Ended by an error.
    Failed,
    /// A cancel was accepted and is being carried out.
    Cancelling,
    /// Ended by a cancel (one L on the wire).
    Canceled,
}

impl State {
    /// Whether the operation has ended.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Canceled)
    }

    /// Its spelling on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Transferring => "TRANSFERRING",
            Self::Transferred => "TRANSFERRED",
            Self::Finalizing => "FINALIZING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Cancelling => "CANCELLING",
            Self::Canceled => "CANCELED",
        }
    }
}
