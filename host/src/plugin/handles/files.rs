//! Opens files and folders for guests: below the granted folders, and a bounded number at a time.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};

use super::super::state::State;
use super::super::tokens::Owner;

/// The interfaces as the runtime links them. Ones that are linked for nobody would bound nothing, which a test would see.
pub(super) const TYPES: &str = "wasi:filesystem/types@0.2.12";
const PREOPENS: &str = "wasi:filesystem/preopens@0.2.12";

/// What all instances of one location have open. A file counts as long as anything of it is left, such as a stream.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    most: usize,
    open: Mutex<Vec<(Owner, Held)>>,
}

type Held = Weak<dyn Any + Send + Sync>;

impl OpenFiles {
    pub(crate) fn new(most: u32) -> Self {
        Self { most: most as usize, open: Mutex::default() }
    }

    /// Fails when as many are open as may be.
    pub(super) fn check(&self) -> wasmtime::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.most {
            open.retain(|(_, file)| file.strong_count() > 0);
        }
        if open.len() < self.most {
            return Ok(());
        }
        Err(wasmtime::format_err!(
            "it wanted to open more than {} files and folders at once at one location",
            self.most
        ))
    }

    /// Counts what was opened until it is gone.
    pub(super) fn note<T: Any + Send + Sync>(&self, owner: Owner, file: &Arc<T>) {
        let file: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(file);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push((owner, Arc::downgrade(&file)));
    }

    /// How many of them an instance has open.
    pub(super) fn held_by(&self, owner: Owner) -> usize {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, file)| file.strong_count() > 0);
        open.iter().filter(|(holder, _)| *holder == owner).count()
    }
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(PREOPENS)?.func_wrap("get-directories", |mut store, (): ()| {
        let state = store.data_mut();
        let mut folders = Vec::new();
        for (folder, name) in state.folders().to_vec() {
            folders.push((state.table_mut().push(Descriptor::Dir(folder))?, name));
        }
        Ok((folders,))
    })?;
    type Asked = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);
    linker.instance(TYPES)?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store, (folder, follow, path, how, flags): Asked| {
            Box::new(async move {
                let state = store.data_mut();
                state.services().files.check()?;
                let opened = state.filesystem().open_at(folder, follow, path, how, flags).await;
                let opened: Result<Resource<Descriptor>, ErrorCode> = match opened {
                    Ok(opened) => Ok(opened),
                    Err(error) => Err(error.downcast()?),
                };
                if let Ok(opened) = &opened {
                    let file = match state.table().get(opened)? {
                        Descriptor::File(file) => Arc::clone(&file.file),
                        Descriptor::Dir(folder) => Arc::clone(&folder.dir),
                    };
                    state.services().files.note(state.owner(), &file);
                }
                Ok((opened,))
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_until_nothing_of_it_is_left() {
        let files = OpenFiles::new(2);
        let (one, other) = (Arc::new("one"), Arc::new("other"));
        files.note(Owner(1), &one);
        files.check().unwrap();
        files.note(Owner(2), &other);
        let refused = files.check().unwrap_err().to_string();
        assert!(refused.contains("more than 2 files"), "{refused}");
        let stream = Arc::clone(&one);
        drop(one);
        assert!(files.check().is_err());
        assert_eq!((files.held_by(Owner(1)), files.held_by(Owner(2)), files.held_by(Owner(3))), (1, 1, 0));
        drop(stream);
        files.check().unwrap();
        assert_eq!(files.held_by(Owner(1)), 0);
    }
}
