//! A record as the bytes of its file: one line of JSON and one with its BLAKE3.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::Hash;

/// Version of the files that this build writes and reads.
const FORMAT: u32 = 1;
/// Largest file. A record that would not fit is refused when it is written, so a larger file is none of ours.
pub(super) const MAX_BYTES: u64 = 64 << 20;

#[derive(Serialize)]
struct Body<'a, T> {
    format: u32,
    #[serde(flatten)]
    record: &'a T,
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct Seal {
    blake3: Hash,
}

/// Why a file gives no record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Defect {
    /// Its bytes are not what was written.
    Damaged(String),
    /// It was written by a version that this one does not understand.
    Newer(u32),
}

/// The bytes of a record.
pub(super) fn seal<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    let encode = |e| Error::internal("journal", "cannot encode a record").with_source(e);
    let mut bytes = serde_json::to_vec(&Body { format: FORMAT, record }).map_err(encode)?;
    let seal = serde_json::to_vec(&Seal { blake3: Hash::of(&bytes) }).map_err(encode)?;
    bytes.push(b'\n');
    bytes.extend(seal);
    bytes.push(b'\n');
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::invalid(
            "journal",
            format!("a record of {} bytes, at most {MAX_BYTES} fit; name fewer collections", bytes.len()),
        ));
    }
    Ok(bytes)
}

/// The record of some bytes.
pub(super) fn open<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Defect> {
    let damaged = |what: &str| Defect::Damaged(what.to_owned());
    if bytes.len() as u64 > MAX_BYTES {
        return Err(damaged("it is larger than any record"));
    }
    let Some(bytes) = bytes.strip_suffix(b"\n") else { return Err(damaged("its end is missing")) };
    let Some(at) = bytes.iter().position(|b| *b == b'\n') else { return Err(damaged("its end is missing")) };
    let (body, end) = (&bytes[..at], &bytes[at + 1..]);
    let seal: Seal = serde_json::from_slice(end).map_err(|_| damaged("its last line is not a hash"))?;
    if seal.blake3 != Hash::of(body) {
        return Err(damaged("its content does not have the hash of its last line"));
    }
    let version: Version = serde_json::from_slice(body).map_err(|e| Defect::Damaged(e.to_string()))?;
    if version.format != FORMAT {
        return Err(Defect::Newer(version.format));
    }
    serde_json::from_slice(body).map_err(|e| Defect::Damaged(e.to_string()))
}
