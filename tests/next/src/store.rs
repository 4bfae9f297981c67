//! Objects as files of one folder: written beside their place, synced, then shown in one step.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::bindings::siltstone::storage::types::{
    Attributes, Entry, Error, ErrorKind, Listing, Precondition, Stored, Undeleted,
};
use crate::names;

/// How keys begin under which unfinished things lie.
pub(crate) const TEMP: &str = ".siltstone-tmp/";
/// Bytes that are read or written at once.
const STEP: usize = 1 << 20;

/// An open location.
pub struct Store {
    root: PathBuf,
    random: fn() -> u64,
}

/// Where bytes come from: the next ones, none at the end.
pub type Source<'s> = &'s mut dyn FnMut() -> Vec<u8>;

/// An error that had no effect.
pub fn error(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error { kind, message: message.into(), answer: None, outcome_unknown: false }
}

/// What the folder said.
pub(crate) fn failed(what: &str, e: &io::Error) -> Error {
    let kind = match e.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Quota,
        io::ErrorKind::TimedOut => ErrorKind::TimedOut,
        _ => ErrorKind::Internal,
    };
    error(kind, format!("{what}: {e}"))
}

/// Refuses attributes that cannot be honoured, and answers who writes.
pub(crate) fn attempt(attributes: &Attributes) -> Result<&str, Error> {
    if let Some((name, _)) = attributes.more.iter().find(|(name, _)| name != "tag") {
        return Err(error(ErrorKind::Unsupported, format!("the attribute {name} is not supported")));
    }
    Ok(attributes.attempt.as_deref().unwrap_or("none"))
}

impl Store {
    /// A store in this folder; `random` makes the names of temporary files unique.
    pub fn new(root: PathBuf, random: fn() -> u64) -> Self {
        Self { root, random }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A name that nobody has used.
    pub(crate) fn unique(&self) -> String {
        format!("{:016x}", (self.random)())
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        names::path(&self.root, key)
    }

    /// Whether a file can have two names here, which is what `if-absent` rests on.
    pub fn has_links(&self) -> bool {
        let (first, second) = (self.temp("none"), self.temp("none"));
        let linked = File::create(&first).and_then(|_| fs::hard_link(&first, &second));
        let _ = (fs::remove_file(&first), fs::remove_file(&second));
        linked.is_ok()
    }

    /// A place for something unfinished.
    pub(crate) fn temp(&self, attempt: &str) -> PathBuf {
        self.path(&format!("{TEMP}{attempt}/{}", self.unique()))
    }

    /// Writes everything to a file that nobody sees yet.
    pub fn write(&self, attempt: &str, source: Source) -> Result<PathBuf, Error> {
        let temp = self.temp(attempt);
        let mut write = || -> io::Result<()> {
            let mut file = File::create_new(&temp)?;
            loop {
                let piece = source();
                if piece.is_empty() {
                    return file.sync_all();
                }
                file.write_all(&piece)?;
            }
        };
        match write() {
            Ok(()) => Ok(temp),
            Err(e) => {
                let _ = fs::remove_file(&temp);
                Err(failed("cannot write a temporary file", &e))
            }
        }
    }

    /// Shows a finished file under its key, if the condition allows it. The temporary name is gone afterwards.
    pub fn publish(&self, temp: &Path, key: &str, condition: &Precondition) -> Result<Stored, Error> {
        let shown = self.show(temp, &self.path(key), condition);
        let _ = fs::remove_file(temp);
        match shown {
            Ok(()) => self.head(key),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Err(error(ErrorKind::AlreadyExists, format!("{key} is there already")))
            }
            Err(e) if e.kind() == io::ErrorKind::Unsupported => {
                Err(error(ErrorKind::Unsupported, format!("{key}: if-match is not supported")))
            }
            Err(e) => Err(failed(key, &e)),
        }
    }

    fn show(&self, temp: &Path, path: &Path, condition: &Precondition) -> io::Result<()> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        match condition {
            Precondition::None => fs::rename(temp, path)?,
            Precondition::IfAbsent => fs::hard_link(temp, path)?,
            Precondition::IfMatch(_) => return Err(io::ErrorKind::Unsupported.into()),
        }
        // Where a folder cannot be synced, renames are as durable as they are.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// What is known of an object.
    pub fn head(&self, key: &str) -> Result<Stored, Error> {
        let metadata = fs::metadata(self.path(key)).map_err(|e| failed(key, &e))?;
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified_ms = modified.and_then(|since| u64::try_from(since.as_millis()).ok());
        Ok(Stored { length: metadata.len(), etag: None, modified_ms })
    }

    /// Hands over `length` bytes from `offset`, or all up to the end, and answers how many.
    pub fn get(
        &self,
        key: &str,
        offset: u64,
        length: Option<u64>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<u64, Error> {
        let mut file = File::open(self.path(key)).map_err(|e| failed(key, &e))?;
        if offset >= file.metadata().map_err(|e| failed(key, &e))?.len() {
            return Ok(0);
        }
        file.seek(SeekFrom::Start(offset)).map_err(|e| failed(key, &e))?;
        let mut left = length.unwrap_or(u64::MAX);
        let mut buffer = vec![0; STEP];
        let mut sent = 0;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(STEP).min(STEP);
            let read = file.read(&mut buffer[..most]).map_err(|e| failed(key, &e))?;
            if read == 0 {
                break;
            }
            take(&buffer[..read]).map_err(|e| error(ErrorKind::Internal, e))?;
            (sent, left) = (sent + read as u64, left - read as u64);
        }
        Ok(sent)
    }

    /// One page of names after the token, which is the last name of the page before.
    pub fn list(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<&str>,
        limit: u32,
    ) -> Result<Listing, Error> {
        let keys = names::keys(&self.root, prefix).map_err(|e| failed("cannot list", &e))?;
        let mut entries = Vec::new();
        let mut last = token.unwrap_or_default().to_owned();
        for key in keys.iter().filter(|key| prefix.starts_with(TEMP) || !key.starts_with(TEMP)) {
            let fold = delimiter.and_then(|d| key[prefix.len()..].find(d).map(|at| at + d.len()));
            let name = fold.map_or(key.as_str(), |end| &key[..prefix.len() + end]);
            if name <= last.as_str() {
                continue;
            }
            if entries.len() as u64 == u64::from(limit) {
                return Ok(Listing::More((entries, last)));
            }
            entries.push(match fold {
                Some(_) => Entry::Prefix(name.to_owned()),
                None => match self.head(key) {
                    Ok(stored) => Entry::Object((key.clone(), stored)),
                    // Deleted since the folder was read.
                    Err(e) if matches!(e.kind, ErrorKind::NotFound) => continue,
                    Err(e) => return Err(e),
                },
            });
            name.clone_into(&mut last);
        }
        Ok(Listing::Last(entries))
    }

    /// Deletes objects and answers those that are still there.
    pub fn delete(&self, keys: Vec<String>) -> Vec<Undeleted> {
        let remove = |key: String| match fs::remove_file(self.path(&key)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Some(Undeleted { why: failed(&key, &e), key }),
            _ => None,
        };
        keys.into_iter().filter_map(remove).collect()
    }
}

/// CRC-32C (Castagnoli) of bytes that arrive piece by piece; begin and end with its complement.
pub fn crc32c(state: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut value, mut bit) = (at as u32, 0);
            while bit < 8 {
                value = if value & 1 == 1 { (value >> 1) ^ 0x82f6_3b78 } else { value >> 1 };
                bit += 1;
            }
            table[at] = value;
            at += 1;
        }
        table
    };
    bytes.iter().fold(state, |state, byte| TABLE[usize::from(state as u8 ^ byte)] ^ (state >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_castagnoli() {
        assert_eq!(!crc32c(!0, b"123456789"), 0xe306_9283);
        assert_eq!(!crc32c(crc32c(!0, b"1234"), b"56789"), 0xe306_9283);
    }
}
