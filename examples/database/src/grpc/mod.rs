//! The gRPC API of the database: the part of Weaviate's that its clients read and import objects with.
//!
//! Served are `grpc.health.v1.Health/Check` for any service, and of `weaviate.v1.Weaviate`: `Search` (pages of objects,
//! by id or by an equal property, with references), `Aggregate` (counts), `BatchObjects`, `BatchReferences`,
//! `BatchStream`, `BatchDelete` and `TenantsGet`.
//! Everything else answers `UNIMPLEMENTED` and says what it is that this database does not do.

mod aggregate;
mod batch;
mod delete;
mod filters;
mod health;
mod incoming;
mod metadata;
mod outgoing;
mod references;
mod search;
mod service;
mod status;
mod stream;
mod tenants;
mod vectors;
mod weaviate;
mod wire;

use std::future::Future;

use siltstone::{Error, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::Database;
use crate::access::Access;
use service::Context;

/// Largest message in bytes, in either direction; `GET /v1/meta` tells clients.
pub const MAX_MESSAGE: u64 = 104_858_000;
/// Calls of one connection that are worked on at a time.
const MAX_CALLS: usize = 16;
/// Calls of one connection that may be open.
const MAX_STREAMS: u32 = 128;

/// Serves at a socket until `stop` is ready, then ends the calls that are under way. The health check needs no key.
pub async fn serve(
    listener: TcpListener,
    database: Database,
    access: Access,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let (running, stopping) = watch::channel(());
    let stop = async move {
        stop.await;
        drop(running);
    };
    let context = Context { database, access, stopping };
    Server::builder()
        .concurrency_limit_per_connection(MAX_CALLS)
        .max_concurrent_streams(MAX_STREAMS)
        .add_service(health::Health)
        .add_service(weaviate::Weaviate::new(context))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stop)
        .await
        .map_err(|e| Error::internal("serve", "the gRPC server ended unexpectedly").with_source(e))
}

#[cfg(test)]
mod tests;
