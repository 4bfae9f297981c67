//! Object keys and the relative paths of files; both are safe by construction.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A key of a stored object relative to its location: segments of `[0-9A-Za-z._=-]` joined by `/`, 1 to 1024 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Validates a key.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        let key = key.into();
        let segment = |s: &str| {
            !s.is_empty()
                && s != "."
                && s != ".."
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'=' | b'-'))
        };
        if key.len() <= 1024 && key.split('/').all(segment) {
            Ok(Self(key))
        } else {
            Err(Error::invalid("validate", format!("invalid object key `{}`", shown(&key))))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = Error;
    fn try_from(key: String) -> Result<Self> {
        Self::new(key)
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> String {
        key.0
    }
}

/// The path of a file below the folder of its shard: UTF-8, `/` between names, relative, without empty, `.` or
/// `..` names, backslashes and control characters; at most 4096 bytes, each name at most 255.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(String);

impl RelativePath {
    /// Validates a path. A path that comes from a manifest is hostile until it has passed here.
    pub fn new(path: impl Into<String>) -> Result<Self> {
        let path = path.into();
        let name = |n: &str| {
            (1..=255).contains(&n.len())
                && n != "."
                && n != ".."
                && !n.chars().any(|c| c == '\\' || c.is_control())
        };
        if path.len() <= 4096 && path.split('/').all(name) {
            Ok(Self(path))
        } else {
            Err(Error::invalid(
                "validate",
                format!(
                    "unsafe file path `{}`: it must be relative, without empty, `.` or `..` names",
                    shown(&path)
                ),
            ))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below a folder.
    #[must_use]
    pub fn under(&self, folder: &Path) -> PathBuf {
        folder.join(&self.0)
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RelativePath {
    type Error = Error;
    fn try_from(path: String) -> Result<Self> {
        Self::new(path)
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> String {
        path.0
    }
}

fn shown(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_their_folder_are_refused() {
        for bad in ["", "/etc/passwd", "a/../b", "..", "a//b", "a/", "./a", "a\\b", "a\0b", &"x".repeat(256)]
        {
            assert!(RelativePath::new(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "keyspaces/1/tables/0", "ü/…", "a b"] {
            assert!(RelativePath::new(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn keys_that_are_not_plain_are_refused() {
        for bad in ["", "/a", "a/", "a//b", "a/../b", "a b", "ä"] {
            assert!(ObjectKey::new(bad).is_err(), "{bad:?}");
        }
        assert!(ObjectKey::new("b/0198/node.1/chunks/00000001").is_ok());
    }
}
