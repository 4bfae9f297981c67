//! Answers and errors on the wire, and the way from async handlers to the blocking database.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use siltstone::{Error, ErrorKind};

use crate::Database;
use crate::server::{MAX_BODY, Server};

/// What a handler answers.
pub(super) type Answer = Result<Response, Refusal>;

/// An error on the wire.
pub(super) enum Refusal {
    /// From the database.
    Error(Error),
    /// A body or parameter that is not what was expected.
    Malformed(String),
    /// A body beyond the limit.
    TooLarge,
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
            Self::TooLarge => {
                let message = format!("the body is larger than {} MiB: send less at a time", MAX_BODY >> 20);
                json_with(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "code": 413, "message": message }))
            }
            Self::Error(error) => {
                let status = match error.kind() {
                    ErrorKind::NotFound => StatusCode::NOT_FOUND,
                    ErrorKind::AlreadyExists | ErrorKind::Invalid | ErrorKind::Conflict => {
                        StatusCode::UNPROCESSABLE_ENTITY
                    }
                    ErrorKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                message(status, &error.to_string())
            }
        }
    }
}

/// 200 with a JSON body.
pub(super) fn ok(body: &impl Serialize) -> Response {
    json_with(StatusCode::OK, body)
}

/// An error in the shape of those of the API.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    json_with(status, &json!({ "error": [{ "message": text }] }))
}

/// 204.
pub(super) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// A status with a JSON body.
pub(super) fn json_with(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            (status, [(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The parameters of a query; names that are not known are ignored.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(e) => Err(Refusal::Malformed(format!("cannot read the query: {}", e.body_text()))),
        }
    }
}

/// The whole body of a request, up to the limit.
pub(super) struct Content(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Content {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        // What is announced as too large is not waited for.
        let length =
            request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > MAX_BODY as u64) {
            return Err(Refusal::TooLarge);
        }
        match Bytes::from_request(request, state).await {
            Ok(body) => Ok(Self(body)),
            Err(e) if e.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Refusal::TooLarge),
            Err(e) => Err(Refusal::Malformed(format!("cannot read the body: {}", e.body_text()))),
        }
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
