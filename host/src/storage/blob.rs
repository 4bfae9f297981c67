//! The source of a put: immutable bytes in a few pieces, readable any number of times.

use std::sync::Arc;

use bytes::Bytes;

/// Digests of a whole blob; a field is set when the store asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// MD5.
    pub md5: Option<[u8; 16]>,
    /// CRC-32C.
    pub crc32c: Option<u32>,
}

/// Immutable bytes, held as a run of pieces so that frames need not be joined. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Blob(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Each piece with the offset at which it ends.
    pieces: Vec<(u64, Bytes)>,
    digests: Digests,
}

impl Blob {
    /// Of pieces in order; empty ones are dropped.
    #[must_use]
    pub fn new(pieces: impl IntoIterator<Item = Bytes>, digests: Digests) -> Self {
        let mut end = 0;
        let pieces = pieces
            .into_iter()
            .filter(|p| !p.is_empty())
            .map(|p| {
                end += p.len() as u64;
                (end, p)
            })
            .collect();
        Self(Arc::new(Inner { pieces, digests }))
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.pieces.last().map_or(0, |p| p.0)
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.pieces.is_empty()
    }

    /// Its digests.
    #[must_use]
    pub fn digests(&self) -> &Digests {
        &self.0.digests
    }

    /// The bytes from `offset` that lie side by side in memory, at most `max`; empty at the end.
    #[must_use]
    pub fn piece_at(&self, offset: u64, max: u64) -> Bytes {
        let at = self.0.pieces.partition_point(|p| p.0 <= offset);
        let Some((end, piece)) = self.0.pieces.get(at) else { return Bytes::new() };
        let start = offset - (end - piece.len() as u64);
        let len = (piece.len() as u64 - start).min(max);
        // Both fit: they lie within a piece that is in memory.
        piece.slice(start as usize..(start + len) as usize)
    }

    /// A copy of at most `len` bytes from `offset`; fewer at the end.
    #[must_use]
    pub fn read(&self, offset: u64, len: u64) -> Vec<u8> {
        let len = len.min(self.len().saturating_sub(offset));
        let mut out = Vec::with_capacity(len as usize);
        while (out.len() as u64) < len {
            let piece = self.piece_at(offset + out.len() as u64, len - out.len() as u64);
            out.extend_from_slice(&piece);
        }
        out
    }

    /// The pieces in order.
    pub fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.0.pieces.iter().map(|p| &p.1)
    }
}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Self {
        Self::new([bytes], Digests::default())
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cross_pieces_and_stop_at_the_end() {
        let blob = Blob::new(["abc", "", "defg", "h"].map(Bytes::from), Digests::default());
        assert_eq!(blob.len(), 8);
        for from in 0..10_u64 {
            for len in 0..10 {
                let want: Vec<u8> =
                    b"abcdefgh".iter().skip(from as usize).take(len as usize).copied().collect();
                assert_eq!(blob.read(from, len), want, "{from}+{len}");
            }
        }
        assert_eq!(blob.piece_at(3, 2), "de");
        assert!(blob.piece_at(8, 1).is_empty());
    }
}
