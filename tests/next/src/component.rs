//! The component: exports the store in the experimental version of the interface.

use std::path::PathBuf;

use crate::bindings::exports::siltstone::storage::store::{self as exported, Guest, GuestHandle};
use crate::bindings::siltstone::storage::host::{self, Cached, LogLevel};
use crate::bindings::siltstone::storage::io::{Blob, Digest, Sink};
use crate::bindings::siltstone::storage::types::{
    Absence, Capabilities, DigestKinds, Error, ErrorKind, Info, Listing, Need, Part, PartRules,
    Preconditions, PutRequest, Reach, Setting, SettingKind, Site, Stored, Undeleted,
};
use crate::bindings::wasi::random::random::get_random_u64;
use crate::store::{Store, attempt, crc32c, error};
use crate::{FOLDER, NAME};

/// Bytes of a blob that are read at once.
const STEP: u32 = 1 << 20;
/// For how long it is remembered what the filesystem can do.
const REMEMBERED_MS: u64 = 3_600_000;

struct Component;

struct Handle(Store);

fn folder(site: &Site) -> Result<String, Error> {
    let set = site.settings.iter().find(|(name, _)| name == FOLDER).map(|(_, value)| value);
    let folder = site.path.as_ref().or(set).cloned();
    folder.ok_or_else(|| error(ErrorKind::InvalidConfig, format!("{FOLDER} is not set")))
}

impl Guest for Component {
    type Handle = Handle;

    fn describe() -> Info {
        Info {
            name: NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: vec![Setting {
                name: FOLDER.to_owned(),
                kind: SettingKind::Folder,
                absence: Absence::Refused,
                doc: "The folder that objects are kept in.".to_owned(),
            }],
        }
    }

    fn needs(site: Site) -> Result<Vec<Need>, Error> {
        Ok(vec![Need { what: Reach::WriteFolder(folder(&site)?), purpose: "objects".to_owned() }])
    }
}

/// Hands the blob over piece by piece and sums it up on the way.
fn pieces<'b>(blob: &'b Blob, sum: &'b mut u32) -> impl FnMut() -> Vec<u8> + 'b {
    let mut at = 0;
    move || {
        let piece = blob.read(at, STEP);
        *sum = crc32c(*sum, &piece);
        at += piece.len() as u64;
        piece
    }
}

/// Compares what arrived with what the host says that it sent.
fn check(blob: &Blob, sum: u32) -> Result<(), Error> {
    let given = blob.digests().into_iter().find_map(|digest| match digest {
        Digest::Crc32c(sum) => Some(sum),
        _ => None,
    });
    match given {
        Some(given) if given == !sum => Ok(()),
        Some(_) => Err(error(ErrorKind::Corrupt, "the bytes that arrived have another checksum")),
        None => Err(error(ErrorKind::Internal, "the host gives no CRC-32C")),
    }
}

impl GuestHandle for Handle {
    fn open(site: Site) -> Result<exported::Handle, Error> {
        let folder = folder(&site)?;
        host::log(LogLevel::Debug, &format!("keeps objects in {folder}"));
        Ok(exported::Handle::new(Handle(Store::new(PathBuf::from(folder), get_random_u64))))
    }

    fn home(&self) -> String {
        self.0.root().display().to_string()
    }

    fn capabilities(&self) -> Result<Capabilities, Error> {
        let has_links = match host::cache_get("links") {
            Cached::Current(known) => known == [1],
            Cached::Stale(_) | Cached::Missing => {
                let found = self.0.has_links();
                host::cache_put("links", &[u8::from(found)], REMEMBERED_MS);
                found
            }
        };
        Ok(Capabilities {
            max_put: 1 << 40,
            max_object: 1 << 40,
            parts: Some(PartRules {
                in_order: false,
                min_length: 1,
                max_length: 1 << 30,
                multiple_of: 1,
                max_count: 10_000,
            }),
            preconditions: if has_links { Preconditions::IF_ABSENT } else { Preconditions::empty() },
            digests: DigestKinds::CRC32C,
            delete_batch: 100,
            in_flight: 4,
        })
    }

    fn put(&self, request: PutRequest, body: &Blob) -> Result<Stored, Error> {
        let mut sum = !0;
        let temp = self.0.write(attempt(&request.attributes)?, &mut pieces(body, &mut sum))?;
        if let Err(wrong) = check(body, sum) {
            let _ = std::fs::remove_file(&temp);
            return Err(wrong);
        }
        self.0.publish(&temp, &request.key, &request.condition)
    }

    fn get(&self, key: String, offset: u64, length: Option<u64>, to: &Sink) -> Result<u64, Error> {
        self.0.get(&key, offset, length, &mut |piece| to.write(piece))
    }

    fn head(&self, key: String) -> Result<Stored, Error> {
        self.0.head(&key)
    }

    fn list(
        &self,
        prefix: String,
        delimiter: Option<String>,
        token: Option<String>,
        limit: u32,
    ) -> Result<Listing, Error> {
        self.0.list(&prefix, delimiter.as_deref(), token.as_deref(), limit)
    }

    fn delete(&self, keys: Vec<String>) -> Result<Vec<Undeleted>, Error> {
        Ok(self.0.delete(keys))
    }

    fn multipart_start(
        &self,
        request: PutRequest,
        _part_length: u64,
        _total: Option<u64>,
    ) -> Result<String, Error> {
        self.0.start(&request)
    }

    fn multipart_put(&self, _key: String, id: String, number: u32, body: &Blob) -> Result<Part, Error> {
        let mut sum = !0;
        let part = self.0.put_part(&id, number, &mut pieces(body, &mut sum))?;
        check(body, sum)?;
        Ok(part)
    }

    fn multipart_finish(&self, key: String, id: String, parts: Vec<Part>) -> Result<Stored, Error> {
        self.0.finish(&key, &id, &parts)
    }

    fn multipart_abort(&self, _key: String, id: String) -> Result<(), Error> {
        self.0.give_up(&id)
    }
}

crate::bindings::export!(Component);
