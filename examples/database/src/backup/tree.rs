//! One LSM tree of a shard at one version: its manifest, its tables, and what keeps them.

use std::fs;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use fjall::{AbstractTree, Keyspace};
use siltstone::{Error, ErrorKind, Result};

use crate::database::read_dir;

/// Keeps the tables of a version on disk while it lives.
pub(crate) type Pin = Box<dyn Send + Sync>;

/// The pointer to the manifest of the current version.
const CURRENT: &str = "current";
/// The keyspace in which fjall keeps names and options of the others. Written when a shard is created, never again.
pub(crate) const META: u64 = 0;
/// How often the version may change while it is read.
const TRIES: u32 = 1_000;

pub(crate) struct Tree {
    /// Number of the keyspace.
    pub(crate) keyspace: u64,
    /// Content of `current`.
    pub(crate) current: Vec<u8>,
    /// Name and content of the manifest.
    pub(crate) manifest: (String, Vec<u8>),
    /// Numbers of the tables.
    pub(crate) tables: Vec<u64>,
    /// Highest sequence number in the tables.
    pub(crate) flushed: Option<u64>,
    pub(crate) pin: Option<Pin>,
}

impl Tree {
    /// The present version of a tree that is in use.
    ///
    /// The version is held in memory, not only through a snapshot of the database: a version that was being written when
    /// the snapshot was taken may count as older than it, and would let the one before go.
    pub(crate) fn in_use(keyspace: &Keyspace) -> Result<Self> {
        let folder = keyspace.path();
        for _ in 0..TRIES {
            let version = keyspace.tree.current_version();
            if version.blob_file_count() > 0 {
                return Err(blobs(folder));
            }
            let name = format!("v{}", version.id());
            match pointed_at(folder) {
                Ok((current, pointed)) if pointed == name => {
                    if let Some(content) = read_if_there(&folder.join(&name))? {
                        return Ok(Self {
                            keyspace: number(folder)?,
                            current,
                            manifest: (name, content),
                            tables: version.iter_tables().map(|t| t.id()).collect(),
                            flushed: version.iter_tables().map(|t| t.get_highest_seqno()).max(),
                            pin: Some(Box::new(version)),
                        });
                    }
                }
                Ok(_) => {}
                Err(e) => return Err(e),
            }
            sleep(Duration::from_micros(100));
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "capture tree",
            format!("`{}` changed {TRIES} times while it was read", folder.display()),
        ))
    }

    /// A tree that nobody changes. Tables that its manifest does not name may be listed too; fjall removes them when it
    /// opens the copy.
    pub(crate) fn at_rest(folder: &Path) -> Result<Self> {
        if folder.join("blobs").is_dir() && !read_dir(&folder.join("blobs"))?.is_empty() {
            return Err(blobs(folder));
        }
        let (current, name) = pointed_at(folder)?;
        let manifest = folder.join(&name);
        let content = fs::read(&manifest).map_err(|e| Error::io("capture tree", &manifest, e))?;
        let tables = read_dir(&folder.join("tables"))?.iter().filter_map(|t| number(t).ok()).collect();
        Ok(Self {
            keyspace: number(folder)?,
            current,
            manifest: (name, content),
            tables,
            flushed: None,
            pin: None,
        })
    }
}

/// The content of `current` and the name of the manifest it points at.
fn pointed_at(folder: &Path) -> Result<(Vec<u8>, String)> {
    let path = folder.join(CURRENT);
    let content = fs::read(&path).map_err(|e| Error::io("capture tree", &path, e))?;
    let Some(id) = content.first_chunk::<8>() else {
        return Err(Error::corrupt("capture tree", format!("`{}` is too short", path.display())));
    };
    let name = format!("v{}", u64::from_le_bytes(*id));
    Ok((content, name))
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("capture tree", path, e)),
    }
}

/// The number that a path ends in.
pub(crate) fn number(path: &Path) -> Result<u64> {
    path.file_name()
        .and_then(|n| n.to_str())
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| Error::corrupt("capture tree", format!("`{}` is not a number", path.display())))
}

fn blobs(folder: &Path) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "capture tree",
        format!("`{}` has blob files, which no keyspace of this database uses", folder.display()),
    )
}
