//! Writes a manifest line by line.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::MAX_LINE;
use super::rules::Rules;
use crate::error::{Error, Result};
use crate::model::{Hash, ManifestHeader, ManifestLine};
use crate::repository::format::{EndLine, Version, to_line};

/// Writes the lines of a manifest, and refuses any that a reader would refuse.
#[derive(Debug)]
pub struct ManifestWriter<W: Write> {
    out: GzEncoder<W>,
    hasher: blake3::Hasher,
    rules: Rules,
    line: Vec<u8>,
}

impl<W: Write> ManifestWriter<W> {
    /// Begins a manifest.
    pub fn new(out: W, header: &ManifestHeader) -> Result<Self> {
        Version::of(header.format, &header.requires).check("manifest")?;
        let mut writer = Self {
            out: GzEncoder::new(out, Compression::default()),
            hasher: blake3::Hasher::new(),
            rules: Rules::default(),
            line: Vec::new(),
        };
        writer.put(&ManifestLine::Manifest(header.clone()))?;
        Ok(writer)
    }

    /// Writes the next line. Lines keep the order of the format: a chunk before the files that lie in it, a collection
    /// before its shards, a shard before its files, and the lines of one file (see [`super::split_file`]) in one run.
    ///
    /// Fails with [`crate::ErrorKind::Internal`] when the line breaks a rule of the format, and with
    /// [`crate::ErrorKind::Invalid`] when it is longer than [`MAX_LINE`]. The manifest is of no use after an error.
    pub fn write(&mut self, line: &ManifestLine) -> Result<()> {
        self.rules.check(line).map_err(refused)?;
        self.put(line)
    }

    /// Writes the end line and gives the target back.
    pub fn finish(mut self) -> Result<W> {
        self.rules.no_open_file().map_err(refused)?;
        let hash = Hash::from_bytes(*self.hasher.finalize().as_bytes());
        self.line.clear();
        to_line(&EndLine::new(self.rules.lines(), hash), &mut self.line)?;
        self.out.write_all(&self.line).and_then(|()| self.out.finish()).map_err(failed)
    }

    fn put(&mut self, line: &ManifestLine) -> Result<()> {
        self.rules.count().map_err(refused)?;
        self.line.clear();
        to_line(line, &mut self.line)?;
        if self.line.len() as u64 > MAX_LINE {
            let text =
                format!("a {} bytes long line of the manifest; {MAX_LINE} are allowed", self.line.len());
            return Err(Error::invalid("write", text).with("line", self.rules.lines()));
        }
        self.hasher.update(&self.line);
        self.out.write_all(&self.line).map_err(failed)
    }
}

fn refused(why: String) -> Error {
    Error::internal("write", format!("a line that no manifest may have: {why}"))
}

fn failed(e: std::io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(ours) => ours,
        Err(e) => Error::io("write", "manifest", e),
    }
}
