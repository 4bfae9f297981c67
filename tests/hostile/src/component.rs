//! The component: an honest store of nothing that hands provoked calls to its misdeeds.

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};

use siltstone_plugin_filesystem::descriptor::granted;
use siltstone_plugin_filesystem::store::Store;
use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::settings::Settings as Given;
use siltstone_plugin_sdk::types::{
    Attributes, Capabilities, Error, Info, Location, Needs, ObjectMeta, Page, Precondition, Setting,
    SettingKind, Settings,
};
use siltstone_plugin_sdk::wasi::filesystem::types::Descriptor;
use siltstone_plugin_sdk::wasi::random::random::get_random_u64;
use siltstone_plugin_sdk::{Guest, GuestHandle, error, host, store};

use crate::{
    ADDRESS, ASLEEP, BAKED, BEHAVIOUR, Behaviour, CHECKED, FOLDER, Function, MARK, Order, SECRET, TRIGGERS,
    files, lies, messages, misdeeds, network, resources,
};

struct Component;

/// What the calls of one instance know.
pub(crate) struct Handle {
    pub(crate) order: Order,
    pub(crate) behaviour: Behaviour,
    pub(crate) folder: String,
    pub(crate) address: String,
    pub(crate) secret: String,
    path: String,
}

/// What calls of this instance have seen, if it remembers.
static MEMORY: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn order(settings: &Settings) -> Result<Order, Error> {
    Given::new(settings).required(BEHAVIOUR)?.parse().map_err(|e: String| error::invalid_config(e))
}

/// What is written into the component for `describe`.
fn baked() -> Option<Order> {
    let place: &[u8; 64] = black_box(BAKED);
    let text = std::str::from_utf8(&place[MARK.len()..]).ok()?;
    text.trim_end_matches('.').parse().ok()
}

/// The misdeeds that are of no one function.
fn anywhere(order: Order, here: Function) {
    if order.function == here {
        misdeeds::anywhere(order.behaviour, here.name());
    }
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
        let info = Info {
            name: "hostile".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: vec![
                setting(BEHAVIOUR, SettingKind::Text, "What to do when provoked."),
                setting(FOLDER, SettingKind::Folder, "A folder to break out of."),
                setting(ADDRESS, SettingKind::Text, "An address to break through to."),
                setting(SECRET, SettingKind::Secret, "A secret to tell."),
            ],
        };
        match baked() {
            None => info,
            Some(order) => {
                anywhere(order, Function::Describe);
                lies::describe(order.behaviour, info)
            }
        }
    }

    fn needs(settings: Settings, _location: Location) -> Result<Needs, Error> {
        let order = order(&settings)?;
        anywhere(order, Function::Needs);
        let given = Given::new(&settings);
        Ok(lies::needs(order.behaviour, given.required(FOLDER)?, given.required(ADDRESS)?))
    }
}

impl Handle {
    /// Whether a call is about something that provokes; what is of no one function is done right here.
    fn is_provoked(&self, text: &str, here: Function) -> bool {
        let provoked = TRIGGERS.iter().any(|trigger| text.starts_with(trigger));
        if provoked {
            if self.behaviour == Behaviour::Sleep
                && self.order.function == here
                && let Ok(folder) = files::folder(self)
            {
                // It may be there from another call.
                let _ = files::create(&folder, ASLEEP);
            }
            anywhere(self.order, here);
        }
        provoked
    }

    /// The store of what a certificate writes; none for all else.
    fn keeps(&self, key: &str) -> Option<Store<Descriptor>> {
        let folder = key.starts_with(CHECKED).then(|| granted(&self.folder))??;
        Some(Store::new(folder, get_random_u64))
    }

    /// What is remembered of the calls before, here and in the cache of the location, and then of this one as well.
    fn remember(&self, key: &str) -> String {
        let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = if host::cache_get("token").value.is_some() { "something" } else { "nothing" };
        let text = format!("{} remembers {memory:?} and {cached} cached", self.path);
        memory.push(format!("{}: {key}", self.path));
        host::cache_put("token", b"a token that is remembered", 60_000);
        text
    }
}

impl GuestHandle for Handle {
    fn open(settings: Settings, location: Location) -> Result<store::Handle, Error> {
        let given = Given::new(&settings);
        let order = order(&settings)?;
        anywhere(order, Function::Open);
        Ok(store::Handle::new(Self {
            order,
            behaviour: order.behaviour,
            folder: given.required(FOLDER)?.to_owned(),
            address: given.required(ADDRESS)?.to_owned(),
            secret: given.required(SECRET)?.to_owned(),
            path: location.path.unwrap_or_default(),
        }))
    }

    fn home(&self) -> String {
        anywhere(self.order, Function::Home);
        match self.behaviour {
            Behaviour::HugeHome => "h".repeat(3 << 10),
            Behaviour::SecretHome => format!("hostile://{}", self.secret),
            _ => "hostile://nowhere".to_owned(),
        }
    }

    fn capabilities(&self) -> Result<Capabilities, Error> {
        anywhere(self.order, Function::Capabilities);
        Ok(lies::capabilities(self.behaviour))
    }

    fn put(
        &self,
        key: String,
        body: &Blob,
        condition: Precondition,
        attributes: Attributes,
    ) -> Result<ObjectMeta, Error> {
        let mut more = 0;
        if self.is_provoked(&key, Function::Put) {
            misdeeds::put(self, body)?;
            resources::put(self, body)?;
            network::put(self);
            messages::put(self);
            files::put(self)?;
            match self.behaviour {
                Behaviour::WrongSize => more = 1,
                Behaviour::Remembers => drop(self.remember(&key)),
                _ => {}
            }
        }
        let Some(store) = self.keeps(&key) else { return Ok(lies::meta(key, body.size() + more)) };
        if !matches!(condition, Precondition::None) {
            return Err(error::unsupported("there are no conditions here"));
        }
        let kept = store.put(&key, body, &condition, &attributes)?;
        Ok(ObjectMeta { size: kept.size + more, ..kept })
    }

    fn get(&self, key: String, offset: u64, asked: Option<u64>, to: &Sink) -> Result<u64, Error> {
        let len = asked.unwrap_or(16);
        if self.is_provoked(&key, Function::Get) {
            resources::get(self.behaviour, to);
            if let Some(said) = misdeeds::get(self.behaviour, len, to) {
                return Ok(said);
            }
        }
        if let Some(store) = self.keeps(&key) {
            let mut target = to;
            return store.get(&key, offset, asked, &mut target);
        }
        to.write(&vec![7; len as usize]).map_err(error::internal)?;
        Ok(len)
    }

    fn head(&self, key: String) -> Result<ObjectMeta, Error> {
        if self.is_provoked(&key, Function::Head) {
            files::head(self)?;
            network::head(self)?;
            messages::head(self)?;
            if self.behaviour == Behaviour::Remembers {
                return Err(error::denied(self.remember(&key)));
            }
            if let Some(lie) = lies::head(self, &key) {
                return lie;
            }
        }
        self.keeps(&key).map_or_else(|| Ok(lies::meta(key.clone(), 16)), |store| store.head(&key))
    }

    fn list(
        &self,
        prefix: String,
        delimiter: Option<String>,
        token: Option<String>,
        limit: u32,
    ) -> Result<Page, Error> {
        if self.is_provoked(&prefix, Function::List)
            && let Some(lie) = lies::list(self.behaviour, &prefix, token.as_deref(), limit)
        {
            return Ok(lie);
        }
        match self.keeps(&prefix) {
            Some(store) => store.list(&prefix, delimiter.as_deref(), token.as_deref(), limit),
            None => Ok(Page { objects: vec![], prefixes: vec![], next: None }),
        }
    }

    fn delete(&self, keys: Vec<String>) -> Result<Vec<(String, Error)>, Error> {
        let provoked = keys.iter().any(|key| self.is_provoked(key, Function::Delete));
        if provoked && self.behaviour == Behaviour::DeletesOthers {
            return Ok(vec![("innocent".to_owned(), error::denied("no"))]);
        }
        match keys.first().and_then(|key| self.keeps(key)) {
            Some(store) => store.delete(&keys),
            None => Ok(vec![]),
        }
    }

    fn multipart_start(
        &self,
        key: String,
        part_size: u64,
        total: Option<u64>,
        condition: Precondition,
        attributes: Attributes,
    ) -> Result<String, Error> {
        if self.is_provoked(&key, Function::Start)
            && let Some(lie) = lies::upload_id(self.behaviour)
        {
            return Ok(lie);
        }
        match self.keeps(&key) {
            Some(store) => store.start(&key, part_size, total, &condition, &attributes),
            None => Ok("id".to_owned()),
        }
    }

    fn multipart_put(&self, key: String, id: String, number: u32, body: &Blob) -> Result<String, Error> {
        if self.is_provoked(&key, Function::Part)
            && let Some(lie) = lies::tag(self.behaviour)
        {
            return Ok(lie);
        }
        match self.keeps(&key) {
            Some(store) => store.put_part(&key, &id, number, body),
            None => Ok("tag".to_owned()),
        }
    }

    fn multipart_finish(
        &self,
        key: String,
        id: String,
        tags: Vec<(u32, String)>,
    ) -> Result<ObjectMeta, Error> {
        if self.is_provoked(&key, Function::Finish) && self.behaviour == Behaviour::FinishesOther {
            return Ok(lies::meta("other".to_owned(), 1));
        }
        match self.keeps(&key) {
            Some(store) => store.finish(&key, &id, &tags),
            None => Ok(lies::meta(key, 1)),
        }
    }

    fn multipart_abort(&self, key: String, id: String) -> Result<(), Error> {
        self.is_provoked(&key, Function::Abort);
        self.keeps(&key).map_or(Ok(()), |store| store.abort(&key, &id))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        anywhere(self.order, Function::Drop);
    }
}

siltstone_plugin_sdk::export!(Component);
