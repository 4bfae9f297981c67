//! The component: exports the transport.

use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::store;
use siltstone_plugin_sdk::types::{
    self, Capabilities, Error, Info, Location, Needs, ObjectMeta, Page, Precondition, Settings,
};
use siltstone_plugin_sdk::{Guest, GuestHandle, error};

use crate::config::{self, Config};
use crate::list::list;
use crate::publish::Attributes;
use crate::requests::Store;

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
        self.0.config.address.home()
    }

    fn capabilities(&self) -> Result<Capabilities, Error> {
        Ok(self.0.capabilities())
    }

    fn put(
        &self,
        key: String,
        body: &Blob,
        condition: Precondition,
        attributes: types::Attributes,
    ) -> Result<ObjectMeta, Error> {
        self.0.put(&key, body, &condition, &Attributes::read(&attributes)?)
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
        list(&self.0, &prefix, delimiter.as_deref(), token.as_deref(), limit)
    }

    fn delete(&self, keys: Vec<String>) -> Result<Vec<(String, Error)>, Error> {
        self.0.delete(&keys)
    }

    fn multipart_start(
        &self,
        _key: String,
        _part_size: u64,
        _total: Option<u64>,
        _condition: Precondition,
        _attributes: types::Attributes,
    ) -> Result<String, Error> {
        Err(no_parts())
    }

    fn multipart_put(&self, _key: String, _id: String, _number: u32, _body: &Blob) -> Result<String, Error> {
        Err(no_parts())
    }

    fn multipart_finish(
        &self,
        _key: String,
        _id: String,
        _tags: Vec<(u32, String)>,
    ) -> Result<ObjectMeta, Error> {
        Err(no_parts())
    }

    fn multipart_abort(&self, _key: String, _id: String) -> Result<(), Error> {
        // No upload is known, and an unknown one counts as given up.
        Ok(())
    }
}

fn no_parts() -> Error {
    error::unsupported("webdav has no uploads in parts")
}

siltstone_plugin_sdk::export!(Component);
