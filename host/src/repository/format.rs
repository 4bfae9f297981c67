//! What descriptor and manifest share: the version rule and the end line.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{FORMAT, Hash};

/// Names in `requires` that this build knows.
const FEATURES: [&str; 0] = [];

/// The last line: how many lines stand before it and the BLAKE3 of all their bytes, newlines included.
/// Further fields may follow, such as a MAC; a reader that does not know them leaves them alone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EndLine {
    kind: EndKind,
    pub(super) lines: u64,
    pub(super) blake3: Hash,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EndKind {
    End,
}

impl EndLine {
    pub(super) fn new(lines: u64, blake3: Hash) -> Self {
        Self { kind: EndKind::End, lines, blake3 }
    }
}

/// What of descriptor and manifest stays readable in every format.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    format: u32,
    requires: Vec<String>,
}

impl Version {
    pub(super) fn of(format: u32, requires: &[String]) -> Self {
        Self { format, requires: requires.to_vec() }
    }

    /// Refuses what this build does not know, before anything else of `what` is believed.
    pub(super) fn check(&self, what: &str) -> Result<()> {
        if self.format != FORMAT {
            let text = format!("the {what} has format {}, this build reads format {FORMAT}", self.format);
            return Err(Error::new(ErrorKind::Unsupported, "read", text));
        }
        match self.requires.iter().find(|name| !FEATURES.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
                let text =
                    format!("the {what} requires the feature `{shown}`, which this build does not know");
                Err(Error::new(ErrorKind::Unsupported, "read", text))
            }
        }
    }
}

/// Writes a value as one line of JSON, newline included.
pub(super) fn to_line(value: &impl Serialize, line: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(&mut *line, value)
        .map_err(|e| Error::internal("write", "a value cannot be written as JSON").with_source(e))?;
    line.push(b'\n');
    Ok(())
}
