//! Attempts to reach files that were not granted; each ends in an error that tells what came of it.

use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::wasi::clocks::monotonic_clock::now;
use siltstone_plugin_sdk::wasi::filesystem::preopens::get_directories;
use siltstone_plugin_sdk::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};
use siltstone_plugin_sdk::{error, host};

use crate::Behaviour;
use crate::component::Handle;

/// Refusals are `denied`; whatever was reached is `internal`, with what it is.
pub(crate) fn outcome<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, E>) -> Result<(), Error> {
    Err(match result {
        Ok(reached) => error::internal(format!("reached {reached:?}")),
        Err(refusal) => error::denied(format!("refused: {refusal:?}")),
    })
}

/// The same for several attempts: `denied`, with their number, when all were refused.
fn outcomes<T: std::fmt::Debug>(attempts: &[(&str, Result<T, ErrorCode>)]) -> Result<(), Error> {
    match attempts.iter().find(|(_, result)| result.is_ok()) {
        Some(reached) => outcome(Ok::<_, ()>(reached)),
        None => outcome::<(), _>(Err(format!("all {} ways {attempts:?}", attempts.len()))),
    }
}

pub(crate) fn head(handle: &Handle) -> Result<(), Error> {
    const FOLLOW: PathFlags = PathFlags::SYMLINK_FOLLOW;
    match handle.behaviour {
        Behaviour::ReadFile => outcome(host::read_file("/etc/passwd")),
        Behaviour::ReadDotDot => outcome(read(&folder(handle)?, "../outside/secret")),
        Behaviour::ReadAbsolute => {
            let folder = folder(handle)?;
            let beside = format!("{}/../outside/secret", handle.folder);
            outcome(read(&folder, &beside).or_else(|_| read(&folder, "/etc/passwd")))
        }
        Behaviour::ReadThroughLink => outcome(read(&folder(handle)?, "link/secret")),
        Behaviour::ReadProc => {
            let folder = folder(handle)?;
            // Links that the folder may hold, and that must lead nowhere.
            let made = ["root", "self"].map(|name| folder.symlink_at("/proc/self", name));
            let up = "../".repeat(20);
            let paths = [
                "/proc/self/environ".to_owned(),
                "proc/self/environ".to_owned(),
                format!("{up}proc/self/environ"),
                format!("link/{up}proc/self/environ"),
                "self/environ".to_owned(),
                "root/cwd/Cargo.toml".to_owned(),
                "link/../../granted/../outside/secret".to_owned(),
            ];
            let reads = paths.iter().map(|path| read(&folder, path));
            match reads.collect::<Vec<_>>().into_iter().find(Result::is_ok) {
                Some(reached) => outcome(reached),
                None => outcome::<(), _>(Err(format!("all {} ways {made:?}", paths.len()))),
            }
        }
        Behaviour::LookOutside => {
            let folder = folder(handle)?;
            let now = NewTimestamp::Now;
            outcomes(&[
                ("stat", folder.stat_at(FOLLOW, "../outside/secret").map(drop)),
                ("stat through the link", folder.stat_at(FOLLOW, "link/secret").map(drop)),
                ("stat of the link's target", folder.stat_at(FOLLOW, "link").map(drop)),
                ("hash", folder.metadata_hash_at(FOLLOW, "link/secret").map(drop)),
                ("times", folder.set_times_at(FOLLOW, "link/secret", now, now)),
                ("new folder", folder.create_directory_at("../outside/new")),
                ("new folder through the link", folder.create_directory_at("link/new")),
                ("target of a link", folder.readlink_at("../granted/link").map(drop)),
                ("new link", folder.symlink_at("secret", "../outside/new")),
                ("the folder above", open(&folder, "..", OpenFlags::DIRECTORY)),
                ("the root", open(&folder, "/", OpenFlags::DIRECTORY)),
                ("the link as a folder", open(&folder, "link", OpenFlags::DIRECTORY)),
            ])
        }
        _ => Ok(()),
    }
}

pub(crate) fn put(handle: &Handle) -> Result<(), Error> {
    const NONE: PathFlags = PathFlags::empty();
    const FOLLOW: PathFlags = PathFlags::SYMLINK_FOLLOW;
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
        Behaviour::HardLink => {
            let folder = folder(handle)?;
            create(&folder, "mine").map_err(error::internal)?;
            outcomes(&[
                ("from above", folder.link_at(NONE, "../outside/secret", &folder, "hard")),
                ("from above, followed", folder.link_at(FOLLOW, "../outside/secret", &folder, "hard")),
                ("through the link", folder.link_at(NONE, "link/secret", &folder, "hard")),
                ("from the root", folder.link_at(NONE, "/etc/passwd", &folder, "hard")),
                ("to above", folder.link_at(NONE, "mine", &folder, "../outside/hard")),
                ("to the link", folder.link_at(NONE, "mine", &folder, "link/hard")),
            ])
        }
        Behaviour::Rename => {
            let folder = folder(handle)?;
            create(&folder, "mine").map_err(error::internal)?;
            outcomes(&[
                ("out", folder.rename_at("mine", &folder, "../outside/mine")),
                ("out through the link", folder.rename_at("mine", &folder, "link/mine")),
                ("over", folder.rename_at("mine", &folder, "link/secret")),
                ("in", folder.rename_at("../outside/secret", &folder, "stolen")),
                ("in through the link", folder.rename_at("link/secret", &folder, "stolen")),
                ("the folder itself", folder.rename_at("../granted", &folder, "stolen")),
            ])
        }
        Behaviour::SwapsFolder => {
            let folder = folder(handle)?;
            for _ in 0..100 {
                // Somebody may have made the folder anew, so each round has a name of its own for it.
                let aside = format!("aside-{}", now());
                let _ = folder.rename_at("below", &folder, &aside);
                let _ = folder.rename_at("link", &folder, "below");
                let _ = folder.rename_at("below", &folder, "link");
                let _ = folder.rename_at(&aside, &folder, "below");
            }
            Ok(())
        }
        Behaviour::Remove => {
            let folder = folder(handle)?;
            outcomes(&[
                ("file", folder.unlink_file_at("../outside/secret")),
                ("file through the link", folder.unlink_file_at("link/secret")),
                ("folder", folder.remove_directory_at("../outside")),
                ("truncate", open(&folder, "link/secret", OpenFlags::TRUNCATE)),
                ("truncate above", open(&folder, "../outside/secret", OpenFlags::TRUNCATE)),
            ])
        }
        Behaviour::WriteReadOnly => {
            let folder = folder(handle)?;
            let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
            let now = NewTimestamp::Now;
            outcomes(&[
                ("create", open(&folder, "new", OpenFlags::CREATE)),
                ("write", open(&folder, "kept", OpenFlags::empty())),
                ("truncate", open(&folder, "kept", OpenFlags::TRUNCATE)),
                (
                    "the folder for writing",
                    folder
                        .open_at(NONE, ".", OpenFlags::DIRECTORY, flags)
                        .and_then(|again| again.create_directory_at("new")),
                ),
                ("folder", folder.create_directory_at("new")),
                ("link", folder.symlink_at("kept", "new")),
                ("hard link", folder.link_at(NONE, "kept", &folder, "new")),
                ("rename", folder.rename_at("kept", &folder, "new")),
                ("remove", folder.unlink_file_at("kept")),
                ("remove link", folder.unlink_file_at("link")),
                ("times", folder.set_times_at(NONE, "kept", now, now)),
                ("times of the folder", folder.set_times(now, now)),
                ("size", resize(&folder, "kept")),
            ])
        }
        _ => Ok(()),
    }
}

/// The one folder that is granted.
pub(crate) fn folder(handle: &Handle) -> Result<Descriptor, Error> {
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

/// Creates a file and writes to it.
pub(crate) fn create(folder: &Descriptor, path: &str) -> Result<(), String> {
    let (flags, open) = (DescriptorFlags::READ | DescriptorFlags::WRITE, OpenFlags::CREATE);
    let file = folder.open_at(PathFlags::SYMLINK_FOLLOW, path, open, flags).map_err(|c| format!("{c:?}"))?;
    file.write(b"written from inside", 0).map(drop).map_err(|code| format!("{code:?}"))
}

/// Opens for writing, unless it is a folder that is wanted.
fn open(folder: &Descriptor, path: &str, how: OpenFlags) -> Result<(), ErrorCode> {
    let read = DescriptorFlags::READ;
    let flags = if how.contains(OpenFlags::DIRECTORY) { read } else { read | DescriptorFlags::WRITE };
    folder.open_at(PathFlags::SYMLINK_FOLLOW, path, how, flags).map(drop)
}

/// Changes the length of a file that is open for reading.
fn resize(folder: &Descriptor, path: &str) -> Result<(), ErrorCode> {
    let file = folder.open_at(PathFlags::empty(), path, OpenFlags::empty(), DescriptorFlags::READ)?;
    file.set_size(0).or_else(|_| file.write(b"over", 0).map(drop))
}
