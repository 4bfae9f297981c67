//! One unary call: admitted by its header, decoded, worked on where blocking is allowed, answered.

use std::convert::Infallible;

use tokio::sync::watch;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, http};
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::MAX_MESSAGE;
use super::status::status;
use crate::Database;
use crate::access::{Access, Refused, Right};

/// The answer to an HTTP request.
pub(super) type Answer = BoxFuture<http::Response<Body>, Infallible>;

/// What calls work with.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) database: Database,
    pub(super) access: Access,
    /// Closed when the server is about to stop.
    pub(super) stopping: watch::Receiver<()>,
}

impl Context {
    /// Admits a call by its header; before a message is read, so that nobody unknown makes this server decode one.
    pub(super) fn admit(&self, request: &http::Request<Body>, right: Right) -> Result<(), Status> {
        let header = match request.headers().get(http::header::AUTHORIZATION) {
            None => None,
            Some(value) => {
                let text = value.to_str();
                Some(text.map_err(|_| Status::unauthenticated("the authorization header is not text"))?)
            }
        };
        match self.access.admit(&self.database, header, right) {
            Ok(_) => Ok(()),
            Err(Refused::Unauthenticated(message)) => Err(Status::unauthenticated(message)),
            Err(Refused::Forbidden(message)) => Err(Status::permission_denied(message)),
        }
    }
}

/// Answers one call with the result of `work`.
pub(super) async fn unary<Q, A>(
    context: Context,
    right: Right,
    request: http::Request<Body>,
    work: fn(&Database, Q) -> siltstone::Result<A>,
) -> http::Response<Body>
where
    Q: prost::Message + Default + 'static,
    A: prost::Message + Default + 'static,
{
    if let Err(refused) = context.admit(&request, right) {
        return refused.into_http();
    }
    let most = usize::try_from(MAX_MESSAGE).unwrap_or(usize::MAX);
    Grpc::new(ProstCodec::<A, Q>::default())
        .max_decoding_message_size(most)
        .max_encoding_message_size(most)
        .unary(Blocking { database: context.database, work }, request)
        .await
}

struct Blocking<Q, A> {
    database: Database,
    work: fn(&Database, Q) -> siltstone::Result<A>,
}

impl<Q: Send + 'static, A: Send + 'static> UnaryService<Q> for Blocking<Q, A> {
    type Response = A;
    type Future = BoxFuture<Response<A>, Status>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (database, work) = (self.database.clone(), self.work);
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || work(&database, request.into_inner())).await {
                Ok(result) => result.map(Response::new).map_err(|e| status(&e)),
                Err(e) => {
                    tracing::error!(error = %e, "a gRPC call ended by a panic");
                    Err(Status::internal("a request ended by a panic"))
                }
            }
        })
    }
}
