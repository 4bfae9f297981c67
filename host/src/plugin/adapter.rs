//! A plugin at one location as a [`Storage`] of the host.

use async_trait::async_trait;

use super::bindings::types;
use super::fault::{Effect, Fault};
use super::listing::Cursor;
use super::pool::{Lease, Pool, Site};
use super::validate::{self, Breach};
use super::version::Terms;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectKey;
use crate::storage::{
    Blob, ByteRange, Capabilities, Depth, ListPage, ListRequest, ObjectMeta, PartTag, Precondition,
    PutOptions, Sink, Storage, UploadId,
};

/// A transport plugin at one location. Every call runs in an instance of its own; a call that faults or is dropped
/// takes its instance with it and leaves the others alone.
#[derive(Debug)]
pub struct PluginStorage {
    pool: Pool,
    home: String,
    capabilities: Capabilities,
}

impl PluginStorage {
    pub(crate) fn new(pool: Pool, home: String, capabilities: Capabilities) -> Self {
        Self { pool, home, capabilities }
    }

    /// Whether everything that was granted is still what is found under its name. Blocks on the file system.
    pub(crate) fn is_current(&self) -> Result<bool> {
        for folder in self.pool.site().services.grants.folders() {
            if !folder.is_current()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The text without what this location knows as secrets: settings, files and cached tokens.
    #[cfg(feature = "cli")]
    pub(crate) fn redacted(&self, text: &str) -> String {
        self.pool.site().services.redactor.clean(text)
    }

    async fn begin(&self, operation: &'static str, effect: Effect) -> Result<Call<'_>> {
        Ok(Call { site: self.pool.site(), lease: self.pool.lease().await?, operation, effect })
    }
}

/// One call on its way.
struct Call<'p> {
    site: &'p Site,
    lease: Lease<'p>,
    operation: &'static str,
    effect: Effect,
}

impl Call<'_> {
    /// Checks the answer, keeps the instance unless it is at fault, and says what it was about.
    fn end<T, U>(
        self,
        about: Option<&ObjectKey>,
        answer: Result<Result<T, types::Error>, Fault>,
        check: impl FnOnce(T) -> Result<U, Breach>,
    ) -> Result<U> {
        let Self { site, lease, operation, effect } = self;
        let honest = answer.is_ok();
        let mut broken = false;
        let settled =
            site.settle(operation, effect, answer, |value| check(value).inspect_err(|_| broken = true));
        if honest && !broken {
            lease.give_back();
        } else {
            lease.fault();
        }
        settled.map_err(|e| match about {
            Some(key) => e.with("key", key),
            None => e,
        })
    }
}

#[async_trait]
impl Storage for PluginStorage {
    fn home(&self) -> &str {
        &self.home
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        let terms = terms(options);
        let mut call = self.begin("put", Effect::Changes).await?;
        let answer = call
            .lease
            .seat
            .run(body.len(), |guest, store, handle| async move {
                let blob = store.data_mut().lend_blob(body)?;
                let lent = blob.borrow();
                let answer = guest.put(&mut *store, handle, key.as_str(), lent, &terms).await?;
                store.data_mut().end(blob);
                Ok(answer)
            })
            .await;
        call.end(Some(key), answer, |meta| validate::stored(meta, key, body.len()))
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let writer = to.writer();
        // More than the sink takes may be asked for, when the caller knows that the object is short.
        let room = writer.room().min(range.len.unwrap_or(u64::MAX));
        let mut call = self.begin("get", Effect::Reads).await?;
        let (lent, target) = {
            let data = call.lease.seat.instance.data_mut();
            data.lend_sink(writer, room).map_err(|e| Error::internal("get", e.to_string()))?
        };
        let answer = call
            .lease
            .seat
            .run(room, |guest, store, handle| async move {
                let sink = lent.borrow();
                let range = (range.offset, range.len);
                let answer = guest.get(&mut *store, handle, key.as_str(), range, sink).await?;
                store.data_mut().end(lent);
                Ok(answer)
            })
            .await;
        let taken = target.finish()?;
        call.end(Some(key), answer, |answered| validate::fetched(answered, taken, range.len))
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        let mut call = self.begin("head", Effect::Reads).await?;
        let answer = call
            .lease
            .seat
            .run(0, |guest, store, handle| async move { guest.head(store, handle, key.as_str()).await })
            .await;
        call.end(Some(key), answer, |meta| validate::meta(meta, key))
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        if request.limit == 0 {
            return Err(Error::invalid("list", "a page of 0 names was asked for; ask for at least 1"));
        }
        let Some(cursor) = Cursor::of(request) else {
            return Err(Error::invalid("list", "the page token does not come from this backend"));
        };
        let delimiter = match request.depth {
            Depth::All => None,
            Depth::OneLevel => Some("/"),
        };
        let token = cursor.token.clone();
        let mut call = self.begin("list", Effect::Reads).await?;
        let answer = call
            .lease
            .seat
            .run(0, |guest, store, handle| async move {
                let token = token.as_deref();
                guest.list(store, handle, &request.prefix, delimiter, token, request.limit).await
            })
            .await;
        call.end(None, answer, |page| cursor.page(page, request))
            .map_err(|e| e.with("prefix", &request.prefix))
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        if keys.len() as u64 > u64::from(self.capabilities.delete_batch) {
            let most = self.capabilities.delete_batch;
            return Err(Error::invalid("delete", format!("{} keys at once; at most {most}", keys.len())));
        }
        let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let mut call = self.begin("delete", Effect::Changes).await?;
        let answer = call
            .lease
            .seat
            .run(0, |guest, store, handle| async move { guest.delete(store, handle, &names).await })
            .await;
        let site = call.site;
        call.end(None, answer, |undeleted| {
            validate::undeleted(undeleted, keys)?
                .into_iter()
                .map(|(key, error)| {
                    let error = site.answer(error, "delete", Effect::Changes)?.with("key", &key);
                    Ok((key, error))
                })
                .collect()
        })
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        let terms = terms(options);
        let mut call = self.begin("multipart-start", Effect::Changes).await?;
        let answer = call
            .lease
            .seat
            .run(0, |guest, store, handle| async move {
                let key = key.as_str();
                guest.multipart_start(store, handle, key, (part_size, total), &terms).await
            })
            .await;
        call.end(Some(key), answer, validate::upload_id)
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        let most = self.capabilities.parts.max_count;
        if !(1..=most).contains(&number) {
            let text = format!("part {number} of `{key}` is not within 1 to {most}");
            return Err(Error::new(ErrorKind::Unsupported, "multipart-put", text));
        }
        let mut call = self.begin("multipart-put", Effect::Changes).await?;
        let answer = call
            .lease
            .seat
            .run(body.len(), |guest, store, handle| async move {
                let blob = store.data_mut().lend_blob(body)?;
                let lent = blob.borrow();
                let answer =
                    guest.multipart_put(&mut *store, handle, key.as_str(), &id.0, number, lent).await?;
                store.data_mut().end(blob);
                Ok(answer)
            })
            .await;
        call.end(Some(key), answer, validate::part_tag)
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        // The contract promises it to the plugin, and many a store would make an object of what there is.
        if let Some((expected, (found, _))) =
            (1..).zip(parts).find(|(expected, (found, _))| expected != found)
        {
            let text = format!("part {found} of `{key}` stands where part {expected} belongs");
            return Err(Error::invalid("multipart-finish", text));
        }
        let tags: Vec<(u32, String)> = parts.iter().map(|(number, tag)| (*number, tag.0.clone())).collect();
        let mut call = self.begin("multipart-finish", Effect::Changes).await?;
        let answer = call
            .lease
            .seat
            .run(0, |guest, store, handle| async move {
                guest.multipart_finish(store, handle, key.as_str(), &id.0, &tags).await
            })
            .await;
        call.end(Some(key), answer, |meta| validate::meta(meta, key))
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        let mut call = self.begin("multipart-abort", Effect::Changes).await?;
        let answer = call
            .lease
            .seat
            .run(0, |guest, store, handle| async move {
                guest.multipart_abort(store, handle, key.as_str(), &id.0).await
            })
            .await;
        call.end(Some(key), answer, Ok)
    }
}

fn terms(options: &PutOptions) -> Terms {
    let condition = match &options.condition {
        Precondition::None => types::Precondition::None,
        Precondition::IfAbsent => types::Precondition::IfAbsent,
        Precondition::IfMatch(etag) => types::Precondition::IfMatch(etag.clone()),
    };
    let attempt = options.attempt.map(|attempt| ("attempt".to_owned(), attempt.to_string()));
    let content_type = options.content_type.map(|media| ("content-type".to_owned(), media.to_owned()));
    let further = options.attributes.iter().cloned();
    Terms { condition, attributes: attempt.into_iter().chain(content_type).chain(further).collect() }
}
