//! The component: an honest store of nothing that hands provoked calls to its misdeeds.

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};

use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::settings::Settings as Given;
use siltstone_plugin_sdk::types::{
    Attributes, Capabilities, Error, Info, Location, Needs, ObjectMeta, Page, Precondition, Setting,
    SettingKind, Settings,
};
use siltstone_plugin_sdk::{Guest, GuestHandle, error, host, store};

use crate::{
    ADDRESS, BAKED, BEHAVIOUR, Behaviour, FOLDER, Function, MARK, Order, SECRET, TRIGGERS, files, lies,
    messages, misdeeds, network, resources,
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
            anywhere(self.order, here);
        }
        provoked
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

    fn put(&self, key: String, body: &Blob, _: Precondition, _: Attributes) -> Result<ObjectMeta, Error> {
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
        Ok(lies::meta(key, body.size() + more))
    }

    fn get(&self, key: String, _offset: u64, len: Option<u64>, to: &Sink) -> Result<u64, Error> {
        let len = len.unwrap_or(16);
        if self.is_provoked(&key, Function::Get) {
            resources::get(self.behaviour, to);
            return misdeeds::get(self.behaviour, len, to);
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
        if self.is_provoked(&prefix, Function::List) {
            return Ok(lies::list(self.behaviour, token, limit));
        }
        Ok(Page { objects: vec![], prefixes: vec![], next: None })
    }

    fn delete(&self, keys: Vec<String>) -> Result<Vec<(String, Error)>, Error> {
        let provoked = keys.iter().any(|key| self.is_provoked(key, Function::Delete));
        if provoked && self.behaviour == Behaviour::DeletesOthers {
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
        let provoked = self.is_provoked(&key, Function::Start);
        Ok(if provoked { lies::upload_id(self.behaviour) } else { "id".to_owned() })
    }

    fn multipart_put(&self, key: String, _id: String, _number: u32, _body: &Blob) -> Result<String, Error> {
        let provoked = self.is_provoked(&key, Function::Part);
        Ok(if provoked { lies::tag(self.behaviour) } else { "tag".to_owned() })
    }

    fn multipart_finish(
        &self,
        key: String,
        _id: String,
        _tags: Vec<(u32, String)>,
    ) -> Result<ObjectMeta, Error> {
        let provoked = self.is_provoked(&key, Function::Finish);
        let other = provoked && self.behaviour == Behaviour::FinishesOther;
        Ok(lies::meta(if other { "other".to_owned() } else { key }, 1))
    }

    fn multipart_abort(&self, key: String, _id: String) -> Result<(), Error> {
        self.is_provoked(&key, Function::Abort);
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        anywhere(self.order, Function::Drop);
    }
}

siltstone_plugin_sdk::export!(Component);
