//! The routes and their handlers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Method, StatusCode, Uri};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;

use super::Rank;
use super::answer::{self, Accepted, Bases, CreateStatus, ListItem, RestoreStatus};
use super::backups::Backups;
use super::error::{Failure, Missing};
use super::fields::one_of;
use super::requests::{CreateBody, RestoreBody};
use crate::model::{BackupId, Location};
use crate::ops::Order;

const BASE: &str = "/v1/backups";

/// Largest body of a request: room for tens of thousands of collection names.
const BODY_LIMIT: usize = 4 << 20;

/// How long a body may take: a sender that stops in the middle must not hold a connection for ever.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

type Shared = State<Arc<dyn Backups>>;
type Backend = Result<Path<String>, PathRejection>;
type Target = Result<Path<(String, String)>, PathRejection>;
type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;
type Caller = Option<Extension<Rank>>;
type Answer = Result<Response, Failure>;

/// The router over anything that backs up.
pub(super) fn router(backups: Arc<dyn Backups>) -> Router {
    let mut below = Router::new().route("/openapi.json", get(description));
    // A slash at the end changes nothing, as in the original.
    for slash in ["", "/"] {
        below = below
            .route(&format!("/{{backend}}{slash}"), post(create).get(list))
            .route(&format!("/{{backend}}/{{id}}{slash}"), get(create_status).delete(cancel_create))
            .route(
                &format!("/{{backend}}/{{id}}/restore{slash}"),
                post(restore).get(restore_status).delete(cancel_restore),
            );
    }
    let below = below
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TraceLayer::new_for_http())
        .with_state(backups);
    Router::new().nest(BASE, below)
}

/// No backend can have this name.
async fn description() -> Response {
    answer::json(StatusCode::OK, &super::openapi())
}

async fn create(State(backups): Shared, backend: Backend, body: Body) -> Answer {
    let Path(backend) = backend?;
    let body = CreateBody::decode(&read(body).await?)?;
    enabled(&*backups, &backend)?;
    let request = body.into_request(&backend)?;
    let status = backups.backup(request).await.map_err(|e| Failure::of(&e, Missing::Unprocessable))?;
    Ok(answer::json(StatusCode::OK, &Accepted::create(&status, &backend)))
}

async fn list(State(backups): Shared, rank: Caller, backend: Backend, query: Parameters) -> Answer {
    let Path(backend) = backend?;
    let order = parameter(&query?.0, "order");
    one_of("order", "query", &order, &["asc", "desc"])?;
    let order = if order == "asc" { Order::Ascending } else { Order::Descending };
    enabled(&*backups, &backend)?;
    let all = backups
        .list(&backend, &Location::default(), order)
        .await
        .map_err(|e| Failure::of(&e, Missing::Unprocessable))?;
    let bases = bases(rank);
    let items: Vec<ListItem<'_>> = all.iter().map(|status| ListItem::new(status, bases)).collect();
    Ok(answer::json(StatusCode::OK, &items))
}

async fn create_status(State(backups): Shared, rank: Caller, target: Target, query: Parameters) -> Answer {
    let Path((backend, id)) = target?;
    let location = location(&query?.0);
    enabled(&*backups, &backend)?;
    possible(&id)?;
    let status = backups
        .backup_status(&backend, &id, &location)
        .await
        .map_err(|e| Failure::of(&e, Missing::NotFound))?;
    let body = answer::json(StatusCode::OK, &CreateStatus::new(&status, &backend, &id, bases(rank)));
    Ok(answer::with_progress(body, status.progress))
}

async fn cancel_create(State(backups): Shared, target: Target, query: Parameters) -> Answer {
    let Path((backend, id)) = target?;
    let location = location(&query?.0);
    enabled(&*backups, &backend)?;
    valid(&id)?;
    backups
        .cancel_backup(&backend, &id, &location)
        .await
        .map_err(|e| Failure::of(&e, Missing::Unprocessable))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn restore(State(backups): Shared, target: Target, body: Body) -> Answer {
    let Path((backend, id)) = target?;
    let body = RestoreBody::decode(&read(body).await?)?;
    enabled(&*backups, &backend)?;
    let request = body.into_request(&backend, &id)?;
    possible(&id)?;
    let status = backups.restore(request).await.map_err(|e| Failure::of(&e, Missing::NotFound))?;
    Ok(answer::json(StatusCode::OK, &Accepted::restore(&status, &backend)))
}

async fn restore_status(State(backups): Shared, target: Target, query: Parameters) -> Answer {
    let Path((backend, id)) = target?;
    let location = location(&query?.0);
    enabled(&*backups, &backend)?;
    possible(&id)?;
    let status = backups
        .restore_status(&backend, &id, &location)
        .await
        .map_err(|e| Failure::of(&e, Missing::NotFound))?;
    let body = answer::json(StatusCode::OK, &RestoreStatus::new(&status, &backend, &id));
    Ok(answer::with_progress(body, status.progress))
}

async fn cancel_restore(State(backups): Shared, target: Target, query: Parameters) -> Answer {
    let Path((backend, id)) = target?;
    let location = location(&query?.0);
    enabled(&*backups, &backend)?;
    valid(&id)?;
    backups
        .cancel_restore(&backend, &id, &location)
        .await
        .map_err(|e| Failure::of(&e, Missing::Unprocessable))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn unknown_path(uri: Uri) -> Failure {
    Failure::plain(StatusCode::NOT_FOUND, format!("path {BASE}{} was not found", uri.path()))
}

async fn wrong_method(method: Method) -> Failure {
    Failure::plain(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("method {method} is not allowed; see the Allow header"),
    )
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    let message = "the server made a mistake; its log tells more".to_owned();
    Failure::Application { status: StatusCode::INTERNAL_SERVER_ERROR, message }.into_response()
}

/// The whole body, up to the limit.
async fn read(body: Body) -> Result<Bytes, Failure> {
    let Ok(read) = tokio::time::timeout(BODY_PATIENCE, to_bytes(body, BODY_LIMIT)).await else {
        let message = format!("the body did not arrive within {} s", BODY_PATIENCE.as_secs());
        return Err(Failure::plain(StatusCode::REQUEST_TIMEOUT, message));
    };
    read.map_err(|e| {
        use std::error::Error as _;
        if e.source().is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            let message = format!("the body is larger than {} MiB", BODY_LIMIT >> 20);
            Failure::plain(StatusCode::PAYLOAD_TOO_LARGE, message)
        } else {
            Failure::malformed(format!("the body cannot be read: {e}"))
        }
    })
}

/// Who may do everything sees on which backup another one builds; a server that says nothing has no other callers.
fn bases(rank: Caller) -> Bases {
    match rank {
        None | Some(Extension(Rank::Root)) => Bases::Shown,
        Some(Extension(Rank::User)) => Bases::Hidden,
    }
}

/// Refuses a backend that is not enabled, by either of its names.
fn enabled(backups: &dyn Backups, backend: &str) -> Result<(), Failure> {
    let short = backend.strip_prefix("backup-").unwrap_or(backend);
    let all = backups.backends();
    if all.iter().any(|b| b.name == short) {
        return Ok(());
    }
    let shown: String = short.chars().take(80).flat_map(char::escape_debug).collect();
    let have = match all.is_empty() {
        true => "none is".to_owned(),
        false => all.iter().map(|b| format!("`{}`", b.name)).collect::<Vec<_>>().join(", "),
    };
    Err(Failure::refused(format!(
        "backend `{shown}` is not enabled (enabled: {have}): add `backup-{shown}` to ENABLE_MODULES"
    )))
}

/// Refuses an id that breaks the rules of ids.
fn valid(id: &str) -> Result<(), Failure> {
    BackupId::new(id).map(drop).map_err(|e| Failure::of(&e, Missing::Unprocessable))
}

/// Nothing can have an id that breaks the rules of ids.
fn possible(id: &str) -> Result<(), Failure> {
    BackupId::new(id).map(drop).map_err(|_| {
        let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
        Failure::not_found(format!("backup `{shown}` does not exist"))
    })
}

/// The overrides of a query; keys are case-sensitive, empty is absent.
fn location(query: &[(String, String)]) -> Location {
    let some = |name| Some(parameter(query, name)).filter(|v| !v.is_empty());
    Location { bucket: some("bucket"), path: some("path") }
}

/// The last value of a parameter; absent is empty.
fn parameter(query: &[(String, String)], name: &str) -> String {
    query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
}
