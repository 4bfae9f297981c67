//! Requests against real listeners of this machine, with a resolver that says what a test wants.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::{Empty, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers the next of its lists at every lookup, and the last one from then on.
#[derive(Debug)]
struct Scripted(Mutex<VecDeque<Vec<IpAddr>>>);

impl Lookup for Scripted {
    fn lookup(&self, _host: &str) -> Found {
        let mut answers = self.0.lock().unwrap();
        let now = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(ready(Ok(now.unwrap_or_default())))
    }
}

/// A server that counts connections and answers every request with 307 to somewhere else.
async fn server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                let mut head = vec![0; 4096];
                let n = stream.read(&mut head).await.unwrap();
                requests.lock().unwrap().push(String::from_utf8_lossy(&head[..n]).into_owned());
                let answer = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://elsewhere.test/\r\ncontent-length: 5\r\n\r\nhello";
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    (port, seen)
}

/// Requests that may be under way at once.
const REQUESTS: u32 = 2;

fn egress(grants: &[(&str, Reach)], answers: &[&[&str]]) -> Egress {
    let origins = grants
        .iter()
        .map(|(uri, reach)| GrantedOrigin {
            origin: Origin::of(&uri.parse().unwrap()).unwrap(),
            reach: *reach,
        })
        .collect();
    let answers = answers.iter().map(|list| list.iter().map(|a| a.parse().unwrap()).collect()).collect();
    let lookup = Arc::new(Scripted(Mutex::new(answers)));
    Egress::Open(Arc::new(Client::new(origins, REQUESTS, lookup, &[], None).unwrap()))
}

async fn get(egress: &mut Egress, uri: &str) -> Result<(u16, Bytes), HttpError> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let request = http::Request::get(uri).body(body).unwrap();
    let (response, _) = Box::into_pin(egress.send_request(request, None, Box::new(ready(Ok(()))))).await?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

macro_rules! assert_fails {
    ($egress:expr, $uri:expr, $error:pat) => {
        let result = get(&mut $egress, $uri).await;
        assert!(matches!(result, Err($error)), "{}: {result:?}", $uri);
    };
}

#[tokio::test]
async fn a_granted_origin_is_reached_by_name_and_a_redirect_is_only_an_answer() {
    let (port, seen) = server().await;
    let uri = format!("http://store.test:{port}/a?b=c");
    let mut egress = egress(&[(&uri, Reach::Named)], &[&["127.0.0.1"]]);
    let (status, body) = get(&mut egress, &uri).await.unwrap();
    assert_eq!((status, &body[..]), (307, &b"hello"[..]));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert!(
        seen[0].starts_with("GET /a?b=c HTTP/1.1\r\n")
            && seen[0].contains(&format!("host: store.test:{port}"))
    );
}

#[tokio::test]
async fn what_was_not_granted_is_refused_before_anything_is_sent() {
    let (port, seen) = server().await;
    let granted = format!("http://store.test:{port}/");
    let mut egress =
        egress(&[(&granted, Reach::Named), ("http://[::1]:1/", Reach::Named)], &[&["127.0.0.1"]]);
    for uri in [
        format!("http://other.test:{port}/"),
        format!("https://store.test:{port}/"),
        "http://store.test/".to_owned(),
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://sub.store.test:{port}/"),
    ] {
        assert_fails!(egress, &uri, HttpError::HttpRequestDenied);
    }
    assert_fails!(egress, &format!("http://store.test@127.0.0.1:{port}/"), HttpError::HttpRequestUriInvalid);
    assert_fails!(Egress::Closed, &granted, HttpError::HttpRequestDenied);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_not_connected_to() {
    let (port, seen) = server().await;
    let uri = format!("http://store.test:{port}/");
    for address in
        ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"]
    {
        let mut egress = egress(&[(&uri, Reach::Public)], &[&[address]]);
        assert_fails!(egress, &uri, HttpError::DestinationIpProhibited);
    }
    // Named by the operator, and still no way to the credentials of the machine.
    for address in [
        "169.254.169.254",
        "169.254.0.23",
        "169.254.42.42",
        "100.100.100.200",
        "fd00:ec2::254",
        "::ffff:169.254.170.2",
    ] {
        let mut egress = egress(&[(&uri, Reach::Named)], &[&[address]]);
        assert_fails!(egress, &uri, HttpError::DestinationIpProhibited);
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_grant_of_private_addresses_counts_for_its_own_scheme_host_and_port() {
    let ((private, asked), (public, unasked)) = (server().await, server().await);
    let uri = |port: u16| format!("http://store.test:{port}/");
    let secure = format!("https://store.test:{private}/");
    let grants = [
        (uri(private), Reach::Named),
        (uri(public), Reach::Public),
        (secure.clone(), Reach::Public),
        ("http://store.test/".to_owned(), Reach::Metadata),
    ];
    let grants: Vec<(&str, Reach)> = grants.iter().map(|(uri, reach)| (uri.as_str(), *reach)).collect();
    let mut egress = egress(&grants, &[&["127.0.0.1"]]);
    // Before and after the private one was connected to.
    for _ in 0..2 {
        assert_fails!(egress, &uri(public), HttpError::DestinationIpProhibited);
        assert_fails!(egress, &secure, HttpError::DestinationIpProhibited);
        assert_fails!(egress, "http://store.test/", HttpError::DestinationIpProhibited);
        assert_eq!(get(&mut egress, &uri(private)).await.unwrap().0, 307);
    }
    assert_eq!(asked.lock().unwrap().len(), 2);
    assert!(unasked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_changes_is_checked_each_time() {
    let (port, seen) = server().await;
    let uri = format!("http://store.test:{port}/");
    let mut egress = egress(&[(&uri, Reach::Public)], &[&["127.0.0.1", "10.0.0.1"], &["127.0.0.1"]]);
    for _ in 0..3 {
        assert_fails!(egress, &uri, HttpError::DestinationIpProhibited);
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn literal_addresses_are_checked_in_every_spelling() {
    let (port, seen) = server().await;
    let literals = ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "169.254.169.254", "[64:ff9b::7f00:1]"];
    for literal in literals {
        let uri = format!("http://{literal}:{port}/");
        let mut egress = egress(&[(&uri, Reach::Public)], &[&["127.0.0.1"]]);
        assert_fails!(egress, &uri, HttpError::DestinationIpProhibited);
    }
    for odd in ["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "a.0x1"] {
        let uri = format!("http://{odd}:{port}/");
        let mut egress = egress(&[(&uri, Reach::Public)], &[&["127.0.0.1"]]);
        assert_fails!(egress, &uri, HttpError::HttpRequestUriInvalid);
    }
    assert!(seen.lock().unwrap().is_empty());
    let uri = format!("http://127.0.0.1:{port}/");
    assert_eq!(get(&mut egress(&[(&uri, Reach::Named)], &[&[]]), &uri).await.unwrap().0, 307);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_is_forbidden() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let uri = format!("http://store.test:{unused}/");
    let mut egress = egress(&[(&uri, Reach::Named)], &[&["127.0.0.1"]]);
    assert_fails!(egress, &uri, HttpError::ConnectionRefused);
}

#[tokio::test]
async fn a_body_goes_out_as_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let counted = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut total, mut buffer) = (0_usize, vec![0; 1 << 16]);
        while total < 3 << 20 {
            total += stream.read(&mut buffer).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        total
    });
    let uri = format!("http://store.test:{port}/");
    let mut egress = egress(&[(&uri, Reach::Named)], &[&["127.0.0.1"]]);
    let body = Full::new(Bytes::from(vec![7; 3 << 20])).map_err(|never| match never {}).boxed_unsync();
    let request = http::Request::put(&uri).header("content-length", 3 << 20).body(body).unwrap();
    let sent = Box::into_pin(egress.send_request(request, None, Box::new(ready(Ok(()))))).await;
    assert_eq!(sent.unwrap().0.status().as_u16(), 200);
    assert!(counted.await.unwrap() > 3 << 20, "the head comes on top");
}

#[tokio::test]
async fn a_request_beyond_those_that_may_be_under_way_is_refused_until_one_has_ended() {
    let (port, seen) = server().await;
    let uri = format!("http://store.test:{port}/");
    let mut egress = egress(&[(&uri, Reach::Named)], &[&["127.0.0.1"]]);
    let send = |egress: &mut Egress| {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = http::Request::get(&uri).body(body).unwrap();
        Box::into_pin(egress.send_request(request, None, Box::new(ready(Ok(())))))
    };
    let (first, _) = send(&mut egress).await.unwrap();
    let (second, _) = send(&mut egress).await.unwrap();
    // An instance that shares the client is another clone of it.
    assert_fails!(egress.clone(), &uri, HttpError::ConnectionLimitReached);
    assert_eq!(seen.lock().unwrap().len(), 2);
    // One whose body was read to its end is over, though somebody still holds it, and so is one that was dropped.
    let mut first = first.into_body();
    while first.frame().await.is_some() {}
    assert_eq!(get(&mut egress, &uri).await.unwrap().0, 307);
    let (_third, _) = send(&mut egress).await.unwrap();
    assert_fails!(egress, &uri, HttpError::ConnectionLimitReached);
    drop(second);
    assert_eq!(get(&mut egress, &uri).await.unwrap().0, 307);
    // One that nobody waits for any more counts no longer, nor does one that failed.
    for _ in 0..5 {
        drop(send(&mut egress));
    }
    assert_eq!(get(&mut egress, &uri).await.unwrap().0, 307);
}
