//! The one retry loop: repeats what may work when tried again, and never what could then happen twice.
//!
//! It is the outermost wrapper: a wait between two attempts holds no permit of [`super::Limited`], and each attempt has
//! the whole time of [`super::Timed`]. Nothing below it may retry, or waits would multiply.
//!
//! What is repeated, when the error says that it may help ([`crate::Retry::After`]) and is not [`ErrorKind::Corrupt`]:
//!
//! * `get`, `head`, `list`, `delete`, `multipart_abort`, `multipart_put` and a put without a condition: always, for doing
//!   them again gives the same. Before a `get` the sink is reset. Of a `delete`, only the keys that failed.
//! * `multipart_start`: always. An attempt whose outcome is not known may leave an empty upload that nobody knows.
//! * A put with a condition: always when the failed attempt had no effect. When that is not known, the object is read
//!   back first. If it is what was to be written, the put succeeded; callers therefore put something into the body that
//!   names the writer. If the condition still holds, the put is repeated, and the condition keeps it from happening twice.
//!   Otherwise nobody can tell, and the error goes to the caller.
//! * `multipart_finish`: always; the upload exists until one attempt succeeds. If the upload is not there after an attempt
//!   whose outcome is not known, and the object has the size of the parts that went through this wrapper, then that attempt
//!   succeeded, for nothing else ends an upload that is being finished. If not, the error goes to the caller.
//!
//! An error that is given up after retries says [`crate::Retry::Exhausted`] and how many attempts there were. If the outcome of
//! any attempt is unknown, so is that of the call.

mod pace;
mod settle;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use self::pace::Pace;
pub use self::pace::RetrySettings;
use self::settle::Verdict;
use super::{
    Blob, ByteRange, Capabilities, ListPage, ListRequest, ObjectMeta, PartTag, Precondition, PutOptions,
    Sink, Storage, UploadId,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectKey;

/// A number from 0 up to, not including, 1, for jitter.
type Dice = Arc<dyn Fn() -> f64 + Send + Sync>;

/// See the module.
pub struct Retrying {
    inner: Arc<dyn Storage>,
    settings: RetrySettings,
    dice: Dice,
    /// Sizes of the parts of uploads that are open, by number. Bounded by what callers keep open.
    parts: Mutex<HashMap<UploadId, HashMap<u32, u64>>>,
}

impl Retrying {
    /// Retries the calls of a storage.
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>, settings: RetrySettings) -> Self {
        Self::with_dice(inner, settings, Arc::new(rand::random::<f64>))
    }

    /// As [`Retrying::new`], with a source of randomness: numbers from 0 up to, not including, 1.
    #[must_use]
    pub fn with_dice(
        inner: Arc<dyn Storage>,
        settings: RetrySettings,
        dice: Arc<dyn Fn() -> f64 + Send + Sync>,
    ) -> Self {
        Self { inner, settings, dice, parts: Mutex::default() }
    }

    fn pace(&self) -> Pace<'_> {
        Pace::new(&self.settings, &*self.dice)
    }

    fn parts(&self) -> MutexGuard<'_, HashMap<UploadId, HashMap<u32, u64>>> {
        // Each change is one call of the map.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a call until it succeeds or the pace gives its error back.
async fn repeat<'a, T>(
    pace: &mut Pace<'_>,
    mut call: impl FnMut() -> BoxFuture<'a, Result<T>> + Send,
) -> Result<T> {
    loop {
        match call().await {
            Ok(value) => return Ok(value),
            Err(error) => pace.wait(error).await?,
        }
    }
}

impl fmt::Debug for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Storage for Retrying {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        let mut pace = self.pace();
        if options.condition == Precondition::None {
            return repeat(&mut pace, || self.inner.put(key, body, options)).await;
        }
        loop {
            let error = match self.inner.put(key, body, options).await {
                Ok(meta) => return Ok(meta),
                Err(error) => error,
            };
            // After an attempt in doubt, a refusal may be due to that attempt.
            let refused = error.is(ErrorKind::AlreadyExists) || error.is(ErrorKind::Conflict);
            if error.is_outcome_unknown() || (pace.in_doubt() && refused) {
                match settle::put(&*self.inner, &mut pace, key, body, &options.condition).await {
                    Verdict::Done(meta) => return Ok(meta),
                    Verdict::Open => {}
                    Verdict::Unclear => return Err(error.outcome_unknown()),
                }
            }
            pace.wait(error).await?;
        }
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let mut pace = self.pace();
        loop {
            match self.inner.get(key, range, to).await {
                Ok(len) => return Ok(len),
                Err(error) => pace.wait(error).await?,
            }
            to.reset();
        }
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        repeat(&mut self.pace(), || self.inner.head(key)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        repeat(&mut self.pace(), || self.inner.list(request)).await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        let mut pace = self.pace();
        let mut left = keys.to_vec();
        let mut failed = Vec::new();
        loop {
            let answer = repeat(&mut pace, || self.inner.delete(&left)).await?;
            let (again, never): (Vec<_>, Vec<_>) =
                answer.into_iter().partition(|(_, error)| pace::may_repeat(error));
            failed.extend(never);
            let asked = again.iter().filter_map(|(_, error)| pace::asked(error)).max();
            match pace.next(asked).filter(|_| !again.is_empty()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => {
                    failed.extend(again.into_iter().map(|(key, error)| (key, pace.give_up(error))));
                    return Ok(failed);
                }
            }
            left = again.into_iter().map(|(key, _)| key).collect();
        }
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        repeat(&mut self.pace(), || self.inner.multipart_start(key, part_size, total, options)).await
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        let tag = repeat(&mut self.pace(), || self.inner.multipart_put(key, id, number, body)).await?;
        self.parts().entry(id.clone()).or_default().insert(number, body.len());
        Ok(tag)
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        let mut pace = self.pace();
        loop {
            let error = match self.inner.multipart_finish(key, id, parts).await {
                Ok(meta) => {
                    self.parts().remove(id);
                    return Ok(meta);
                }
                Err(error) => error,
            };
            if pace.in_doubt() && error.is(ErrorKind::NotFound) {
                let size = self.parts().get(id).and_then(|sent| settle::size(sent, parts));
                return match settle::finish(&*self.inner, &mut pace, key, size).await {
                    Some(meta) => {
                        self.parts().remove(id);
                        Ok(meta)
                    }
                    None => Err(error.outcome_unknown()),
                };
            }
            pace.wait(error).await?;
        }
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        self.parts().remove(id);
        repeat(&mut self.pace(), || self.inner.multipart_abort(key, id)).await
    }
}
