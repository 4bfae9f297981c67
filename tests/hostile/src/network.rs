//! Attempts to reach servers that were not granted; each ends in an error that tells what came of it.

use std::io::Read;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::wasi::http::outgoing_handler;
use siltstone_plugin_sdk::wasi::http::types::{
    Fields, IncomingResponse, Method, OutgoingRequest, RequestOptions, Scheme,
};

use crate::Behaviour;
use crate::component::Handle;
use crate::files::outcome;
use crate::misdeeds::trap;

/// The method of a request that is given up after this many nanoseconds, as nobody will answer it.
const IMPATIENT: (&str, u64) = ("GET?", 300_000_000);

pub(crate) fn head(handle: &Handle) -> Result<(), Error> {
    match handle.behaviour {
        Behaviour::HttpRequest => outcome(request(&handle.address)),
        Behaviour::RequestBeside => outcome(beside(&handle.address)),
        Behaviour::Requests => Err(error::denied(requests(&handle.address))),
        Behaviour::ForbiddenHeaders => outcome(forbidden_headers()),
        Behaviour::Connect => outcome(connect(&handle.address)),
        Behaviour::Listen => outcome(TcpListener::bind("127.0.0.1:0")),
        Behaviour::Datagram => {
            let sent = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.send_to(b"out", &handle.address));
            outcome(sent)
        }
        Behaviour::LookUp => outcome("localhost:80".to_socket_addrs().map(Iterator::collect::<Vec<_>>)),
        Behaviour::Environment => {
            let variables: Vec<_> = std::env::vars().collect();
            let arguments: Vec<_> = std::env::args().collect();
            if variables.is_empty() && arguments.is_empty() {
                return outcome(Err::<(), _>("nothing there"));
            }
            outcome(Ok::<_, ()>((variables, arguments)))
        }
        _ => Ok(()),
    }
}

pub(crate) fn put(handle: &Handle) {
    if handle.behaviour == Behaviour::PanicsWithRequest {
        let request = OutgoingRequest::new(Fields::new());
        let set = [
            request.set_scheme(Some(&Scheme::Http)),
            request.set_authority(Some(&handle.address)),
            request.set_path_with_query(Some("/")),
        ];
        let answer = outgoing_handler::handle(request, None);
        if let Ok(answer) = &answer {
            // Until the server has the request; it never answers.
            let _ = answer.get();
            siltstone_plugin_sdk::wasi::clocks::monotonic_clock::subscribe_duration(300_000_000).block();
        }
        trap(&format!("{set:?} {answer:?}"));
    }
}

/// The parts of one of the requests that an address lists: `METHOD,scheme,authority,path`, with a blank between requests.
fn parts(request: &str) -> Option<(&str, &str, &str, &str)> {
    let mut parts = request.splitn(4, ',');
    Some((parts.next()?, parts.next()?, parts.next()?, parts.next()?))
}

/// The origin of the first request.
pub(crate) fn first(address: &str) -> Option<(&str, &str, u16)> {
    let (_, scheme, authority, _) = parts(address.split(' ').next()?)?;
    let (host, port) = authority.rsplit_once(':')?;
    Some((scheme, host, port.parse().ok()?))
}

/// What came of each: a status, or a word for an error.
fn requests(address: &str) -> String {
    let mut all = String::new();
    for request in address.split(' ') {
        let came = match parts(request) {
            None => "no request".to_owned(),
            Some((method, scheme, authority, path)) => {
                let patience = (method == IMPATIENT.0).then_some(IMPATIENT.1);
                let method = match method {
                    "CONNECT" => Method::Connect,
                    "TRACE" => Method::Trace,
                    _ => Method::Get,
                };
                let scheme = match scheme {
                    "http" => Scheme::Http,
                    "https" => Scheme::Https,
                    other => Scheme::Other(other.to_owned()),
                };
                match send_as(&method, &scheme, authority, path, patience) {
                    Ok(response) => response.status().to_string(),
                    Err(refusal) => refusal,
                }
            }
        };
        all.push_str(&came);
        all.push(' ');
    }
    all.trim_end().to_owned()
}

/// What could be set of the headers that decide where a request goes or where it ends.
fn forbidden_headers() -> Result<String, String> {
    let fields = Fields::new();
    let mut refused = Vec::new();
    for (name, value) in [
        ("host", "127.0.0.1"),
        ("Host", "127.0.0.1"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("proxy-connection", "close"),
        ("upgrade", "h2c"),
        ("x-odd", "a\r\nhost: 127.0.0.1"),
        ("x-odd\r\nhost", "127.0.0.1"),
        ("content-length", "5\r\n\r\nGET / HTTP/1.1"),
    ] {
        match fields.append(name, value.as_bytes()) {
            Ok(()) => return Ok(name.to_owned()),
            Err(refusal) => refused.push(format!("{refusal:?}")),
        }
    }
    Err(format!("{} headers", refused.len()))
}

fn connect(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

pub(crate) fn request(address: &str) -> Result<u16, String> {
    send(&Scheme::Http, address).map(|response| response.status())
}

fn send(scheme: &Scheme, address: &str) -> Result<IncomingResponse, String> {
    send_as(&Method::Get, scheme, address, "/", None)
}

fn send_as(
    method: &Method,
    scheme: &Scheme,
    authority: &str,
    path: &str,
    patience: Option<u64>,
) -> Result<IncomingResponse, String> {
    let request = OutgoingRequest::new(Fields::new());
    let parts = [
        request.set_method(method),
        request.set_scheme(Some(scheme)),
        request.set_authority(Some(authority)),
        request.set_path_with_query(Some(path)),
    ];
    if parts.contains(&Err(())) {
        return Err("NoRequest".to_owned());
    }
    let options = RequestOptions::new();
    let _ = options.set_first_byte_timeout(patience);
    let word = |code| format!("{code:?}").trim_start_matches("ErrorCode::").replace(' ', "");
    let answer = outgoing_handler::handle(request, Some(options)).map_err(word)?;
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(word(code)),
        other => Err(format!("{other:?}")),
    }
}

/// Ways to write this machine and others that hold credentials, each with the port of a server that was not granted.
const NEIGHBOURS: [&str; 10] = [
    "localhost",
    "LOCALHOST.",
    "127.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "0.0.0.0",
    "0x7f000001",
    "2130706433",
    "127.1",
];

/// What was reached beside the granted address, or every refusal.
fn beside(address: &str) -> Result<String, String> {
    let answer = send(&Scheme::Http, address).map_err(|e| format!("the granted address: {e}"))?;
    let location = answer.headers().get("location").pop().unwrap_or_default();
    let location = String::from_utf8_lossy(&location).into_owned();
    let elsewhere = location.trim_start_matches("http://").trim_end_matches('/');
    let port = elsewhere.rsplit_once(':').map(|(_, port)| port).unwrap_or_default();
    let granted = address.rsplit_once(':').map(|(_, port)| port).unwrap_or_default();
    let mut targets: Vec<String> = NEIGHBOURS.iter().map(|host| format!("{host}:{port}")).collect();
    // The address that is granted, under other names.
    targets.extend(NEIGHBOURS.iter().filter(|h| **h != "127.0.0.1").map(|host| format!("{host}:{granted}")));
    targets.push(format!("user@127.0.0.1:{granted}"));
    targets.extend(["169.254.169.254", "metadata.google.internal", "[fd00:ec2::254]"].map(str::to_owned));
    let mut refusals = Vec::new();
    for target in &targets {
        for scheme in [Scheme::Http, Scheme::Https] {
            match send(&scheme, target) {
                Ok(response) => return Ok(format!("{target}: {}", response.status())),
                Err(refusal) => refusals.push(format!("{target}: {refusal}")),
            }
        }
    }
    // The one that is granted, by another scheme.
    match send(&Scheme::Https, address) {
        Ok(response) => Ok(format!("{address}: {}", response.status())),
        Err(refusal) => Err(format!("{} refusals, {elsewhere}: {refusal}", refusals.len())),
    }
}
