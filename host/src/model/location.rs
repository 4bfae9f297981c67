//! Where one request's backup lies, if not where the backend is configured to.

use serde::{Deserialize, Serialize};

/// Overrides of the configured place; empty means the configured one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// Replaces the bucket or container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Replaces the path or key prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
