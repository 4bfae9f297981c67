//! What Weaviate has and this database has not.

use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::server::reply::message;

/// 501, and what there is instead.
pub(super) async fn absent(uri: Uri) -> Response {
    let what = match uri.path().split('/').nth(2).unwrap_or_default() {
        "authz" => "roles and permissions are not supported: see AUTHORIZATION_ADMINLIST_ENABLED",
        "cluster" | "replication" => "this database is one node: there is no cluster and no replication",
        "classifications" => "classifications are not supported",
        _ => "this is not supported",
    };
    message(StatusCode::NOT_IMPLEMENTED, what)
}
