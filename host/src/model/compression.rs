//! How the frames of a chunk are stored.

use serde::{Deserialize, Serialize};

/// The codec of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Each frame is one gzip member (RFC 1952).
    Gzip,
    /// Each frame is one Zstandard frame (RFC 8878) with its content checksum.
    Zstd,
    /// Each frame is its raw bytes.
    None,
}

/// How hard a codec tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// Fastest.
    Speed,
    /// The usual trade.
    Default,
    /// Smallest.
    Best,
}

/// The `CompressionLevel` of a request: a codec and a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compression {
    /// The codec.
    pub codec: Codec,
    /// How hard it tries; without meaning for [`Codec::None`].
    pub level: Level,
}

impl Default for Compression {
    fn default() -> Self {
        Self { codec: Codec::Gzip, level: Level::Default }
    }
}

const NAMES: [(&str, Codec, Level); 7] = [
    ("DefaultCompression", Codec::Gzip, Level::Default),
    ("BestSpeed", Codec::Gzip, Level::Speed),
    ("BestCompression", Codec::Gzip, Level::Best),
    ("ZstdDefaultCompression", Codec::Zstd, Level::Default),
    ("ZstdBestSpeed", Codec::Zstd, Level::Speed),
    ("ZstdBestCompression", Codec::Zstd, Level::Best),
    ("NoCompression", Codec::None, Level::Default),
];

impl Compression {
    /// All names on the wire, in the order of the API document.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|n| n.0)
    }

    /// The compression of that name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|n| n.0 == name).map(|&(_, codec, level)| Self { codec, level })
    }

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|n| n.1 == self.codec && (n.2 == self.level || self.codec == Codec::None))
            .map_or("DefaultCompression", |n| n.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for name in Compression::names() {
            assert_eq!(Compression::from_name(name).unwrap().name(), name);
        }
        assert_eq!(Compression::from_name("bestspeed"), None);
    }
}
