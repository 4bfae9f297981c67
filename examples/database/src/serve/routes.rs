//! All routes of the server: those of the database and those of its backups.

use axum::Router;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use siltstone::Host;
use siltstone_db::{Access, Database, Identity};

/// The whole API, with the check of access in front of all of it.
pub(super) fn router(database: &Database, host: Host, identity: Identity, access: Access) -> Router {
    let all = siltstone_db::router(database.clone(), identity)
        .merge(siltstone::server::router(host))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method);
    siltstone_db::guard(all, database.clone(), access)
}

async fn unknown_path(uri: Uri) -> Response {
    plain(StatusCode::NOT_FOUND, &format!("path {} was not found", uri.path()))
}

async fn wrong_method(method: Method) -> Response {
    plain(StatusCode::METHOD_NOT_ALLOWED, &format!("method {method} is not allowed; see the Allow header"))
}

/// The shape of errors that come before any handler.
fn plain(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({ "code": status.as_u16(), "message": message }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
