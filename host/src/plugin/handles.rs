//! Bounds what an instance holds of the host and that its memory does not show: open files, listings, HTTP messages.
//!
//! Each costs the process more than the slot of the table that it takes: a descriptor, a connection, or memory of the host. So the
//! functions that make them are linked anew, in place of those of the runtime.

mod entries;
mod files;
mod messages;

use std::any::Any;

use wasmtime::component::Linker;
use wasmtime_wasi_http::FieldMap;

use super::state::State;

pub(crate) use files::OpenFiles;

/// Open files, folders and listings, and lists of headers, with which an instance is kept for the next call.
const MAX_KEPT: usize = 32;

/// Puts bounded functions in place of those of the runtime, which must be there already.
pub(crate) fn bound(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    files::link(linker)?;
    entries::link(linker)?;
    messages::link(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Whether an instance holds so little that it may keep it until the next call: a few open files, and no HTTP message, since
/// behind one there may be a connection or a body in memory.
pub(crate) fn is_light(state: &mut State) -> bool {
    let owner = state.owner();
    state.services().files.held_by(owner) <= MAX_KEPT
        && !messages::is_holding(state)
        && count::<FieldMap>(state) <= MAX_KEPT
}

/// How many entries of the table are of a type.
fn count<T: Any>(state: &mut State) -> usize {
    state.table_mut().iter_mut().filter(|entry| entry.is::<T>()).count()
}
