//! Lies of multipart uploads.

use siltstone_plugin_filesystem::multipart::{Upload, tag};
use siltstone_plugin_sdk::types::{Error, ObjectMeta, Precondition};
use siltstone_plugin_sdk::{data, error};

use crate::component::Handle;
use crate::write::kept;
use crate::{Lie, alter};

/// The note that a second part has come.
const SECOND: &str = "second-part";
/// The note that the first part came after it.
const LATE: &str = "first-part-late";

impl Handle {
    pub(crate) fn part(
        &self,
        key: &str,
        id: &str,
        number: u32,
        body: &(impl data::Source + ?Sized),
    ) -> Result<String, Error> {
        match self.about(key) {
            Some(Lie::ForeignTags) => {
                let honest = self.store.put_part(key, id, number, body)?;
                self.notes.strike()?;
                let foreign = tag(number + 1, body.size());
                Ok(if foreign == honest { String::new() } else { foreign })
            }
            Some(Lie::ClaimsAnyOrder) => {
                // The first part takes its time, as any part may on a network.
                if number == 1 && self.notes.wait(SECOND) {
                    self.notes.mark(LATE)?;
                }
                let honest = self.store.put_part(key, id, number, body)?;
                if number == 2 {
                    self.notes.mark(SECOND)?;
                }
                Ok(honest)
            }
            _ => self.store.put_part(key, id, number, body),
        }
    }

    pub(crate) fn finish(&self, key: &str, id: &str, tags: &[(u32, String)]) -> Result<ObjectMeta, Error> {
        let honest = || self.store.finish(key, id, tags);
        let lie = match self.about(key) {
            Some(Lie::ClaimsAnyOrder) if !self.notes.has(LATE) => return honest(),
            Some(
                lie @ (Lie::PartDropped
                | Lie::PartsSwapped
                | Lie::PartRepeated
                | Lie::LastPartCut
                | Lie::ClaimsAnyOrder
                | Lie::FinishDrops),
            ) => lie,
            _ => return honest(),
        };
        let upload = Upload::parse(id).ok_or_else(|| error::not_found("no such upload"))?;
        if lie == Lie::FinishDrops {
            let size = upload.length(tags)?;
            self.store.abort(key, id)?;
            self.notes.strike()?;
            return Ok(kept(key, size));
        }
        // Whoever looks afterwards cannot tell this from parts that were put together wrongly in the first place.
        let finished = honest()?;
        let whole = self.content(key)?;
        let part_size = usize::try_from(upload.part_size).unwrap_or(usize::MAX);
        let altered = alter::parts(lie, whole.clone(), part_size);
        if altered == whole {
            return Ok(finished);
        }
        self.notes.strike()?;
        let stored = self.store.put(key, altered.as_slice(), &Precondition::None, &[])?;
        Ok(ObjectMeta { size: finished.size, ..stored })
    }

    pub(crate) fn abort(&self, key: &str, id: &str) -> Result<(), Error> {
        if self.about(key) == Some(Lie::AbortKeeps) {
            return self.notes.strike();
        }
        self.store.abort(key, id)
    }
}
