//! The check in front of every route.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use siltstone::server::Rank;

use super::{Access, Refused, Right};
use crate::Database;

/// What may be asked without a key: whether the server lives.
const OPEN: &str = "/v1/.well-known/";
/// Queries, though they are posted.
const QUERIES: [&str; 2] = ["/v1/graphql", "/v1/graphql/batch"];

/// Puts the check in front of all that the router has now. Handlers find the [`Caller`](super::Caller) and the
/// [`Access`] among the extensions of the request. A refusal is 401 with `{"code":401,"message":…}` or 403 with
/// `{"error":[{"message":…}]}`.
pub fn guard(router: Router, database: Database, access: Access) -> Router {
    router.layer(middleware::from_fn_with_state((database, access), check))
}

async fn check(
    State((database, access)): State<(Database, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    if !request.uri().path().starts_with(OPEN) {
        let authorization = match request.headers().get(header::AUTHORIZATION).map(|v| v.to_str()) {
            None => None,
            Some(Ok(text)) => Some(text),
            // Nothing that is known.
            Some(Err(_)) => Some("?"),
        };
        let right = right(request.method(), request.uri().path());
        match access.admit(&database, authorization, right) {
            Ok(caller) => {
                let rank = if caller.is_admin { Rank::Root } else { Rank::User };
                request.extensions_mut().insert(rank);
                request.extensions_mut().insert(caller);
            }
            Err(refused) => return refused.into_response(),
        }
    }
    request.extensions_mut().insert(access);
    next.run(request).await
}

fn right(method: &Method, path: &str) -> Right {
    let is_query = *method == Method::POST && QUERIES.contains(&path.trim_end_matches('/'));
    if is_query || matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        Right::Read
    } else {
        Right::Write
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::Unauthenticated(message) => {
                (StatusCode::UNAUTHORIZED, json!({ "code": 401, "message": message }))
            }
            Self::Forbidden(message) => (StatusCode::FORBIDDEN, json!({ "error": [{ "message": message }] })),
        };
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}
