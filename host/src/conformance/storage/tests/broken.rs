//! A storage with one flaw.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectKey;
use crate::storage::{
    Blob, ByteRange, Capabilities, Depth, ListPage, ListRequest, Memory, ObjectMeta, PartOrder, PartTag,
    Precondition, PutOptions, Sink, Storage, TEMPORARY, UploadId,
};

pub(super) fn broken(flaw: Flaw) -> Arc<dyn Storage> {
    let mut behaves = Memory::full();
    if flaw == Flaw::ClaimsPartsInAnyOrder {
        behaves.parts.order = PartOrder::InOrder;
    }
    let (inner, claims) = (Memory::new(behaves), Memory::full());
    // Fewer than the crowds of the case that looks for it use up.
    let room = tokio::sync::Semaphore::new(3 * inner.capabilities().in_flight.clamp(1, 32) as usize);
    Arc::new(Broken { inner, claims, flaw, slot: std::sync::Mutex::default(), room })
}

/// What a broken storage gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    IgnoresIfAbsent,
    ChecksIfAbsentBeforeItWrites,
    IgnoresIfMatch,
    CreatesOnIfMatch,
    ShowsHalfOfAPut,
    AnswersOkBeforeAPutIsSeen,
    KeepsTheEtag,
    IgnoresTheRange,
    FailsBeyondTheEnd,
    CallsMissingObjectsInternal,
    FoldsCase,
    ListsBackwards,
    ListsFoldersFirst,
    ListsOnlyFolders,
    ListsWrongSizes,
    NeverFolds,
    LosesAKeyBetweenPages,
    OverfillsPages,
    ShowsTemporaryObjects,
    FailsOnMissingDeletes,
    DeletesWholeFolders,
    ForgetsDeletes,
    TakesGaps,
    KeepsTheFirstOfAPart,
    KeepsPartsAfterAbort,
    FailsOnUnknownAborts,
    FinishesOverAnExistingObject,
    ClaimsPartsInAnyOrder,
    Panics,
    Hangs,
    LosesTheEndOfLargeObjects,
    CutsLongKeys,
    CallsGoneUploadsInternal,
    DoubtsRefusals,
    KeepsWhatDroppedCallsHeld,
}

#[derive(Debug)]
struct Broken {
    inner: Memory,
    claims: Capabilities,
    flaw: Flaw,
    slot: std::sync::Mutex<Vec<(ObjectKey, Blob)>>,
    room: tokio::sync::Semaphore,
}

impl Broken {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn key(&self, key: &ObjectKey) -> ObjectKey {
        if self.is(Flaw::FoldsCase) {
            ObjectKey::new(key.as_str().to_ascii_lowercase()).unwrap()
        } else if self.is(Flaw::CutsLongKeys) && key.as_str().len() > 1_000 {
            ObjectKey::new(&key.as_str()[..1_000]).unwrap()
        } else {
            key.clone()
        }
    }
}

#[async_trait]
impl Storage for Broken {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.claims
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        let key = &self.key(key);
        let always = PutOptions { condition: Precondition::None, ..options.clone() };
        let mut options = options;
        // Only in the case that looks for it; elsewhere readers of memory, which never wait, would spin meanwhile.
        let crowded = ["/dropped-", "/after-"].iter().any(|part| key.as_str().contains(part));
        let held = if self.is(Flaw::KeepsWhatDroppedCallsHeld) && crowded {
            self.room.acquire().await.unwrap().forget();
            // Longer than any number of polls after which a call is dropped.
            for _ in 0..40 {
                tokio::task::yield_now().await;
            }
            1
        } else {
            0
        };
        self.room.add_permits(held);
        if self.is(Flaw::LosesTheEndOfLargeObjects) && body.len() > 2 << 20 {
            let begin = Blob::from(body.read(0, 2 << 20));
            let meta = self.inner.put(key, &begin, options).await?;
            return Ok(ObjectMeta { size: body.len(), ..meta });
        }
        match (&options.condition, self.flaw) {
            (Precondition::IfAbsent, Flaw::IgnoresIfAbsent)
            | (Precondition::IfMatch(_), Flaw::IgnoresIfMatch) => {
                options = &always;
            }
            (Precondition::IfMatch(_), Flaw::CreatesOnIfMatch) if self.inner.head(key).await.is_err() => {
                options = &always;
            }
            (Precondition::IfAbsent, Flaw::ChecksIfAbsentBeforeItWrites) => {
                if self.inner.head(key).await.is_ok() {
                    return self.inner.put(key, body, options).await;
                }
                options = &always;
            }
            (Precondition::None, Flaw::ShowsHalfOfAPut) => {
                let half = Blob::from(body.read(0, body.len() / 2));
                self.inner.put(key, &half, options).await?;
                tokio::task::yield_now().await;
            }
            _ => {}
        }
        if self.is(Flaw::AnswersOkBeforeAPutIsSeen) && options.condition == Precondition::None {
            let before = {
                let mut slot = self.slot.lock().unwrap();
                let before = slot.pop();
                slot.push((key.clone(), body.clone()));
                before
            };
            if let Some((key, body)) = before {
                self.inner.put(&key, &body, &PutOptions::default()).await?;
            }
            return Ok(ObjectMeta {
                key: key.clone(),
                size: body.len(),
                etag: Some("e".to_owned()),
                modified_ms: None,
            });
        }
        let doubted = |e: Error| if self.is(Flaw::DoubtsRefusals) { e.outcome_unknown() } else { e };
        let mut meta = self.inner.put(key, body, options).await.map_err(doubted)?;
        if self.is(Flaw::KeepsTheEtag) {
            meta.etag = Some("same".to_owned());
        }
        Ok(meta)
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let key = &self.key(key);
        if self.is(Flaw::FailsBeyondTheEnd) && self.inner.head(key).await?.size <= range.offset {
            return Err(Error::invalid("get", "no such range"));
        }
        let range = if self.is(Flaw::IgnoresTheRange) { ByteRange { offset: 0, ..range } } else { range };
        self.inner.get(key, range, to).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        match self.inner.head(&self.key(key)).await {
            Err(_) if self.is(Flaw::CallsMissingObjectsInternal) => {
                Err(Error::internal("head", "status 404"))
            }
            Ok(_) if self.is(Flaw::Panics) => panic!("a defect"),
            Ok(_) if self.is(Flaw::Hangs) => std::future::pending().await,
            Ok(meta) if self.is(Flaw::KeepsTheEtag) => {
                Ok(ObjectMeta { etag: Some("same".to_owned()), ..meta })
            }
            result => result,
        }
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        let mut request = request.clone();
        match self.flaw {
            Flaw::OverfillsPages => request.limit += 1,
            Flaw::NeverFolds => {
                request.depth = Depth::All;
            }
            Flaw::ListsOnlyFolders if !request.prefix.ends_with('/') && !request.prefix.is_empty() => {
                request.prefix.push('/');
            }
            _ => {}
        }
        let mut page = self.inner.list(&request).await?;
        match self.flaw {
            Flaw::ListsBackwards => page.objects.reverse(),
            Flaw::ListsFoldersFirst => page.objects.sort_by_key(|o| o.key.as_str().replace('/', "\0")),
            Flaw::ListsWrongSizes => page.objects.iter_mut().for_each(|o| o.size += 1),
            Flaw::LosesAKeyBetweenPages if page.next.is_some() => drop(page.objects.pop()),
            Flaw::ShowsTemporaryObjects if "".starts_with(&request.prefix) => {
                let all = ListRequest { prefix: TEMPORARY.to_owned(), limit: 1, ..ListRequest::default() };
                if !self.inner.list(&all).await?.objects.is_empty() {
                    page.prefixes.insert(0, TEMPORARY.to_owned());
                }
            }
            _ => {}
        }
        Ok(page)
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        let mut all: Vec<ObjectKey> = keys.iter().map(|key| self.key(key)).collect();
        for key in keys {
            if self.is(Flaw::FailsOnMissingDeletes) {
                self.inner.head(key).await?;
            }
            if self.is(Flaw::DeletesWholeFolders) {
                let below = |k: &String| k.starts_with(&format!("{key}/"));
                all.extend(self.inner.keys().into_iter().filter(below).map(|k| ObjectKey::new(k).unwrap()));
            }
        }
        if self.is(Flaw::ForgetsDeletes) {
            all.pop();
        }
        self.inner.delete(&all).await
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        let always = PutOptions { condition: Precondition::None, ..options.clone() };
        let options = if self.is(Flaw::FinishesOverAnExistingObject) { &always } else { options };
        self.inner.multipart_start(key, part_size, total, options).await
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        if self.is(Flaw::KeepsTheFirstOfAPart) {
            let mut slot = self.slot.lock().unwrap();
            let name = ObjectKey::new(format!("{}.{number}", id.0)).unwrap();
            if slot.iter().any(|(seen, _)| *seen == name) {
                return Ok(PartTag(format!("first {number}")));
            }
            slot.push((name, body.clone()));
        }
        self.inner.multipart_put(key, id, number, body).await
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        match self.inner.multipart_finish(key, id, parts).await {
            Err(_) if self.is(Flaw::CallsGoneUploadsInternal) => {
                Err(Error::internal("multipart-finish", "status 404"))
            }
            Err(_) if self.is(Flaw::TakesGaps) => {
                self.inner.put(key, &Blob::default(), &PutOptions::default()).await
            }
            result => result,
        }
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        if self.is(Flaw::KeepsPartsAfterAbort) {
            return Ok(());
        }
        if self.is(Flaw::FailsOnUnknownAborts) {
            self.slot.lock().unwrap().push((ObjectKey::new(id.0.clone()).unwrap(), Blob::default()));
            let seen = self.slot.lock().unwrap().iter().filter(|(seen, _)| seen.as_str() == id.0).count();
            if seen > 1 {
                return Err(Error::new(ErrorKind::NotFound, "multipart-abort", "no such upload"));
            }
        }
        self.inner.multipart_abort(key, id).await
    }
}
