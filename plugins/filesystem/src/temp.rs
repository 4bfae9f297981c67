//! Temporary files under `.siltstone-tmp/<attempt>/`, where objects are written before they appear.

use siltstone_plugin_sdk::types::Error;

use crate::attributes::Attempt;
use crate::error::failed;
use crate::folder::{Code, Folder};
use crate::store::{Store, TRIES};
use crate::tree::{At, Lasting};

/// The folder of temporary files.
pub const TEMP: &str = ".siltstone-tmp";

/// A temporary file that exists.
pub(crate) struct Temp<'a, F> {
    pub(crate) folder: At<'a, F>,
    pub(crate) attempt: Attempt,
    pub(crate) name: String,
}

impl<F: Folder> Store<F> {
    /// Makes an empty temporary file with a name that no other has.
    pub(crate) fn create_temp(
        &self,
        attempt: &Attempt,
        suffix: &str,
    ) -> Result<(Temp<'_, F>, F::File), Error> {
        let name = format!("{:016x}{:016x}{suffix}", (self.random)(), (self.random)());
        let path = [TEMP, attempt.as_str()];
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let made = self
                .tree
                .ensure(&path, Lasting::Temporary)
                .and_then(|folder| folder.create(&name).map(|file| (folder, file)));
            match made {
                Ok((folder, file)) => return Ok((Temp { folder, attempt: attempt.clone(), name }, file)),
                // Another writer found the folder empty and removed it just before we used it.
                Err(Code::NoEntry) if tries > 0 => {}
                Err(code) => return Err(failed(code, format_args!("make a file in {}", path.join("/")))),
            }
        }
    }

    /// Removes a temporary file that is of no use any more, and its folders as far as they are empty. What
    /// cannot be removed stays visible to a listing of `.siltstone-tmp/`.
    pub(crate) fn discard(&self, temp: Temp<'_, F>) {
        let _ = temp.folder.unlink(&temp.name);
        self.release(temp);
    }

    /// Removes the folders of a temporary file that has been moved away, as far as they are empty.
    pub(crate) fn release(&self, temp: Temp<'_, F>) {
        let Temp { folder, attempt, name: _ } = temp;
        drop(folder);
        self.tree.prune(&[TEMP, attempt.as_str()]);
    }
}
