//! The component: an honest store in a folder that hands chosen calls to its lies.

use siltstone_plugin_filesystem::descriptor::granted;
use siltstone_plugin_filesystem::store::Store;
use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::settings::Settings as Given;
use siltstone_plugin_sdk::types::{
    Attributes, Capabilities, DigestKinds, Error, FolderAccess, FolderNeed, Info, Location, Needs,
    ObjectMeta, Page, Precondition, Preconditions, Setting, SettingKind, Settings,
};
use siltstone_plugin_sdk::wasi::filesystem::types::Descriptor;
use siltstone_plugin_sdk::wasi::random::random::get_random_u64;
use siltstone_plugin_sdk::{Guest, GuestHandle, error, store};

use crate::kind::{Kind, number};
use crate::notes::Notes;
use crate::{FOLDER, LIE, Lie, NAME, NOTES, NTH, OBJECT, SECRET};

struct Component;

/// What the calls of one instance know.
pub(crate) struct Handle {
    pub(crate) lie: Option<Lie>,
    pub(crate) object: Option<Kind>,
    pub(crate) nth: Option<u32>,
    pub(crate) notes: Notes,
    pub(crate) store: Store<Descriptor>,
    pub(crate) secret: String,
    home: String,
}

impl Guest for Component {
    type Handle = Handle;

    fn describe() -> Info {
        let setting = |name: &str, kind, required, doc: &str| Setting {
            name: name.to_owned(),
            kind,
            required,
            default: None,
            doc: doc.to_owned(),
        };
        Info {
            name: NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: vec![
                setting(FOLDER, SettingKind::Folder, true, "The folder of the objects."),
                setting(NOTES, SettingKind::Folder, true, "The folder of the notes."),
                setting(LIE, SettingKind::Text, false, "The lie."),
                setting(OBJECT, SettingKind::Text, false, "The kind of object that it is about."),
                setting(NTH, SettingKind::Text, false, "Which one of them; all if absent."),
                setting(SECRET, SettingKind::Secret, false, "A secret to tell."),
            ],
        }
    }

    fn needs(settings: Settings, location: Location) -> Result<Needs, Error> {
        let given = Given::new(&settings);
        let need = |path: &str, purpose: &str| FolderNeed {
            path: path.to_owned(),
            access: FolderAccess::Write,
            purpose: purpose.to_owned(),
        };
        let folders = vec![need(place(&given, &location)?, "objects"), need(given.required(NOTES)?, "notes")];
        Ok(Needs { origins: vec![], files: vec![], folders })
    }
}

impl Handle {
    /// The lie, when this object was chosen for it.
    pub(crate) fn about(&self, key: &str) -> Option<Lie> {
        let kind = Kind::of(key)?;
        let nth = self.nth.filter(|_| kind == Kind::Chunk);
        let chosen = self.object == Some(kind) && nth.is_none_or(|nth| number(key) == Some(nth));
        self.lie.filter(|_| chosen)
    }
}

/// The folder of a location.
fn place<'a>(given: &'a Given<'_>, location: &'a Location) -> Result<&'a str, Error> {
    match (&location.path, parsed(given, LIE)?) {
        (None, _) | (_, Some(Lie::IgnoresPath | Lie::ClaimsPath)) => given.required(FOLDER),
        (Some(path), _) if path.starts_with('/') => Ok(path),
        (Some(path), _) => Err(error::invalid_config(format!("the path {path} must be absolute"))),
    }
}

fn parsed<T: std::str::FromStr>(given: &Given<'_>, name: &str) -> Result<Option<T>, Error> {
    let wrong = |value: &str| error::invalid_config(format!("{name} is {value:?}"));
    given.optional(name).map(|value| value.parse().map_err(|_| wrong(value))).transpose()
}

impl GuestHandle for Handle {
    fn open(settings: Settings, location: Location) -> Result<store::Handle, Error> {
        let given = Given::new(&settings);
        let folder =
            |path: &str| granted(path).ok_or_else(|| error::denied(format!("folder {path} is not granted")));
        let lie: Option<Lie> = parsed(&given, LIE)?;
        let place = place(&given, &location)?;
        let home = match &location.path {
            Some(path) if lie == Some(Lie::ClaimsPath) => path.as_str(),
            _ => place,
        };
        Ok(store::Handle::new(Self {
            lie,
            object: parsed(&given, OBJECT)?,
            nth: parsed(&given, NTH)?,
            notes: Notes(folder(given.required(NOTES)?)?),
            store: Store::new(folder(place)?, get_random_u64),
            secret: given.optional(SECRET).unwrap_or_default().to_owned(),
            home: home.to_owned(),
        }))
    }

    fn home(&self) -> String {
        self.home.clone()
    }

    fn capabilities(&self) -> Result<Capabilities, Error> {
        let mut known = self.store.capabilities()?;
        match self.lie {
            Some(Lie::IgnoresDigests) => known.digests = DigestKinds::all(),
            Some(Lie::IgnoresIfMatch | Lie::ClaimsIfMatch) => {
                known.preconditions |= Preconditions::IF_MATCH;
            }
            _ => {}
        }
        Ok(known)
    }

    fn put(
        &self,
        key: String,
        body: &Blob,
        condition: Precondition,
        attributes: Attributes,
    ) -> Result<ObjectMeta, Error> {
        self.write(&key, body, &condition, &attributes)
    }

    fn get(&self, key: String, offset: u64, len: Option<u64>, to: &Sink) -> Result<u64, Error> {
        self.read(&key, offset, len, to)
    }

    fn head(&self, key: String) -> Result<ObjectMeta, Error> {
        self.look(&key)
    }

    fn list(
        &self,
        prefix: String,
        delimiter: Option<String>,
        token: Option<String>,
        limit: u32,
    ) -> Result<Page, Error> {
        self.page(&prefix, delimiter.as_deref(), token, limit)
    }

    fn delete(&self, keys: Vec<String>) -> Result<Vec<(String, Error)>, Error> {
        self.remove(&keys)
    }

    fn multipart_start(
        &self,
        key: String,
        part_size: u64,
        total: Option<u64>,
        condition: Precondition,
        attributes: Attributes,
    ) -> Result<String, Error> {
        self.store.start(&key, part_size, total, &condition, &attributes)
    }

    fn multipart_put(&self, key: String, id: String, number: u32, body: &Blob) -> Result<String, Error> {
        self.part(&key, &id, number, body)
    }

    fn multipart_finish(
        &self,
        key: String,
        id: String,
        tags: Vec<(u32, String)>,
    ) -> Result<ObjectMeta, Error> {
        self.finish(&key, &id, &tags)
    }

    fn multipart_abort(&self, key: String, id: String) -> Result<(), Error> {
        self.abort(&key, &id)
    }
}

siltstone_plugin_sdk::export!(Component);
