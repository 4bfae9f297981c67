//! Multipart uploads in memory: each part is an object under `.siltstone-tmp/`.

use std::collections::BTreeMap;

use super::State;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectKey;
use crate::storage::{
    Blob, Capabilities, Digests, ObjectMeta, PartOrder, PartRules, PartTag, Precondition, PutOptions,
    TEMPORARY, UploadId,
};

/// An upload that is neither finished nor given up.
pub(super) struct Upload {
    key: ObjectKey,
    part_size: u64,
    total: Option<u64>,
    condition: Precondition,
    /// `<attempt>` of the temporary names.
    attempt: String,
    /// What was accepted last for each number.
    parts: BTreeMap<u32, Part>,
}

struct Part {
    object: ObjectKey,
    size: u64,
    tag: PartTag,
}

impl Upload {
    pub(super) fn new(
        capabilities: &Capabilities,
        key: &ObjectKey,
        part_size: u64,
        total: Option<u64>,
        options: &PutOptions,
    ) -> Result<Self> {
        let rules = capabilities.parts;
        if rules.order == PartOrder::None {
            return Err(Error::new(ErrorKind::Unsupported, "multipart-start", "this storage takes no parts"));
        }
        if !(rules.min_size..=rules.max_size).contains(&part_size)
            || part_size == 0
            || !part_size.is_multiple_of(rules.multiple_of)
        {
            return Err(Error::invalid(
                "multipart-start",
                format!(
                    "parts of {part_size} bytes; {} to {} in multiples of {} are allowed",
                    rules.min_size, rules.max_size, rules.multiple_of
                ),
            ));
        }
        if total.is_some_and(|t| {
            t > capabilities.max_object || t.div_ceil(part_size) > u64::from(rules.max_count)
        }) {
            return Err(Error::invalid("multipart-start", format!("`{key}` is too large for its parts")));
        }
        Ok(Self {
            key: key.clone(),
            part_size,
            total,
            condition: options.condition.clone(),
            attempt: options.attempt.map_or_else(|| "none".to_owned(), |a| a.to_string()),
            parts: BTreeMap::new(),
        })
    }
}

impl State {
    fn upload(&mut self, operation: &'static str, key: &ObjectKey, id: &UploadId) -> Result<&mut Upload> {
        match self.uploads.get_mut(id) {
            Some(upload) if upload.key == *key => Ok(upload),
            Some(_) => Err(Error::invalid(
                operation,
                format!("upload `{}` is not one of `{key}`", id.0.escape_debug()),
            )),
            None => Err(Error::new(
                ErrorKind::NotFound,
                operation,
                format!("no upload `{}` of `{key}`", id.0.escape_debug()),
            )),
        }
    }

    pub(super) fn put_part(
        &mut self,
        rules: &PartRules,
        key: &ObjectKey,
        id: &UploadId,
        number: u32,
        body: &Blob,
    ) -> Result<PartTag> {
        let serial = self.next_serial();
        let upload = self.upload("multipart-put", key, id)?;
        let refuse =
            |why: String| Err(Error::invalid("multipart-put", format!("part {number} of `{key}`: {why}")));
        if number == 0 || number > rules.max_count {
            return refuse(format!("numbers go from 1 to {}", rules.max_count));
        }
        if body.len() > upload.part_size || (body.is_empty() && number > 1) {
            return refuse(format!("{} bytes, a part has {}", body.len(), upload.part_size));
        }
        if rules.order == PartOrder::InOrder {
            let last = upload.parts.last_key_value();
            let (last_number, short) =
                last.map_or((0, false), |(n, part)| (*n, part.size < upload.part_size));
            if number > last_number + 1 {
                return refuse(format!("part {} has not been accepted yet", last_number + 1));
            }
            if number == last_number + 1 && short {
                return refuse(format!("part {last_number} was short, so it is the last"));
            }
        }
        let object = ObjectKey::new(format!("{TEMPORARY}{}/{}/{number}", upload.attempt, id.0))?;
        let tag = PartTag(format!("t{serial}"));
        upload.parts.insert(number, Part { object: object.clone(), size: body.len(), tag: tag.clone() });
        self.insert(&object, body.clone());
        Ok(tag)
    }

    pub(super) fn finish(
        &mut self,
        key: &ObjectKey,
        id: &UploadId,
        given: &[(u32, PartTag)],
    ) -> Result<ObjectMeta> {
        let upload = self.upload("multipart-finish", key, id)?;
        let refuse = |why: &str| Err(Error::invalid("multipart-finish", format!("parts of `{key}`: {why}")));
        if given.is_empty() || given.iter().zip(1..).any(|((number, _), expected)| *number != expected) {
            return refuse("they must ascend from 1 without a gap");
        }
        if given.len() != upload.parts.len() {
            return refuse("not all that were sent are named");
        }
        let mut sum = 0;
        for (at, ((number, tag), part)) in given.iter().zip(upload.parts.values()).enumerate() {
            if part.tag != *tag {
                return refuse(&format!("the tag of {number} is not the one that was answered"));
            }
            if at + 1 < given.len() && part.size != upload.part_size {
                return refuse(&format!("{number} is short and not the last"));
            }
            sum += part.size;
        }
        if upload.total.is_some_and(|total| total != sum) {
            return refuse("they do not add up to the total that was announced");
        }
        let condition = upload.condition.clone();
        let objects: Vec<ObjectKey> = upload.parts.values().map(|part| part.object.clone()).collect();
        self.check("multipart-finish", key, &condition)?;
        let mut pieces = Vec::new();
        for object in &objects {
            pieces.extend(self.object("multipart-finish", object)?.content.pieces().cloned());
        }
        self.drop_upload(id);
        Ok(self.insert(key, Blob::new(pieces, Digests::default())))
    }

    pub(super) fn abort(&mut self, key: &ObjectKey, id: &UploadId) -> Result<()> {
        match self.upload("multipart-abort", key, id) {
            Ok(_) => self.drop_upload(id),
            Err(e) if e.is(ErrorKind::NotFound) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    fn drop_upload(&mut self, id: &UploadId) {
        if let Some(upload) = self.uploads.remove(id) {
            for part in upload.parts.values() {
                self.objects.remove(part.object.as_str());
            }
        }
    }
}
