//! Reads the journal of fjall 3.1.13 as far as a cut needs it: where its batches lie and which of them count.
//!
//! A journal is a run of batches: `1, items: u32, seqno: u64`, then that many items (`2, type: u8, compression: u8,
//! keyspace: u64, key length: u16, value length: u32, stored length: u32, key, value` or `4, keyspace: u64`), then
//! `3, checksum: u64, "FJL\x03"`; all little-endian. The file is allocated ahead, so zeros or the end of the file or a
//! torn batch follow. Sequence numbers rise. The engine's version is pinned because of this file.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Last bytes of every batch.
const TRAILER: [u8; 4] = *b"FJL\x03";

/// Which batches of a journal a cut takes.
#[derive(Clone, Debug)]
pub(crate) struct Take {
    /// Batches from this sequence number on came after the cut.
    pub(crate) before: u64,
    /// Highest sequence number in the tables of a keyspace; a batch whose items are all in tables is left out.
    pub(crate) flushed: Vec<(u64, Option<u64>)>,
}

impl Take {
    /// All whole batches there are.
    pub(crate) fn everything() -> Self {
        Self { before: u64::MAX, flushed: Vec::new() }
    }

    fn is_flushed(&self, keyspace: u64, seqno: u64) -> bool {
        self.flushed.iter().any(|(id, highest)| *id == keyspace && highest.is_some_and(|h| seqno <= h))
    }
}

/// What a journal holds of a cut: the bytes from the first batch that is needed to the end of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The highest sequence number seen, needed or not.
    pub(crate) last: Option<u64>,
    /// Whether a batch from after the cut was met, so that later journals hold nothing of it.
    pub(crate) is_complete: bool,
}

/// Finds what `take` wants in a journal whose batches follow those up to `last`.
pub(crate) fn scan(journal: &File, take: &Take, last: Option<u64>) -> io::Result<Found> {
    let mut reader = Reader { inner: BufReader::with_capacity(1 << 16, journal), position: 0 };
    reader.inner.seek(SeekFrom::Start(0))?;
    let mut found = Found { last, ..Found::default() };
    let mut needed = false;
    while let Some(batch) = reader.batch(take)? {
        // A number that does not rise is a batch that is being written this instant, torn in its first bytes.
        if found.last.is_some_and(|last| batch.seqno <= last) {
            break;
        }
        if batch.seqno >= take.before {
            found.is_complete = true;
            break;
        }
        needed |= batch.is_needed;
        if !needed {
            found.start = reader.position;
        }
        found.end = reader.position;
        found.last = Some(batch.seqno);
    }
    Ok(found)
}

struct Batch {
    seqno: u64,
    is_needed: bool,
}

struct Reader<'a> {
    inner: BufReader<&'a File>,
    position: u64,
}

impl Reader<'_> {
    /// The next whole batch, `None` where there is none. A batch from after the cut need not be whole.
    fn batch(&mut self, take: &Take) -> io::Result<Option<Batch>> {
        match self.whole_batch(take) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            other => other,
        }
    }

    fn whole_batch(&mut self, take: &Take) -> io::Result<Option<Batch>> {
        if self.bytes::<1>()? != [1] {
            return Ok(None);
        }
        let items = u32::from_le_bytes(self.bytes()?);
        let seqno = u64::from_le_bytes(self.bytes()?);
        let mut batch = Batch { seqno, is_needed: false };
        if seqno >= take.before {
            return Ok(Some(batch));
        }
        for _ in 0..items {
            let keyspace = match self.bytes::<1>()? {
                [2] => {
                    let [_, _] = self.bytes::<2>()?;
                    let keyspace = u64::from_le_bytes(self.bytes()?);
                    let key = u64::from(u16::from_le_bytes(self.bytes()?));
                    let _value = self.bytes::<4>()?;
                    let stored = u64::from(u32::from_le_bytes(self.bytes()?));
                    self.skip(key + stored)?;
                    keyspace
                }
                [4] => u64::from_le_bytes(self.bytes()?),
                _ => return Ok(None),
            };
            batch.is_needed |= !take.is_flushed(keyspace, seqno);
        }
        if self.bytes::<1>()? != [3] {
            return Ok(None);
        }
        let _checksum = self.bytes::<8>()?;
        Ok((self.bytes()? == TRAILER).then_some(batch))
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// Passes over bytes; a seek beyond the end of the file shows at the next read.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        self.inner.seek_relative(i64::try_from(length).map_err(io::Error::other)?)?;
        self.position += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn journal(batches: &[(u64, u64)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (seqno, keyspace) in batches {
            out.push(1);
            out.extend(1u32.to_le_bytes());
            out.extend(seqno.to_le_bytes());
            out.extend([2, 0, 0]);
            out.extend(keyspace.to_le_bytes());
            out.extend(1u16.to_le_bytes());
            out.extend(2u32.to_le_bytes());
            out.extend(2u32.to_le_bytes());
            out.extend(b"kvv");
            out.push(3);
            out.extend([9; 8]);
            out.extend(TRAILER);
        }
        out
    }

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn batches_after_the_cut_and_the_space_allocated_ahead_are_left_out() {
        let one = journal(&[(1, 1)]).len() as u64;
        let mut content = journal(&[(1, 1), (2, 1), (7, 1), (8, 1)]);
        content.resize(content.len() + 4096, 0);
        let file = file(&content);
        let take = |before| Take { before, flushed: vec![] };
        let found = scan(&file, &take(7), None).unwrap();
        assert_eq!(found, Found { start: 0, end: 2 * one, last: Some(2), is_complete: true });
        let found = scan(&file, &Take::everything(), None).unwrap();
        assert_eq!((found.end, found.is_complete), (4 * one, false));
    }

    #[test]
    fn batches_that_are_in_tables_are_left_out_from_the_front_only() {
        let one = journal(&[(1, 1)]).len() as u64;
        let file = file(&journal(&[(1, 1), (2, 2), (3, 1), (4, 2)]));
        let take = |one, two| Take { before: 100, flushed: vec![(1, one), (2, two)] };
        let range = |t: &Take| scan(&file, t, None).map(|f| (f.start, f.end)).unwrap();
        assert_eq!(range(&take(Some(3), Some(2))), (3 * one, 4 * one));
        assert_eq!(range(&take(Some(1), None)), (one, 4 * one));
        assert_eq!(range(&take(Some(3), Some(4))), (4 * one, 4 * one));
        assert_eq!(range(&take(None, Some(4))), (0, 4 * one));
    }

    #[test]
    fn a_torn_batch_at_the_end_is_left_out_wherever_it_is_torn() {
        let whole = journal(&[(5, 1)]);
        let both = journal(&[(5, 1), (6, 1)]);
        for length in whole.len()..both.len() {
            let mut torn = both[..length].to_vec();
            for padding in [0, 64] {
                torn.resize(length + padding, 0);
                let found = scan(&file(&torn), &Take::everything(), None).unwrap();
                assert_eq!((found.end, found.last), (whole.len() as u64, Some(5)), "torn at {length}");
            }
        }
    }
}
