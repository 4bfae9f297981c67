//! Uploads in parts, and where their bytes wait.
//!
//! An upload under a condition, and every session, goes to a temporary object first, which is then given its key in one step:
//! neither the XML API nor a session checks a condition at the end.

use serde::{Deserialize, Serialize};
use siltstone_plugin_sdk::cloud;
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;

/// What the keys of temporary objects begin with; see `attributes` in the contract.
pub const TEMPORARY: &str = ".siltstone-tmp/";

/// An upload in parts.
pub type Upload = cloud::Upload<State>;

/// What the transport knows about one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// The key that the parts are sent to, if it is another one than that of the object.
    pub temporary: Option<String>,
    /// How they are sent.
    pub way: Way,
}

/// How parts are sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Way {
    /// As an upload of the XML API with this id.
    Parts(String),
    /// In a session.
    Session(Session),
}

/// A resumable session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Where its bytes go; as good as a password for this one object.
    pub uri: String,
    /// Bytes of every part but the last.
    pub part_size: u64,
    /// All bytes, where that was said at the start.
    pub total: Option<u64>,
}

impl State {
    /// The key that the parts are sent to.
    pub fn target<'a>(&'a self, key: &'a str) -> &'a str {
        self.temporary.as_deref().unwrap_or(key)
    }
}

/// A key for a temporary object of an attempt.
pub fn temporary_key(attributes: &[(String, String)]) -> String {
    let attempt = attributes.iter().find(|(name, _)| name == "attempt").map(|(_, value)| value.as_str());
    format!("{TEMPORARY}{}/{}", attempt.unwrap_or("none"), cloud::random_name())
}

/// The bytes of a part in an object, and whether they are the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// Whether nothing comes after it, as far as is known.
    pub is_last: bool,
}

impl Session {
    /// Where a part of this many bytes lies.
    ///
    /// # Errors
    ///
    /// `internal` for a part that the start has excluded.
    pub fn span(&self, number: u32, size: u64) -> Result<Span, Error> {
        let start = u64::from(number.saturating_sub(1)).checked_mul(self.part_size);
        let end = start.and_then(|start| start.checked_add(size));
        match (start, end) {
            (Some(start), Some(end))
                if number > 0 && size <= self.part_size && self.total.is_none_or(|t| end <= t) =>
            {
                Ok(Span { start, end, is_last: size < self.part_size || self.total == Some(end) })
            }
            _ => Err(error::internal(format!("part {number} of {size} bytes has no place in the upload"))),
        }
    }
}

/// What a part of a session is known by: its length and its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Bytes.
    pub size: u64,
    /// CRC-32C.
    pub crc32c: u32,
}

impl Tag {
    /// As text for the host.
    pub fn text(self) -> String {
        format!("{}-{:08x}", self.size, self.crc32c)
    }

    /// Back from text.
    ///
    /// # Errors
    ///
    /// `internal` for what is no tag.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let read = text.split_once('-').and_then(|(size, crc)| {
            Some(Self { size: size.parse().ok()?, crc32c: u32::from_str_radix(crc, 16).ok()? })
        });
        read.ok_or_else(|| error::internal(format!("{text:?} is no tag of a part")))
    }

    /// That of all parts together.
    pub fn joined(tags: impl IntoIterator<Item = Self>) -> Self {
        tags.into_iter().fold(Self { size: 0, crc32c: 0 }, |all, tag| Self {
            size: all.size + tag.size,
            crc32c: crc32c::crc32c_combine(
                all.crc32c,
                tag.crc32c,
                usize::try_from(tag.size).unwrap_or(usize::MAX),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_session_has_one_place() {
        let session = Session { uri: String::new(), part_size: 10, total: Some(25) };
        assert_eq!(session.span(1, 10).unwrap(), Span { start: 0, end: 10, is_last: false });
        assert_eq!(session.span(3, 5).unwrap(), Span { start: 20, end: 25, is_last: true });
        for (number, size) in [(0, 1), (3, 6), (1, 11), (u32::MAX, 10)] {
            assert!(session.span(number, size).is_err(), "{number} {size}");
        }
        let open = Session { total: None, ..session };
        assert!(!open.span(2, 10).unwrap().is_last && open.span(2, 9).unwrap().is_last);
    }

    #[test]
    fn the_tags_of_parts_make_that_of_the_object() {
        let tag = |data: &[u8]| Tag { size: data.len() as u64, crc32c: crc32c::crc32c(data) };
        let joined = Tag::joined([tag(b"some "), tag(b"longer"), tag(b""), tag(b" text")]);
        assert_eq!(joined, tag(b"some longer text"));
        assert_eq!(Tag::parse(&joined.text()).unwrap(), joined);
        assert!(Tag::parse("x").is_err() && Tag::parse("1-zz").is_err());
    }

    #[test]
    fn temporary_keys_are_of_an_attempt_and_differ() {
        let of = |attempt: &str| temporary_key(&[("attempt".to_owned(), attempt.to_owned())]);
        assert!(of("a-1").starts_with(".siltstone-tmp/a-1/"));
        assert!(temporary_key(&[]).starts_with(".siltstone-tmp/none/"));
        assert_ne!(of("a"), of("a"));
    }
}
