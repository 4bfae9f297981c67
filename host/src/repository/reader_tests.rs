//! Facts about `tests/reader/restore.py` and the example of the format page: strangers can read what is written here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use super::descriptor;
use super::layout::{chunk_key, descriptor_key, manifest_key};
use super::manifest::{ManifestReader, ManifestWriter};
use super::sample;
use crate::codec::{FrameEncoder, TreeHasher, hash_block};
use crate::model::{
    Codec, Compression, Extent, FRAME_SIZE, FileLine, Hash, Level, ManifestLine, ObjectKey, Selected, State,
};

/// Files by the path at which the script puts them: collection, tenant or `_`, path.
type Files = BTreeMap<String, Vec<u8>>;

fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn put(root: &Path, key: &ObjectKey, bytes: &[u8]) {
    let path = root.join(key.as_str());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Chunks in the making: a new one after every `limit` frames.
struct Chunks<'a> {
    root: &'a Path,
    compression: Compression,
    limit: usize,
    stored: Vec<u8>,
    raw: u64,
    frames: usize,
    lines: Vec<ManifestLine>,
}

impl Chunks<'_> {
    fn key(&self) -> ObjectKey {
        let number = self.lines.len() as u32 + 1;
        chunk_key(&sample::backup(), sample::attempt(), &sample::node(), number).unwrap()
    }

    fn add(&mut self, raw: &[u8], extents: &mut Vec<Extent>) {
        if self.frames == self.limit {
            self.flush();
        }
        let (chunk, offset) = (self.key(), self.stored.len());
        FrameEncoder::new(self.compression).encode(raw, &mut self.stored).unwrap();
        let frame = (self.stored.len() - offset) as u32;
        self.raw += raw.len() as u64;
        self.frames += 1;
        match extents.last_mut() {
            Some(extent) if extent.chunk == chunk => extent.frames.push(frame),
            _ => extents.push(Extent { chunk, offset: offset as u64, frames: vec![frame] }),
        }
    }

    fn flush(&mut self) {
        if self.frames > 0 {
            put(self.root, &self.key(), &self.stored);
            self.lines.push(sample::line(json!({
                "kind": "chunk", "key": self.key(), "codec": self.compression.codec, "raw": self.raw,
                "stored": self.stored.len(), "blake3": Hash::of(&self.stored),
            })));
        }
        (self.stored, self.raw, self.frames) = (Vec::new(), 0, 0);
    }
}

fn hash(raw: &[u8]) -> Hash {
    let mut tree = TreeHasher::new(FRAME_SIZE).unwrap();
    for (i, block) in raw.chunks(FRAME_SIZE as usize).enumerate() {
        tree.push(hash_block(i as u64 * FRAME_SIZE, block).unwrap()).unwrap();
    }
    tree.finish()
}

/// The format allows shorter lines than our writer makes, so that small files can go on in further lines too.
fn line_per_extent(file: &FileLine) -> Vec<FileLine> {
    let mut offset = 0;
    let line = |extent: &Extent| {
        let line = FileLine { offset, extents: vec![extent.clone()], ..file.clone() };
        offset += extent.frames.len() as u64 * FRAME_SIZE;
        line
    };
    if file.extents.is_empty() { vec![file.clone()] } else { file.extents.iter().map(line).collect() }
}

/// Writes a backup of these files as a location in a folder.
fn store(root: &Path, files: &Files, compression: Compression, limit: usize) {
    let (stored, raw, frames) = (Vec::new(), 0, 0);
    let mut chunks = Chunks { root, compression, limit, stored, raw, frames, lines: Vec::new() };
    let (mut collections, mut shards, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for (place, bytes) in files {
        let [collection, tenant, path] = place.splitn(3, '/').collect::<Vec<_>>()[..] else { unreachable!() };
        if !collections.contains(&collection) {
            collections.push(collection);
        }
        if !shards.contains(&(collection, tenant)) {
            shards.push((collection, tenant));
        }
        let mut extents = Vec::new();
        for frame in bytes.chunks(FRAME_SIZE as usize) {
            chunks.add(frame, &mut extents);
        }
        let mut file = json!({
            "collection": collection, "path": path, "length": bytes.len(), "mode": 0o640, "blake3": hash(bytes),
            "offset": 0, "extents": extents,
        });
        if tenant != "_" {
            file["tenant"] = tenant.into();
        }
        lines.extend(line_per_extent(&serde_json::from_value(file).unwrap()));
    }
    chunks.flush();
    let mut writer = ManifestWriter::new(Vec::new(), &sample::header()).unwrap();
    let mut write = |line: ManifestLine| writer.write(&line).unwrap();
    chunks.lines.iter().cloned().for_each(&mut write);
    for name in &collections {
        write(sample::line(json!({"kind": "collection", "name": name, "schema": {"class": name}})));
    }
    for (collection, tenant) in &shards {
        let mut shard = json!({"kind": "shard", "collection": collection, "state": "HOT"});
        if *tenant != "_" {
            shard["tenant"] = (*tenant).into();
            shard["state"] = "COLD".into();
        }
        write(sample::line(shard));
    }
    lines.iter().cloned().map(ManifestLine::File).for_each(&mut write);
    write(sample::line(json!({"kind": "blob", "name": "users", "content": "W10="})));
    write(sample::line(json!({"kind": "skipped", "what": "Old", "why": "dropped before its cut"})));
    let manifest = writer.finish().unwrap();
    put(root, &manifest_key(&sample::backup(), sample::attempt(), &sample::node()).unwrap(), &manifest);

    let mut body = sample::descriptor();
    let collections = collections.iter().map(|c| crate::model::CollectionName::new(*c).unwrap()).collect();
    body.selection = Selected { collections, compression: compression.name().into(), chunk_size: 128 << 20 };
    for entry in body.nodes.values_mut() {
        entry.manifest_blake3 = Hash::of(&manifest);
        entry.manifest_bytes = manifest.len() as u64;
        entry.raw_bytes = files.values().map(|f| f.len() as u64).sum();
        entry.files = files.len() as u64;
        entry.stored_bytes = 0;
        for line in &chunks.lines {
            let ManifestLine::Chunk(chunk) = line else { unreachable!() };
            entry.stored_bytes += chunk.stored;
        }
        entry.new_bytes = entry.stored_bytes;
    }
    put(root, &descriptor_key(&body.id).unwrap(), &descriptor::encode(&body).unwrap());
}

fn noise(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut out);
    out
}

fn some_files() -> Files {
    let text: Vec<u8> = (0..400_000).flat_map(|i: u32| format!("{i}\n").into_bytes()).collect();
    Files::from([
        ("Article/acme/tables/1".into(), text),
        ("Article/acme/tables/2".into(), noise(FRAME_SIZE as usize)),
        ("Article/ümlaut/tables/1".into(), b"another shard".to_vec()),
        ("Book/_/a/very/deep one".into(), noise(FRAME_SIZE as usize * 3 + 1)),
        ("Book/_/empty".into(), Vec::new()),
    ])
}

/// Runs the script; `python3` is a prerequisite of these tests.
fn restore(root: &Path, target: &Path, more: &[&str]) -> Output {
    Command::new("python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // A slow but true implementation of the package, so that no test depends on what is installed.
        .env("PYTHONPATH", repository_root().join("tests/reader/pure"))
        .arg(repository_root().join("tests/reader/restore.py"))
        .args([root, Path::new("nightly"), target])
        .args(more)
        .output()
        .expect("the tests need `python3` (3.10 or newer) on the PATH")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All files below a folder, by their path.
fn read_back(folder: &Path, prefix: &str, into: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read_back(&entry.path(), &format!("{name}/"), into);
        } else {
            into.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

fn gzip() -> Compression {
    Compression::default()
}

fn example() -> Files {
    Files::from([
        ("Article/acme/CURRENT".into(), b"MANIFEST-000001\n".to_vec()),
        ("Article/acme/tables/1".into(), b"apple banana cherry banana apple\n".repeat(4)),
        ("Book/_/empty".into(), Vec::new()),
    ])
}

#[test]
fn the_script_restores_what_was_stored() {
    let none = Compression { codec: Codec::None, level: Level::Default };
    for (compression, limit) in [(gzip(), 2), (gzip(), 100), (none, 3)] {
        let dir = tempfile::tempdir().unwrap();
        store(dir.path(), &some_files(), compression, limit);
        let target = dir.path().join("target");
        let output = restore(dir.path(), &target, &["--node", "node1"]);
        assert!(output.status.success(), "{}", said(&output));
        let mut got = Files::new();
        read_back(&target, "", &mut got);
        assert!(got == some_files(), "{:?}", got.keys());
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(target.join("Book/_/empty")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o7777, 0o640);
    }
}

#[test]
fn the_script_says_that_it_cannot_read_zstd() {
    let dir = tempfile::tempdir().unwrap();
    let zstd = Compression { codec: Codec::Zstd, level: Level::Default };
    store(dir.path(), &example(), zstd, 100);
    let output = restore(dir.path(), &dir.path().join("target"), &[]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("zstd"), "{}", said(&output));
    assert!(!dir.path().join("target").exists());
}

#[test]
fn the_script_verifies_hashes_and_says_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    // Uncompressed, so that nothing but a hash can tell.
    let none = Compression { codec: Codec::None, level: Level::Default };
    store(dir.path(), &example(), none, 100);
    let sound = restore(dir.path(), &dir.path().join("sound"), &["--verify"]);
    assert!(sound.status.success(), "{}", said(&sound));
    let chunk = chunk_key(&sample::backup(), sample::attempt(), &sample::node(), 1).unwrap();
    let path = dir.path().join(chunk.as_str());
    let mut bytes = fs::read(&path).unwrap();
    bytes[3] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(restore(dir.path(), &dir.path().join("unverified"), &[]).status.success());
    let output = restore(dir.path(), &dir.path().join("target"), &["--verify"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("chunks/00000001"), "{}", said(&output));
    assert!(!dir.path().join("target").exists());
    bytes.pop();
    fs::write(&path, &bytes).unwrap();
    let output = restore(dir.path(), &dir.path().join("target"), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[test]
fn the_script_names_the_package_that_verify_needs() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path(), &example(), gzip(), 100);
    let script = repository_root().join("tests/reader/restore.py");
    // Without site packages and without our folder there is surely none.
    let output = Command::new("python3")
        .args(["-I", "-S"])
        .arg(script)
        .args([dir.path(), Path::new("nightly"), &dir.path().join("target")])
        .arg("--verify")
        .output()
        .expect("the tests need `python3` (3.10 or newer) on the PATH");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("pip install blake3"), "{}", said(&output));
}

#[test]
fn the_script_restores_only_a_backup_that_succeeded() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path(), &example(), gzip(), 100);
    let mut body = sample::descriptor();
    body.state = State::Failed;
    body.error = Some("no room".into());
    put(dir.path(), &descriptor_key(&body.id).unwrap(), &descriptor::encode(&body).unwrap());
    let output = restore(dir.path(), &dir.path().join("target"), &[]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("FAILED: no room"), "{}", said(&output));
}

#[test]
fn the_script_notices_every_damaged_byte_or_reads_the_same() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path(), &example(), gzip(), 100);
    // One run of the interpreter for all of them.
    let output = Command::new("python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", repository_root().join("tests/reader/pure"))
        .arg(repository_root().join("tests/reader/damage.py"))
        .args([dir.path(), Path::new("nightly")])
        .output()
        .expect("the tests need `python3` (3.10 or newer) on the PATH");
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("noticed"), "{output:?}");
}

#[test]
fn the_stored_example_is_read_by_this_build_and_by_the_script() {
    let root = repository_root().join("tests/reader/example");
    let body = descriptor::decode(&fs::read(root.join("nightly/backup.json")).unwrap()).unwrap();
    for entry in body.nodes.values() {
        let manifest = fs::read(root.join(entry.manifest.as_str())).unwrap();
        assert_eq!(entry.manifest_blake3, Hash::of(&manifest));
        let lines: Result<Vec<_>, _> = ManifestReader::new(&manifest[..]).unwrap().collect();
        assert_eq!(lines.unwrap().len(), 10);
    }
    let dir = tempfile::tempdir().unwrap();
    let output = restore(&root, &dir.path().join("target"), &["--verify"]);
    assert!(output.status.success(), "{}", said(&output));
    let mut got = Files::new();
    read_back(&dir.path().join("target"), "", &mut got);
    assert_eq!(got, example());
}

#[test]
fn the_format_page_shows_the_stored_example() {
    let page = fs::read_to_string(repository_root().join("host/docs/repository-format.md")).unwrap();
    let root = repository_root().join("tests/reader/example");
    let stored = fs::read_to_string(root.join("nightly/backup.json")).unwrap();
    let body = descriptor::decode(stored.as_bytes()).unwrap();
    let manifest = body.nodes.values().next().unwrap().manifest.clone();
    let mut lines = String::new();
    let packed = fs::File::open(root.join(manifest.as_str())).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed), &mut lines).unwrap();
    for line in stored.lines().chain(lines.lines()) {
        assert!(page.contains(line), "the page lacks: {line}");
    }
}
