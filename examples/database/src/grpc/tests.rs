//! Calls as they come in over HTTP, without the network.

use prost::Message;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::{Code, Status};

use super::service::Context;
use super::weaviate::Weaviate;
use super::wire::health::{HealthCheckRequest, HealthCheckResponse, ServingStatus};
use super::wire::search::SearchRequest;
use super::wire::stream::{Ask, BatchStreamReply, BatchStreamRequest, Tell};
use super::*;
use crate::fixture::{Setup, fast_folder, open};

/// One message as the wire frames it.
fn frame(message: &impl Message) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend((message.encoded_len() as u32).to_be_bytes());
    message.encode(&mut bytes).unwrap();
    bytes
}

/// Calls a service; the status and the messages of the answer.
fn call<S>(service: &mut S, path: &str, header: Option<&str>, body: Vec<u8>) -> (Code, Vec<Vec<u8>>)
where
    S: Service<http::Request<Body>, Response = http::Response<Body>>,
    S::Error: std::fmt::Debug,
{
    let mut request =
        http::Request::builder().method("POST").uri(path).header("content-type", "application/grpc");
    if let Some(header) = header {
        request = request.header("authorization", header);
    }
    let request = request.body(Body::new(axum::body::Body::from(body))).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let answer = service.call(request).await.unwrap();
        if let Some(status) = Status::from_header_map(answer.headers()) {
            return (status.code(), Vec::new());
        }
        let bytes = axum::body::to_bytes(axum::body::Body::new(answer.into_body()), 1 << 20).await.unwrap();
        let (mut rest, mut messages) = (&bytes[..], Vec::new());
        while let [_, a, b, c, d, after @ ..] = rest {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            messages.push(after[..length].to_vec());
            rest = &after[length..];
        }
        (Code::Ok, messages)
    })
}

fn weaviate(variables: &[(&str, &str)]) -> (tempfile::TempDir, watch::Sender<()>, Weaviate) {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let access = Access::from_env(&variables.collect()).unwrap();
    let folder = fast_folder();
    let database = open(folder.path(), &Setup::default());
    let (running, stopping) = watch::channel(());
    (folder, running, Weaviate::new(Context { database, access, stopping }))
}

#[test]
fn every_service_is_healthy() {
    for service in ["", "/grpc.health.v1.Health/Check", "other"] {
        let body = frame(&HealthCheckRequest { service: service.to_owned() });
        let (code, messages) = call(&mut health::Health, "/grpc.health.v1.Health/Check", None, body);
        let answer = HealthCheckResponse::decode(messages[0].as_slice()).unwrap();
        assert_eq!((code, answer.status()), (Code::Ok, ServingStatus::Serving));
    }
    let watched = call(&mut health::Health, "/grpc.health.v1.Health/Watch", None, Vec::new());
    assert_eq!(watched.0, Code::Unimplemented);
}

#[test]
fn a_call_is_admitted_by_its_header_and_its_right() {
    let variables = [
        ("AUTHENTICATION_APIKEY_ENABLED", "true"),
        ("AUTHENTICATION_APIKEY_ALLOWED_KEYS", "key-of-ada,key-of-bob"),
        ("AUTHENTICATION_APIKEY_USERS", "ada,bob"),
        ("AUTHORIZATION_ADMINLIST_ENABLED", "true"),
        ("AUTHORIZATION_ADMINLIST_USERS", "ada"),
        ("AUTHORIZATION_ADMINLIST_READONLY_USERS", "bob"),
    ];
    let (_folder, _running, mut service) = weaviate(&variables);
    let mut code = |name: &str, header: Option<&str>| {
        let body = frame(&SearchRequest { uses_127_api: true, ..SearchRequest::default() });
        call(&mut service, &format!("/weaviate.v1.Weaviate/{name}"), header, body).0
    };
    let reads = ["Search", "Aggregate", "TenantsGet"];
    let writes = ["BatchObjects", "BatchReferences", "BatchDelete", "BatchStream"];
    for name in reads.iter().chain(&writes) {
        assert_eq!(code(name, None), Code::Unauthenticated, "{name}");
        assert_eq!(code(name, Some("Bearer other")), Code::Unauthenticated, "{name}");
        let refused = [Code::Unauthenticated, Code::PermissionDenied];
        assert!(!refused.contains(&code(name, Some("Bearer key-of-ada"))), "{name}");
        let denied = code(name, Some("Bearer key-of-bob")) == Code::PermissionDenied;
        assert_eq!(denied, writes.contains(name), "{name}");
    }
    assert_eq!(code("Other", None), Code::Unimplemented);
}

#[test]
fn a_stream_starts_acknowledges_tells_results_and_ends() {
    let (_folder, _running, mut service) = weaviate(&[]);
    let ask = |ask: Ask| frame(&BatchStreamRequest { message: Some(ask) });
    let object = wire::batch::BatchObject { uuid: "A".to_owned(), ..Default::default() };
    let data = wire::stream::Data {
        objects: Some(wire::stream::Objects { values: vec![object] }),
        references: None,
    };
    let body =
        [ask(Ask::Start(wire::Unread {})), ask(Ask::Data(data.clone())), ask(Ask::Stop(wire::Unread {}))];
    let (_, messages) = call(&mut service, "/weaviate.v1.Weaviate/BatchStream", None, body.concat());
    let told: Vec<Tell> =
        messages.iter().map(|m| BatchStreamReply::decode(m.as_slice()).unwrap().message.unwrap()).collect();
    let [Tell::Started(_), Tell::Acks(acks), Tell::Results(results)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((acks.uuids.as_slice(), results.errors.len()), (["A".to_owned()].as_slice(), 1));
    let (_, messages) = call(&mut service, "/weaviate.v1.Weaviate/BatchStream", None, ask(Ask::Data(data)));
    assert!(messages.is_empty(), "what was not started is not read");
}

#[test]
fn a_stream_is_told_that_the_server_stops() {
    let (_folder, running, mut service) = weaviate(&[]);
    drop(running);
    let body = frame(&BatchStreamRequest { message: Some(Ask::Start(wire::Unread {})) });
    // The client has sent all it has, so that its end may be noticed first; sooner or later the stop is.
    let told = (0..100).any(|_| {
        let (_, messages) = call(&mut service, "/weaviate.v1.Weaviate/BatchStream", None, body.clone());
        let last = BatchStreamReply::decode(messages.last().unwrap().as_slice()).unwrap();
        matches!(last.message, Some(Tell::ShuttingDown(_)))
    });
    assert!(told);
}
