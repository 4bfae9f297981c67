//! Brings a manifest to a local file, so that it can be read more than once, and checks that it is the one of the descriptor.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Hash, ManifestLine, NodeEntry, ObjectKey};
use crate::repository::manifest::ManifestReader;
use crate::storage::{ByteRange, Sink, Storage};

/// Reads a local manifest.
pub(crate) type Lines = ManifestReader<BufReader<File>>;

/// Lines that are read ahead.
const LINES: usize = 64;
/// Bytes of one ranged get.
const STEP: u64 = 4 << 20;

/// A manifest in a local file, verified against the descriptor; the file goes with it.
#[derive(Debug)]
pub(crate) struct ManifestSpool {
    path: PathBuf,
    key: ObjectKey,
}

impl ManifestSpool {
    /// Fetches the manifest of a node into `folder`.
    pub(crate) async fn fetch(storage: &dyn Storage, node: &NodeEntry, folder: &Path) -> Result<Arc<Self>> {
        let path = folder.join(format!("manifest-{}", uuid::Uuid::new_v4()));
        let spool = Self { path, key: node.manifest.clone() };
        let mut file = File::create_new(&spool.path).map_err(|e| Error::io("read", &spool.path, e))?;
        let mut hasher = blake3::Hasher::new();
        let mut offset = 0;
        while offset < node.manifest_bytes {
            let len = STEP.min(node.manifest_bytes - offset);
            // One byte more than there may be at the end: nothing follows a manifest.
            let more = u64::from(offset + len == node.manifest_bytes);
            let sink = Sink::new(len + more);
            let range = ByteRange { offset, len: Some(len + more) };
            let got = storage.get(&node.manifest, range, &sink).await.map_err(|e| missing(e, node))?;
            if got != len {
                let how = if got < len { "shorter" } else { "longer" };
                let text =
                    format!("manifest `{}` is {how} than {} bytes", node.manifest, node.manifest_bytes);
                return Err(Error::corrupt("read", text));
            }
            let bytes = sink.take();
            hasher.update(&bytes);
            file.write_all(&bytes).map_err(|e| Error::io("read", &spool.path, e))?;
            offset += len;
        }
        let found = Hash::from_bytes(*hasher.finalize().as_bytes());
        if found != node.manifest_blake3 {
            let text = format!(
                "manifest `{}` is damaged: BLAKE3 {found}, the descriptor says {}",
                node.manifest, node.manifest_blake3
            );
            return Err(Error::corrupt("read", text));
        }
        Ok(Arc::new(spool))
    }

    /// Reads it on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(Lines) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let spool = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(spool.open()?))
            .await
            .map_err(|e| Error::internal("read", "reading a manifest ended unexpectedly").with_source(e))?
    }

    /// Its lines, as they are read by a thread that may block; the last item is the error, if there is one.
    pub(crate) fn lines(self: &Arc<Self>) -> mpsc::Receiver<Result<ManifestLine>> {
        let (lines, received) = mpsc::channel(LINES);
        let spool = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let send = |line| lines.blocking_send(line).is_ok();
            match spool.open() {
                // Who receives may be gone, and then nobody wants the rest.
                Ok(mut found) => drop(found.all(send)),
                Err(error) => drop(send(Err(error))),
            }
        });
        received
    }

    /// Reads it from the first line. What it says of itself must fit its key.
    pub(crate) fn open(&self) -> Result<Lines> {
        let file = File::open(&self.path).map_err(|e| Error::io("read", &self.path, e))?;
        let reader = ManifestReader::new(BufReader::with_capacity(64 << 10, file))?;
        reader.expect_key(&self.key)?;
        Ok(reader)
    }
}

impl Drop for ManifestSpool {
    fn drop(&mut self) {
        // A leftover is only a scratch file; the scratch folder is emptied at every start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A manifest that is not there makes the backup damaged, not unknown.
fn missing(error: Error, node: &NodeEntry) -> Error {
    if error.is(ErrorKind::NotFound) {
        Error::corrupt("read", format!("manifest `{}` is missing", node.manifest)).with_source(error)
    } else {
        error
    }
}
