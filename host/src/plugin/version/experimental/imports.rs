//! What plugins of the experimental version call: the host's own functions, in the values of that version.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use crate::plugin::bindings::experimental::{host as theirs, io as theirs_io, types as their_types};
use crate::plugin::bindings::{host, io};
use crate::plugin::io::{BlobSource, SinkTarget};
use crate::plugin::state::State;

impl their_types::Host for State {}

impl theirs_io::Host for State {}

impl theirs_io::HostBlob for State {
    fn length(&mut self, blob: Resource<BlobSource>) -> wasmtime::Result<u64> {
        io::HostBlob::size(self, blob)
    }

    fn digests(&mut self, blob: Resource<BlobSource>) -> wasmtime::Result<Vec<theirs_io::Digest>> {
        let io::Digests { sha256, md5, crc32c } = io::HostBlob::digests(self, blob)?;
        let sha256 = sha256.map(theirs_io::Digest::Sha256);
        let md5 = md5.map(theirs_io::Digest::Md5);
        Ok(sha256.into_iter().chain(md5).chain(crc32c.map(theirs_io::Digest::Crc32c)).collect())
    }

    fn stream(
        &mut self,
        blob: Resource<BlobSource>,
        offset: u64,
        length: u64,
    ) -> wasmtime::Result<Resource<DynInputStream>> {
        io::HostBlob::stream(self, blob, offset, length)
    }

    fn read(&mut self, blob: Resource<BlobSource>, offset: u64, length: u32) -> wasmtime::Result<Vec<u8>> {
        io::HostBlob::read(self, blob, offset, length)
    }

    fn drop(&mut self, blob: Resource<BlobSource>) -> wasmtime::Result<()> {
        io::HostBlob::drop(self, blob)
    }
}

impl theirs_io::HostSink for State {
    fn stream(&mut self, sink: Resource<SinkTarget>) -> wasmtime::Result<Resource<DynOutputStream>> {
        io::HostSink::stream(self, sink)
    }

    fn write(&mut self, sink: Resource<SinkTarget>, data: Vec<u8>) -> wasmtime::Result<Result<(), String>> {
        io::HostSink::write(self, sink, data)
    }

    fn drop(&mut self, sink: Resource<SinkTarget>) -> wasmtime::Result<()> {
        io::HostSink::drop(self, sink)
    }
}

impl theirs::Host for State {
    fn log(&mut self, level: theirs::LogLevel, message: String) -> wasmtime::Result<()> {
        let level = match level {
            theirs::LogLevel::Debug => host::LogLevel::Debug,
            theirs::LogLevel::Info => host::LogLevel::Info,
            theirs::LogLevel::Warn => host::LogLevel::Warn,
        };
        host::Host::log(self, level, message)
    }

    async fn read_file(&mut self, name: String) -> wasmtime::Result<Result<Vec<u8>, String>> {
        host::Host::read_file(self, name).await
    }

    async fn cache_get(&mut self, key: String) -> wasmtime::Result<theirs::Cached> {
        let host::Cached { value, refresh } = host::Host::cache_get(self, key).await?;
        Ok(match value {
            Some(value) if refresh => theirs::Cached::Stale(value),
            Some(value) => theirs::Cached::Current(value),
            None => theirs::Cached::Missing,
        })
    }

    fn cache_put(&mut self, key: String, value: Vec<u8>, ttl_ms: u64) -> wasmtime::Result<()> {
        host::Host::cache_put(self, key, value, ttl_ms)
    }
}
