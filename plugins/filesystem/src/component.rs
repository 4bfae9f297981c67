//! The component: exports the transport and hands it the folder that the host granted.

use siltstone_plugin_sdk::io::{Blob, Sink};
use siltstone_plugin_sdk::store;
use siltstone_plugin_sdk::types::{
    Attributes, Capabilities, Error, Info, Location, Needs, ObjectMeta, Page, Precondition, Settings,
};
use siltstone_plugin_sdk::wasi::filesystem::types::Descriptor;
use siltstone_plugin_sdk::wasi::random::random::get_random_u64;
use siltstone_plugin_sdk::{Guest, GuestHandle, error};

use crate::config::{self, Config};
use crate::descriptor::granted;
use crate::store::Store;

struct Component;

struct Handle {
    config: Config,
    store: Store<Descriptor>,
}

impl Guest for Component {
    type Handle = Handle;

    fn describe() -> Info {
        config::describe()
    }

    fn needs(settings: Settings, location: Location) -> Result<Needs, Error> {
        Ok(Config::read(&settings, &location)?.needs())
    }
}

impl GuestHandle for Handle {
    fn open(settings: Settings, location: Location) -> Result<store::Handle, Error> {
        let config = Config::read(&settings, &location)?;
        let folder = granted(&config.folder)
            .ok_or_else(|| error::denied(format!("folder {} is not granted", config.folder)))?;
        Ok(store::Handle::new(Handle { config, store: Store::new(folder, get_random_u64) }))
    }

    fn home(&self) -> String {
        self.config.folder.clone()
    }

    fn capabilities(&self) -> Result<Capabilities, Error> {
        self.store.capabilities()
    }

    fn put(
        &self,
        key: String,
        body: &Blob,
        condition: Precondition,
        attributes: Attributes,
    ) -> Result<ObjectMeta, Error> {
        self.store.put(&key, body, &condition, &attributes)
    }

    fn get(&self, key: String, offset: u64, len: Option<u64>, to: &Sink) -> Result<u64, Error> {
        let mut target = to;
        self.store.get(&key, offset, len, &mut target)
    }

    fn head(&self, key: String) -> Result<ObjectMeta, Error> {
        self.store.head(&key)
    }

    fn list(
        &self,
        prefix: String,
        delimiter: Option<String>,
        token: Option<String>,
        limit: u32,
    ) -> Result<Page, Error> {
        self.store.list(&prefix, delimiter.as_deref(), token.as_deref(), limit)
    }

    fn delete(&self, keys: Vec<String>) -> Result<Vec<(String, Error)>, Error> {
        self.store.delete(&keys)
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
        self.store.put_part(&key, &id, number, body)
    }

    fn multipart_finish(
        &self,
        key: String,
        id: String,
        tags: Vec<(u32, String)>,
    ) -> Result<ObjectMeta, Error> {
        self.store.finish(&key, &id, &tags)
    }

    fn multipart_abort(&self, key: String, id: String) -> Result<(), Error> {
        self.store.abort(&key, &id)
    }
}

siltstone_plugin_sdk::export!(Component);
