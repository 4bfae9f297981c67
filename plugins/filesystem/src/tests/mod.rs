//! The whole transport on real folders, with a hook before every step.

mod disk;
mod listing;
mod objects;
mod uploads;

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use siltstone_plugin_sdk::types::{Error, ErrorKind, ObjectMeta, Outcome, Precondition};

use crate::store::Store;
use disk::{Disk, Hooks};

/// A store in a folder of its own, and what happens to it.
struct Place {
    dir: tempfile::TempDir,
    hooks: Rc<Hooks>,
    store: Store<Disk>,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let hooks = Rc::new(Hooks::default());
    let store = Store::new(Disk::new(dir.path(), &hooks), random);
    Place { dir, hooks, store }
}

fn random() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Place {
    /// Another instance at the same location.
    fn another(&self) -> Store<Disk> {
        Store::new(Disk::new(self.dir.path(), &self.hooks), random)
    }

    fn put(&self, key: &str, body: &[u8]) -> Result<ObjectMeta, Error> {
        self.store.put(key, body, &Precondition::None, &[])
    }

    fn put_absent(&self, key: &str, body: &[u8]) -> Result<ObjectMeta, Error> {
        self.store.put(key, body, &Precondition::IfAbsent, &[])
    }

    fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        self.store.get(key, 0, None, &mut body).map(|len| {
            assert_eq!(len, body.len() as u64);
            body
        })
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        let page = self.store.list(prefix, None, None, 1000).unwrap();
        assert_eq!(page.next, None);
        page.objects.into_iter().map(|object| object.key).collect()
    }

    fn delete(&self, keys: &[&str]) -> Vec<(String, Error)> {
        self.store.delete(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// All names below the folder, in order.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut open = vec![self.dir.path().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                names.push(path.strip_prefix(self.dir.path()).unwrap().to_str().unwrap().to_owned());
                if path.is_dir() && !path.is_symlink() {
                    open.push(path);
                }
            }
        }
        names.sort();
        names
    }
}

fn said(error: &Error) -> (ErrorKind, Outcome) {
    (error.kind, error.outcome)
}
