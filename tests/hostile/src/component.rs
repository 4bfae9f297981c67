//! The component: an honest store of nothing that hands provoked calls to its misdeeds.

use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::settings::Settings as Given;
use siltstone_plugin_sdk::types::{
    Attributes, Capabilities, DigestKinds, Error, FolderAccess, FolderNeed, Info, Location, Needs,
    ObjectMeta, OriginNeed, Page, PartOrder, PartRules, Precondition, Preconditions, Setting, SettingKind,
    Settings,
};
use siltstone_plugin_sdk::{Guest, GuestHandle, error, host, store};

use crate::{ADDRESS, BEHAVIOUR, Behaviour, FOLDER, SECRET, TRIGGER, escape, lies, misdeeds};

struct Component;

/// What the calls of one instance know.
pub(crate) struct Handle {
    pub(crate) behaviour: Behaviour,
    pub(crate) folder: String,
    pub(crate) address: String,
    pub(crate) secret: String,
}

fn behaviour(settings: &Settings) -> Result<Behaviour, Error> {
    Given::new(settings).required(BEHAVIOUR)?.parse().map_err(|e: String| error::invalid_config(e))
}

impl Guest for Component {
    type Handle = Handle;

    fn describe() -> Info {
        let setting = |name: &str, kind, doc: &str| Setting {
            name: name.to_owned(),
            kind,
            required: true,
            default: None,
            doc: doc.to_owned(),
        };
        Info {
            name: "hostile".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: vec![
                setting(BEHAVIOUR, SettingKind::Text, "What to do when provoked."),
                setting(FOLDER, SettingKind::Folder, "A folder to break out of."),
                setting(ADDRESS, SettingKind::Text, "An address to break through to."),
                setting(SECRET, SettingKind::Secret, "A secret to tell."),
            ],
        }
    }

    fn needs(settings: Settings, _location: Location) -> Result<Needs, Error> {
        let folder = Given::new(&settings).required(FOLDER)?.to_owned();
        let need =
            |path: String| FolderNeed { path, access: FolderAccess::Write, purpose: "tests".to_owned() };
        let mut needs = Needs { origins: vec![], files: vec![], folders: vec![need(folder)] };
        match behaviour(&settings)? {
            Behaviour::NeedsForeignFolder => needs.folders.push(need("/etc".to_owned())),
            Behaviour::NeedsForeignFile => needs.files.push("/etc/passwd".to_owned()),
            Behaviour::NeedsOrigin => needs.origins.push(OriginNeed {
                scheme: "http".to_owned(),
                host: "127.0.0.1".to_owned(),
                port: 80,
                purpose: "tests".to_owned(),
            }),
            Behaviour::RequestBeside => {
                let address = Given::new(&settings).required(ADDRESS)?;
                let (host, port) = address.rsplit_once(':').unwrap_or((address, "80"));
                needs.origins.push(OriginNeed {
                    scheme: "http".to_owned(),
                    host: host.to_owned(),
                    port: port.parse().unwrap_or(80),
                    purpose: "tests".to_owned(),
                });
            }
            Behaviour::CacheInNeeds => {
                let _ = host::cache_get("key");
            }
            _ => {}
        }
        Ok(needs)
    }
}

impl Handle {
    fn is_provoked(&self, text: &str) -> bool {
        text.starts_with(TRIGGER)
    }
}

impl GuestHandle for Handle {
    fn open(settings: Settings, _location: Location) -> Result<store::Handle, Error> {
        let given = Given::new(&settings);
        let handle = Self {
            behaviour: behaviour(&settings)?,
            folder: given.required(FOLDER)?.to_owned(),
            address: given.required(ADDRESS)?.to_owned(),
            secret: given.required(SECRET)?.to_owned(),
        };
        if handle.behaviour == Behaviour::TrapInOpen {
            misdeeds::trap("open");
        }
        Ok(store::Handle::new(handle))
    }

    fn home(&self) -> String {
        match self.behaviour {
            Behaviour::HugeHome => "h".repeat(3 << 10),
            Behaviour::SecretHome => format!("hostile://{}", self.secret),
            _ => "hostile://nowhere".to_owned(),
        }
    }

    fn capabilities(&self) -> Result<Capabilities, Error> {
        Ok(Capabilities {
            max_put: 1 << 30,
            max_object: 1 << 40,
            parts: PartRules {
                order: PartOrder::AnyOrder,
                min_size: 1,
                max_size: 1 << 30,
                multiple_of: 1,
                max_count: 10_000,
            },
            preconditions: Preconditions::empty(),
            digests: DigestKinds::empty(),
            delete_batch: if self.behaviour == Behaviour::NonsenseCapabilities { 0 } else { 100 },
            in_flight: 2,
        })
    }

    fn put(&self, key: String, body: &Blob, _: Precondition, _: Attributes) -> Result<ObjectMeta, Error> {
        if self.is_provoked(&key) {
            misdeeds::put(self, body)?;
            escape::put(self)?;
        }
        let more = u64::from(self.is_provoked(&key) && self.behaviour == Behaviour::WrongSize);
        Ok(lies::meta(key, body.size() + more))
    }

    fn get(&self, key: String, _offset: u64, len: Option<u64>, to: &Sink) -> Result<u64, Error> {
        let len = len.unwrap_or(16);
        if self.is_provoked(&key) {
            return misdeeds::get(self.behaviour, len, to);
        }
        to.write(&vec![7; len as usize]).map_err(error::internal)?;
        Ok(len)
    }

    fn head(&self, key: String) -> Result<ObjectMeta, Error> {
        if self.is_provoked(&key) {
            escape::head(self)?;
            return lies::head(self, key);
        }
        Ok(lies::meta(key, 16))
    }

    fn list(
        &self,
        prefix: String,
        _delimiter: Option<String>,
        token: Option<String>,
        limit: u32,
    ) -> Result<Page, Error> {
        if self.is_provoked(&prefix) {
            return Ok(lies::list(self.behaviour, token, limit));
        }
        Ok(Page { objects: vec![], prefixes: vec![], next: None })
    }

    fn delete(&self, keys: Vec<String>) -> Result<Vec<(String, Error)>, Error> {
        if self.behaviour == Behaviour::DeletesOthers && keys.iter().any(|key| self.is_provoked(key)) {
            return Ok(vec![("innocent".to_owned(), error::denied("no"))]);
        }
        Ok(vec![])
    }

    fn multipart_start(
        &self,
        key: String,
        _part_size: u64,
        _total: Option<u64>,
        _: Precondition,
        _: Attributes,
    ) -> Result<String, Error> {
        let huge = self.behaviour == Behaviour::HugeUploadId && self.is_provoked(&key);
        Ok("u".repeat(if huge { 5 << 10 } else { 1 }))
    }

    fn multipart_put(&self, _key: String, _id: String, _number: u32, _body: &Blob) -> Result<String, Error> {
        Ok("tag".to_owned())
    }

    fn multipart_finish(
        &self,
        key: String,
        _id: String,
        _tags: Vec<(u32, String)>,
    ) -> Result<ObjectMeta, Error> {
        Ok(lies::meta(key, 1))
    }

    fn multipart_abort(&self, _key: String, _id: String) -> Result<(), Error> {
        Ok(())
    }
}

siltstone_plugin_sdk::export!(Component);
