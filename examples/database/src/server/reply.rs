//! Answers and errors on the wire, and the way from async handlers to the blocking database.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use siltstone::{Error, ErrorKind};

use crate::Database;
use crate::server::Server;

/// What a handler answers.
pub(super) type Answer = Result<Response, Refusal>;

/// An error on the wire.
pub(super) enum Refusal {
    /// From the database.
    Error(Error),
    /// A body that is not what was expected.
    Malformed(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Malformed(message) => {
                json_with(StatusCode::BAD_REQUEST, &json!({ "code": 400, "message": message }))
            }
            Self::Error(error) => {
                let status = match error.kind() {
                    ErrorKind::NotFound => StatusCode::NOT_FOUND,
                    ErrorKind::AlreadyExists | ErrorKind::Invalid | ErrorKind::Conflict => {
                        StatusCode::UNPROCESSABLE_ENTITY
                    }
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                json_with(status, &json!({ "error": [{ "message": error.to_string() }] }))
            }
        }
    }
}

/// 200 with a JSON body.
pub(super) fn ok(body: &impl Serialize) -> Response {
    json_with(StatusCode::OK, body)
}

/// 204.
pub(super) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn json_with(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            (status, [(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Parses a body.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|e| Refusal::Malformed(format!("cannot read the body: {e}")))
}

/// Runs work on the database on a thread that may block.
pub(super) async fn on<T: Send + 'static>(
    server: Server,
    work: impl FnOnce(&Database) -> siltstone::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(move || work(&server.db)).await {
        Ok(result) => result.map_err(Refusal::Error),
        Err(e) => Err(Error::internal("serve", "a request ended by a panic").with_source(e).into()),
    }
}
