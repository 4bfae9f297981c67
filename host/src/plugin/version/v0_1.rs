//! Version 0.1, whose values are those that the host works with.

use async_trait::async_trait;
use wasmtime::component::{HasSelf, InstancePre, Linker, Resource, ResourceAny};
use wasmtime::{Engine, Store as WasmStore};

use super::{Answer, Linked, Terms, Transport, Version};
use crate::plugin::bindings::v0_1::{Transport as Exports, TransportPre, host, io, types};
use crate::plugin::io::{BlobSource, SinkTarget};
use crate::plugin::state::State;

/// Version 0.1.
pub(super) const VERSION: Version = Version {
    name: "0.1.x",
    is: |version| {
        let patch = version.strip_prefix("0.1.");
        patch.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    },
    link: |linker: &mut Linker<State>| {
        io::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
        host::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
    },
    bind: |component: InstancePre<State>| Ok(Box::new(TransportPre::new(component)?)),
};

#[async_trait]
impl Linked for TransportPre<State> {
    fn engine(&self) -> &Engine {
        TransportPre::engine(self)
    }

    async fn instantiate(&self, store: &mut WasmStore<State>) -> wasmtime::Result<Box<dyn Transport>> {
        Ok(Box::new(self.instantiate_async(store).await?))
    }
}

#[async_trait]
impl Transport for Exports {
    async fn describe(&self, store: &mut WasmStore<State>) -> wasmtime::Result<types::Info> {
        self.siltstone_storage_store().call_describe(store).await
    }

    async fn needs(
        &self,
        store: &mut WasmStore<State>,
        settings: &types::Settings,
        location: &types::Location,
    ) -> Answer<types::Needs> {
        self.siltstone_storage_store().call_needs(store, settings, location).await
    }

    async fn open(
        &self,
        store: &mut WasmStore<State>,
        settings: &types::Settings,
        location: &types::Location,
    ) -> Answer<ResourceAny> {
        self.siltstone_storage_store().handle().call_open(store, settings, location).await
    }

    async fn home(&self, store: &mut WasmStore<State>, handle: ResourceAny) -> wasmtime::Result<String> {
        self.siltstone_storage_store().handle().call_home(store, handle).await
    }

    async fn capabilities(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
    ) -> Answer<types::Capabilities> {
        self.siltstone_storage_store().handle().call_capabilities(store, handle).await
    }

    async fn put(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        body: Resource<BlobSource>,
        terms: &Terms,
    ) -> Answer<types::ObjectMeta> {
        let guest = self.siltstone_storage_store().handle();
        guest.call_put(store, handle, key, body, &terms.condition, &terms.attributes).await
    }

    async fn get(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        (offset, len): (u64, Option<u64>),
        to: Resource<SinkTarget>,
    ) -> Answer<u64> {
        self.siltstone_storage_store().handle().call_get(store, handle, key, offset, len, to).await
    }

    async fn head(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
    ) -> Answer<types::ObjectMeta> {
        self.siltstone_storage_store().handle().call_head(store, handle, key).await
    }

    async fn list(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<&str>,
        limit: u32,
    ) -> Answer<types::Page> {
        let guest = self.siltstone_storage_store().handle();
        guest.call_list(store, handle, prefix, delimiter, token, limit).await
    }

    async fn delete(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        keys: &[String],
    ) -> Answer<Vec<(String, types::Error)>> {
        self.siltstone_storage_store().handle().call_delete(store, handle, keys).await
    }

    async fn multipart_start(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        (part_size, total): (u64, Option<u64>),
        terms: &Terms,
    ) -> Answer<String> {
        let Terms { condition, attributes } = terms;
        let guest = self.siltstone_storage_store().handle();
        guest.call_multipart_start(store, handle, key, part_size, total, condition, attributes).await
    }

    async fn multipart_put(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        id: &str,
        number: u32,
        body: Resource<BlobSource>,
    ) -> Answer<String> {
        let guest = self.siltstone_storage_store().handle();
        guest.call_multipart_put(store, handle, key, id, number, body).await
    }

    async fn multipart_finish(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        id: &str,
        tags: &[(u32, String)],
    ) -> Answer<types::ObjectMeta> {
        self.siltstone_storage_store().handle().call_multipart_finish(store, handle, key, id, tags).await
    }

    async fn multipart_abort(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        id: &str,
    ) -> Answer<()> {
        self.siltstone_storage_store().handle().call_multipart_abort(store, handle, key, id).await
    }
}
