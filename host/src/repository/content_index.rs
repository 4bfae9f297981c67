//! Finds the content of an earlier backup by its hash, so that a file with the same content need not be stored again.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{ChunkLine, Extent, FileLine, Hash, ManifestLine, ObjectKey};
use crate::repository::Lines;

/// Where the content of a file lies in a backup that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownContent {
    /// BLAKE3 of the file.
    pub(crate) blake3: Hash,
    /// Its frames, in order: the offset of the first one in the file, and where they lie.
    pub(crate) pieces: Vec<Piece>,
    /// The chunks they lie in, each once.
    pub(crate) chunks: Vec<ChunkLine>,
}

impl KnownContent {
    /// About how many bytes it takes in memory.
    pub(crate) fn weight(&self) -> u64 {
        const EACH: usize = 256;
        let extents = self.pieces.iter().flat_map(|p| &p.extents);
        let frames: usize = extents.map(|e| EACH + e.frames.len() * size_of::<u32>()).sum();
        (frames + self.chunks.len() * EACH) as u64
    }
}

/// What one line of a manifest says of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// Offset of its first frame in the file.
    pub(crate) offset: u64,
    /// The frames from there on.
    pub(crate) extents: Vec<Extent>,
}

/// The content of the files of one backup, by length and hash. Memory is 56 bytes for each file, and what a manifest says
/// of each chunk; where the files lie is kept in an unnamed file of the scratch folder.
#[derive(Debug)]
pub(crate) struct ContentIndex {
    /// Sorted by length and hash once it is complete.
    files: Vec<Entry>,
    chunks: HashMap<ObjectKey, ChunkLine>,
    places: Mutex<File>,
}

/// A file: its content, and where in `places` its pieces begin.
#[derive(Clone, Copy, Debug)]
struct Entry {
    length: u64,
    blake3: Hash,
    at: u64,
    pieces: u64,
}

impl ContentIndex {
    /// Reads the manifests of a backup, each to its sound end. Blocks.
    pub(crate) fn read(manifests: impl IntoIterator<Item = Lines>, scratch: &Path) -> Result<Self> {
        let mut writer = Places::create(scratch)?;
        let (mut files, mut chunks) = (Vec::new(), HashMap::new());
        for lines in manifests {
            for line in lines {
                match line? {
                    ManifestLine::Chunk(chunk) => drop(chunks.insert(chunk.key.clone(), chunk)),
                    ManifestLine::File(file) if file.length > 0 => writer.add(&mut files, file)?,
                    _ => {}
                }
            }
        }
        files.sort_unstable_by_key(|e: &Entry| (e.length, *e.blake3.as_bytes()));
        files.dedup_by_key(|e| (e.length, e.blake3));
        files.shrink_to_fit();
        Ok(Self { files, chunks, places: Mutex::new(writer.finish()?) })
    }

    /// Whether any file of the backup has this length: only then can one have the content of a file of this length.
    pub(crate) fn has_length(&self, length: u64) -> bool {
        let first = self.files.partition_point(|e| e.length < length);
        self.files.get(first).is_some_and(|e| e.length == length)
    }

    /// Where this content lies. Blocks.
    pub(crate) fn find(&self, length: u64, blake3: Hash) -> Result<Option<KnownContent>> {
        let wanted = (length, *blake3.as_bytes());
        let Ok(found) = self.files.binary_search_by_key(&wanted, |e| (e.length, *e.blake3.as_bytes())) else {
            return Ok(None);
        };
        let pieces = self.pieces(self.files[found])?;
        let mut chunks: Vec<ChunkLine> = Vec::new();
        let mut seen = HashSet::new();
        for extent in pieces.iter().flat_map(|p| &p.extents) {
            if !seen.insert(&extent.chunk) {
                continue;
            }
            let chunk = self.chunks.get(&extent.chunk);
            chunks.push(chunk.cloned().ok_or_else(|| {
                Error::internal("find content", format!("chunk `{}` is not indexed", extent.chunk))
            })?);
        }
        Ok(Some(KnownContent { blake3, pieces, chunks }))
    }

    fn pieces(&self, entry: Entry) -> Result<Vec<Piece>> {
        let mut file = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(entry.at)).map_err(scratch)?;
        let lines = BufReader::new(&mut *file).lines().take(usize::try_from(entry.pieces).unwrap_or(0));
        lines
            .map(|line| {
                serde_json::from_str(&line.map_err(scratch)?)
                    .map_err(|e| Error::internal("find content", "a scratch file changed").with_source(e))
            })
            .collect()
    }
}

/// Writes the pieces of files, one JSON line each.
struct Places {
    file: BufWriter<File>,
    at: u64,
}

impl Places {
    fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(format!("content-{}", uuid::Uuid::new_v4()));
        let failed = |e| Error::io("find content", &path, e);
        let file = File::options().read(true).write(true).create_new(true).open(&path).map_err(failed)?;
        // Without a name it goes with the process, however that ends.
        std::fs::remove_file(&path).map_err(failed)?;
        Ok(Self { file: BufWriter::new(file), at: 0 })
    }

    /// Adds a line; the pieces of a file follow each other.
    fn add(&mut self, files: &mut Vec<Entry>, line: FileLine) -> Result<()> {
        let mut text = serde_json::to_vec(&Piece { offset: line.offset, extents: line.extents })
            .map_err(|e| Error::internal("find content", "a line cannot be written").with_source(e))?;
        text.push(b'\n');
        let at = self.at;
        self.file.write_all(&text).map_err(scratch)?;
        self.at += text.len() as u64;
        match files.last_mut() {
            Some(file) if line.offset > 0 => file.pieces += 1,
            _ => files.push(Entry { length: line.length, blake3: line.blake3, at, pieces: 1 }),
        }
        Ok(())
    }

    fn finish(self) -> Result<File> {
        self.file.into_inner().map_err(|e| scratch(e.into_error()))
    }
}

fn scratch(error: std::io::Error) -> Error {
    Error::io("find content", "a scratch file", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Codec, FRAME_SIZE};
    use crate::repository::manifest::{ManifestReader, ManifestWriter};
    use crate::repository::sample;

    fn lines(folder: &Path, lines: &[ManifestLine]) -> Lines {
        let path = folder.join("manifest");
        let mut writer = ManifestWriter::new(File::create(&path).unwrap(), &sample::header()).unwrap();
        for line in lines {
            writer.write(line).unwrap();
        }
        writer.finish().unwrap();
        ManifestReader::new(BufReader::with_capacity(64 << 10, File::open(&path).unwrap())).unwrap()
    }

    #[test]
    fn a_file_of_several_lines_is_found_whole_by_length_and_hash() {
        let folder = tempfile::tempdir().unwrap();
        let length = 3 * FRAME_SIZE;
        let huge = |offset, at, frames: &[u32]| sample::file("huge", length, offset, at, frames);
        let mut all = sample::lines();
        all.truncate(3);
        all.push(sample::file("before", 5, 0, 100, &[40]));
        all.push(huge(0, 200, &[50, 60]));
        all.push(huge(2 * FRAME_SIZE, 900, &[70]));
        all.push(sample::file("same", 5, 0, 140, &[40]));
        all.push(sample::file("empty", 0, 0, 0, &[]));
        let index = ContentIndex::read([lines(folder.path(), &all)], folder.path()).unwrap();
        assert!(index.has_length(length) && index.has_length(5));
        assert!(!index.has_length(0) && !index.has_length(6) && !index.has_length(u64::MAX));

        let found = index.find(length, Hash::of(b"huge")).unwrap().unwrap();
        let places: Vec<_> = found.pieces.iter().map(|p| (p.offset, p.extents[0].offset)).collect();
        assert_eq!(places, [(0, 200), (2 * FRAME_SIZE, 900)]);
        let [chunk] = &found.chunks[..] else { panic!("{:?}", found.chunks) };
        assert_eq!((chunk.codec, chunk.stored), (Codec::Gzip, 2_000_000));
        assert_eq!(index.find(5, Hash::of(b"before")).unwrap().unwrap().pieces[0].extents[0].offset, 100);
        // The same hash with another length is another content, and so is another hash.
        assert_eq!(index.find(5, Hash::of(b"huge")).unwrap(), None);
        assert_eq!(index.find(length, Hash::of(b"other")).unwrap(), None);
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["manifest"], "the places have no name");
    }

    #[test]
    fn a_manifest_that_breaks_off_gives_no_index() {
        let folder = tempfile::tempdir().unwrap();
        drop(lines(folder.path(), &sample::lines()));
        let path = folder.path().join("manifest");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 12]).unwrap();
        let broken = ManifestReader::new(BufReader::with_capacity(64 << 10, File::open(&path).unwrap()));
        let read = broken.and_then(|lines| ContentIndex::read([lines], folder.path()));
        assert!(read.unwrap_err().is(crate::ErrorKind::Corrupt));
    }
}
