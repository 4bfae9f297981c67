//! Alters what is stored, and stores what no honest writer would: a second writer of the format.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use siltstone::model::{Hash, ManifestLine};
use siltstone::repository::manifest::ManifestReader;

/// What kind of object a stored file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// `backup.json`
    Descriptor,
    /// `manifest.jsonl.gz`
    Manifest,
    /// A chunk.
    Chunk,
}

/// All objects of a backup, in the order of their keys.
pub fn objects(location: &Path, id: &str) -> Vec<(Object, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![location.join(id)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                folders.push(path);
            } else if name == "backup.json" {
                found.push((Object::Descriptor, path));
            } else if name == "manifest.jsonl.gz" {
                found.push((Object::Manifest, path));
            } else {
                found.push((Object::Chunk, path));
            }
        }
    }
    found.sort();
    found
}

/// Something that goes wrong with a stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// One bit is another one, at this share of the length (0 to 1000).
    Flip(u64),
    /// The last byte is missing.
    Cut,
    /// Nothing is left but an empty object.
    Empty,
    /// The object is gone.
    Delete,
    /// Bytes follow.
    Grow,
    /// The bits of this mask are other ones in the byte at this place.
    FlipAt(u64, u8),
    /// Only that many bytes are left.
    CutTo(u64),
    /// All of it follows once more.
    Double,
}

/// Does it. Answers what was there before.
pub fn damage(path: &Path, how: Damage) -> std::io::Result<Vec<u8>> {
    let before = fs::read(path)?;
    let mut after = before.clone();
    match how {
        Damage::Flip(share) => {
            let at = (before.len() as u64 - 1) * share / 1000;
            after[usize::try_from(at).unwrap_or(0)] ^= 0x10;
        }
        Damage::Cut => drop(after.pop()),
        Damage::Empty => after.clear(),
        Damage::Grow => after.extend_from_slice(b"\n"),
        Damage::FlipAt(at, mask) => after[usize::try_from(at).unwrap_or(0)] ^= mask,
        Damage::CutTo(len) => after.truncate(usize::try_from(len).unwrap_or(0)),
        Damage::Double => after.extend_from_slice(&before),
        Damage::Delete => {
            fs::remove_file(path)?;
            return Ok(before);
        }
    }
    fs::write(path, after)?;
    Ok(before)
}

/// A backup in the making that follows the format only as far as its lines do.
pub struct Forgery {
    location: PathBuf,
    id: String,
    attempt: String,
    lines: Vec<Value>,
    collections: Vec<String>,
    stored: u64,
    chunks: u32,
}

/// The node that forged backups name.
pub const NODE: &str = "forger";

impl Forgery {
    /// A backup with that id; the attempt is always the same.
    pub fn new(location: &Path, id: &str) -> Self {
        Self {
            location: location.to_path_buf(),
            id: id.to_owned(),
            attempt: "0198f2c4-7d1e-7a3b-9c5d-2e8f6a1b4c7d".to_owned(),
            lines: Vec::new(),
            collections: Vec::new(),
            stored: 0,
            chunks: 0,
        }
    }

    /// Adds a line as it is.
    #[must_use]
    pub fn line(mut self, line: Value) -> Self {
        self.lines.push(line);
        self
    }

    /// Adds a collection with one shard.
    #[must_use]
    pub fn collection(mut self, name: &str) -> Self {
        self.collections.push(name.to_owned());
        self.line(json!({"kind": "collection", "name": name, "schema": {}}))
            .line(json!({"kind": "shard", "collection": name, "state": "HOT"}))
    }

    /// The key that the next chunk will have.
    pub fn next_key(&self) -> String {
        format!("{}/{}/{NODE}/chunks/{:08}", self.id, self.attempt, self.chunks + 1)
    }

    /// Stores a chunk and adds its line.
    #[must_use]
    pub fn chunk(mut self, codec: &str, raw: u64, bytes: &[u8]) -> Self {
        let key = self.next_key();
        write(&self.location.join(&key), bytes);
        self.chunks += 1;
        self.stored += bytes.len() as u64;
        self.line(json!({
            "kind": "chunk", "key": key, "codec": codec, "raw": raw, "stored": bytes.len(), "blake3": Hash::of(bytes),
        }))
    }

    /// Writes the manifest, and the descriptor that makes it a backup.
    pub fn write(self) {
        self.write_with(&json!({}));
    }

    /// Writes both, with other fields in the descriptor.
    pub fn write_with(self, fields: &Value) {
        let Self { location, id, attempt, lines, collections, stored, .. } = self;
        let key = format!("{id}/{attempt}/{NODE}/manifest.jsonl.gz");
        let header = json!({
            "kind": "manifest", "format": 1, "requires": [], "backup": id, "attempt": attempt, "node": NODE,
            "engine": {"name": "folders", "version": "1"}, "host_version": "0.1.0",
            "cut": {"at": "2026-08-21T03:00:14.201Z", "scope": "node", "pause_us": 1},
        });
        let text = ended(std::iter::once(&header).chain(&lines));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let manifest = gzip.write_all(&text).and_then(|()| gzip.finish()).unwrap_or_default();
        write(&location.join(&key), &manifest);
        let mut descriptor = json!({
            "format": 1, "requires": [], "id": id, "attempt": attempt, "state": "SUCCESS",
            "started_at": "2026-08-21T03:00:14.201Z", "completed_at": "2026-08-21T03:00:15.730Z",
            "selection": {"collections": collections, "compression": "DefaultCompression", "chunk_size": 2_097_152},
            "nodes": {NODE: {
                "manifest": key, "manifest_blake3": Hash::of(&manifest), "manifest_bytes": manifest.len(),
                "raw_bytes": 0, "stored_bytes": stored, "new_bytes": stored, "files": 0, "scope": "node", "pause_us": 1,
            }},
            "host_version": "0.1.0",
        });
        for (name, value) in fields.as_object().into_iter().flatten() {
            descriptor[name] = value.clone();
        }
        write(&location.join(&id).join("backup.json"), &ended([&descriptor]));
    }
}

/// Lines with their end line.
pub fn ended<'a>(lines: impl IntoIterator<Item = &'a Value>) -> Vec<u8> {
    let (mut text, mut count) = (String::new(), 0);
    for line in lines {
        text.push_str(&line.to_string());
        text.push('\n');
        count += 1;
    }
    let end = json!({"kind": "end", "lines": count, "blake3": Hash::of(text.as_bytes())});
    format!("{text}{end}\n").into_bytes()
}

/// One gzip member.
pub fn gzip(raw: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(raw).and_then(|()| gzip.finish()).unwrap_or_default()
}

fn write(path: &Path, bytes: &[u8]) {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, bytes));
    assert!(made.is_ok(), "cannot write {}: {made:?}", path.display());
}

/// Where the frames of a backup of one node begin in their chunks, by the key of the chunk.
pub fn frames(location: &Path, id: &str) -> BTreeMap<String, Vec<u64>> {
    let mut begin: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (_, path) in objects(location, id).into_iter().filter(|(kind, _)| *kind == Object::Manifest) {
        let file = fs::File::open(&path).map(io::BufReader::new);
        let lines = file.ok().and_then(|file| ManifestReader::new(file).ok());
        for line in lines.into_iter().flatten().flatten() {
            let ManifestLine::File(file) = line else { continue };
            for extent in file.extents {
                let mut at = extent.offset;
                for stored in extent.frames {
                    begin.entry(extent.chunk.to_string()).or_default().push(at);
                    at += u64::from(stored);
                }
            }
        }
    }
    begin
}
