//! `weaviate.v1.Weaviate`: which call does what.

use std::convert::Infallible;
use std::task::{Context as Task, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;

use super::service::{Answer, Context, unary};
use super::{aggregate, batch, delete, references, search, stream, tenants};
use crate::access::Right;

/// The service.
#[derive(Clone)]
pub(super) struct Weaviate {
    context: Context,
}

impl Weaviate {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }
}

impl NamedService for Weaviate {
    const NAME: &'static str = "weaviate.v1.Weaviate";
}

impl Service<http::Request<Body>> for Weaviate {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let context = self.context.clone();
        Box::pin(async move {
            Ok(match request.uri().path().rsplit('/').next().unwrap_or_default() {
                "Search" => unary(context, Right::Read, request, search::search).await,
                "Aggregate" => unary(context, Right::Read, request, aggregate::aggregate).await,
                "TenantsGet" => unary(context, Right::Read, request, tenants::get).await,
                "BatchObjects" => unary(context, Right::Write, request, batch::objects).await,
                "BatchReferences" => unary(context, Right::Write, request, references::references).await,
                "BatchStream" => stream::stream(context, request).await,
                "BatchDelete" => unary(context, Right::Write, request, delete::delete).await,
                other => {
                    let message = format!("{} is not supported by this database", other.escape_debug());
                    Status::unimplemented(message).into_http()
                }
            })
        })
    }
}
