//! Deletes objects, and the folders that are empty without them.

use std::collections::BTreeMap;

use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::{error, keys};

use crate::error::{changing, failed};
use crate::folder::{Code, Folder};
use crate::store::{DELETE_BATCH, Store};
use crate::tree::sync;

impl<F: Folder> Store<F> {
    /// Deletes the objects and answers those that could not be deleted; see `delete` of the contract.
    pub fn delete(&self, keys: &[String]) -> Result<Vec<(String, Error)>, Error> {
        if keys.len() > DELETE_BATCH as usize {
            return Err(error::unsupported(format!("cannot delete more than {DELETE_BATCH} keys at once")));
        }
        let mut left = Vec::new();
        let mut by_folder: BTreeMap<Vec<&str>, Vec<(&str, &str)>> = BTreeMap::new();
        for key in keys {
            match keys::split(key) {
                Ok((folders, name)) => by_folder.entry(folders).or_default().push((name, key)),
                Err(error) => left.push((key.clone(), error)),
            }
        }
        for (folders, names) in by_folder {
            self.delete_in(&folders, &names, &mut left);
        }
        Ok(left)
    }

    fn delete_in(&self, folders: &[&str], names: &[(&str, &str)], left: &mut Vec<(String, Error)>) {
        let folder = match self.tree.find(folders) {
            Ok(Some(folder)) => folder,
            Ok(None) => return,
            Err(code) => {
                left.extend(names.iter().map(|(_, key)| refused(key, code)));
                return;
            }
        };
        let mut gone = Vec::new();
        for (name, key) in names {
            match folder.unlink(name) {
                Ok(()) => gone.push(key),
                // What is no file is no object, so no object has the key.
                Err(Code::NoEntry | Code::IsDirectory) => {}
                Err(code) => left.push(refused(key, code)),
            }
        }
        drop(folder);
        let standing = self.tree.prune(folders);
        if gone.is_empty() {
            return;
        }
        // Nobody may meet again after a crash what we said is gone. A folder that vanished meanwhile was
        // empty, and is for its remover to make so for good.
        let synced =
            self.tree.find(&folders[..standing]).and_then(|folder| folder.map_or(Ok(()), |f| sync(&*f)));
        if let Err(code) = synced {
            let unknown =
                |key| error::outcome_unknown(failed(code, format_args!("sync the delete of {key}")));
            left.extend(gone.into_iter().map(|key| ((*key).to_owned(), unknown(key))));
        }
    }
}

fn refused(key: &str, code: Code) -> (String, Error) {
    (key.to_owned(), changing(code, format_args!("delete {key}")))
}
