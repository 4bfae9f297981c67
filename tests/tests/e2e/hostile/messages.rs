//! HTTP messages that are made and not sent, sent and not answered, answered and not taken up.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use siltstone::ErrorKind::{Denied, Plugin as Fault};
use siltstone::storage::Storage;
use siltstone_hostile::{Behaviour, Order, REQUESTS};

use super::house::{House, Plan, resident};
use super::memory::alone;
use super::trial::Call::{Head, Put};
use super::trial::Outcome::Fails;
use super::trial::{behave, provoke};
use super::trials;

trials! {
    requests_that_are_not_sent_are_too_many: ManyRequests in Put => Fails(Fault, &["more than 8 HTTP messages"]);
    responses_that_nobody_asked_for_are_too_many: ManyResponses in Put => Fails(Fault, &["more than 8 HTTP messages"]);
    answers_that_are_not_taken_are_too_many: ManyAnswers in Put => Fails(Fault, &["more than 64 HTTP responses"]);
    a_huge_method_is_refused: HugeMethod in Put => Fails(Fault, &["on purpose: Err(())"]);
    @ KeepsRequests by requests_that_are_kept_are_gone_after_the_call;
    @ KeepsAnswer by answers_that_are_kept_are_gone_after_the_call;
    @ ManyConnections by a_location_has_so_many_requests_under_way_and_no_more;
}

/// A plugin that was granted one address.
async fn house(address: SocketAddr) -> House {
    let grants = format!("origins = [\"http://{address}\"]\n");
    House::new(Plan { address: Some(address.to_string()), grants, lookup: None }).await
}

#[test]
fn requests_that_are_kept_are_gone_after_the_call() {
    alone("messages::requests_that_are_kept_are_gone_after_the_call", keep_requests);
}

async fn keep_requests() {
    let house = House::new(Plan::default()).await;
    let storage = house.open(Order::of(Behaviour::KeepsRequests)).await.unwrap();
    provoke(&*storage, Put).await.unwrap();
    let before = resident();
    // An instance that has kept its six could make two more; and all of them together would be 480 MB.
    for _ in 0..40 {
        provoke(&*storage, Put).await.unwrap();
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 128 << 20, "the process has grown by {grown} bytes");
    behave(&*storage, Put).await.unwrap();
    house.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_kept_are_gone_after_the_call() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let house = house(server.local_addr().unwrap()).await;
    // It ends with the process, as it waits for the next request.
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            // A body that never comes.
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").unwrap();
            open.push(stream);
        }
    });
    let storage = house.open(Order::of(Behaviour::KeepsAnswer)).await.unwrap();
    // Each is a request under way until nobody holds its answer.
    for _ in 0..3 * REQUESTS {
        provoke(&*storage, Put).await.unwrap();
    }
    behave(&*storage, Put).await.unwrap();
    house.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_location_has_so_many_requests_under_way_and_no_more() {
    // It takes connections, which the system does for it, and says nothing.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let house = house(server.local_addr().unwrap()).await;
    let storage: std::sync::Arc<dyn Storage> =
        house.open(Order::of(Behaviour::ManyConnections)).await.unwrap();
    // The second time as well: what the first call had under way has ended with it.
    for _ in 0..2 {
        let error = provoke(&*storage, Head).await.unwrap_err();
        let text = error.to_string();
        assert!(error.is(Denied), "{text}");
        assert!(text.contains(&format!("{REQUESTS} wait, 0 no longer")), "{text}");
        assert!(text.contains("ConnectionLimitReached") && !text.contains("Ok(2"), "{text}");
    }
    behave(&*storage, Head).await.unwrap();
    house.assert_undisturbed().await;
}
