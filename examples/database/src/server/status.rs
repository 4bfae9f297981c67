//! What the server says about itself.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::server::Server;
use crate::server::reply::ok;

/// The version of Weaviate's API that clients unlock their features by.
pub(super) const VERSION: &str = "1.37.0";

pub(super) async fn meta(State(server): State<Server>) -> Response {
    ok(&json!({
        "hostname": server.identity.hostname,
        "version": VERSION,
        "modules": server.identity.modules,
        "grpcMaxMessageSize": crate::grpc::MAX_MESSAGE,
    }))
}

/// 200 without a body: an old client takes nothing else.
pub(super) async fn alive() -> StatusCode {
    StatusCode::OK
}
