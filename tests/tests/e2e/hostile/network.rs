//! Attempts to reach servers that were not granted, with and without one that was.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use siltstone::ErrorKind::Denied;
use siltstone::plugin::{Found, Location, Lookup};
use siltstone_hostile::{Behaviour, Order};

use super::house::{House, Plan, assert_not_connected};
use super::trial::Call::{Head, Open};
use super::trial::Outcome::Fails;
use super::trial::provoke;
use super::trials;

trials! {
    a_request_never_leaves_the_host: HttpRequest in Head => Fails(Denied, &["refused", "HttpRequestDenied"]);
    a_need_of_any_address_is_refused: RequestBeside in Open => Fails(Denied, &["http://127.0.0.1"]);
    a_connection_never_leaves_the_host: Connect in Head => Fails(Denied, &["refused"]);
    nothing_listens_for_a_plugin: Listen in Head => Fails(Denied, &["refused"]);
    a_datagram_never_leaves_the_host: Datagram in Head => Fails(Denied, &["refused"]);
    a_name_is_not_looked_up: LookUp in Head => Fails(Denied, &["refused"]);
    headers_that_lead_elsewhere_cannot_be_set: ForbiddenHeaders in Head => Fails(Denied, &["refused", "9 headers"]);
    there_is_no_environment_and_no_argument: Environment in Head => Fails(Denied, &["nothing there"]);
    @ Requests by a_granted_origin_leads_to_no_other;
}

/// Answers the next of its lists at every lookup, whatever the name, and the last one from then on.
#[derive(Debug)]
struct Scripted(Mutex<VecDeque<Vec<IpAddr>>>, Mutex<u32>);

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|list| list.iter().map(|a| a.parse().unwrap()).collect());
        Arc::new(Self(Mutex::new(answers.collect()), Mutex::default()))
    }
}

impl Lookup for Scripted {
    fn lookup(&self, _host: &str) -> Found {
        *self.1.lock().unwrap() += 1;
        let mut answers = self.0.lock().unwrap();
        let now = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(std::future::ready(Ok(now.unwrap_or_default())))
    }
}

/// A server that answers every request with 200, and one for `/away` with a redirect.
struct Server {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(away: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&heads);
        // It ends with the process, as it waits for the next request.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), away, &seen);
            }
        });
        Self { port, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, away: u16, seen: &Mutex<Vec<String>>) {
    let mut head = vec![0; 8192];
    let read = stream.read(&mut head).unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..read]).into_owned();
    let status = match head.contains(" /away ") {
        true => format!("307 Temporary Redirect\r\nlocation: http://127.0.0.1:{away}/"),
        false => "200 OK".to_owned(),
    };
    seen.lock().unwrap().push(head);
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // The other side may have gone.
    let _ = stream.write_all(answer.as_bytes());
}

/// Sends requests, `METHOD,scheme,authority,path` each, by a plugin that was granted an origin; answers what came of each.
async fn send(requests: &[String], origin: &str, lookup: Arc<Scripted>) -> Vec<String> {
    let plan = Plan {
        address: Some(requests.join(" ")),
        grants: format!("origins = [{origin}]\n"),
        lookup: Some(lookup),
    };
    let house = House::new(plan).await;
    let storage = house.open(Order::of(Behaviour::Requests)).await.unwrap();
    let error = provoke(&*storage, Head).await.unwrap_err();
    assert!(error.is(Denied), "{error}");
    let text = error.to_string();
    let came = text.split('"').nth(1).unwrap();
    house.assert_undisturbed().await;
    came.split(' ').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_granted_origin_leads_to_no_other() {
    // Whoever comes here was led astray.
    let forbidden = TcpListener::bind("127.0.0.1:0").unwrap();
    let q = forbidden.local_addr().unwrap().port();
    let server = Server::start(q);
    let p = server.port;
    let trials = [
        // The granted origin, and the same origin in other letters.
        (format!("GET,http,store.test:{p},/a"), "200"),
        (format!("GET,http,STORE.test:{p},/"), "200"),
        (format!("GET,http,store.test.:{p},/"), "200"),
        // The same server by another name, and by its address in every spelling.
        (format!("GET,http,other.test:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,sub.store.test:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,store.test.other.test:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,localhost:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,127.0.0.1:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,[::1]:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,[::ffff:127.0.0.1]:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,[::ffff:7f00:1]:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,[64:ff9b::7f00:1]:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,2130706433:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,017700000001:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,0x7f000001:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,0177.0.0.1:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,127.1:{p},/"), "HttpRequestDenied"),
        (format!("GET,http,0.0.0.0:{p},/"), "HttpRequestDenied"),
        // Another port, another scheme, somebody's name in front.
        (format!("GET,http,store.test:{q},/"), "HttpRequestDenied"),
        ("GET,http,store.test,/".to_owned(), "HttpRequestDenied"),
        (format!("GET,https,store.test:{p},/"), "HttpRequestDenied"),
        (format!("GET,ftp,store.test:{p},/"), "HttpProtocolError"),
        (format!("GET,http,user@store.test:{p},/"), "HttpRequestUriInvalid"),
        (format!("GET,http,store.test:{p}@127.0.0.1:{q},/"), "HttpRequestUriInvalid"),
        // A redirect is an answer, and what it leads to is asked for as anything else.
        (format!("GET,http,store.test:{p},/away"), "307"),
        (format!("GET,http,127.0.0.1:{q},/"), "HttpRequestDenied"),
        // What hands out credentials.
        ("GET,http,169.254.169.254,/latest/meta-data/".to_owned(), "HttpRequestDenied"),
        ("GET,http,[::ffff:169.254.169.254],/".to_owned(), "HttpRequestDenied"),
        ("GET,http,2852039166,/".to_owned(), "HttpRequestDenied"),
        ("GET,http,metadata.google.internal,/".to_owned(), "HttpRequestDenied"),
        ("GET,http,metadata,/".to_owned(), "HttpRequestDenied"),
        ("GET,http,[fd00:ec2::254],/".to_owned(), "HttpRequestDenied"),
        // Paths that would be another server to somebody who reads them carelessly.
        (format!("GET,http,store.test:{p},http://127.0.0.1:{q}/"), "NoRequest"),
        (format!("GET,http,store.test:{p},@127.0.0.1:{q}/"), "NoRequest"),
        (format!("GET,http,store.test:{p},:{q}/"), "NoRequest"),
        (format!("GET,http,store.test:{p},//127.0.0.1:{q}/"), "200"),
        (format!("GET,http,store.test:{p},/@127.0.0.1:{q}/"), "200"),
        (format!("GET,http,store.test:{p},?@127.0.0.1:{q}/"), "200"),
        // Methods that are more than a question to that server, and are sent to no other.
        (format!("TRACE,http,store.test:{p},/"), "200"),
        (format!("CONNECT,http,store.test:{p},/"), "200"),
        (format!("CONNECT,http,127.0.0.1:{q},/"), "HttpRequestDenied"),
    ];
    let (requests, wanted): (Vec<String>, Vec<&str>) = trials.into_iter().unzip();
    let origin = format!("{{ origin = \"http://store.test:{p}\", addresses = \"private\" }}");
    // Every name leads here, so that it is the grant that decides.
    let came = send(&requests, &origin, Scripted::new(&[&["127.0.0.1"]])).await;
    assert_eq!(came.len(), wanted.len(), "{came:?}");
    for ((request, came), wanted) in requests.iter().zip(&came).zip(&wanted) {
        assert_eq!(came, wanted, "{request}");
    }
    let heads = server.heads();
    let served = wanted.iter().filter(|came| ["200", "307"].contains(came)).count();
    assert_eq!(heads.len(), served, "{heads:#?}");
    for head in heads {
        let host =
            head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("host: ").map(str::to_owned));
        let host = host.unwrap_or_default().replace("test.:", "test:");
        assert_eq!(host, format!("store.test:{p}"), "{head}");
        // No proxy is asked to go elsewhere.
        assert!(!head.lines().next().unwrap().contains(" http"), "{head}");
    }
    assert_not_connected(&forbidden);
}

/// A public address at which nobody is: the block is for benchmarks, and no network carries it.
const NOBODY: &str = "2001:2::1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_changes_its_address_is_not_followed_into_the_network() {
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    let p = here.local_addr().unwrap().port();
    let request = format!("GET?,http,store.test:{p},/");
    let origin = format!("\"http://store.test:{p}\"");
    let lookup = Scripted::new(&[&[NOBODY], &["127.0.0.1"]]);
    let came = send(&[request.clone(), request.clone(), request], &origin, Arc::clone(&lookup)).await;
    // The first was let go to where nobody is, and not to where the name leads now.
    assert!(came[0].parse::<u16>().is_err() && came[0] != "DestinationIpProhibited", "{came:?}");
    assert_eq!(came[1..], ["DestinationIpProhibited", "DestinationIpProhibited"]);
    assert_eq!(*lookup.1.lock().unwrap(), 3);
    assert_not_connected(&here);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_addresses_only_those_that_are_granted_are_tried() {
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    let p = here.local_addr().unwrap().port();
    let request = format!("GET?,http,store.test:{p},/");
    let origin = format!("\"http://store.test:{p}\"");
    let both: &[&[&str]] = &[&["127.0.0.1", NOBODY, "::1", "::ffff:127.0.0.1"]];
    let came = send(&[request], &origin, Scripted::new(both)).await;
    assert!(came[0].parse::<u16>().is_err() && came[0] != "DestinationIpProhibited", "{came:?}");
    assert_not_connected(&here);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_granted_name_never_leads_to_what_hands_out_credentials() {
    let request = "GET?,http,store.test:80,/".to_owned();
    let origin = "{ origin = \"http://store.test\", addresses = \"private\" }";
    for address in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe"] {
        let came = send(std::slice::from_ref(&request), origin, Scripted::new(&[&[address]])).await;
        assert_eq!(came, ["DestinationIpProhibited"], "{address}");
    }
}

/// A component that was granted one address reaches no other: not where a redirect leads, not another port or scheme of the same
/// machine, not the same address in another spelling, not a metadata service. Whether it came with the host changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_granted_address_leads_to_no_other() {
    for bundled in [true, false] {
        let forbidden = TcpListener::bind("127.0.0.1:0").unwrap();
        let granted = TcpListener::bind("127.0.0.1:0").unwrap();
        let (elsewhere, address) = (forbidden.local_addr().unwrap(), granted.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = granted.accept().unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).unwrap();
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).unwrap();
            granted
        });
        let grants = format!("origins = [\"http://{address}\"]\n");
        let house = House::new(Plan { address: Some(address.to_string()), grants, lookup: None }).await;
        let order = Order::of(Behaviour::RequestBeside);
        let plugin = if bundled { house.bundled(order).await } else { house.hostile(order).await };
        let storage = plugin.unwrap().open(&Location::default()).await.unwrap();
        let error = provoke(&*storage, Head).await.unwrap_err();
        assert!(error.is(Denied) && error.to_string().contains("46 refusals"), "{error}");
        let granted = served.join().unwrap();
        for listener in [&forbidden, &granted] {
            assert_not_connected(listener);
        }
        house.assert_undisturbed().await;
    }
}
