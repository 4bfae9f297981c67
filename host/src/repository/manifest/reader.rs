//! Reads a manifest line by line and believes none of them.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, ErrorKind as Io, Read};

use flate2::bufread::GzDecoder;
use serde::Deserialize;

use super::MAX_LINE;
use super::rules::Rules;
use crate::error::{Error, Result};
use crate::model::{Hash, ManifestHeader, ManifestLine, ObjectKey};
use crate::repository::format::{EndLine, Version};
use crate::repository::layout::manifest_key;

/// Reads the lines of a manifest, as an iterator over those between the header and the end line.
///
/// Only when the iterator has ended without an error is the manifest known to be whole; act on no line for good before.
/// Lines of unknown kinds are left out: a kind that must not be ignored comes with a name in `requires`. Memory is one
/// line and a few words per name. An error of the underlying reader that holds an [`Error`] is passed on as it is.
#[derive(Debug)]
pub struct ManifestReader<R: Read> {
    input: BufReader<GzDecoder<BufReader<R>>>,
    hasher: blake3::Hasher,
    rules: Rules,
    line: Vec<u8>,
    header: ManifestHeader,
    ended: bool,
}

/// What is read of a line before its kind is known.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

impl<R: Read> ManifestReader<R> {
    /// Reads the header. [`crate::ErrorKind::Unsupported`] when a newer host wrote it.
    pub fn new(input: R) -> Result<Self> {
        let mut input = BufReader::new(GzDecoder::new(BufReader::new(input)));
        let mut rules = Rules::default();
        let mut line = Vec::new();
        read_line(&mut input, &mut line)?;
        rules.count().map_err(corrupt)?;
        if kind(&line)? != "manifest" {
            return Err(corrupt("it does not begin with a header"));
        }
        let version: Version = parse(&line)?;
        version.check("manifest")?;
        let header = parse(&line)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&line);
        Ok(Self { input, hasher, rules, line, header, ended: false })
    }

    /// The first line.
    #[must_use]
    pub fn header(&self) -> &ManifestHeader {
        &self.header
    }

    /// Fails with [`crate::ErrorKind::Corrupt`] unless the header is that of the manifest with this key.
    pub fn expect_key(&self, key: &ObjectKey) -> Result<()> {
        let header = &self.header;
        if manifest_key(&header.backup, header.attempt, &header.node)? == *key {
            return Ok(());
        }
        let (backup, attempt, node) = (&header.backup, header.attempt, &header.node);
        Err(corrupt(format!("`{key}` holds the manifest of `{backup}/{attempt}/{node}`")))
    }

    /// The next line of a known kind, `None` after a sound end.
    fn next_line(&mut self) -> Result<Option<ManifestLine>> {
        loop {
            read_line(&mut self.input, &mut self.line)?;
            let line = match &*kind(&self.line)? {
                "end" => return self.end().map(|()| None),
                "manifest" => ManifestLine::Manifest(parse(&self.line)?),
                "chunk" => ManifestLine::Chunk(parse(&self.line)?),
                "collection" => ManifestLine::Collection(parse(&self.line)?),
                "shard" => ManifestLine::Shard(parse(&self.line)?),
                "file" => ManifestLine::File(parse(&self.line)?),
                "blob" => ManifestLine::Blob(parse(&self.line)?),
                "skipped" => ManifestLine::Skipped(parse(&self.line)?),
                _ => {
                    self.rules.count().map_err(corrupt)?;
                    self.hasher.update(&self.line);
                    continue;
                }
            };
            self.rules.count().and_then(|_| self.rules.check(&line)).map_err(corrupt)?;
            self.hasher.update(&self.line);
            return Ok(Some(line));
        }
    }

    /// Checks the end line in `self.line`, and that nothing follows it.
    fn end(&mut self) -> Result<()> {
        self.rules.no_open_file().map_err(corrupt)?;
        let end: EndLine = parse(&self.line)?;
        let hash = Hash::from_bytes(*self.hasher.finalize().as_bytes());
        if end.lines != self.rules.lines() || end.blake3 != hash {
            return Err(corrupt("its lines are not those that its end line states"));
        }
        // At the end of the gzip member its checksum is compared; only then is the rest of the object looked at.
        if !self.input.fill_buf().map_err(failed)?.is_empty()
            || !self.input.get_mut().get_mut().fill_buf().map_err(failed)?.is_empty()
        {
            return Err(corrupt("bytes follow its end"));
        }
        Ok(())
    }
}

impl<R: Read> Iterator for ManifestReader<R> {
    type Item = Result<ManifestLine>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_line().map_err(|e| {
            if e.is(crate::ErrorKind::Corrupt) { e.with("line", self.rules.lines()) } else { e }
        });
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// Reads one line with its newline, never more than [`MAX_LINE`] bytes.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<()> {
    line.clear();
    input.take(MAX_LINE).read_until(b'\n', line).map_err(failed)?;
    match line.last() {
        Some(b'\n') => Ok(()),
        _ if line.len() as u64 == MAX_LINE => Err(corrupt(format!("a line has more than {MAX_LINE} bytes"))),
        _ => Err(corrupt("it ends without an end line")),
    }
}

fn kind(line: &[u8]) -> Result<Cow<'_, str>> {
    // A struct may also be written as a list, for serde but not here.
    if !line.starts_with(b"{") {
        return Err(corrupt("a line is not an object"));
    }
    parse::<Kind<'_>>(line).map(|line| line.kind)
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|e| corrupt("a line cannot be understood").with_source(e))
}

fn corrupt(why: impl Into<String>) -> Error {
    Error::corrupt("read", format!("the manifest is damaged: {}", why.into()))
}

fn failed(e: std::io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(ours) => ours,
        Err(e) if matches!(e.kind(), Io::InvalidData | Io::InvalidInput | Io::UnexpectedEof) => {
            corrupt("it is not a whole gzip member").with_source(e)
        }
        Err(e) => Error::io("read", "manifest", e),
    }
}
