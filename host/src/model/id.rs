//! Names and identifiers; each validates what it takes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Clock, Timestamp};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Validates the text; the error names the value and the rule.
            pub fn new(text: impl Into<String>) -> Result<Self> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if check(&text) {
                    Ok(Self(text))
                } else {
                    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
                    Err(Error::invalid("validate", format!(concat!("invalid ", $what, " `{}`: ", $rule), shown)))
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                Self::new(text)
            }
        }
    };
}

name_type!(
    /// The user-given id of a backup: `^[a-z0-9_-]+$`, at most 128 bytes.
    BackupId,
    "backup id",
    |t| (1..=128).contains(&t.len())
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-'),
    "use 1 to 128 of a-z, 0-9, `_` and `-`"
);

name_type!(
    /// The name of a database node, a segment of object keys: `[0-9A-Za-z._-]`, 1 to 128 bytes, not `.` or `..`.
    NodeName,
    "node name",
    |t| (1..=128).contains(&t.len())
        && t != "."
        && t != ".."
        && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')),
    "use 1 to 128 of 0-9, A-Z, a-z, `.`, `_` and `-`"
);

name_type!(
    /// The name of a collection (on the wire: class): 1 to 255 bytes without `/`, `\` and control characters.
    CollectionName,
    "collection name",
    plain_name,
    "use 1 to 255 bytes without `/`, `\\` and control characters"
);

name_type!(
    /// The name of a tenant: 1 to 255 bytes without `/`, `\` and control characters.
    TenantName,
    "tenant name",
    plain_name,
    "use 1 to 255 bytes without `/`, `\\` and control characters"
);

name_type!(
    /// The name by which users address a backend: `[a-z][a-z0-9-]*`, at most 32 bytes.
    BackendName,
    "backend name",
    |t| t.len() <= 32
        && t.starts_with(|c: char| c.is_ascii_lowercase())
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
    "use a letter and up to 31 of a-z, 0-9 and `-`"
);

fn plain_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text != "."
        && text != ".."
        && !text.chars().any(|c| c == '/' || c == '\\' || c.is_control())
}

/// One run that tries to make a backup; a UUIDv7, so that attempts sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(uuid::Uuid);

impl AttemptId {
    /// A new one, from the system's clock and randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// A new one from a clock, cut to milliseconds, and the system's randomness: of one clock that stands still, no two are
    /// the same.
    #[must_use]
    pub fn by(clock: &dyn Clock) -> Self {
        let ms = Timestamp::by(clock).as_millis().unwrap_or(0);
        // Less than a thousand million, so it fits.
        let nanos = (ms % 1000) as u32 * 1_000_000;
        Self(uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, ms / 1000, nanos)))
    }

    /// From its hyphenated text.
    pub fn parse(text: &str) -> Result<Self> {
        uuid::Uuid::try_parse(text).map(Self).map_err(|e| {
            Error::invalid("validate", format!("invalid attempt id `{}`", text.escape_debug())).with_source(e)
        })
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// One LSM tree: a collection, or one tenant of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShardId {
    /// The collection.
    pub collection: CollectionName,
    /// The tenant, for a multi-tenant collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantName>,
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "{}/{tenant}", self.collection),
            None => write!(f, "{}", self.collection),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backup_ids_are_lower_case_and_bounded() {
        for good in ["a", "nightly-7", "x_1", &"a".repeat(128)] {
            assert!(BackupId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a/b", "..", "a b", "ä", &"a".repeat(129)] {
            assert!(BackupId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_invalid_name_is_quoted_escaped_in_the_error() {
        let e = NodeName::new("a\nb").unwrap_err();
        assert!(e.to_string().contains("`a\\nb`"), "{e}");
    }
}
