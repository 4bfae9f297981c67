//! The component: exports the transport.

use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::store;
use siltstone_plugin_sdk::types::{
    Attributes, Capabilities, Error, Info, Location, Needs, ObjectMeta, Page, Precondition, Settings,
};
use siltstone_plugin_sdk::{Guest, GuestHandle};

use crate::config::{self, Config};
use crate::store::Store;

struct Component;

struct Handle(Store);

impl Guest for Component {
    type Handle = Handle;

    fn describe() -> Info {
        config::describe()
    }

    fn needs(settings: Settings, location: Location) -> Result<Needs, Error> {
        Config::read(&settings, &location)?.needs()
    }
}

impl GuestHandle for Handle {
    fn open(settings: Settings, location: Location) -> Result<store::Handle, Error> {
        Ok(store::Handle::new(Handle(Store::new(Config::read(&settings, &location)?))))
    }

    fn home(&self) -> String {
        self.0.home()
    }

    fn capabilities(&self) -> Result<Capabilities, Error> {
        Ok(self.0.capabilities())
    }

    fn put(
        &self,
        key: String,
        body: &Blob,
        condition: Precondition,
        attributes: Attributes,
    ) -> Result<ObjectMeta, Error> {
        self.0.put(&key, body, &condition, &attributes)
    }

    fn get(&self, key: String, offset: u64, len: Option<u64>, to: &Sink) -> Result<u64, Error> {
        self.0.get(&key, offset, len, to)
    }

    fn head(&self, key: String) -> Result<ObjectMeta, Error> {
        self.0.head(&key)
    }

    fn list(
        &self,
        prefix: String,
        delimiter: Option<String>,
        token: Option<String>,
        limit: u32,
    ) -> Result<Page, Error> {
        self.0.list(&prefix, delimiter.as_deref(), token.as_deref(), limit)
    }

    fn delete(&self, keys: Vec<String>) -> Result<Vec<(String, Error)>, Error> {
        self.0.delete(&keys)
    }

    fn multipart_start(
        &self,
        _key: String,
        _part_size: u64,
        _total: Option<u64>,
        condition: Precondition,
        attributes: Attributes,
    ) -> Result<String, Error> {
        self.0.start(&condition, &attributes)
    }

    fn multipart_put(&self, key: String, id: String, number: u32, body: &Blob) -> Result<String, Error> {
        self.0.put_part(&key, &id, number, body)
    }

    fn multipart_finish(
        &self,
        key: String,
        id: String,
        tags: Vec<(u32, String)>,
    ) -> Result<ObjectMeta, Error> {
        self.0.finish(&key, &id, &tags)
    }

    fn multipart_abort(&self, key: String, id: String) -> Result<(), Error> {
        self.0.abort(&key, &id)
    }
}

siltstone_plugin_sdk::export!(Component);
