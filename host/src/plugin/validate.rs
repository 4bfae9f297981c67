//! Checks every value that a plugin answers against the contract; an error says which sentence was broken.

use super::bindings::types;
use super::describe::plain;
use super::redact::Redactor;
use super::text;
use crate::model::ObjectKey;
use crate::storage::{
    Capabilities, DigestKinds, ObjectMeta, PartOrder, PartRules, PartTag, Preconditions, UploadId,
};

/// Bytes of a home; the contract's bound.
const MAX_HOME: usize = 2048;
/// Bytes of an etag and of a part's tag; the contract's bound.
const MAX_TAG: usize = 1024;
/// Bytes of an upload id; the contract's bound.
const MAX_UPLOAD_ID: usize = 4096;
/// Keys of one delete, whatever the plugin offers.
const MAX_DELETE: u32 = 10_000;
/// Parts of one upload, whatever the plugin offers.
const MAX_PARTS: u32 = 1 << 20;

/// What was broken, for the text of a fault.
pub(crate) type Breach = String;

/// The URI of a location as people see it.
pub(crate) fn home(home: String, redactor: &Redactor) -> Result<String, Breach> {
    plain("its home", &home, 1, MAX_HOME)?;
    if home.len() > 1 && home.ends_with('/') {
        return Err(format!("its home ends with a slash: {}", text::shown(&home)));
    }
    let authority = home.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(""));
    if authority.contains('@') || redactor.finds(&home) {
        return Err("its home holds credentials".to_owned());
    }
    Ok(home)
}

/// The metadata of the object that was asked for.
pub(crate) fn meta(meta: types::ObjectMeta, key: &ObjectKey) -> Result<ObjectMeta, Breach> {
    if meta.key != key.as_str() {
        return Err(format!("it was asked for `{key}` and answered for {}", text::shown(&meta.key)));
    }
    attributes(meta, key.clone())
}

/// The metadata of an object that has just been put.
pub(crate) fn stored(given: types::ObjectMeta, key: &ObjectKey, size: u64) -> Result<ObjectMeta, Breach> {
    if given.size != size {
        return Err(format!("it was given {size} bytes and says that it stored {}", given.size));
    }
    meta(given, key)
}

/// Everything of an object but its key.
pub(crate) fn attributes(meta: types::ObjectMeta, key: ObjectKey) -> Result<ObjectMeta, Breach> {
    if let Some(etag) = &meta.etag {
        plain("an etag", etag, 1, MAX_TAG)?;
    }
    Ok(ObjectMeta { key, size: meta.size, etag: meta.etag, modified_ms: meta.modified_ms })
}

/// The id of an upload.
pub(crate) fn upload_id(id: String) -> Result<UploadId, Breach> {
    plain("an upload id", &id, 1, MAX_UPLOAD_ID)?;
    Ok(UploadId(id))
}

/// The tag of a part.
pub(crate) fn part_tag(tag: String) -> Result<PartTag, Breach> {
    plain("the tag of a part", &tag, 0, MAX_TAG)?;
    Ok(PartTag(tag))
}

/// How many bytes a get answered, against what arrived and what was asked for.
pub(crate) fn fetched(answered: u64, taken: super::io::Taken, asked: Option<u64>) -> Result<u64, Breach> {
    if taken.overrun {
        return Err("it sent more bytes than were asked for".to_owned());
    }
    if answered != taken.bytes {
        return Err(format!("it says that it sent {answered} bytes, but {} arrived", taken.bytes));
    }
    if asked.is_some_and(|asked| answered > asked) {
        return Err(format!("it sent {answered} bytes, more than were asked for"));
    }
    Ok(answered)
}

/// The keys that could not be deleted: each one of those that were given, and none twice.
pub(crate) fn undeleted<E>(
    answered: Vec<(String, E)>,
    given: &[ObjectKey],
) -> Result<Vec<(ObjectKey, E)>, Breach> {
    let mut left: std::collections::BTreeMap<&str, &ObjectKey> =
        given.iter().map(|key| (key.as_str(), key)).collect();
    let mut out = Vec::new();
    for (key, error) in answered {
        match left.remove(key.as_str()) {
            Some(known) => out.push((known.clone(), error)),
            None => {
                let shown = text::shown(&key);
                return Err(format!("it answered twice or unasked for {shown} in a delete"));
            }
        }
    }
    Ok(out)
}

/// What a store can do, as far as it makes sense; numbers beyond what the host uses are cut.
pub(crate) fn capabilities(given: types::Capabilities) -> Result<Capabilities, Breach> {
    let wrong = |what: &str| Err(format!("its capabilities make no sense: {what}"));
    if given.max_put == 0 || given.max_object < given.max_put {
        return wrong("max-put must be at least 1 and at most max-object");
    }
    if given.delete_batch == 0 || given.in_flight == 0 {
        return wrong("delete-batch and in-flight must be at least 1");
    }
    let parts = parts(given.parts).map_err(|what| format!("its rules for parts make no sense: {what}"))?;
    Ok(Capabilities {
        max_put: given.max_put,
        max_object: given.max_object,
        parts,
        preconditions: Preconditions {
            if_absent: given.preconditions.contains(types::Preconditions::IF_ABSENT),
            if_match: given.preconditions.contains(types::Preconditions::IF_MATCH),
        },
        digests: DigestKinds {
            sha256: given.digests.contains(types::DigestKinds::SHA256),
            md5: given.digests.contains(types::DigestKinds::MD5),
            crc32c: given.digests.contains(types::DigestKinds::CRC32C),
        },
        delete_batch: given.delete_batch.min(MAX_DELETE),
        in_flight: given.in_flight,
    })
}

fn parts(given: types::PartRules) -> Result<PartRules, &'static str> {
    let order = match given.order {
        types::PartOrder::None => PartOrder::None,
        types::PartOrder::InOrder => PartOrder::InOrder,
        types::PartOrder::AnyOrder => PartOrder::AnyOrder,
    };
    let types::PartRules { min_size, max_size, multiple_of, max_count, .. } = given;
    if order == PartOrder::None {
        if (min_size, max_size, multiple_of, max_count) != (0, 0, 0, 0) {
            return Err("without parts the other fields are 0");
        }
    } else {
        if multiple_of == 0 || max_count == 0 || max_size == 0 || min_size > max_size {
            return Err("multiple-of, max-count and max-size are at least 1, min-size is at most max-size");
        }
        if max_size / multiple_of * multiple_of < min_size.max(1) {
            return Err("no multiple of multiple-of lies between min-size and max-size");
        }
    }
    Ok(PartRules { order, min_size, max_size, multiple_of, max_count: max_count.min(MAX_PARTS) })
}

#[cfg(test)]
mod tests;
