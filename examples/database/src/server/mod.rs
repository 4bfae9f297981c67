//! The REST API of the database, in the shapes of Weaviate's.

mod absent;
mod aliases;
mod batch;
mod definition;
mod graphql;
mod nodes;
mod objects;
mod openapi;
mod reply;
mod schema;
mod status;
mod tenants;
mod users;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post, put};

use crate::Database;
use objects::{list, one, references};

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 64 << 20;

/// What the server says about itself.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Name of the node.
    pub node: String,
    /// Address that `GET /v1/meta` shows, for example `http://127.0.0.1:8080`.
    pub hostname: String,
    /// What `GET /v1/meta` shows of the enabled backends, such as `{"backup-filesystem":{"backupsPath":"/backups"}}`.
    pub modules: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone)]
struct Server {
    db: Database,
    identity: Identity,
}

/// The routes below `/v1`: schema, tenants, aliases, objects, batches, GraphQL, users and status.
///
/// Errors are `{"error":[{"message":…}]}` with 404 (no such thing), 422 (the request cannot be carried out), 500, or
/// 501 (this database does not do that); a body or a query that cannot be read is `{"code":400,"message":…}`.
pub fn router(db: Database, identity: Identity) -> Router {
    Router::new()
        .route("/v1/meta", get(status::meta))
        .route("/v1/openapi.json", get(openapi::openapi))
        .route("/v1/nodes", get(nodes::all))
        .route("/v1/nodes/{class}", get(nodes::of_class))
        .route("/v1/.well-known/live", get(status::alive))
        .route("/v1/.well-known/ready", get(status::alive))
        .merge(schema_routes())
        .merge(object_routes())
        .merge(user_routes())
        .route("/v1/graphql", post(graphql::query))
        .route("/v1/graphql/batch", post(graphql::batch))
        .route("/v1/authz/{*rest}", any(absent::absent))
        .route("/v1/cluster/{*rest}", any(absent::absent))
        .route("/v1/replication/{*rest}", any(absent::absent))
        .route("/v1/classifications", any(absent::absent))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Server { db, identity })
}

fn schema_routes() -> Router<Server> {
    let tenants = get(tenants::list).post(tenants::add).put(tenants::set).delete(tenants::drop);
    let alias = get(aliases::one).put(aliases::update).delete(aliases::drop);
    Router::new()
        .route("/v1/schema", get(schema::list).post(schema::create))
        .route("/v1/schema/{class}", get(schema::one).put(schema::update).delete(schema::drop))
        .route("/v1/schema/{class}/properties", post(schema::add))
        .route("/v1/schema/{class}/shards", get(schema::shards))
        .route("/v1/schema/{class}/shards/{shard}", put(schema::set_shard))
        .route("/v1/schema/{class}/tenants", tenants)
        .route("/v1/schema/{class}/tenants/{tenant}", get(tenants::one).head(tenants::exists))
        .route("/v1/aliases", get(aliases::list).post(aliases::create))
        .route("/v1/aliases/", get(aliases::list).post(aliases::create))
        .route("/v1/aliases/{alias}", alias)
}

/// The forms without a class are the old ones.
fn object_routes() -> Router<Server> {
    let object = || get(one::read).head(one::exists).put(one::replace).patch(one::merge).delete(one::delete);
    let reference = || post(references::add).put(references::set).delete(references::remove);
    Router::new()
        .route("/v1/objects", get(list::list).post(one::create))
        .route("/v1/objects/validate", post(one::validate))
        .route("/v1/objects/{class}", object())
        .route("/v1/objects/{class}/{id}", object())
        .route("/v1/objects/{class}/references/{property}", reference())
        .route("/v1/objects/{class}/{id}/references/{property}", reference())
        .route("/v1/batch/objects", post(batch::import).delete(batch::delete))
        .route("/v1/batch/references", post(references::import))
}

fn user_routes() -> Router<Server> {
    Router::new()
        .route("/v1/users/own-info", get(users::own))
        .route("/v1/users/db", get(users::list))
        .route("/v1/users/db/{user}", get(users::one).post(users::create).delete(users::drop))
        .route("/v1/users/db/{user}/rotate-key", post(users::rotate))
        .route("/v1/users/db/{user}/activate", post(users::activate))
        .route("/v1/users/db/{user}/deactivate", post(users::deactivate))
}

#[cfg(test)]
mod tests;
