//! Attempts to reach what was not granted; each ends in an error that tells what came of it.

use std::io::Read;
use std::net::TcpStream;

use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::wasi::filesystem::preopens::get_directories;
use siltstone_plugin_sdk::wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use siltstone_plugin_sdk::wasi::http::outgoing_handler;
use siltstone_plugin_sdk::wasi::http::types::{Fields, IncomingResponse, OutgoingRequest, Scheme};
use siltstone_plugin_sdk::{error, host};

use crate::Behaviour;
use crate::component::Handle;

/// Refusals are `denied`; whatever was reached is `internal`, with what it is.
fn outcome<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, E>) -> Result<(), Error> {
    Err(match result {
        Ok(reached) => error::internal(format!("reached {reached:?}")),
        Err(refusal) => error::denied(format!("refused: {refusal:?}")),
    })
}

pub(crate) fn head(handle: &Handle) -> Result<(), Error> {
    match handle.behaviour {
        Behaviour::HttpRequest => outcome(request(&handle.address)),
        Behaviour::RequestBeside => outcome(beside(&handle.address)),
        Behaviour::Connect => outcome(connect(&handle.address)),
        Behaviour::Environment => {
            let variables: Vec<_> = std::env::vars().collect();
            let arguments: Vec<_> = std::env::args().collect();
            if variables.is_empty() && arguments.is_empty() {
                return outcome(Err::<(), _>("nothing there"));
            }
            outcome(Ok::<_, ()>((variables, arguments)))
        }
        Behaviour::ReadFile => outcome(host::read_file("/etc/passwd")),
        Behaviour::ReadDotDot => outcome(read(&folder(handle)?, "../outside/secret")),
        Behaviour::ReadAbsolute => {
            let folder = folder(handle)?;
            let beside = format!("{}/../outside/secret", handle.folder);
            outcome(read(&folder, &beside).or_else(|_| read(&folder, "/etc/passwd")))
        }
        Behaviour::ReadThroughLink => outcome(read(&folder(handle)?, "link/secret")),
        _ => Ok(()),
    }
}

pub(crate) fn put(handle: &Handle) -> Result<(), Error> {
    match handle.behaviour {
        Behaviour::WriteDotDot => outcome(create(&folder(handle)?, "../outside/new")),
        Behaviour::WriteThroughLink => outcome(create(&folder(handle)?, "link/new")),
        Behaviour::MakeLink => {
            let folder = folder(handle)?;
            let absolute = folder.symlink_at("/etc", "etc");
            let relative = folder.symlink_at("../outside", "made");
            let read = read(&folder, "made/secret").or_else(|_| read(&folder, "etc/passwd"));
            outcome(read.map_err(|code| (code, absolute, relative)))
        }
        _ => Ok(()),
    }
}

fn folder(handle: &Handle) -> Result<Descriptor, Error> {
    let mut granted = get_directories();
    if granted.len() != 1 {
        let names: Vec<_> = granted.into_iter().map(|(_, name)| name).collect();
        return Err(error::internal(format!("reached {names:?}")));
    }
    match granted.pop() {
        Some((folder, name)) if name == handle.folder => Ok(folder),
        _ => Err(error::internal("the folder has another name")),
    }
}

fn read(folder: &Descriptor, path: &str) -> Result<String, String> {
    let text = |code| format!("{code:?}");
    let file = folder
        .open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::empty(), DescriptorFlags::READ)
        .map_err(text)?;
    let (bytes, _) = file.read(4096, 0).map_err(text)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn create(folder: &Descriptor, path: &str) -> Result<(), String> {
    let (flags, open) = (DescriptorFlags::READ | DescriptorFlags::WRITE, OpenFlags::CREATE);
    let file = folder.open_at(PathFlags::SYMLINK_FOLLOW, path, open, flags).map_err(|c| format!("{c:?}"))?;
    file.write(b"written from inside", 0).map(drop).map_err(|code| format!("{code:?}"))
}

fn connect(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn request(address: &str) -> Result<u16, String> {
    send(&Scheme::Http, address).map(|response| response.status())
}

fn send(scheme: &Scheme, address: &str) -> Result<IncomingResponse, String> {
    let request = OutgoingRequest::new(Fields::new());
    let parts = [
        request.set_scheme(Some(scheme)),
        request.set_authority(Some(address)),
        request.set_path_with_query(Some("/")),
    ];
    if parts.contains(&Err(())) {
        return Err("the request is not one".to_owned());
    }
    let answer = outgoing_handler::handle(request, None).map_err(|code| format!("{code:?}"))?;
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
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
