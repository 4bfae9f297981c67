//! The experimental version of the tests: every call in its own values, converted on the way in and out.

mod imports;
mod values;

use async_trait::async_trait;
use wasmtime::component::{HasSelf, InstancePre, Linker, Resource, ResourceAny};
use wasmtime::{Engine, Store as WasmStore};

use super::{Answer, Linked, Terms, Transport, Version};
use crate::plugin::bindings::experimental::{
    Transport as Exports, TransportPre, host, io, types as experimental,
};
use crate::plugin::bindings::types;
use crate::plugin::io::{BlobSource, SinkTarget};
use crate::plugin::state::State;

/// What would be 0.2 if it were one.
pub(super) const VERSION: Version = Version {
    name: "0.2.0-test",
    is: |version| version == "0.2.0-test",
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

fn answer<T, U>(
    given: wasmtime::Result<Result<T, experimental::Error>>,
    value: impl FnOnce(T) -> U,
) -> Answer<U> {
    Ok(given?.map(value).map_err(values::error))
}

#[async_trait]
impl Transport for Exports {
    async fn describe(&self, store: &mut WasmStore<State>) -> wasmtime::Result<types::Info> {
        Ok(values::info(self.siltstone_storage_store().call_describe(store).await?))
    }

    async fn needs(
        &self,
        store: &mut WasmStore<State>,
        settings: &types::Settings,
        location: &types::Location,
    ) -> Answer<types::Needs> {
        let site = values::site(settings, location);
        answer(self.siltstone_storage_store().call_needs(store, &site).await, values::needs)
    }

    async fn open(
        &self,
        store: &mut WasmStore<State>,
        settings: &types::Settings,
        location: &types::Location,
    ) -> Answer<ResourceAny> {
        let site = values::site(settings, location);
        answer(self.siltstone_storage_store().handle().call_open(store, &site).await, |handle| handle)
    }

    async fn home(&self, store: &mut WasmStore<State>, handle: ResourceAny) -> wasmtime::Result<String> {
        self.siltstone_storage_store().handle().call_home(store, handle).await
    }

    async fn capabilities(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
    ) -> Answer<types::Capabilities> {
        let guest = self.siltstone_storage_store().handle();
        answer(guest.call_capabilities(store, handle).await, values::capabilities)
    }

    async fn put(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        body: Resource<BlobSource>,
        terms: &Terms,
    ) -> Answer<types::ObjectMeta> {
        let request = values::put_request(key, terms);
        let guest = self.siltstone_storage_store().handle();
        answer(guest.call_put(store, handle, &request, body).await, |stored| values::meta(key, stored))
    }

    async fn get(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        (offset, len): (u64, Option<u64>),
        to: Resource<SinkTarget>,
    ) -> Answer<u64> {
        let guest = self.siltstone_storage_store().handle();
        answer(guest.call_get(store, handle, key, offset, len, to).await, |sent| sent)
    }

    async fn head(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
    ) -> Answer<types::ObjectMeta> {
        let guest = self.siltstone_storage_store().handle();
        answer(guest.call_head(store, handle, key).await, |stored| values::meta(key, stored))
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
        answer(guest.call_list(store, handle, prefix, delimiter, token, limit).await, values::page)
    }

    async fn delete(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        keys: &[String],
    ) -> Answer<Vec<(String, types::Error)>> {
        let guest = self.siltstone_storage_store().handle();
        answer(guest.call_delete(store, handle, keys).await, |left| {
            left.into_iter().map(|one| (one.key, values::error(one.why))).collect()
        })
    }

    async fn multipart_start(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        (part_size, total): (u64, Option<u64>),
        terms: &Terms,
    ) -> Answer<String> {
        let request = values::put_request(key, terms);
        let guest = self.siltstone_storage_store().handle();
        answer(guest.call_multipart_start(store, handle, &request, part_size, total).await, |id| id)
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
        match guest.call_multipart_put(store, handle, key, id, number, body).await? {
            // Only this version says the number again; what the others cannot say is judged here.
            Ok(part) if part.number != number => {
                Err(wasmtime::format_err!("it was sent part {number} and answered for part {}", part.number))
            }
            given => answer(Ok(given), |part| part.tag),
        }
    }

    async fn multipart_finish(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        id: &str,
        tags: &[(u32, String)],
    ) -> Answer<types::ObjectMeta> {
        let part = |(number, tag): &(u32, String)| experimental::Part { number: *number, tag: tag.clone() };
        let parts: Vec<experimental::Part> = tags.iter().map(part).collect();
        let guest = self.siltstone_storage_store().handle();
        let given = guest.call_multipart_finish(store, handle, key, id, &parts).await;
        answer(given, |stored| values::meta(key, stored))
    }

    async fn multipart_abort(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        id: &str,
    ) -> Answer<()> {
        let guest = self.siltstone_storage_store().handle();
        answer(guest.call_multipart_abort(store, handle, key, id).await, |()| ())
    }
}
