//! Payload on its way through a transport that copies it: where it comes from and where it goes to.

use crate::io::{Blob, Sink};

/// Most bytes that `blob.read` gives at once.
pub const STEP: u32 = 1 << 20;

/// Where the bytes of a put come from. A [`Blob`], or a slice in tests.
pub trait Source {
    /// Length in bytes.
    fn size(&self) -> u64;
    /// At most `len` bytes from `offset`, fewer at the end and never more than [`STEP`].
    fn read(&self, offset: u64, len: u32) -> Vec<u8>;
}

/// Where the bytes of a get go to. A [`Sink`], or a vector in tests.
pub trait Target {
    /// Takes the next bytes; the error is one line of text.
    fn write(&mut self, data: &[u8]) -> Result<(), String>;
}

impl Source for Blob {
    fn size(&self) -> u64 {
        Blob::size(self)
    }

    fn read(&self, offset: u64, len: u32) -> Vec<u8> {
        Blob::read(self, offset, len)
    }
}

impl Source for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, offset: u64, len: u32) -> Vec<u8> {
        let rest = usize::try_from(offset).ok().and_then(|start| self.get(start..)).unwrap_or_default();
        rest.iter().take(len.min(STEP) as usize).copied().collect()
    }
}

impl Target for &Sink {
    fn write(&mut self, data: &[u8]) -> Result<(), String> {
        Sink::write(self, data)
    }
}

impl Target for Vec<u8> {
    fn write(&mut self, data: &[u8]) -> Result<(), String> {
        self.extend_from_slice(data);
        Ok(())
    }
}

/// Hands the whole source over in order, as offset and piece, in pieces of at most [`STEP`] bytes.
///
/// Ends with the first error of `take`, or with `short(offset)` when the source ends before its size.
pub fn pieces<S, E>(
    source: &S,
    short: impl FnOnce(u64) -> E,
    mut take: impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<(), E>
where
    S: Source + ?Sized,
{
    let size = source.size();
    let mut offset = 0;
    while offset < size {
        let piece = source.read(offset, u64::from(STEP).min(size - offset) as u32);
        if piece.is_empty() {
            return Err(short(offset));
        }
        take(offset, &piece)?;
        offset += piece.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Short;

    impl Source for Short {
        fn size(&self) -> u64 {
            3
        }

        fn read(&self, offset: u64, _len: u32) -> Vec<u8> {
            if offset == 0 { vec![1, 2] } else { Vec::new() }
        }
    }

    #[test]
    fn a_source_is_handed_over_whole_in_steps() {
        let data: Vec<u8> = (0..2 * STEP as usize + 5).map(|i| (i % 251) as u8).collect();
        let mut seen = Vec::new();
        let mut sizes = Vec::new();
        pieces(
            data.as_slice(),
            |_| (),
            |offset, piece| {
                assert_eq!(offset, seen.len() as u64);
                sizes.push(piece.len());
                seen.extend_from_slice(piece);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(seen, data);
        assert_eq!(sizes, [STEP as usize, STEP as usize, 5]);
    }

    #[test]
    fn an_empty_source_hands_nothing_over() {
        pieces([].as_slice(), |_| "short", |_, _| Err("called")).unwrap();
    }

    #[test]
    fn a_source_that_ends_early_is_an_error() {
        assert_eq!(pieces(&Short, |at| at, |_, _| Ok(())), Err(2));
    }
}
