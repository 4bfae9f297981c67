//! The verb `verify`: is everything there that a restore needs, and is it what was backed up?

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::codec::{TreeHasher, hash_block};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    AttemptId, BackupId, ChunkLine, CollectionName, Compression, Descriptor, FileLine, Location,
    ManifestHeader, ManifestLine, NodeEntry, NodeName, State,
};
use crate::ops::context::Context;
use crate::ops::context::unknown_backup;
use crate::ops::listing::list_all;
use crate::ops::{VerifyDepth, VerifyReport};
use crate::repository::{Fetch, FileSink, Lines, ManifestSpool, Workers, descriptor_store, missing_chunk};
use crate::storage::{ByteRange, Sink, Storage};

/// Problems that are kept.
const MOST_PROBLEMS: usize = 1000;
/// Bytes of one ranged get; a power of two, because they are hashed apart.
const STEP: u64 = 4 << 20;
/// Ranges in flight.
const IN_FLIGHT: usize = 4;
/// Of a sample, one chunk in this many is read, and at least the first and the last.
const SAMPLE: usize = 16;

/// Which chunks are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Some.
    Sample,
    /// All.
    All,
}

/// Verifies a backup. An error means that it could not be looked at; what is wrong with it is in the report.
pub(crate) async fn verify(
    context: &Arc<Context>,
    backend: &str,
    id: &str,
    location: &Location,
    depth: VerifyDepth,
) -> Result<VerifyReport> {
    let (_, storage) = context.storage(backend, location).await?;
    let unknown = || unknown_backup(id, storage.home());
    let id = BackupId::new(id).map_err(|_| unknown())?;
    let findings = Arc::new(Findings::default());
    let descriptor = match descriptor_store::load(&*storage, &id).await {
        Ok(Some(found)) => found.descriptor,
        Ok(None) => return Err(unknown()),
        Err(e) if e.is(ErrorKind::Corrupt) => {
            findings.add(e.to_string());
            return Ok(findings.report());
        }
        Err(e) => return Err(e),
    };
    if descriptor.state != State::Success {
        let text = format!("backup `{id}` is {}; only a SUCCESS can be verified", descriptor.state.as_str());
        return Err(Error::invalid("verify", text));
    }
    let mut lost: BTreeSet<&CollectionName> = descriptor.selection.collections.iter().collect();
    for (name, node) in &descriptor.nodes {
        let found = verify_node(context, &storage, (name, node), &descriptor, depth, &findings).await?;
        lost.retain(|name| !found.contains(*name));
    }
    // Of a damaged manifest nothing is known, and that was told.
    if findings.lock().is_empty() {
        for name in lost {
            findings.add(format!("collection `{name}` stands in the descriptor and in no manifest"));
        }
    }
    Ok(findings.report())
}

/// Answers the collections that the node's manifest has.
async fn verify_node(
    context: &Arc<Context>,
    storage: &Arc<dyn Storage>,
    (name, node): (&NodeName, &NodeEntry),
    descriptor: &Descriptor,
    depth: VerifyDepth,
    findings: &Arc<Findings>,
) -> Result<BTreeSet<CollectionName>> {
    let damaged = |e: Error| {
        if e.is(ErrorKind::Corrupt) {
            findings.add(format!("node {name}: {e}"));
            return Ok(BTreeSet::new());
        }
        Err(e)
    };
    let spool = match ManifestSpool::fetch(&**storage, node, &context.scratch()).await {
        Ok(spool) => spool,
        Err(e) => return damaged(e),
    };
    let read = {
        let (descriptor, name, findings) = (descriptor.clone(), name.clone(), Arc::clone(findings));
        spool.read(move |lines| read_structure(lines, &descriptor, &name, &findings)).await
    };
    let (chunks, collections) = match read {
        Ok(found) => found,
        Err(e) => return damaged(e),
    };
    check_presence(&**storage, &chunks, findings).await?;
    if depth == VerifyDepth::ReadData {
        for chunk in &chunks {
            findings.take(hash_chunk(storage, chunk, findings).await)?;
        }
        findings.take(read_files(context, storage, &spool, findings).await)?;
    }
    Ok(collections)
}

/// Reads the whole manifest, which checks its structure, and answers its chunks and collections.
fn read_structure(
    mut lines: Lines,
    descriptor: &Descriptor,
    node: &NodeName,
    findings: &Findings,
) -> Result<(Vec<ChunkLine>, BTreeSet<CollectionName>)> {
    let (mut chunks, mut collections) = (Vec::new(), BTreeSet::new());
    check_owner(lines.header(), &descriptor.id, descriptor.attempt, node)?;
    for line in &mut lines {
        match line? {
            ManifestLine::Chunk(chunk) => chunks.push(chunk),
            ManifestLine::Collection(collection) => drop(collections.insert(collection.name)),
            ManifestLine::File(file) if file.offset == 0 => {
                findings.files.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
    findings.chunks.fetch_add(chunks.len() as u64, Ordering::Relaxed);
    Ok((chunks, collections))
}

/// A manifest belongs to exactly one node of one attempt, whatever a descriptor says.
pub(crate) fn check_owner(
    header: &ManifestHeader,
    id: &BackupId,
    attempt: AttemptId,
    node: &NodeName,
) -> Result<()> {
    if header.backup == *id && header.attempt == attempt && header.node == *node {
        return Ok(());
    }
    let text = format!("the manifest belongs to {}/{}/{}", header.backup, header.attempt, header.node);
    Err(Error::corrupt("read", text))
}

/// Every chunk is in the store with its length.
async fn check_presence(storage: &dyn Storage, chunks: &[ChunkLine], findings: &Findings) -> Result<()> {
    stored_lengths(storage, chunks, |chunk, size| match size {
        None => findings.add(format!("chunk `{}` is missing", chunk.key)),
        Some(size) if size != chunk.stored => {
            findings.add(format!("chunk `{}` has {size} of {} bytes", chunk.key, chunk.stored));
        }
        Some(_) => {}
    })
    .await
}

/// The chunks that a manifest names.
pub(crate) fn chunks(lines: impl Iterator<Item = Result<ManifestLine>>) -> Result<Vec<ChunkLine>> {
    let mut chunks = Vec::new();
    for line in lines {
        if let ManifestLine::Chunk(chunk) = line? {
            chunks.push(chunk);
        }
    }
    Ok(chunks)
}

/// Shows the stored length of every chunk, `None` for one that is missing. Chunks may lie in other attempts, so their
/// prefixes are listed.
pub(crate) async fn stored_lengths(
    storage: &dyn Storage,
    chunks: &[ChunkLine],
    mut each: impl FnMut(&ChunkLine, Option<u64>) + Send,
) -> Result<()> {
    let mut folders: HashMap<&str, Vec<&ChunkLine>> = HashMap::new();
    for chunk in chunks {
        let key = chunk.key.as_str();
        let folder = key.rfind('/').map_or("", |at| &key[..=at]);
        folders.entry(folder).or_default().push(chunk);
    }
    for (folder, chunks) in folders {
        // Whatever is listed, only the lengths of these are kept.
        let mut stored: HashMap<&str, Option<u64>> =
            chunks.iter().map(|chunk| (chunk.key.as_str(), None)).collect();
        list_all(storage, folder, |object| {
            if let Some(size) = stored.get_mut(object.key.as_str()) {
                *size = Some(object.size);
            }
            Ok(())
        })
        .await?;
        for chunk in chunks {
            each(chunk, stored.get(chunk.key.as_str()).copied().flatten());
        }
    }
    Ok(())
}

/// Re-reads chunks and compares their hashes; the first wrong one is the error.
pub(crate) async fn check_chunks(
    storage: &Arc<dyn Storage>,
    chunks: &[ChunkLine],
    depth: Depth,
) -> Result<()> {
    let findings = Findings::default();
    for (number, chunk) in chunks.iter().enumerate() {
        let wanted = depth == Depth::All || number % SAMPLE == 0 || number + 1 == chunks.len();
        if wanted {
            hash_chunk(storage, chunk, &findings).await?;
        }
    }
    Ok(())
}

async fn hash_chunk(storage: &Arc<dyn Storage>, chunk: &ChunkLine, findings: &Findings) -> Result<()> {
    let mut tree = TreeHasher::new(STEP)?;
    let mut at = 0;
    while at < chunk.stored {
        let len = STEP.min(chunk.stored - at);
        let sink = Sink::new(len);
        let range = ByteRange { offset: at, len: Some(len) };
        let got = storage.get(&chunk.key, range, &sink).await.map_err(|e| missing_chunk(e, &chunk.key))?;
        if got != len {
            let text = format!("chunk `{}` ends after {} of {} bytes", chunk.key, at + got, chunk.stored);
            return Err(Error::corrupt("verify", text));
        }
        findings.bytes.fetch_add(len, Ordering::Relaxed);
        tree.push(hash_block(at, &sink.take())?)?;
        at += len;
    }
    let found = tree.finish();
    if found == chunk.blake3 {
        return Ok(());
    }
    let text = format!("chunk `{}` is damaged: BLAKE3 {found}, expected {}", chunk.key, chunk.blake3);
    Err(Error::corrupt("verify", text))
}

async fn read_files(
    context: &Arc<Context>,
    storage: &Arc<dyn Storage>,
    spool: &Arc<ManifestSpool>,
    findings: &Arc<Findings>,
) -> Result<()> {
    let workers = Workers::start(context.settings.cores, Compression::default())?;
    let sink = Arc::clone(findings) as Arc<dyn FileSink>;
    let mut fetch = Fetch::new(Arc::clone(storage), workers, sink, IN_FLIGHT, CancellationToken::new());
    let mut lines = spool.lines();
    while let Some(line) = lines.recv().await {
        match line? {
            ManifestLine::Chunk(chunk) => fetch.chunk(chunk.key, chunk.codec),
            ManifestLine::File(file) => fetch.file(file).await?,
            _ => {}
        }
    }
    fetch.finish().await
}

/// What was found.
#[derive(Default)]
struct Findings {
    chunks: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    problems: Mutex<Vec<String>>,
}

impl Findings {
    fn add(&self, problem: String) {
        let mut problems = self.lock();
        if problems.len() < MOST_PROBLEMS {
            problems.push(problem);
        }
    }

    /// Damage is a finding; that something could not be looked at is none, and stays an error.
    fn take(&self, checked: Result<()>) -> Result<()> {
        match checked {
            Err(e) if e.is(ErrorKind::Corrupt) => {
                self.add(e.to_string());
                Ok(())
            }
            checked => checked,
        }
    }

    fn report(&self) -> VerifyReport {
        VerifyReport {
            chunks: self.chunks.load(Ordering::Relaxed),
            files: self.files.load(Ordering::Relaxed),
            bytes_read: self.bytes.load(Ordering::Relaxed),
            problems: self.lock().clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads files for nothing but their hashes.
impl FileSink for Findings {
    fn write(&self, _: &FileLine, _: u64, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn complete(&self, _: &FileLine) -> Result<()> {
        Ok(())
    }

    fn failed(&self, file: &FileLine, error: Error) -> Result<()> {
        if !error.is(ErrorKind::Corrupt) {
            return Err(error);
        }
        self.add(format!("file `{}` of {}: {error}", file.path, file.collection));
        Ok(())
    }

    fn fetched(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
