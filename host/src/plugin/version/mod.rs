//! The versions of the interface that this host speaks, and the calls that it makes of a plugin in whichever of them.

#[cfg(feature = "experimental-interface")]
mod experimental;
mod v0_1;

use async_trait::async_trait;
use wasmtime::component::{InstancePre, Linker, Resource, ResourceAny};
use wasmtime::{Engine, Store as WasmStore};

use super::bindings::types;
use super::io::{BlobSource, SinkTarget};
use super::state::State;

/// The package whose versions these are.
pub(crate) const PACKAGE: &str = "siltstone:storage";

/// Every version that this host speaks, the newest first.
pub(crate) const SPOKEN: &[Version] = &[
    #[cfg(feature = "experimental-interface")]
    experimental::VERSION,
    v0_1::VERSION,
];

/// One version: how it is recognised, and what is done for plugins that speak it.
pub(crate) struct Version {
    /// For people: `0.1.x`.
    pub(crate) name: &'static str,
    /// Whether the version of an import or export is this one.
    pub(crate) is: fn(&str) -> bool,
    /// Offers what plugins of this version import of ours.
    pub(crate) link: fn(&mut Linker<State>) -> wasmtime::Result<()>,
    /// Finds the exports of this version in a component.
    pub(crate) bind: fn(InstancePre<State>) -> wasmtime::Result<Box<dyn Linked>>,
}

/// What a plugin answers to a call that can fail honestly.
pub(crate) type Answer<T> = wasmtime::Result<Result<T, types::Error>>;

/// How an object is to be written.
pub(crate) struct Terms {
    pub(crate) condition: types::Precondition,
    pub(crate) attributes: types::Attributes,
}

/// A component that is linked and whose exports are known.
#[async_trait]
pub(crate) trait Linked: Send + Sync {
    /// The runtime it is compiled for.
    fn engine(&self) -> &Engine;

    /// Makes an instance in a store of its own.
    async fn instantiate(&self, store: &mut WasmStore<State>) -> wasmtime::Result<Box<dyn Transport>>;
}

/// The exports of one instance: the interface `store` in the values that the host works with. What a version says in other
/// values is converted here and nowhere else; bounds are checked afterwards, alike for all.
#[async_trait]
pub(crate) trait Transport: Send + Sync {
    async fn describe(&self, store: &mut WasmStore<State>) -> wasmtime::Result<types::Info>;

    async fn needs(
        &self,
        store: &mut WasmStore<State>,
        settings: &types::Settings,
        location: &types::Location,
    ) -> Answer<types::Needs>;

    async fn open(
        &self,
        store: &mut WasmStore<State>,
        settings: &types::Settings,
        location: &types::Location,
    ) -> Answer<ResourceAny>;

    async fn home(&self, store: &mut WasmStore<State>, handle: ResourceAny) -> wasmtime::Result<String>;

    async fn capabilities(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
    ) -> Answer<types::Capabilities>;

    async fn put(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        body: Resource<BlobSource>,
        terms: &Terms,
    ) -> Answer<types::ObjectMeta>;

    async fn get(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        (offset, len): (u64, Option<u64>),
        to: Resource<SinkTarget>,
    ) -> Answer<u64>;

    async fn head(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
    ) -> Answer<types::ObjectMeta>;

    async fn list(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<&str>,
        limit: u32,
    ) -> Answer<types::Page>;

    async fn delete(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        keys: &[String],
    ) -> Answer<Vec<(String, types::Error)>>;

    async fn multipart_start(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        (part_size, total): (u64, Option<u64>),
        terms: &Terms,
    ) -> Answer<String>;

    async fn multipart_put(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        id: &str,
        number: u32,
        body: Resource<BlobSource>,
    ) -> Answer<String>;

    async fn multipart_finish(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        id: &str,
        tags: &[(u32, String)],
    ) -> Answer<types::ObjectMeta>;

    async fn multipart_abort(
        &self,
        store: &mut WasmStore<State>,
        handle: ResourceAny,
        key: &str,
        id: &str,
    ) -> Answer<()>;
}
