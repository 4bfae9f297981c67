//! The rules that every line keeps, checked by the writer and the reader alike.
//!
//! Names are remembered as 64-bit hashes with a random key, so memory per line is a few words however long the names.
//! Two names that meet by chance refuse a sound manifest: for a million files once in 10^7 reads, and not again.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use super::{FRAMES_PER_LINE, MAX_BLOB, MAX_CHUNKS, MAX_LINES};
use crate::codec::MAX_STORED_FRAME;
use crate::model::{
    BlobLine, ChunkLine, Codec, CollectionName, Extent, FRAME_SIZE, FileLine, ManifestLine, ShardLine,
    TenantName, TenantState,
};
use crate::repository::layout::Place;

/// What the lines so far have declared.
#[derive(Debug, Default)]
pub(super) struct Rules {
    lines: u64,
    raw: u64,
    stored: u64,
    names: RandomState,
    chunks: HashMap<u64, (Codec, u64)>,
    collections: HashMap<u64, Tenancy>,
    shards: HashMap<u64, TenantState>,
    files: HashSet<u64>,
    folders: HashSet<u64>,
    blobs: HashSet<u64>,
    /// The file that goes on in the next line: the hash of what its lines repeat, and the next offset.
    open: Option<(u64, u64)>,
}

/// Whether the shards of a collection are its tenants.
#[derive(Clone, Copy, Debug)]
enum Tenancy {
    Unknown,
    Whole,
    Tenants,
}

type Check = Result<(), String>;

impl Rules {
    /// Counts a line, of whatever kind, and answers how many there are.
    pub(super) fn count(&mut self) -> Result<u64, String> {
        // The end line needs a place as well.
        if self.lines + 1 >= MAX_LINES {
            return Err(format!("there are more than {MAX_LINES} lines"));
        }
        self.lines += 1;
        Ok(self.lines)
    }

    /// How many lines were counted.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Checks one line after the first against those before it.
    pub(super) fn check(&mut self, line: &ManifestLine) -> Check {
        if !matches!(line, ManifestLine::File(_)) {
            self.no_open_file()?;
        }
        match line {
            ManifestLine::Manifest(_) => Err("a second header".into()),
            ManifestLine::Chunk(chunk) => self.chunk(chunk),
            ManifestLine::Collection(collection) => {
                match self.collections.entry(self.names.hash_one(&collection.name)) {
                    Entry::Occupied(_) => Err(format!("collection `{}` stands twice", collection.name)),
                    Entry::Vacant(new) => {
                        new.insert(Tenancy::Unknown);
                        Ok(())
                    }
                }
            }
            ManifestLine::Shard(shard) => self.shard(shard),
            ManifestLine::File(file) => self.file(file),
            ManifestLine::Blob(blob) => self.blob(blob),
            ManifestLine::Skipped(_) => Ok(()),
        }
    }

    /// Fails when the last file is not complete.
    pub(super) fn no_open_file(&self) -> Check {
        if self.open.is_some() { Err("the file before is not complete".into()) } else { Ok(()) }
    }

    fn chunk(&mut self, chunk: &ChunkLine) -> Check {
        let of = |why: &str| Err(format!("chunk `{}` {why}", chunk.key));
        if !Place::of(&chunk.key).is_some_and(|place| place.is_chunk()) {
            return of("is not a key of a chunk");
        }
        if chunk.raw == 0 || chunk.stored == 0 || (chunk.codec == Codec::None && chunk.raw != chunk.stored) {
            return of("has impossible lengths");
        }
        self.stored = self.stored.checked_add(chunk.stored).ok_or("the chunks are impossibly long")?;
        if self.chunks.insert(self.names.hash_one(&chunk.key), (chunk.codec, chunk.stored)).is_some() {
            return of("stands twice");
        }
        if self.chunks.len() as u64 > MAX_CHUNKS {
            return Err(format!("there are more than {MAX_CHUNKS} chunks"));
        }
        Ok(())
    }

    fn shard(&mut self, shard: &ShardLine) -> Check {
        let of = |why: &str| Err(format!("{} {why}", shown(&shard.collection, shard.tenant.as_ref())));
        let Some(tenancy) = self.collections.get_mut(&self.names.hash_one(&shard.collection)) else {
            return of("stands before its collection");
        };
        *tenancy = match (*tenancy, &shard.tenant) {
            (Tenancy::Unknown, None) if shard.state == TenantState::Hot => Tenancy::Whole,
            (Tenancy::Unknown | Tenancy::Tenants, Some(_)) => Tenancy::Tenants,
            (Tenancy::Unknown, None) => return of("has no tenant, so it must be HOT"),
            (Tenancy::Whole, _) | (Tenancy::Tenants, None) => return of("does not go with the shard before"),
        };
        match self.shards.insert(self.shard_id(&shard.collection, shard.tenant.as_ref()), shard.state) {
            None => Ok(()),
            Some(_) => of("stands twice"),
        }
    }

    fn file(&mut self, file: &FileLine) -> Check {
        let of = |why: &str| {
            let shard = shown(&file.collection, file.tenant.as_ref());
            Err(format!("file `{}` of {shard} {why}", file.path))
        };
        let total = file.length.div_ceil(FRAME_SIZE);
        let frames: u64 = file.extents.iter().map(|e| e.frames.len() as u64).sum();
        let first = file.offset / FRAME_SIZE;
        if file.mode > 0o777 || i64::try_from(file.length).is_err() {
            return of("has an impossible mode or length");
        }
        if !file.offset.is_multiple_of(FRAME_SIZE) || first + frames > total {
            return of("has frames beyond its end or off their places");
        }
        if frames > FRAMES_PER_LINE || (frames == 0 && total > 0) {
            return of("has a line with too many frames or none");
        }
        let repeated = self.names.hash_one((
            self.shard_id(&file.collection, file.tenant.as_ref()),
            &file.path,
            file.length,
            file.mode,
            file.blake3,
        ));
        match self.open {
            Some(open) if open == (repeated, file.offset) => {}
            Some(_) => return self.no_open_file(),
            None if file.offset > 0 => return of("does not begin with its first frame"),
            None => {
                self.new_file(file).or_else(|why| of(&why))?;
                self.raw = self.raw.checked_add(file.length).ok_or("the files are impossibly long")?;
            }
        }
        let mut index = first;
        for extent in &file.extents {
            self.extent(extent, file.length, index).or_else(|why| of(&why))?;
            index += extent.frames.len() as u64;
        }
        self.open = (index < total).then_some((repeated, index * FRAME_SIZE));
        Ok(())
    }

    /// Remembers the path of a file: no other file may have it, nor lie below it.
    fn new_file(&mut self, file: &FileLine) -> Check {
        let shard = self.shard_id(&file.collection, file.tenant.as_ref());
        match self.shards.get(&shard) {
            Some(TenantState::Offloaded) => return Err("belongs to a shard without data".into()),
            Some(_) => {}
            None => return Err("stands before its shard".into()),
        }
        let path = file.path.as_str();
        for (end, _) in path.match_indices('/') {
            let folder = self.names.hash_one((shard, &path[..end]));
            if self.files.contains(&folder) {
                return Err("lies below another file".into());
            }
            self.folders.insert(folder);
        }
        let id = self.names.hash_one((shard, path));
        if self.folders.contains(&id) || !self.files.insert(id) {
            return Err("stands twice, or is the folder of another one".into());
        }
        Ok(())
    }

    /// Checks the frames of an extent, the first of which is frame `index` of a file.
    fn extent(&self, extent: &Extent, length: u64, index: u64) -> Check {
        let Some((codec, stored)) = self.chunks.get(&self.names.hash_one(&extent.chunk)) else {
            return Err(format!("lies in chunk `{}`, which no line before declares", extent.chunk));
        };
        if extent.frames.is_empty() {
            return Err("has an extent without frames".into());
        }
        let mut end = extent.offset;
        for (i, frame) in extent.frames.iter().map(|len| u64::from(*len)).enumerate() {
            let raw = (length - (index + i as u64) * FRAME_SIZE).min(FRAME_SIZE);
            if !(1..=MAX_STORED_FRAME).contains(&frame) || (*codec == Codec::None && frame != raw) {
                return Err(format!("has a frame of the impossible stored length {frame}"));
            }
            end =
                end.checked_add(frame).filter(|end| end <= stored).ok_or("lies beyond the end of a chunk")?;
        }
        Ok(())
    }

    fn blob(&mut self, blob: &BlobLine) -> Check {
        let name = &blob.name;
        if !(1..=256).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err("a blob's name has 1 to 256 bytes without control characters".into());
        }
        let digits = blob.content.trim_end_matches('=');
        let padding = blob.content.len() - digits.len();
        if blob.content.len() as u64 > MAX_BLOB.div_ceil(3) * 4
            || !blob.content.len().is_multiple_of(4)
            || padding > 2
            || !digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
        {
            return Err(format!("blob `{name}` is not base64 of at most {MAX_BLOB} bytes"));
        }
        if self.blobs.insert(self.names.hash_one(name)) {
            Ok(())
        } else {
            Err(format!("blob `{name}` stands twice"))
        }
    }

    fn shard_id(&self, collection: &CollectionName, tenant: Option<&TenantName>) -> u64 {
        self.names.hash_one((collection, tenant))
    }
}

fn shown(collection: &CollectionName, tenant: Option<&TenantName>) -> String {
    match tenant {
        Some(tenant) => format!("shard `{collection}/{tenant}`"),
        None => format!("shard `{collection}`"),
    }
}
