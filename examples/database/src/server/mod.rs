//! The REST API of the database, in the shapes of Weaviate's.

mod batch;
mod graphql;
mod objects;
mod reply;
mod schema;
mod status;
mod tenants;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::Database;

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 64 << 20;

/// What the server says about itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Name of the node.
    pub node: String,
    /// Address that `GET /v1/meta` shows, for example `http://127.0.0.1:8080`.
    pub hostname: String,
}

#[derive(Clone)]
struct Server {
    db: Database,
    identity: Identity,
}

/// The routes below `/v1`: schema, tenants, aliases, objects, batches, GraphQL and status.
///
/// Errors are `{"error":[{"message":…}]}` with 404 (no such thing), 422 (the request cannot be carried out) or 500; a
/// body that is not JSON is `{"code":400,"message":…}`.
pub fn router(db: Database, identity: Identity) -> Router {
    Router::new()
        .route("/v1/meta", get(status::meta))
        .route("/v1/nodes", get(status::nodes))
        .route("/v1/.well-known/live", get(status::alive))
        .route("/v1/.well-known/ready", get(status::alive))
        .route("/v1/schema", get(schema::list).post(schema::create))
        .route("/v1/schema/{class}", get(schema::one).delete(schema::drop))
        .route(
            "/v1/schema/{class}/tenants",
            get(tenants::list).post(tenants::add).put(tenants::set).delete(tenants::drop),
        )
        .route("/v1/aliases", get(schema::aliases).post(schema::add_alias))
        .route("/v1/aliases/", get(schema::aliases).post(schema::add_alias))
        .route("/v1/objects", get(objects::list).post(objects::create))
        .route(
            "/v1/objects/{class}/{id}",
            get(objects::one).head(objects::exists).put(objects::replace).delete(objects::delete),
        )
        .route("/v1/batch/objects", post(batch::import))
        .route("/v1/graphql", post(graphql::query))
        .route("/v1/graphql/batch", post(graphql::batch))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Server { db, identity })
}

#[cfg(test)]
mod tests;
