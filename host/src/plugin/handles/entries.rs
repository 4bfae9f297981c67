//! Lists folders for guests, some entries at a time: the runtime would hold all names of a folder at once, and a plugin that
//! may write can make it as large as it likes.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::IntoIter;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};
use wasmtime_wasi::runtime::spawn_blocking;

use super::super::state::State;
use super::count;
use super::files::TYPES;

/// Listings that an instance may have open at once.
const MAX_LISTINGS: usize = 16;
/// Entries of a folder that are held at once.
const BATCH: usize = 512;

/// What stands behind a `directory-entry-stream`.
struct Listing {
    folder: Arc<Mutex<Dir>>,
    batch: IntoIter<Result<DirectoryEntry, ErrorCode>>,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The folder may have more entries than those of the batch.
    Going,
    /// The batch is its last one.
    Ended,
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut types = linker.instance(TYPES)?;
    types.resource("directory-entry-stream", ResourceType::host::<Listing>(), |mut store, listing| {
        store.data_mut().table_mut().delete(Resource::<Listing>::new_own(listing))?;
        Ok(())
    })?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store, (folder,): (Resource<Descriptor>,)| {
            Box::new(async move {
                let state = store.data_mut();
                if count::<Listing>(state) >= MAX_LISTINGS {
                    return Err(wasmtime::format_err!("it listed more than {MAX_LISTINGS} folders at once"));
                }
                state.services().files.check()?;
                let folder = match state.table().get(&folder)? {
                    Descriptor::Dir(folder) => Arc::clone(&folder.dir),
                    Descriptor::File(_) => return Ok((Err(ErrorCode::NotDirectory),)),
                };
                let folder = match spawn_blocking(move || open(&folder)).await {
                    Ok(folder) => Arc::new(Mutex::new(folder)),
                    Err(errno) => return Ok((Err(code(errno)),)),
                };
                state.services().files.note(state.owner(), &folder);
                let listing = Listing { folder, batch: IntoIter::default(), progress: Progress::Going };
                Ok((Ok(state.table_mut().push(listing)?),))
            })
        },
    )?;
    types.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store, (listing,): (Resource<Listing>,)| {
            Box::new(async move {
                let listing = store.data_mut().table_mut().get_mut(&listing)?;
                if listing.batch.len() == 0 && listing.progress == Progress::Going {
                    let folder = Arc::clone(&listing.folder);
                    let (batch, progress) = spawn_blocking(move || read(&folder)).await;
                    (listing.batch, listing.progress) = (batch.into_iter(), progress);
                }
                Ok((listing.batch.next().transpose(),))
            })
        },
    )
}

/// The folder once more, for a reader with a place of its own.
fn open(folder: &File) -> Result<Dir, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Dir::new(openat(folder, ".", flags, Mode::empty())?)
}

/// The next entries of a folder. One that cannot be told is an error in its place.
fn read(folder: &Mutex<Dir>) -> (Vec<Result<DirectoryEntry, ErrorCode>>, Progress) {
    let mut folder = folder.lock().unwrap_or_else(PoisonError::into_inner);
    let mut batch = Vec::new();
    while batch.len() < BATCH {
        let Some(entry) = folder.read() else {
            return (batch, Progress::Ended);
        };
        let entry = match entry {
            Ok(entry) => entry,
            Err(errno) => {
                batch.push(Err(code(errno)));
                return (batch, Progress::Ended);
            }
        };
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems do not tell.
            FileType::Unknown => folder
                .fd()
                .and_then(|folder| statat(folder, name, AtFlags::SYMLINK_NOFOLLOW))
                .map(|stat| FileType::from_raw_mode(stat.st_mode)),
            kind => Ok(kind),
        };
        batch.push(match (name.to_str(), kind) {
            (Ok(name), Ok(kind)) => {
                Ok(DirectoryEntry { name: name.to_owned(), type_: descriptor_type(kind) })
            }
            (Err(_), _) => Err(ErrorCode::IllegalByteSequence),
            (_, Err(errno)) => Err(code(errno)),
        });
    }
    (batch, Progress::Going)
}

fn descriptor_type(kind: FileType) -> DescriptorType {
    match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    }
}

fn code(errno: Errno) -> ErrorCode {
    std::io::Error::from(errno).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    /// Everything of a folder, and the largest batch.
    fn all(folder: &std::path::Path) -> (Vec<Result<DirectoryEntry, ErrorCode>>, usize) {
        let folder = Mutex::new(open(&File::open(folder).unwrap()).unwrap());
        let (mut entries, mut largest) = (Vec::new(), 0);
        loop {
            let (batch, progress) = read(&folder);
            largest = largest.max(batch.len());
            entries.extend(batch);
            if progress == Progress::Ended {
                return (entries, largest);
            }
        }
    }

    #[test]
    fn a_large_folder_is_read_whole_and_a_part_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let names: BTreeSet<String> = (0..3 * BATCH + 7).map(|n| format!("{n}")).collect();
        for name in &names {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let (entries, largest) = all(folder.path());
        assert_eq!((entries.len(), largest), (names.len(), BATCH));
        assert_eq!(entries.into_iter().map(|entry| entry.unwrap().name).collect::<BTreeSet<_>>(), names);
        let exact = tempfile::tempdir().unwrap();
        for n in 0..BATCH {
            std::fs::write(exact.path().join(n.to_string()), "").unwrap();
        }
        assert_eq!(all(exact.path()).0.len(), BATCH);
    }

    #[test]
    fn entries_tell_what_they_are_and_a_name_that_is_no_text_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(all(folder.path()).0.is_empty());
        std::fs::write(at("file"), "").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink("/etc", at("link")).unwrap();
        std::fs::write(folder.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
        let (entries, _) = all(folder.path());
        let told =
            |name: &str| entries.iter().flatten().find(|entry| entry.name == name).map(|entry| entry.type_);
        assert_eq!(told("file"), Some(DescriptorType::RegularFile));
        assert_eq!(told("folder"), Some(DescriptorType::Directory));
        assert_eq!(told("link"), Some(DescriptorType::SymbolicLink));
        let failed: Vec<_> = entries.iter().filter_map(|entry| entry.as_ref().err()).collect();
        assert!(matches!(failed[..], [ErrorCode::IllegalByteSequence]) && entries.len() == 4);
    }

    #[test]
    fn a_folder_that_was_removed_has_no_entries() {
        let folder = tempfile::tempdir().unwrap();
        let opened = File::open(folder.path()).unwrap();
        folder.close().unwrap();
        // Whether it can still be opened is for the file system to say.
        let entries = open(&opened).map(|folder| read(&Mutex::new(folder)).0.len());
        assert!(matches!(entries, Ok(0) | Err(Errno::NOENT)), "{entries:?}");
    }
}
