//! The smallest honest database: folders of immutable files, and one catalogue that says which of them are live.
//!
//! ```text
//! <root>/catalogue.json          replaced in one rename; a shard that it does not name does not exist
//! <root>/live/<folder>/          the files of one shard
//! <root>/staging/<restore>/<n>/  shards that a restore is bringing back
//! ```

mod source;
mod target;

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use siltstone::model::{AttemptId, TenantName, TenantState};
use siltstone::{Error, Result};

use crate::gate::Gate;

/// Content and permission bits of the files of one shard, by path.
pub type Files = BTreeMap<String, (Vec<u8>, u32)>;

/// Everything that is live, by shard (`collection` or `collection/tenant`).
pub type Content = BTreeMap<String, Files>;

/// The database. Its folder may hold the host's `.siltstone` as well.
#[derive(Debug)]
pub struct FolderDb {
    root: PathBuf,
    catalogue: Mutex<Catalogue>,
    /// Where a test may hold or slow it down.
    pub hooks: Hooks,
}

/// Where a test may hold or slow the database down.
#[derive(Debug, Default)]
pub struct Hooks {
    /// Passed by every `prepare`.
    pub prepare: Gate,
    /// Passed by every `cut`, after the staging folder has been made.
    pub cut: Gate,
    /// Passed by every `check` of a restore.
    pub check: Gate,
    /// Passed by every `install`, before anything is moved.
    pub install: Gate,
    /// Waited for before every 64 KiB that are read from a cut, in microseconds.
    pub read_delay_us: AtomicU64,
    /// How many files have been opened for a backup.
    pub opened: AtomicU64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Catalogue {
    collections: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    schema: serde_json::Value,
    aliases: Vec<String>,
    shards: Vec<Shard>,
    installed_by: Option<AttemptId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Shard {
    tenant: Option<TenantName>,
    state: TenantState,
    folder: String,
}

impl FolderDb {
    /// Opens the database in a folder, and removes what an install that never became visible has left.
    pub fn open(root: &Path) -> Result<Self> {
        for folder in ["live", "staging"] {
            fs::create_dir_all(root.join(folder)).map_err(|e| Error::io("open", root, e))?;
        }
        let path = root.join("catalogue.json");
        let catalogue: Catalogue = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|e| Error::corrupt("open", "the catalogue is damaged").with_source(e))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Catalogue::default(),
            Err(e) => return Err(Error::io("open", &path, e)),
        };
        let known: Vec<&str> =
            catalogue.collections.values().flat_map(|c| &c.shards).map(|s| top(&s.folder)).collect();
        for entry in fs::read_dir(root.join("live")).map_err(|e| Error::io("open", root, e))? {
            let entry = entry.map_err(|e| Error::io("open", root, e))?;
            if !known.contains(&&*entry.file_name().to_string_lossy()) {
                fs::remove_dir_all(entry.path()).map_err(|e| Error::io("open", entry.path(), e))?;
            }
        }
        Ok(Self { root: root.to_path_buf(), catalogue: Mutex::new(catalogue), hooks: Hooks::default() })
    }

    /// Adds a shard with its files; the collection is made if it is new.
    pub fn add(
        &self,
        collection: &str,
        tenant: Option<&str>,
        state: TenantState,
        files: &Files,
    ) -> Result<()> {
        let mut catalogue = self.lock();
        let folder = format!("own-{}", AttemptId::generate());
        let home = self.root.join("live").join(&folder);
        fs::create_dir_all(&home).map_err(|e| Error::io("add", &home, e))?;
        for (path, (bytes, mode)) in files {
            write(&home.join(path), bytes, *mode).map_err(|e| Error::io("add", path, e))?;
        }
        let entry = catalogue.collections.entry(collection.to_owned()).or_insert_with(|| Entry {
            schema: serde_json::json!({"class": collection, "answer": 42}),
            aliases: vec![format!("{collection}Alias")],
            shards: Vec::new(),
            installed_by: None,
        });
        entry.shards.push(Shard { tenant: tenant.map(TenantName::new).transpose()?, state, folder });
        self.save(&catalogue)
    }

    /// Changes the definition and the aliases of a collection that exists.
    pub fn define(&self, collection: &str, schema: serde_json::Value, aliases: Vec<String>) -> Result<()> {
        let mut catalogue = self.lock();
        if let Some(entry) = catalogue.collections.get_mut(collection) {
            (entry.schema, entry.aliases) = (schema, aliases);
        }
        self.save(&catalogue)
    }

    /// Sets the state of all shards of a collection; their files stay.
    pub fn set_states(&self, collection: &str, state: TenantState) -> Result<()> {
        let mut catalogue = self.lock();
        for shard in catalogue.collections.get_mut(collection).into_iter().flat_map(|e| &mut e.shards) {
            shard.state = state;
        }
        self.save(&catalogue)
    }

    /// Drops a collection.
    pub fn drop_collection(&self, collection: &str) -> Result<()> {
        let mut catalogue = self.lock();
        if let Some(entry) = catalogue.collections.remove(collection) {
            self.save(&catalogue)?;
            for shard in entry.shards {
                let home = self.root.join("live").join(shard.folder);
                fs::remove_dir_all(&home).map_err(|e| Error::io("drop", &home, e))?;
            }
        }
        Ok(())
    }

    /// Everything that is live, read back from the disk.
    pub fn content(&self) -> Result<Content> {
        let catalogue = self.lock();
        let mut content = Content::new();
        for (name, entry) in &catalogue.collections {
            for shard in &entry.shards {
                let name = match &shard.tenant {
                    Some(tenant) => format!("{name}/{tenant}"),
                    None => name.clone(),
                };
                let home = self.root.join("live").join(&shard.folder);
                let files =
                    if shard.state == TenantState::Offloaded { Files::new() } else { read_tree(&home)? };
                content.insert(name, files);
            }
        }
        Ok(content)
    }

    /// Schemas, aliases, tenants and their states: what a restore must bring back beside the files.
    pub fn definitions(&self) -> serde_json::Value {
        let define = |(name, e): (&String, &Entry)| {
            let of = |s: &Shard| (s.tenant.as_ref().map_or("", TenantName::as_str).to_owned(), s.state);
            let shards: BTreeMap<String, TenantState> = e.shards.iter().map(of).collect();
            (name.clone(), serde_json::json!({"schema": e.schema, "aliases": e.aliases, "shards": shards}))
        };
        serde_json::Value::Object(self.lock().collections.iter().map(define).collect())
    }

    /// How many folders of restores are staged.
    pub fn staged(&self) -> Result<usize> {
        let folder = self.root.join("staging");
        fs::read_dir(&folder).map(Iterator::count).map_err(|e| Error::io("look", &folder, e))
    }

    fn save(&self, catalogue: &Catalogue) -> Result<()> {
        let (path, new) = (self.root.join("catalogue.json"), self.root.join("catalogue.new"));
        let text = serde_json::to_vec(catalogue).map_err(|e| Error::internal("save", e.to_string()))?;
        let saved = File::create(&new)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&new, &path))
            .and_then(|()| File::open(&self.root)?.sync_all());
        saved.map_err(|e| Error::io("save", &path, e))
    }

    fn staging(&self, restore: AttemptId) -> PathBuf {
        self.root.join("staging").join(restore.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn top(folder: &str) -> &str {
    folder.split('/').next().unwrap_or(folder)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// All files below a folder.
pub fn read_tree(home: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![home.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| Error::io("read", &folder, e))? {
            let path = entry.map_err(|e| Error::io("read", &folder, e))?.path();
            let failed = |e| Error::io("read", &path, e);
            let meta = fs::symlink_metadata(&path).map_err(failed)?;
            if meta.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(home).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(name, (fs::read(&path).map_err(failed)?, meta.permissions().mode() & 0o777));
        }
    }
    Ok(files)
}
