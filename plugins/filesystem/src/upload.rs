//! Multipart uploads: one temporary file whose parts are written in place, then published.

use siltstone_plugin_sdk::types::{Error, ObjectMeta, Precondition};
use siltstone_plugin_sdk::{data, error, keys};

use crate::attributes;
use crate::error::{changing, failed, is_missing};
use crate::folder::{Code, File, Folder};
use crate::multipart::{SUFFIX, Upload, tag};
use crate::publish::{Publish, settle, write_from};
use crate::store::{MAX_FILE, MAX_PART, Store};
use crate::temp::{TEMP, Temp};

impl<F: Folder> Store<F> {
    /// Begins an upload; see `multipart-start` of the contract.
    pub fn start(
        &self,
        key: &str,
        part_size: u64,
        total: Option<u64>,
        condition: &Precondition,
        attributes: &[(String, String)],
    ) -> Result<String, Error> {
        keys::segments(key)?;
        let publish = Publish::new(condition)?;
        let attempt = attributes::attempt(attributes)?;
        if !(1..=MAX_PART).contains(&part_size) || total.is_some_and(|total| total > MAX_FILE) {
            return Err(error::unsupported(format!("cannot upload {key} in parts of {part_size} bytes")));
        }
        let (temp, _) = self.create_temp(&attempt, SUFFIX)?;
        let unique = temp.name.trim_end_matches(SUFFIX).to_owned();
        Ok(Upload { attempt, unique, part_size, total, publish }.id())
    }

    /// Writes one part in its place; see `multipart-put` of the contract.
    pub fn put_part<S: data::Source + ?Sized>(
        &self,
        key: &str,
        id: &str,
        number: u32,
        body: &S,
    ) -> Result<String, Error> {
        let (upload, _, file) = self.open_upload(key, id)?;
        let size = body.size();
        let start = upload.offset(number, size)?;
        write_from(&file, start, body, key)?;
        // Only the last part is smaller than the others. When it is sent again it may be smaller than it was.
        let cut = if size < upload.part_size { file.set_size(start + size) } else { Ok(()) };
        // Synced now, by the descriptor that wrote it: an error of a late write-back is told to those who
        // hold the file open, and nobody may by the time of `finish`.
        cut.and_then(|()| file.sync_data())
            .map_err(|code| failed(code, format_args!("write part {number} of {key}")))?;
        Ok(tag(number, size))
    }

    /// Makes the object out of its parts; see `multipart-finish` of the contract. After an error without
    /// effect the parts are still there.
    pub fn finish(&self, key: &str, id: &str, tags: &[(u32, String)]) -> Result<ObjectMeta, Error> {
        let (upload, temp, file) = self.open_upload(key, id)?;
        let length = upload.length(tags)?;
        let stat = settle(&file, key)?;
        if stat.size != length {
            let size = stat.size;
            return Err(error::corrupt(format!("the parts of {key} are {size} bytes long, not {length}")));
        }
        drop(file);
        let published = self.publish(&temp, &stat, key, upload.publish)?;
        match upload.publish {
            Publish::Replace => self.release(temp),
            Publish::IfAbsent => self.discard(temp),
        }
        Ok(published)
    }

    /// Gives an upload up; see `multipart-abort` of the contract.
    pub fn abort(&self, key: &str, id: &str) -> Result<(), Error> {
        let Some(upload) = Upload::parse(id) else { return Ok(()) };
        let path = [TEMP, upload.attempt.as_str()];
        let removed = match self.tree.find(&path) {
            Ok(Some(folder)) => folder.unlink(&upload.file()),
            Ok(None) => Ok(()),
            Err(code) => Err(code),
        };
        match removed {
            Ok(()) | Err(Code::NoEntry) => {
                self.tree.prune(&path);
                Ok(())
            }
            Err(code) => Err(changing(code, format_args!("abort the upload of {key}"))),
        }
    }

    /// The temporary file of an upload; `not-found` when there is none.
    fn open_upload(&self, key: &str, id: &str) -> Result<(Upload, Temp<'_, F>, F::File), Error> {
        let unknown = || error::not_found(format!("the upload of {key} does not exist"));
        let upload = Upload::parse(id).ok_or_else(unknown)?;
        let name = upload.file();
        let open = || {
            let folder = self.tree.find(&[TEMP, upload.attempt.as_str()])?.ok_or(Code::NoEntry)?;
            let file = folder.open_for_writing(&name)?;
            Ok((folder, file))
        };
        match open() {
            Ok((folder, file)) => {
                let temp = Temp { folder, attempt: upload.attempt.clone(), name };
                Ok((upload, temp, file))
            }
            Err(code) if is_missing(code) => Err(unknown()),
            Err(code) => Err(failed(code, format_args!("open the upload of {key}"))),
        }
    }
}
