//! Attempts to reach what was not granted; each ends in an error that tells what came of it.

use std::io::Read;
use std::net::TcpStream;

use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::wasi::filesystem::preopens::get_directories;
use siltstone_plugin_sdk::wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use siltstone_plugin_sdk::wasi::http::outgoing_handler;
use siltstone_plugin_sdk::wasi::http::types::{Fields, OutgoingRequest, Scheme};
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
    let request = OutgoingRequest::new(Fields::new());
    let parts = [
        request.set_scheme(Some(&Scheme::Http)),
        request.set_authority(Some(address)),
        request.set_path_with_query(Some("/")),
    ];
    if parts.contains(&Err(())) {
        return Err("the request is not one".to_owned());
    }
    let answer = outgoing_handler::handle(request, None).map_err(|code| format!("{code:?}"))?;
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response.status()),
        other => Err(format!("{other:?}")),
    }
}
