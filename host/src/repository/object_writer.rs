//! Writes one object of any length as it comes: small ones in one put, large ones in parts that go up in parallel.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::codec::{BlockHash, TreeHasher, hash_block};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, Hash, ObjectKey};
use crate::repository::buffers::PartBuffers;
use crate::repository::workers::Workers;
use crate::storage::{Blob, PartOrder, PartTag, PutOptions, Storage, UploadId};

/// Bytes of a part unless the store's rules ask for another size; a power of two, because parts are hashed apart.
const PART_SIZE: u64 = 16 << 20;

/// Largest parts that are made, because each is held in memory.
const MAX_PART_SIZE: u64 = 64 << 20;

/// Is told of every multipart upload before and after, so that a crash leaves none behind.
#[async_trait]
pub(crate) trait UploadLog: Send + Sync {
    /// An upload was begun; nothing is sent to it before this returns.
    async fn opened(&self, key: &ObjectKey, id: &UploadId) -> Result<()>;
    /// It was finished or aborted.
    async fn closed(&self, key: &ObjectKey, id: &UploadId) -> Result<()>;
}

/// What all objects of one attempt share.
pub(crate) struct Uploader {
    storage: Arc<dyn Storage>,
    workers: Workers,
    log: Arc<dyn UploadLog>,
    attempt: AttemptId,
    /// One permit per part buffer, whether it is being filled or sent: the bound of the memory.
    room: Arc<Semaphore>,
    buffers: Arc<PartBuffers>,
    part_size: u64,
    in_flight: usize,
    /// Steps that must run to their end even when the attempt is given up in the middle of them.
    steps: TaskTracker,
}

/// An object as it was stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredObject {
    /// Its key.
    pub(crate) key: ObjectKey,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// BLAKE3 of its bytes.
    pub(crate) blake3: Hash,
}

impl Uploader {
    /// Parts in flight at most `in_flight`; fails when the store's rules for parts cannot be met. Steps that must not be
    /// torn apart run on `steps`; whoever gives the attempt up waits for them before it looks at the log.
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        workers: Workers,
        log: Arc<dyn UploadLog>,
        attempt: AttemptId,
        in_flight: usize,
        steps: TaskTracker,
    ) -> Result<Self> {
        let part_size = part_size(&storage)?;
        // One more for the part that is being filled.
        let buffers = in_flight + 1;
        Ok(Self {
            storage,
            workers,
            log,
            attempt,
            room: Arc::new(Semaphore::new(buffers)),
            buffers: Arc::new(PartBuffers::new(buffers)),
            part_size,
            in_flight,
            steps,
        })
    }

    /// Raw bytes after which a chunk must end, so that it can be sent even if it does not shrink.
    pub(crate) fn longest_chunk(&self) -> u64 {
        let capabilities = self.storage.capabilities();
        let most = if capabilities.parts.order == PartOrder::None {
            capabilities.max_put.min(self.in_flight as u64 * self.part_size)
        } else {
            capabilities.max_object
        };
        // A chunk ends with the frame that fills it, and a frame that does not shrink grows a little.
        (most - most / 8).saturating_sub(2 << 20).max(1)
    }

    /// Begins an object.
    pub(crate) fn object(
        self: &Arc<Self>,
        key: ObjectKey,
        content_type: &'static str,
    ) -> Result<ObjectWriter> {
        Ok(ObjectWriter {
            shared: Arc::clone(self),
            key,
            options: PutOptions {
                attempt: Some(self.attempt),
                content_type: Some(content_type),
                ..PutOptions::default()
            },
            part: None,
            whole: Vec::new(),
            len: 0,
            upload: None,
            tasks: JoinSet::new(),
            sent: Vec::new(),
            hashes: Vec::new(),
        })
    }
}

fn part_size(storage: &Arc<dyn Storage>) -> Result<u64> {
    let rules = storage.capabilities().parts;
    if rules.order == PartOrder::None {
        return Ok(PART_SIZE);
    }
    // What a store asks for is not a licence to fill our memory.
    let size = PART_SIZE.max(rules.min_size.min(MAX_PART_SIZE).next_power_of_two());
    if rules.min_size > MAX_PART_SIZE
        || size > rules.max_size
        || !size.is_multiple_of(rules.multiple_of.max(1))
    {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "put",
            format!(
                "the store wants parts of {} to {} bytes in multiples of {}, none of which is a power of two from 16 to 64 MiB",
                rules.min_size, rules.max_size, rules.multiple_of
            ),
        ));
    }
    Ok(size)
}

/// A part that is being filled.
struct Filling {
    buffer: BytesMut,
    room: OwnedSemaphorePermit,
}

/// One object on its way. Dropping it stops sending and leaves an open upload, which the log knows, to be aborted.
pub(crate) struct ObjectWriter {
    shared: Arc<Uploader>,
    key: ObjectKey,
    options: PutOptions,
    part: Option<Filling>,
    /// Full parts of an object that must go up in one put.
    whole: Vec<(Bytes, OwnedSemaphorePermit)>,
    len: u64,
    upload: Option<UploadId>,
    tasks: JoinSet<Result<(u32, PartTag, BlockHash)>>,
    sent: Vec<(u32, PartTag)>,
    hashes: Vec<(u32, BlockHash)>,
}

impl ObjectWriter {
    /// Bytes written so far.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The object's key.
    pub(crate) fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// Takes more bytes; waits while too many parts are on their way.
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let mut part = match self.part.take() {
                Some(part) => part,
                None => self.begin_part().await?,
            };
            // A part lies in memory, so its room fits a usize.
            let room = self.shared.part_size as usize - part.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            part.buffer.extend_from_slice(now);
            self.len += now.len() as u64;
            bytes = later;
            let full = part.buffer.len() as u64 == self.shared.part_size;
            self.part = Some(part);
            // The last part is sent by finish, and an object of just one part needs no multipart upload.
            if full && !bytes.is_empty() {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    async fn begin_part(&mut self) -> Result<Filling> {
        let room =
            Arc::clone(&self.shared.room).acquire_owned().await.map_err(|_| Error::cancelled("put"))?;
        let mut buffer = self.shared.buffers.take();
        let wanted = usize::try_from(self.shared.part_size).unwrap_or(usize::MAX);
        if buffer.capacity() < wanted {
            buffer = BytesMut::with_capacity(wanted);
        }
        Ok(Filling { buffer, room })
    }

    /// Sends the part that is being filled as the next part of a multipart upload.
    async fn send_part(&mut self) -> Result<()> {
        let Some(Filling { buffer, room }) = self.part.take() else { return Ok(()) };
        let bytes = buffer.freeze();
        let order = self.shared.storage.capabilities().parts.order;
        if order == PartOrder::None {
            return self.keep_whole(bytes, room).await;
        }
        let id = self.upload_id().await?;
        let limit = if order == PartOrder::InOrder { 1 } else { self.shared.in_flight };
        while self.tasks.len() >= limit {
            self.join_one().await?;
        }
        let number = self.next_number()?;
        let (shared, key) = (Arc::clone(&self.shared), self.key.clone());
        let offset = u64::from(number - 1) * shared.part_size;
        self.tasks.spawn(async move {
            let (content, digests) = (bytes.clone(), shared.storage.capabilities().digests);
            let hashed = shared.workers.run(move |_| {
                hash_block(offset, &content).map(|hash| (hash, Blob::with_digests([content], digests)))
            });
            let (hash, blob) = hashed.await??;
            let tag = shared.storage.multipart_put(&key, &id, number, &blob).await?;
            drop(blob);
            shared.buffers.give(bytes);
            drop(room);
            Ok((number, tag, hash))
        });
        Ok(())
    }

    fn next_number(&self) -> Result<u32> {
        let number = self.sent.len() + self.tasks.len() + 1;
        let most = self.shared.storage.capabilities().parts.max_count;
        match u32::try_from(number) {
            Ok(number) if number <= most => Ok(number),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "put",
                format!("`{}` needs more than the {most} parts that the store allows", self.key),
            )),
        }
    }

    async fn upload_id(&mut self) -> Result<UploadId> {
        if let Some(id) = &self.upload {
            return Ok(id.clone());
        }
        let (shared, key, options) = (Arc::clone(&self.shared), self.key.clone(), self.options.clone());
        // Not to be torn apart by a cancel: an upload that is begun must get into the log.
        let step = self.shared.steps.spawn(async move {
            let id = shared.storage.multipart_start(&key, shared.part_size, None, &options).await?;
            if let Err(error) = shared.log.opened(&key, &id).await {
                // Nobody else knows it: the attempt may have been given up meanwhile.
                shared.storage.multipart_abort(&key, &id).await?;
                return Err(error);
            }
            Ok(id)
        });
        let id = step
            .await
            .map_err(|e| Error::internal("put", "beginning an upload ended unexpectedly").with_source(e))??;
        self.upload = Some(id.clone());
        Ok(id)
    }

    /// A store without parts: the object stays in memory, and holds its room, until it is complete.
    async fn keep_whole(&mut self, bytes: Bytes, room: OwnedSemaphorePermit) -> Result<()> {
        let most = self.shared.storage.capabilities().max_put;
        if self.len > most || self.whole.len() >= self.shared.in_flight {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "put",
                format!(
                    "`{}` has more than {} bytes and the store takes no parts; choose a smaller chunk size",
                    self.key, self.len
                ),
            ));
        }
        let offset = self.whole.len() as u64 * self.shared.part_size;
        let number = u32::try_from(self.whole.len() + 1).unwrap_or(u32::MAX);
        let hashed = bytes.clone();
        let hash = self.shared.workers.run(move |_| hash_block(offset, &hashed)).await??;
        self.hashes.push((number, hash));
        self.whole.push((bytes, room));
        Ok(())
    }

    async fn join_one(&mut self) -> Result<()> {
        match self.tasks.join_next().await {
            None => Ok(()),
            Some(Ok(done)) => {
                let (number, tag, hash) = done?;
                self.sent.push((number, tag));
                self.hashes.push((number, hash));
                Ok(())
            }
            Some(Err(e)) => {
                Err(Error::internal("put", "a task that sent a part ended unexpectedly").with_source(e))
            }
        }
    }

    /// Sends what is left and makes the object appear. After an error the upload is open; the log knows it.
    pub(crate) async fn finish(self) -> Result<StoredObject> {
        self.finish_as(None).await
    }

    /// As [`ObjectWriter::finish`]; with a hash that its bytes do not have, `Corrupt`, and the object never appears.
    pub(crate) async fn finish_as(mut self, expected: Option<Hash>) -> Result<StoredObject> {
        if self.upload.is_none() {
            return self.put_whole(expected).await;
        }
        self.send_part().await?;
        while !self.tasks.is_empty() {
            self.join_one().await?;
        }
        self.sent.sort_unstable_by_key(|part| part.0);
        let Some(id) = self.upload.clone() else { return Err(Error::internal("put", "no upload to finish")) };
        let blake3 = self.hash(expected)?;
        let meta = self.shared.storage.multipart_finish(&self.key, &id, &self.sent).await?;
        self.upload = None;
        self.shared.log.closed(&self.key, &id).await?;
        self.stored(meta.size, blake3)
    }

    async fn put_whole(&mut self, expected: Option<Hash>) -> Result<StoredObject> {
        if let Some(Filling { buffer, room }) = self.part.take() {
            self.keep_whole(buffer.freeze(), room).await?;
        }
        let blake3 = self.hash(expected)?;
        let parts: Vec<Bytes> = self.whole.iter().map(|part| part.0.clone()).collect();
        let digests = self.shared.storage.capabilities().digests;
        let blob = self.shared.workers.run(move |_| Blob::with_digests(parts, digests)).await?;
        let meta = self.shared.storage.put(&self.key, &blob, &self.options).await?;
        drop(blob);
        for (bytes, _) in self.whole.drain(..) {
            self.shared.buffers.give(bytes);
        }
        self.stored(meta.size, blake3)
    }

    /// The hash of all bytes, once every part is hashed.
    fn hash(&mut self, expected: Option<Hash>) -> Result<Hash> {
        self.hashes.sort_unstable_by_key(|part| part.0);
        let mut tree = TreeHasher::new(self.shared.part_size)?;
        for (_, hash) in self.hashes.drain(..) {
            tree.push(hash)?;
        }
        let found = tree.finish();
        match expected {
            Some(expected) if expected != found => {
                let text = format!("`{}` is damaged: BLAKE3 {found}, expected {expected}", self.key);
                Err(Error::corrupt("put", text))
            }
            _ => Ok(found),
        }
    }

    fn stored(&self, size: u64, blake3: Hash) -> Result<StoredObject> {
        if size != self.len {
            return Err(Error::corrupt("put", format!("the store kept {size} of {} bytes", self.len))
                .with("key", &self.key));
        }
        Ok(StoredObject { key: self.key.clone(), len: self.len, blake3 })
    }
}
