//! Bounds what an instance holds of the file system, which costs the process more than a slot of a table shows.
//!
//! A listing holds every name of its folder in the host's memory, and an open file or folder is a descriptor of the process.

use std::any::Any;

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::{DirectoryEntryStream, ErrorCode, HostDescriptor};

use super::state::State;

/// The interface as the runtime links it. One that is linked for nobody would bound nothing, which a test would see.
const FILESYSTEM: &str = "wasi:filesystem/types@0.2.12";
/// Listings that an instance may have open at once.
const MAX_LISTINGS: usize = 16;
/// Open files and folders with which an instance is kept for the next call.
const MAX_KEPT: usize = 64;

/// Puts a bounded `read-directory` in place of that of the runtime.
pub(crate) fn bound(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(FILESYSTEM)?.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store, (folder,): (Resource<Descriptor>,)| {
            Box::new(async move {
                let state = store.data_mut();
                if count::<DirectoryEntryStream>(state) >= MAX_LISTINGS {
                    return Err(wasmtime::format_err!("it listed more than {MAX_LISTINGS} folders at once"));
                }
                let listing = state.filesystem().read_directory(folder).await;
                let listing: Result<_, ErrorCode> = match listing {
                    Ok(listing) => Ok(listing),
                    Err(error) => Err(error.downcast()?),
                };
                Ok((listing,))
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Whether an instance holds so few open files that it may keep them until the next call.
pub(crate) fn is_light(state: &mut State) -> bool {
    count::<Descriptor>(state) <= MAX_KEPT
}

fn count<T: Any>(state: &mut State) -> usize {
    state.table_mut().iter_mut().filter(|entry| entry.is::<T>()).count()
}
