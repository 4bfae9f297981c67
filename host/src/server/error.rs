//! Failures of a request and their two shapes on the wire.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use super::answer;
use crate::error::{Error, ErrorKind};
use crate::ops::LOOK_UP;

/// Codes of schema-level failures, as clients know them from go-openapi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A body must be there.
    Required,
    /// Only some values are allowed.
    Enum,
    /// A largest value.
    Maximum,
    /// A smallest value.
    Minimum,
}

impl Rule {
    fn code(self) -> u16 {
        match self {
            Self::Required => 602,
            Self::Enum => 606,
            Self::Maximum => 608,
            Self::Minimum => 609,
        }
    }
}

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not what the API's schema says: `{"code": …, "message": …}`.
    Schema {
        /// The HTTP status.
        status: StatusCode,
        /// The code in the body.
        code: u16,
        /// Names the field.
        message: String,
    },
    /// It cannot be done: `{"error": [{"message": …}]}`.
    Application {
        /// The HTTP status.
        status: StatusCode,
        /// Names the id, collection or backend concerned.
        message: String,
    },
}

/// What [`ErrorKind::NotFound`] is at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// 404.
    NotFound,
    /// 422, where the API knows no 404.
    Unprocessable,
}

impl Failure {
    /// A schema-level failure whose code is its HTTP status.
    pub(super) fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Schema { status, code: status.as_u16(), message: message.into() }
    }

    /// A body that cannot be read as what it should be.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, message)
    }

    /// A body or parameter that breaks a rule of the schema.
    pub(super) fn rule(rule: Rule, message: impl Into<String>) -> Self {
        Self::Schema { status: StatusCode::UNPROCESSABLE_ENTITY, code: rule.code(), message: message.into() }
    }

    /// A request that is well formed and cannot be carried out.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Application { status: StatusCode::UNPROCESSABLE_ENTITY, message: message.into() }
    }

    /// Nothing has that id.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::Application { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    /// An error of the host. What the caller can mend is 422; a store or plugin that fails is 500, also when it denies
    /// us something: 403 would speak of the caller's rights.
    pub(super) fn of(error: &Error, missing: Missing) -> Self {
        let status = match error.kind() {
            ErrorKind::NotFound if missing == Missing::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::NotFound
            | ErrorKind::Invalid
            | ErrorKind::AlreadyExists
            | ErrorKind::Conflict
            | ErrorKind::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
            // The host's own refusal, not the store's: the request names a place that plugins may not reach.
            ErrorKind::Denied if error.operation() == "grant" => StatusCode::UNPROCESSABLE_ENTITY,
            // The store failed before the request could be judged, so nothing of it was begun.
            _ if error.operation() == LOOK_UP => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::Application { status, message: error.to_string() }
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::malformed(rejection.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed(rejection.body_text())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Schema { status, code, message } => {
                answer::json(status, &json!({ "code": code, "message": message }))
            }
            Self::Application { status, message } => {
                if status.is_server_error() {
                    tracing::error!(error = message, "a request to the backup API failed");
                }
                answer::json(status, &json!({ "error": [{ "message": message }] }))
            }
        }
    }
}
