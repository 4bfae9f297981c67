//! `grpc.health.v1.Health`: whoever can ask is told that this server serves.

use std::convert::Infallible;
use std::future::ready;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::service::Answer;
use super::wire::health::{HealthCheckRequest, HealthCheckResponse, ServingStatus};

/// Largest request in bytes.
const MAX_REQUEST: usize = 4096;

/// The service. It needs no key and no database: clients ask it before they log in.
#[derive(Clone)]
pub(super) struct Health;

impl NamedService for Health {
    const NAME: &'static str = "grpc.health.v1.Health";
}

impl Service<http::Request<Body>> for Health {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        Box::pin(async move {
            Ok(match request.uri().path().rsplit('/').next() {
                Some("Check") => {
                    let codec = ProstCodec::<HealthCheckResponse, HealthCheckRequest>::default();
                    Grpc::new(codec).max_decoding_message_size(MAX_REQUEST).unary(Check, request).await
                }
                _ => Status::unimplemented("only Check is served").into_http(),
            })
        })
    }
}

struct Check;

impl UnaryService<HealthCheckRequest> for Check {
    type Response = HealthCheckResponse;
    type Future = BoxFuture<Response<HealthCheckResponse>, Status>;

    /// Serving, whatever service is asked for: real clients name what is no service.
    fn call(&mut self, _: Request<HealthCheckRequest>) -> Self::Future {
        let status = ServingStatus::Serving.into();
        Box::pin(ready(Ok(Response::new(HealthCheckResponse { status }))))
    }
}
