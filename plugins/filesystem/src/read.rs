//! Reads objects and what is known of them.

use siltstone_plugin_sdk::types::{Error, ObjectMeta};
use siltstone_plugin_sdk::{data, error, keys};

use crate::error::{failed, is_missing, missing};
use crate::folder::{Code, File, Folder, Kind, Stat};
use crate::store::{MAX_FILE, Store};
use crate::tree::At;

impl<F: Folder> Store<F> {
    /// Writes a range of the object to the target; see `get` of the contract.
    pub fn get(
        &self,
        key: &str,
        offset: u64,
        len: Option<u64>,
        target: &mut impl data::Target,
    ) -> Result<u64, Error> {
        // The look before the open keeps a pipe from holding us up.
        let (folder, name, _) = self.object(key)?;
        let failing = |code: Code| failed(code, format_args!("read {key}"));
        let file =
            folder.open(name).map_err(|code| if is_missing(code) { missing(key) } else { failing(code) })?;
        let end = len.map_or(MAX_FILE, |len| offset.saturating_add(len).min(MAX_FILE));
        let mut at = offset;
        while at < end {
            let (piece, last) = file.read((end - at).min(data::STEP.into()), at).map_err(failing)?;
            if piece.is_empty() {
                break;
            }
            target
                .write(&piece)
                .map_err(|text| error::internal(format!("the host did not take {key} at {at}: {text}")))?;
            at += piece.len() as u64;
            if last {
                break;
            }
        }
        Ok(at - offset)
    }

    /// Size, etag and time of an object.
    pub fn head(&self, key: &str) -> Result<ObjectMeta, Error> {
        let (_, _, stat) = self.object(key)?;
        Ok(meta(key.to_owned(), &stat))
    }

    /// Where the object lies, and what is known of it.
    fn object<'k>(&self, key: &'k str) -> Result<(At<'_, F>, &'k str, Stat), Error> {
        let (folders, name) = keys::split(key)?;
        let look = || {
            let Some(folder) = self.tree.find(&folders)? else { return Err(Code::NoEntry) };
            let stat = folder.stat(name)?;
            Ok((folder, stat))
        };
        match look() {
            Ok((folder, stat)) if stat.kind == Kind::File => Ok((folder, name, stat)),
            Ok(_) => Err(missing(key)),
            Err(code) if is_missing(code) => Err(missing(key)),
            Err(code) => Err(failed(code, format_args!("look at {key}"))),
        }
    }
}

/// What is told of an object. A file is never changed in place, so that size, time and identity tell one
/// content from another.
pub(crate) fn meta(key: String, stat: &Stat) -> ObjectMeta {
    let (seconds, nanoseconds) = stat.modified.unwrap_or_default();
    ObjectMeta {
        key,
        size: stat.size,
        etag: Some(format!("{:x}-{seconds:x}.{nanoseconds:x}-{:x}", stat.size, stat.identity)),
        modified_ms: stat
            .modified
            .map(|(seconds, nanoseconds)| seconds.saturating_mul(1000) + u64::from(nanoseconds / 1_000_000)),
    }
}
