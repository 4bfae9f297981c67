//! A storage in a folder of this process's own, as durable as the filesystem component: the yardstick for the sandbox.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::BytesMut;
use siltstone::model::ObjectKey;
use siltstone::storage::{
    Blob, ByteRange, Capabilities, Depth, DigestKinds, ListPage, ListRequest, ObjectMeta, PartOrder,
    PartRules, PartTag, Precondition, Preconditions, PutOptions, Sink, SinkWriter, Storage, TEMPORARY,
    UploadId,
};
use siltstone::{Error, ErrorKind, Result};

/// Bytes of one read.
const STEP: u64 = 1 << 20;

/// Objects as files of a folder.
#[derive(Debug)]
pub(crate) struct Native {
    root: PathBuf,
    home: String,
    capabilities: Capabilities,
    serial: AtomicU64,
}

impl Native {
    /// In a folder, which is made if missing.
    pub(crate) fn new(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root).map_err(|e| Error::io("open", root, e))?;
        Ok(Self {
            root: root.to_path_buf(),
            home: root.display().to_string(),
            // Those of the component, so that the host does the same.
            capabilities: Capabilities {
                max_put: i64::MAX as u64,
                max_object: i64::MAX as u64,
                parts: PartRules {
                    order: PartOrder::AnyOrder,
                    min_size: 1,
                    max_size: 1 << 30,
                    multiple_of: 1,
                    max_count: 1_000_000,
                },
                preconditions: Preconditions { if_absent: true, if_match: false },
                digests: DigestKinds::default(),
                delete_batch: 1000,
                in_flight: 4,
            },
            serial: AtomicU64::new(0),
        })
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// A new file under the temporary prefix, by its key.
    fn temporary(&self, options: &PutOptions) -> Result<(String, File)> {
        let attempt = options.attempt.map_or_else(|| "none".to_owned(), |a| a.to_string());
        let key = format!("{TEMPORARY}{attempt}/{}", self.serial.fetch_add(1, Ordering::Relaxed));
        let path = self.root.join(&key);
        make_folders(&path)?;
        let file = File::create_new(&path).map_err(|e| Error::io("put", &path, e))?;
        Ok((key, file))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("storage", "a blocking step ended unexpectedly").with_source(e))?
}

fn make_folders(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::io("put", folder, e))?;
    sync(folder.parent().unwrap_or(folder))
}

fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|f| f.sync_all()).map_err(|e| Error::io("sync", path, e))
}

fn write(file: &File, start: u64, body: &Blob, path: &Path) -> Result<()> {
    let mut at = start;
    for piece in body.pieces() {
        file.write_all_at(piece, at).map_err(|e| Error::io("put", path, e))?;
        at += piece.len() as u64;
    }
    file.sync_data().map_err(|e| Error::io("sync", path, e))
}

/// Gives a complete file the name of its key.
fn publish(from: &Path, to: &Path, condition: &Precondition) -> Result<()> {
    make_folders(to)?;
    let done = match condition {
        Precondition::None => std::fs::rename(from, to),
        Precondition::IfAbsent => std::fs::hard_link(from, to).and_then(|()| std::fs::remove_file(from)),
        Precondition::IfMatch(_) => {
            return Err(Error::new(ErrorKind::Unsupported, "put", "no if-match here"));
        }
    };
    done.map_err(|e| Error::io("put", to, e))?;
    sync(to.parent().unwrap_or(to))
}

fn meta(key: &ObjectKey, path: &Path) -> Result<ObjectMeta> {
    let found = path.metadata().map_err(|e| Error::io("head", path, e))?;
    Ok(ObjectMeta { key: key.clone(), size: found.len(), etag: None, modified_ms: None })
}

fn read(path: &Path, range: ByteRange, to: &SinkWriter) -> Result<u64> {
    let failed = |e| Error::io("get", path, e);
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let end = range.len.map_or(size, |len| range.offset.saturating_add(len).min(size));
    let mut at = range.offset;
    while at < end {
        let mut piece = BytesMut::zeroed((end - at).min(STEP) as usize);
        file.read_exact_at(&mut piece, at).map_err(failed)?;
        at += piece.len() as u64;
        to.write(piece.freeze())?;
    }
    Ok(at.saturating_sub(range.offset))
}

fn keys(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            keys(&entry.path(), &format!("{key}/"), found)?;
        } else {
            found.insert(key);
        }
    }
    Ok(())
}

fn list(root: &Path, request: &ListRequest) -> Result<ListPage> {
    let mut all = BTreeSet::new();
    keys(root, "", &mut all).map_err(|e| Error::io("list", root, e))?;
    let mut page = ListPage::default();
    let shows_temporary = request.prefix.starts_with(TEMPORARY);
    let wanted =
        |key: &&String| key.starts_with(&request.prefix) && (shows_temporary || !key.starts_with(TEMPORARY));
    for key in all.iter().filter(wanted) {
        let rest = &key[request.prefix.len()..];
        match (request.depth, rest.find('/')) {
            (Depth::OneLevel, Some(slash)) => {
                let folded = format!("{}{}", request.prefix, &rest[..=slash]);
                if page.prefixes.last() != Some(&folded) {
                    page.prefixes.push(folded);
                }
            }
            _ => {
                let key = ObjectKey::new(key.as_str())?;
                let path = root.join(key.as_str());
                page.objects.push(meta(&key, &path)?);
            }
        }
    }
    Ok(page)
}

#[async_trait]
impl Storage for Native {
    fn home(&self) -> &str {
        &self.home
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        let (temporary, file) = self.temporary(options)?;
        let (from, to) = (self.root.join(temporary), self.path(key));
        let (key, body, condition) = (key.clone(), body.clone(), options.condition.clone());
        blocking(move || {
            write(&file, 0, &body, &from)?;
            publish(&from, &to, &condition)?;
            meta(&key, &to)
        })
        .await
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let (path, writer) = (self.path(key), to.writer());
        blocking(move || read(&path, range, &writer)).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        meta(key, &self.path(key))
    }

    /// Everything on one page: a benchmark has few objects.
    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        let (root, request) = (self.root.clone(), request.clone());
        blocking(move || list(&root, &request)).await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        let mut failed = Vec::new();
        for key in keys {
            match std::fs::remove_file(self.path(key)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    failed.push((key.clone(), Error::io("delete", self.path(key), e)));
                }
                _ => {}
            }
        }
        Ok(failed)
    }

    /// The id is the key of the temporary file.
    async fn multipart_start(
        &self,
        _: &ObjectKey,
        part_size: u64,
        _: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        let (temporary, _) = self.temporary(options)?;
        Ok(UploadId(format!("{part_size}:{temporary}")))
    }

    async fn multipart_put(&self, _: &ObjectKey, id: &UploadId, number: u32, body: &Blob) -> Result<PartTag> {
        let (part_size, temporary) = upload(id)?;
        let (path, body) = (self.root.join(temporary), body.clone());
        blocking(move || {
            let file = OpenOptions::new().write(true).open(&path).map_err(|e| Error::io("put", &path, e))?;
            write(&file, u64::from(number - 1) * part_size, &body, &path)
        })
        .await?;
        Ok(PartTag(number.to_string()))
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        _: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        let (from, to, key) = (self.root.join(upload(id)?.1), self.path(key), key.clone());
        blocking(move || {
            sync(&from)?;
            publish(&from, &to, &Precondition::None)?;
            meta(&key, &to)
        })
        .await
    }

    async fn multipart_abort(&self, _: &ObjectKey, id: &UploadId) -> Result<()> {
        let path = self.root.join(upload(id)?.1);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("abort", path, e)),
            _ => Ok(()),
        }
    }
}

fn upload(id: &UploadId) -> Result<(u64, &str)> {
    let parts = id.0.split_once(':').and_then(|(size, key)| Some((size.parse().ok()?, key)));
    parts.ok_or_else(|| Error::invalid("put", format!("no upload has the id `{}`", id.0)))
}
