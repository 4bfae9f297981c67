//! The REST API as an axum router.
//!
//! [`router`] answers everything below `/v1/backups` and nothing else, so that a database server merges it with its own
//! routes. It speaks the wire format of Weaviate's backup API: two shapes of errors, body keys that match in any case,
//! a closed set of states. Authentication is the affair of the server that merges it; it may tell by a [`Rank`] in the
//! extensions of a request who the caller is.
//!
//! | method and path | does |
//! | --- | --- |
//! | `POST /v1/backups/{backend}` | start a backup |
//! | `GET /v1/backups/{backend}` | list backups; `order` = `asc` or `desc` |
//! | `GET /v1/backups/{backend}/{id}` | status of a backup |
//! | `DELETE /v1/backups/{backend}/{id}` | cancel a running backup; never deletes a stored one |
//! | `POST /v1/backups/{backend}/{id}/restore` | start a restore |
//! | `GET /v1/backups/{backend}/{id}/restore` | status of a restore |
//! | `DELETE /v1/backups/{backend}/{id}/restore` | cancel a running restore |
//! | `GET /v1/backups/openapi.json` | the description of all this |
//!
//! Statuses and cancels take `bucket` and `path` as query parameters. The statuses also carry a header of our own, which
//! other clients do not see: `siltstone-progress: <raw bytes done>/<raw bytes in all>`, once the total is known.

mod answer;
mod backups;
mod error;
mod fields;
mod openapi;
mod requests;
mod routes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use openapi::openapi;

use crate::Host;

/// Name of the header that tells how far an operation is.
pub const PROGRESS_HEADER: &str = "siltstone-progress";

/// Who sent a request, as far as the answers differ: put it into the extensions of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Somebody who may do everything; also every caller of a server that says nothing. Sees `incremental_base_backup_id`.
    Root,
    /// Anybody else.
    User,
}

/// The API of a host: merge it into the server's own router.
///
/// ```no_run
/// # fn serve(host: siltstone::Host) -> axum::Router {
/// axum::Router::new().merge(siltstone::server::router(host))
/// # }
/// ```
pub fn router(host: Host) -> axum::Router {
    routes::router(Arc::new(host))
}
