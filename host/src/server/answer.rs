//! The bodies of answers: which field stands in which answer, and how it is written.

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::PROGRESS_HEADER;
use crate::model::{CollectionName, Scope, SkippedItem, State, Timestamp};
use crate::ops::{Progress, Status};

/// Answer to a create or restore that was accepted.
#[derive(Debug, Serialize)]
pub(super) struct Accepted<'a> {
    id: &'a str,
    backend: &'a str,
    classes: &'a [CollectionName],
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<&'a str>,
    status: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// Status of a create.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateStatus<'a> {
    id: &'a str,
    backend: &'a str,
    path: &'a str,
    status: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    started_at: Timestamp,
    completed_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<f64>,
    #[serde(rename = "incremental_base_backup_id", skip_serializing_if = "Option::is_none")]
    base: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<BackupDetails<'a>>,
}

/// What the original's API has no field for; its clients pass over it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BackupDetails<'a> {
    stored_bytes: u64,
    new_bytes: u64,
    reused_bytes: u64,
    files: u64,
    scope: Scope,
    pause_ms: f64,
    skipped: &'a [SkippedItem],
}

/// The same of a restore.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoreDetails<'a> {
    from_node: &'a str,
}

/// Status of a restore.
#[derive(Debug, Serialize)]
pub(super) struct RestoreStatus<'a> {
    id: &'a str,
    backend: &'a str,
    path: &'a str,
    status: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<RestoreDetails<'a>>,
}

/// One backup of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListItem<'a> {
    id: &'a str,
    classes: &'a [CollectionName],
    status: State,
    started_at: Timestamp,
    completed_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<f64>,
    #[serde(rename = "incremental_base_backup_id", skip_serializing_if = "Option::is_none")]
    base: Option<&'a str>,
}

impl<'a> Accepted<'a> {
    /// Of a create: with the bucket, if the request named one.
    pub(super) fn create(status: &'a Status, backend: &'a str) -> Self {
        Self { bucket: status.location.bucket.as_deref(), ..Self::restore(status, backend) }
    }

    /// Of a restore.
    pub(super) fn restore(status: &'a Status, backend: &'a str) -> Self {
        Self {
            id: &status.id,
            backend,
            classes: &status.collections,
            path: &status.path,
            bucket: None,
            status: status.state,
            error: status.error.as_deref(),
        }
    }
}

impl<'a> CreateStatus<'a> {
    /// `backend` and `id` as the URL has them.
    pub(super) fn new(status: &'a Status, backend: &'a str, id: &'a str, bases: Bases) -> Self {
        Self {
            id,
            backend,
            path: &status.path,
            status: status.state,
            error: status.error.as_deref(),
            started_at: status.started_at,
            completed_at: status.completed_at,
            size: size(status),
            base: base(status, bases),
            details: status.outcome.as_ref().map(|o| BackupDetails {
                stored_bytes: o.stored_bytes,
                new_bytes: o.new_bytes,
                reused_bytes: o.reused_bytes,
                files: o.files,
                scope: o.scope,
                pause_ms: o.pause_us as f64 / 1e3,
                skipped: &o.skipped,
            }),
        }
    }
}

impl<'a> RestoreStatus<'a> {
    /// `backend` and `id` as the URL has them.
    pub(super) fn new(status: &'a Status, backend: &'a str, id: &'a str) -> Self {
        Self {
            id,
            backend,
            path: &status.path,
            status: status.state,
            error: status.error.as_deref(),
            details: status.from_node.as_deref().map(|from_node| RestoreDetails { from_node }),
        }
    }
}

impl<'a> ListItem<'a> {
    /// One item.
    pub(super) fn new(status: &'a Status, bases: Bases) -> Self {
        Self {
            id: &status.id,
            classes: &status.collections,
            status: status.state,
            started_at: status.started_at,
            completed_at: status.completed_at,
            size: size(status),
            base: base(status, bases),
        }
    }
}

/// Whether a caller is shown on which backup another one builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bases {
    Shown,
    Hidden,
}

fn base(status: &Status, bases: Bases) -> Option<&str> {
    status.base.as_deref().filter(|_| bases == Bases::Shown)
}

/// GiB before compression, once the backup has ended and if it holds anything.
fn size(status: &Status) -> Option<f64> {
    const GIB: f64 = (1u64 << 30) as f64;
    (status.state.is_terminal() && status.raw_bytes > 0).then(|| status.raw_bytes as f64 / GIB)
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let (status, text) = match serde_json::to_vec(body) {
        Ok(text) => (status, text),
        Err(e) => {
            tracing::error!(error = %e, "an answer of the backup API cannot be written");
            let text = br#"{"error":[{"message":"the answer cannot be written"}]}"#;
            (StatusCode::INTERNAL_SERVER_ERROR, text.to_vec())
        }
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Adds how far an operation is, for our own command line.
pub(super) fn with_progress(mut response: Response, progress: Progress) -> Response {
    if progress.raw_total > 0
        && let Ok(value) = HeaderValue::try_from(format!("{}/{}", progress.raw_done, progress.raw_total))
    {
        response.headers_mut().insert(PROGRESS_HEADER, value);
    }
    response
}
