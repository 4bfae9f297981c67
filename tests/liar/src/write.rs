//! Lies of `put` and `delete`.

use siltstone_plugin_sdk::types::{Error, ObjectMeta, Precondition};
use siltstone_plugin_sdk::{data, error};

use crate::component::Handle;
use crate::kind::Kind;
use crate::{Lie, alter};

type Attributes = [(String, String)];

impl Handle {
    pub(crate) fn write(
        &self,
        key: &str,
        body: &(impl data::Source + ?Sized),
        condition: &Precondition,
        attributes: &Attributes,
    ) -> Result<ObjectMeta, Error> {
        if let Precondition::IfMatch(etag) = condition {
            return self.replace(key, body, etag, attributes);
        }
        let honest = || self.store.put(key, body, condition, attributes);
        let Some(lie) = self.about(key) else { return honest() };
        if !matches!(
            lie,
            Lie::PutDrops
                | Lie::PutTruncates
                | Lie::PutExtends
                | Lie::PutFlips
                | Lie::PutZeroes
                | Lie::PutEmpties
                | Lie::PutOther
                | Lie::PutOlder
                | Lie::IgnoresDigests
                | Lie::IgnoresIfAbsent
        ) {
            return honest();
        }
        // Chunks are told apart by their numbers, all others by when they are written.
        if Kind::of(key) != Some(Kind::Chunk)
            && let Some(nth) = self.nth
            && self.notes.count()? != nth
        {
            return honest();
        }
        if lie == Lie::IgnoresIfAbsent {
            if matches!(condition, Precondition::IfAbsent) {
                self.notes.strike()?;
            }
            return self.store.put(key, body, &Precondition::None, attributes);
        }
        if lie == Lie::PutDrops {
            self.notes.strike()?;
            return Ok(kept(key, body.size()));
        }
        let whole = whole(body)?;
        let altered = match lie {
            Lie::PutOther => self.other(key)?,
            Lie::PutOlder => Kind::of(key).and_then(|kind| self.notes.older(kind)),
            _ => Some(alter::bytes(lie, whole.clone())),
        };
        match altered.filter(|altered| *altered != whole) {
            Some(altered) => {
                self.notes.strike()?;
                let stored = self.store.put(key, altered.as_slice(), condition, attributes)?;
                Ok(ObjectMeta { size: body.size(), ..stored })
            }
            None => honest(),
        }
    }

    /// A put that is to replace what has this etag. The filesystem has no such thing, so it is made of a lock.
    fn replace(
        &self,
        key: &str,
        body: &(impl data::Source + ?Sized),
        etag: &str,
        attributes: &Attributes,
    ) -> Result<ObjectMeta, Error> {
        let put = || self.store.put(key, body, &Precondition::None, attributes);
        match self.lie {
            Some(Lie::IgnoresIfMatch) if self.about(key).is_some() => {
                self.notes.strike()?;
                put()
            }
            Some(Lie::IgnoresIfMatch) => self.notes.alone(|| {
                let found = self.store.head(key)?;
                if found.etag.as_deref() != Some(etag) {
                    return Err(error::precondition_failed(format!("{key} has another etag")));
                }
                put()
            }),
            Some(Lie::ClaimsIfMatch) => {
                self.notes.strike()?;
                put()
            }
            _ => Err(error::unsupported("if-match is not known here")),
        }
    }

    pub(crate) fn remove(&self, keys: &[String]) -> Result<Vec<(String, Error)>, Error> {
        let keeps = |key: &&String| self.about(key) == Some(Lie::DeleteKeeps);
        for _ in keys.iter().filter(keeps) {
            self.notes.strike()?;
        }
        let gone: Vec<String> = keys.iter().filter(|key| !keeps(key)).cloned().collect();
        self.store.delete(&gone)
    }

    /// The bytes of another object of the same kind, if there is one.
    pub(crate) fn other(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let page = self.store.list("", None, None, 5000)?;
        let mut others = page.objects.iter().filter(|o| o.key != key && Kind::of(&o.key) == Kind::of(key));
        others.next().map(|other| self.content(&other.key)).transpose()
    }

    /// The bytes of an object.
    pub(crate) fn content(&self, key: &str) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        self.store.get(key, 0, None, &mut content)?;
        Ok(content)
    }
}

/// What an honest store would tell of an object that it has just kept.
pub(crate) fn kept(key: &str, size: u64) -> ObjectMeta {
    ObjectMeta { key: key.to_owned(), size, etag: Some("kept".to_owned()), modified_ms: None }
}

fn whole(body: &(impl data::Source + ?Sized)) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    let short = |at| error::internal(format!("the source ended after {at} bytes"));
    data::pieces(body, short, |_, piece| {
        whole.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(whole)
}
