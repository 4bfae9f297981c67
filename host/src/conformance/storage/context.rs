//! What the cases share: keys of their own, contents, and calls that check what every answer must obey.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::StorageCheck;
use super::walk::{Listing, Paged};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AttemptId, ObjectKey, Timestamp};
use crate::storage::{
    Blob, ByteRange, Capabilities, Depth, ObjectMeta, PartOrder, Precondition, PutOptions, Sink, Storage,
    TEMPORARY,
};

/// Largest content that a case reads; only a multipart upload of a store with large parts comes near.
const READ: u64 = 1 << 30;
/// How far the clock of a store, and the time of day that it writes down, may be from ours.
const OFF: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a case ends early.
#[derive(Debug)]
pub(super) enum Stop {
    Failed(String),
    NotApplicable(Cow<'static, str>),
}

pub(super) type Verdict = Result<(), Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Ends the case when something does not hold.
macro_rules! ensure {
    ($holds:expr, $($reason:tt)+) => {
        if !$holds {
            return Err($crate::conformance::storage::context::Stop::Failed(format!($($reason)+)));
        }
    };
}
pub(super) use ensure;

/// One case's view of the storage.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) storage: Arc<dyn Storage>,
    /// The same location without any state in common; the same storage where there is only one.
    second: Arc<dyn Storage>,
    pub(super) check: StorageCheck,
    /// The prefix of every key of the case; ends in `/`.
    pub(super) root: String,
    pub(super) attempt: AttemptId,
    /// What the case with many keys has seen.
    paged: Arc<OnceLock<Paged>>,
    /// Temporary objects that the cleaning has found.
    swept: Arc<AtomicUsize>,
}

impl Context {
    pub(super) fn new(storages: [Arc<dyn Storage>; 2], check: StorageCheck, root: String) -> Self {
        let [storage, second] = storages;
        Self {
            storage,
            second,
            check,
            root,
            attempt: AttemptId::generate(),
            paged: Arc::default(),
            swept: Arc::default(),
        }
    }

    /// Notes how the longest listing came; only one case has one.
    pub(super) fn note_paged(&self, paged: Paged) {
        // Set twice it stays what it was.
        let _ = self.paged.set(paged);
    }

    pub(super) fn paged(&self) -> Option<Paged> {
        self.paged.get().copied()
    }

    /// The same case on the other storage of the location.
    pub(super) fn other(&self) -> Self {
        let (storage, second) = (Arc::clone(&self.second), Arc::clone(&self.storage));
        Self { storage, second, ..self.clone() }
    }

    /// This one and the other in turn.
    pub(super) fn turn(&self, number: u32) -> Self {
        if number.is_multiple_of(2) { self.clone() } else { self.other() }
    }

    pub(super) fn capabilities(&self) -> &Capabilities {
        self.storage.capabilities()
    }

    pub(super) fn key(&self, name: &str) -> Result<ObjectKey> {
        ObjectKey::new(format!("{}{name}", self.root))
    }

    pub(super) fn blob(&self, content: &Bytes) -> Blob {
        Blob::with_digests([content.clone()], self.capabilities().digests)
    }

    pub(super) fn options(&self, condition: Precondition) -> PutOptions {
        PutOptions { condition, attempt: Some(self.attempt), ..PutOptions::default() }
    }

    pub(super) async fn put(&self, name: &str, content: &Bytes) -> Result<ObjectMeta> {
        self.put_if(name, content, Precondition::None).await
    }

    pub(super) async fn put_if(
        &self,
        name: &str,
        content: &Bytes,
        condition: Precondition,
    ) -> Result<ObjectMeta> {
        let options = self.options(condition);
        self.storage.put(&self.key(name)?, &self.blob(content), &options).await
    }

    pub(super) async fn head(&self, name: &str) -> Result<ObjectMeta> {
        self.storage.head(&self.key(name)?).await
    }

    /// The whole object in one call.
    pub(super) async fn read(&self, name: &str) -> Result<Bytes> {
        self.read_range(name, ByteRange { offset: 0, len: None }, READ).await
    }

    pub(super) async fn read_range(&self, name: &str, range: ByteRange, limit: u64) -> Result<Bytes> {
        let sink = Sink::new(limit);
        let answered = self.storage.get(&self.key(name)?, range, &sink).await?;
        let content = sink.take();
        if answered != content.len() as u64 {
            return Err(Error::corrupt(
                "get",
                format!("{answered} bytes were answered, {} were written", content.len()),
            ));
        }
        Ok(content)
    }

    /// The object is there with this content, whatever call asks for it.
    pub(super) async fn holds(&self, name: &str, content: &Bytes) -> Verdict {
        let found = self.read(name).await?;
        ensure!(
            found == content,
            "`{name}` has {} bytes that are not the {} expected ones",
            found.len(),
            content.len()
        );
        let meta = self.head(name).await?;
        let key = self.key(name)?;
        ensure!(meta.key == key, "head of `{key}` names `{}`", meta.key);
        let len = content.len() as u64;
        ensure!(meta.size == len, "head of `{name}` says {} bytes instead of {len}", meta.size);
        Ok(())
    }

    /// The object is not there, whatever call asks for it.
    pub(super) async fn lacks(&self, name: &str) -> Verdict {
        refused(self.head(name).await, ErrorKind::NotFound, "head of a missing key")?;
        refused(self.read(name).await, ErrorKind::NotFound, "get of a missing key")?;
        let prefix = self.key(name)?;
        let listed = self.walk(prefix.as_str(), Depth::All, 1_000).await?;
        ensure!(!listed.objects.iter().any(|o| o.key == prefix), "`{name}` is listed, but it is not there");
        Ok(())
    }

    /// Deletes objects in batches; each must be gone.
    pub(super) async fn delete(&self, keys: &[ObjectKey]) -> Result<(), Stop> {
        let batches = keys.chunks(self.capabilities().delete_batch.max(1) as usize).map(<[_]>::to_vec);
        let delete = |c: Self, batch: Vec<ObjectKey>| async move {
            let undeleted = c.storage.delete(&batch).await?;
            undeleted.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
        };
        self.each(batches.collect(), delete).await
    }

    /// How many temporary objects [`Context::clean`] has found.
    pub(super) fn swept(&self) -> usize {
        self.swept.load(Ordering::SeqCst)
    }

    /// Removes whatever the case wrote.
    pub(super) async fn clean(&self) -> Result<(), Stop> {
        self.swept.store(self.temporary().await?.len(), Ordering::SeqCst);
        for prefix in [self.root.clone(), format!("{TEMPORARY}{}/", self.attempt)] {
            let keys = |listing: Listing| listing.objects.into_iter().map(|o| o.key).collect::<Vec<_>>();
            self.delete(&keys(self.walk(&prefix, Depth::All, 1_000).await?)).await?;
            let left = keys(self.walk(&prefix, Depth::All, 1_000).await?);
            ensure!(left.is_empty(), "{} objects are still listed after they were deleted", left.len());
        }
        Ok(())
    }

    /// Puts objects, as many at once as serves the store best.
    pub(super) async fn put_all(&self, names: Vec<String>, content: &Bytes) -> Result<(), Stop> {
        let content = content.clone();
        let put = move |c: Self, name: String| {
            let content = content.clone();
            async move { c.put(&name, &content).await.map(drop) }
        };
        self.each(names, put).await
    }

    /// Makes a call about each, as many at once as serves the store best.
    async fn each<T, F>(
        &self,
        items: Vec<T>,
        call: impl Fn(Self, T) -> F + Clone + Send + 'static,
    ) -> Result<(), Stop>
    where
        T: Send + 'static,
        F: Future<Output = Result<()>> + Send,
    {
        let at_once = items.len().min(self.capabilities().in_flight.max(1) as usize);
        let items = Arc::new(Mutex::new(items.into_iter()));
        let mut tasks = JoinSet::new();
        for _ in 0..at_once {
            let (context, items, call) = (self.clone(), Arc::clone(&items), call.clone());
            tasks.spawn(async move {
                loop {
                    let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(item) = next else { return Ok(()) };
                    call(context.clone(), item).await?;
                }
            });
        }
        join(tasks).await.map(drop)
    }

    pub(super) fn needs_parts(&self) -> Verdict {
        match self.capabilities().parts.order {
            PartOrder::None => Err(Stop::NotApplicable("multipart uploads".into())),
            PartOrder::InOrder | PartOrder::AnyOrder => Ok(()),
        }
    }

    pub(super) fn needs_any_order(&self) -> Verdict {
        match self.capabilities().parts.order {
            PartOrder::AnyOrder => Ok(()),
            PartOrder::None | PartOrder::InOrder => Err(Stop::NotApplicable("parts in any order".into())),
        }
    }

    pub(super) fn needs_if_absent(&self) -> Verdict {
        let able = self.capabilities().preconditions.if_absent;
        if able { Ok(()) } else { Err(Stop::NotApplicable("condition if-absent".into())) }
    }

    pub(super) fn needs_if_match(&self) -> Verdict {
        let able = self.capabilities().preconditions.if_match;
        if able { Ok(()) } else { Err(Stop::NotApplicable("condition if-match".into())) }
    }
}

/// Bytes that differ by seed in every place.
pub(super) fn content(len: u64, seed: impl std::fmt::Display) -> Bytes {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    blake3::Hasher::new().update(seed.to_string().as_bytes()).finalize_xof().fill(&mut bytes);
    bytes.into()
}

/// The call failed with this kind, without doubt.
pub(super) fn refused<T>(result: Result<T>, kind: ErrorKind, what: &str) -> Verdict {
    match result {
        Err(error) if error.is(kind) && !error.is_outcome_unknown() => Ok(()),
        Err(error) => Err(Stop::Failed(format!("{what} must fail as {kind:?}, it failed as: {error}"))),
        Ok(_) => Err(Stop::Failed(format!("{what} must fail as {kind:?}, it succeeded"))),
    }
}

/// The time of a last change that is told is that of an object which the case has just written. Whether there was one.
pub(super) fn is_of_now(meta: &ObjectMeta, call: &str) -> Result<bool, Stop> {
    let (Some(told), Some(now)) = (meta.modified_ms, Timestamp::now().as_millis()) else { return Ok(false) };
    ensure!(
        u128::from(told.abs_diff(now)) <= OFF.as_millis(),
        "{call} says that `{}` was last changed at {told}; it is now {now}, in milliseconds since 1970",
        meta.key
    );
    Ok(true)
}

/// What tasks answered, in no order.
pub(super) async fn join<T: 'static>(mut tasks: JoinSet<Result<T, Stop>>) -> Result<Vec<T>, Stop> {
    let mut answers = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer.map_err(|e| Stop::Failed(e.to_string()))??);
    }
    Ok(answers)
}
