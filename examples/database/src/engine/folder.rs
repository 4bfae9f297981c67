//! Where things lie in the data folder, and names that are safe on every disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use siltstone::model::{AttemptId, ShardId};
use siltstone::{Error, Result};

/// Longest encoded name; longer ones end in a hash.
const LONGEST: usize = 180;

/// The data folder. `.siltstone` in it belongs to the host.
#[derive(Clone, Debug)]
pub(crate) struct DataFolder(PathBuf);

impl DataFolder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self(root)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    pub(crate) fn catalogue(&self) -> PathBuf {
        self.0.join("catalogue.json")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub(crate) fn shards(&self) -> PathBuf {
        self.0.join("shards")
    }

    /// Folders on their way out; emptied at the next start.
    pub(crate) fn trash(&self) -> PathBuf {
        self.0.join("trash")
    }

    pub(crate) fn restores(&self) -> PathBuf {
        self.0.join("restore")
    }

    pub(crate) fn restore(&self, restore: AttemptId) -> PathBuf {
        self.restores().join(restore.to_string())
    }

    pub(crate) fn install_record(&self, restore: AttemptId) -> PathBuf {
        self.restores().join(format!("{restore}.install"))
    }

    pub(crate) fn shard(&self, shard: &ShardId) -> PathBuf {
        self.shards().join(relative(shard))
    }
}

/// The folder of a shard below the folder of all shards: the collection's, then the tenant's or `_`.
pub(crate) fn relative(shard: &ShardId) -> PathBuf {
    let tenant = shard.tenant.as_ref().map_or_else(|| "_".to_owned(), |t| encode(t.as_str()));
    Path::new(&encode(shard.collection.as_str())).join(tenant)
}

/// A name of `[a-z0-9-_~]` that differs for different names even where the disk ignores case: every other byte becomes
/// `_` and two hexadecimal digits.
fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("_{byte:02x}"));
        }
    }
    if out.len() > LONGEST {
        out.truncate(LONGEST - 65);
        out.push('~');
        out.push_str(&blake3::hash(name.as_bytes()).to_hex());
    }
    out
}

/// Creates a folder and those above it, and makes the new names durable.
pub(crate) fn create(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    // A relative path of one component has an empty parent, which stands for the current folder.
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(parent) = parent {
        create(parent)?;
    }
    match fs::create_dir(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create folder", folder, e));
        }
        _ => {}
    }
    sync(parent.unwrap_or(Path::new(".")))
}

/// Makes the names in a folder durable.
pub(crate) fn sync(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::io("sync folder", folder, e))
}

/// Removes a folder and all in it; it may be missing.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove folder", folder, e)),
        _ => Ok(()),
    }
}

/// Writes a file so that a crash leaves the old content or the new one, durable when this returns.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = write_beside(path, content)?;
    fs::rename(&temporary, path).map_err(|e| Error::io("replace file", path, e))?;
    path.parent().map_or(Ok(()), sync)
}

/// Writes and syncs the new content of a file under a temporary name beside it.
pub(crate) fn write_beside(path: &Path, content: &[u8]) -> Result<PathBuf> {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, content)
        .and_then(|()| File::open(&temporary)?.sync_all())
        .map_err(|e| Error::io("write file", &temporary, e))?;
    Ok(temporary)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use siltstone::model::{CollectionName, TenantName};

    use super::*;

    #[test]
    fn different_names_have_different_folders_where_case_is_ignored() {
        let long = "x".repeat(256);
        let names = ["a", "A", "_", "_41", "~", "a.b", ".hidden", "CON", "con", "ä", &long, &long[1..]];
        let encoded: BTreeSet<String> = names.iter().map(|n| encode(n).to_lowercase()).collect();
        assert_eq!(encoded.len(), names.len());
        assert!(encoded.iter().all(|n| n.len() <= LONGEST && n != "_" && !n.contains(['.', '/'])));
    }

    #[test]
    fn a_tenant_never_shares_the_folder_of_the_collection_without_one() {
        let collection = CollectionName::new("Book").unwrap();
        let with = |t: Option<&str>| ShardId {
            collection: collection.clone(),
            tenant: t.map(|t| TenantName::new(t).unwrap()),
        };
        assert_eq!(relative(&with(None)), Path::new("_42ook/_"));
        assert_eq!(relative(&with(Some("_"))), Path::new("_42ook/_5f"));
    }

    #[test]
    fn a_folder_of_one_component_is_made_in_the_current_folder() {
        let name = format!("made-by-a-test-{}", std::process::id());
        create(Path::new(&name)).unwrap();
        assert!(Path::new(&name).is_dir());
        fs::remove_dir(&name).unwrap();
    }

    #[test]
    fn a_replaced_file_holds_the_new_content_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
