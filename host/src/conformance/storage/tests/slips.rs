//! A storage with one slip, of the kind that a case about one object and one call at a time would not find.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectKey;
use crate::storage::{
    Blob, ByteRange, Capabilities, Depth, ListPage, ListRequest, Memory, ObjectMeta, PartOrder, PartTag,
    Precondition, Preconditions, PutOptions, Sink, Storage, TEMPORARY, UploadId,
};

pub(super) fn slipping(slip: Slip) -> Arc<dyn Storage> {
    let mut behaves = Memory::full();
    behaves.digests.crc32c = slip == Slip::KeepsWhatItsDigestRefuses;
    let mut claims = behaves.clone();
    match slip {
        Slip::IgnoresConditionsItLacks => claims.preconditions = Preconditions::default(),
        Slip::TakesPartsItLacks => claims.parts.order = PartOrder::None,
        _ => {}
    }
    Arc::new(Slipping { inner: Memory::new(behaves), claims, slip, memory: Arc::default() })
}

/// What a storage gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slip {
    None,
    KeepsTheFirstPieceOnly,
    MixesGetsAtTheSameTime,
    TurnsEqualsSigns,
    BoundsKeysAt(usize),
    RefusesContentTypes,
    KeepsTheEndOfLongerObjects,
    DropsAttributes,
    DropsRetention,
    HidesWhichAttributeItRefuses,
    TellsSeconds,
    TellsSecondsOfTemporaryObjects,
    TellsNextWeek,
    KeepsWhatItsDigestRefuses,
    LeavesTemporaryObjects,
    DamagesLargeParts,
    RefusesFreeKeys,
    DeletesForEver,
    NeverMatches,
    ChecksIfMatchBeforeItWrites,
    IgnoresConditionsItLacks,
    ChangesEtagsByItself,
    FailsOnMissingPrefixes,
    PagesByNumber,
    StopsAfterTheFirstPage,
    JoinsPartsBackwards,
    RefusesSingleParts,
    MixesPartsAtTheSameTime,
    NamesPartsByNumberAlone,
    KeepsTemporaryObjects,
    RefusesToFinishOverAnObject,
    TakesPartsItLacks,
    LosesWhatADroppedGetRead,
    KeepsADroppedPart,
}

#[derive(Debug)]
struct Slipping {
    inner: Memory,
    claims: Capabilities,
    slip: Slip,
    memory: Arc<Mutex<Remembered>>,
}

/// What goes wrong between calls goes wrong by what is kept here.
#[derive(Debug, Default)]
struct Remembered {
    range: Option<ByteRange>,
    body: Option<Blob>,
    /// By what the slip calls them.
    parts: BTreeMap<(String, u32), Blob>,
    gone: BTreeSet<ObjectKey>,
    busy: BTreeSet<(String, u32)>,
    heads: u64,
}

/// Loses an object unless the get of it comes to its end.
struct Reading {
    memory: Arc<Mutex<Remembered>>,
    key: Option<ObjectKey>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.memory.lock().unwrap().gone.extend(self.key.take());
    }
}

impl Slipping {
    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    fn key(&self, key: &ObjectKey) -> ObjectKey {
        let text = key.as_str();
        let text = if self.is(Slip::TurnsEqualsSigns) { text.replace('=', "_") } else { text.to_owned() };
        ObjectKey::new(text).unwrap()
    }

    fn meta(&self, mut meta: ObjectMeta) -> ObjectMeta {
        match self.slip {
            Slip::TellsSeconds => meta.modified_ms = meta.modified_ms.map(|at| at / 1_000),
            Slip::TellsNextWeek => meta.modified_ms = meta.modified_ms.map(|at| at + 7 * 86_400_000),
            Slip::TellsSecondsOfTemporaryObjects if meta.key.as_str().starts_with(TEMPORARY) => {
                meta.modified_ms = meta.modified_ms.map(|at| at / 1_000);
            }
            _ => {}
        }
        meta
    }

    fn options(&self, options: &PutOptions) -> Result<PutOptions> {
        let mut options = options.clone();
        match self.slip {
            Slip::DropsAttributes => options.attributes.clear(),
            Slip::DropsRetention => options.attributes.retain(|(name, _)| name != "retain-until"),
            Slip::IgnoresConditionsItLacks => options.condition = Precondition::None,
            Slip::HidesWhichAttributeItRefuses if !options.attributes.is_empty() => {
                return Err(Error::new(ErrorKind::Unsupported, "put", "status 400"));
            }
            Slip::RefusesContentTypes if options.content_type.is_some() => {
                return Err(Error::new(ErrorKind::Unsupported, "put", "no content types"));
            }
            Slip::RefusesFreeKeys if options.condition == Precondition::IfAbsent => {
                return Err(Error::new(ErrorKind::AlreadyExists, "put", "status 412"));
            }
            Slip::NeverMatches if matches!(options.condition, Precondition::IfMatch(_)) => {
                return Err(Error::new(ErrorKind::Conflict, "put", "status 412"));
            }
            _ => {}
        }
        Ok(options)
    }

    /// The content of an object, nothing where there is none.
    async fn content(&self, key: &ObjectKey) -> Bytes {
        let sink = Sink::new(1 << 30);
        let _ = self.inner.get(key, ByteRange { offset: 0, len: None }, &sink).await;
        sink.take()
    }

    /// What is left of an upload that nobody ends.
    async fn leave(&self, key: &ObjectKey, options: &PutOptions) -> Result<()> {
        let options = PutOptions { condition: Precondition::None, ..options.clone() };
        let id = self.inner.multipart_start(key, 64 << 10, None, &options).await?;
        self.inner.multipart_put(key, &id, 1, &Blob::from(Bytes::from_static(b"left"))).await.map(drop)
    }

    /// A page whose token is the number of the objects before it.
    async fn by_number(&self, request: &ListRequest) -> Result<ListPage> {
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let page = self.inner.list(&ListRequest { token, limit: 1_000, ..request.clone() }).await?;
            all.extend(page.objects);
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        let (from, limit) =
            (request.token.as_ref().map_or(0, |t| t.parse().unwrap()), request.limit as usize);
        let next = (all.len() > from + limit).then(|| (from + limit).to_string());
        let objects = all.into_iter().skip(from).take(limit).collect();
        Ok(ListPage { objects, prefixes: Vec::new(), next })
    }
}

#[async_trait]
impl Storage for Slipping {
    fn home(&self) -> &str {
        self.inner.home()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.claims
    }

    async fn put(&self, key: &ObjectKey, body: &Blob, options: &PutOptions) -> Result<ObjectMeta> {
        let key = &self.key(key);
        let mut options = self.options(options)?;
        let mut kept = body.clone();
        match self.slip {
            Slip::BoundsKeysAt(most) if key.as_str().len() > most => {
                return Err(Error::invalid("put", "the key is too long"));
            }
            Slip::DeletesForEver if self.memory.lock().unwrap().gone.contains(key) => {
                return Ok(ObjectMeta { key: key.clone(), size: body.len(), etag: None, modified_ms: None });
            }
            Slip::ChecksIfMatchBeforeItWrites => {
                if let Precondition::IfMatch(etag) = &options.condition
                    && self.inner.head(key).await.is_ok_and(|meta| meta.etag.as_ref() == Some(etag))
                {
                    options.condition = Precondition::None;
                }
            }
            Slip::KeepsTheFirstPieceOnly => {
                kept = body.pieces().next().cloned().map_or_else(Blob::default, Blob::from);
            }
            Slip::KeepsTheEndOfLongerObjects => {
                let old = self.content(key).await;
                let new = body.pieces().flatten().copied();
                let whole: Vec<u8> = new.chain(old.iter().copied().skip(body.len() as usize)).collect();
                kept = Blob::from(Bytes::from(whole));
            }
            _ => {}
        }
        let put = self.inner.put(key, &kept, &options).await;
        match &put {
            Err(e) if self.is(Slip::KeepsWhatItsDigestRefuses) && e.is(ErrorKind::Corrupt) => {
                let right = Blob::with_digests(body.pieces().cloned(), self.claims.digests);
                self.inner.put(key, &right, &options).await?;
            }
            _ if self.is(Slip::LeavesTemporaryObjects) => self.leave(key, &options).await?,
            _ => {}
        }
        put.map(|meta| self.meta(ObjectMeta { size: body.len(), ..meta }))
    }

    async fn get(&self, key: &ObjectKey, range: ByteRange, to: &Sink) -> Result<u64> {
        let key = &self.key(key);
        let mut range = range;
        match self.slip {
            Slip::MixesGetsAtTheSameTime => {
                self.memory.lock().unwrap().range = Some(range);
                tokio::task::yield_now().await;
                range = self.memory.lock().unwrap().range.unwrap();
                self.inner.get(key, range, to).await
            }
            Slip::LosesWhatADroppedGetRead => {
                if self.memory.lock().unwrap().gone.contains(key) {
                    return Err(Error::new(ErrorKind::NotFound, "get", "it was read"));
                }
                let mut reading = Reading { memory: Arc::clone(&self.memory), key: Some(key.clone()) };
                let got = self.inner.get(key, range, to).await;
                reading.key = None;
                got
            }
            _ => self.inner.get(key, range, to).await,
        }
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        let mut meta = self.meta(self.inner.head(&self.key(key)).await?);
        if self.is(Slip::ChangesEtagsByItself) {
            let mut memory = self.memory.lock().unwrap();
            memory.heads += 1;
            meta.etag = meta.etag.map(|etag| format!("{etag}-{}", memory.heads / 2));
        }
        Ok(meta)
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        let mut page = match self.slip {
            Slip::PagesByNumber if request.depth == Depth::All => self.by_number(request).await?,
            Slip::StopsAfterTheFirstPage => {
                let limit = request.limit.min(25);
                let page = self.inner.list(&ListRequest { limit, ..request.clone() }).await?;
                ListPage { next: page.next.filter(|_| limit == request.limit), ..page }
            }
            _ => self.inner.list(request).await?,
        };
        if self.is(Slip::FailsOnMissingPrefixes) && page == ListPage::default() {
            return Err(Error::new(ErrorKind::NotFound, "list", "no such folder"));
        }
        page.objects = page.objects.into_iter().map(|meta| self.meta(meta)).collect();
        Ok(page)
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, Error)>> {
        let mut keys: Vec<ObjectKey> = keys.iter().map(|key| self.key(key)).collect();
        match self.slip {
            Slip::DeletesForEver => self.memory.lock().unwrap().gone.extend(keys.iter().cloned()),
            Slip::KeepsTemporaryObjects => keys.retain(|key| !key.as_str().starts_with(TEMPORARY)),
            _ => {}
        }
        self.inner.delete(&keys).await
    }

    async fn multipart_start(
        &self,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<UploadId> {
        self.inner.multipart_start(&self.key(key), part_size, total, &self.options(options)?).await
    }

    async fn multipart_put(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        let mut kept = body.clone();
        match self.slip {
            Slip::DamagesLargeParts if body.len() > 1 << 20 => {
                let mut bytes: Vec<u8> = body.pieces().flatten().copied().collect();
                *bytes.last_mut().unwrap() ^= 1;
                kept = Blob::from(Bytes::from(bytes));
            }
            Slip::MixesPartsAtTheSameTime => {
                self.memory.lock().unwrap().body = Some(body.clone());
                tokio::task::yield_now().await;
                kept = self.memory.lock().unwrap().body.clone().unwrap();
            }
            Slip::JoinsPartsBackwards => {
                self.memory.lock().unwrap().parts.insert((id.0.clone(), number), body.clone());
            }
            Slip::NamesPartsByNumberAlone => {
                self.memory.lock().unwrap().parts.insert((String::new(), number), body.clone());
            }
            Slip::KeepsADroppedPart if !self.memory.lock().unwrap().busy.insert((id.0.clone(), number)) => {
                return Err(Error::new(ErrorKind::Conflict, "multipart-put", "it is on its way"));
            }
            _ => {}
        }
        let put = self.inner.multipart_put(&self.key(key), id, number, &kept).await;
        self.memory.lock().unwrap().busy.remove(&(id.0.clone(), number));
        put
    }

    async fn multipart_finish(
        &self,
        key: &ObjectKey,
        id: &UploadId,
        parts: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        let key = &self.key(key);
        match self.slip {
            Slip::RefusesSingleParts if parts.len() == 1 => {
                return Err(Error::invalid("multipart-finish", "an upload has two parts at least"));
            }
            Slip::RefusesToFinishOverAnObject if self.inner.head(key).await.is_ok() => {
                return Err(Error::new(ErrorKind::AlreadyExists, "multipart-finish", "it exists"));
            }
            _ => {}
        }
        let meta = self.inner.multipart_finish(key, id, parts).await?;
        let upload = match self.slip {
            Slip::JoinsPartsBackwards => id.0.as_str(),
            Slip::NamesPartsByNumberAlone => "",
            _ => return Ok(self.meta(meta)),
        };
        let mut joined: Vec<Blob> = {
            let memory = self.memory.lock().unwrap();
            parts.iter().map(|(number, _)| memory.parts[&(upload.to_owned(), *number)].clone()).collect()
        };
        if self.is(Slip::JoinsPartsBackwards) {
            joined.reverse();
        }
        let whole: Vec<u8> = joined.iter().flat_map(|part| part.pieces()).flatten().copied().collect();
        self.inner.put(key, &Blob::from(Bytes::from(whole)), &PutOptions::default()).await
    }

    async fn multipart_abort(&self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        self.inner.multipart_abort(&self.key(key), id).await
    }
}
