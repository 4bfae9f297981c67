//! Opens fjall on a twin of a staged shard and reads it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use siltstone::source::Staging;
use siltstone::{Error, Result};
use uuid::Uuid;

use crate::database::{LinkFn, read_dir};
use crate::engine::folder;
use crate::engine::shard::{EMPTY, LOCK, Shard, ShardBudget, VERSION, engine, has_journal};
use crate::objects::Object;

/// So many objects are decoded; of all others only the keys are read.
const DECODED: u64 = 10_000;

pub(crate) fn check(staged: &Staging, budget: ShardBudget, link: LinkFn) -> Result<()> {
    if is_empty_shard(&staged.folder)? {
        return Ok(());
    }
    for name in [VERSION, LOCK] {
        if !staged.folder.join(name).is_file() {
            return Err(broken(staged, &format!("file `{name}` is missing")));
        }
    }
    if !has_journal(&staged.folder)? {
        return Err(broken(staged, "there is no journal, and fjall would show the shard as empty"));
    }
    let twin = twin_of(&staged.folder);
    folder::remove(&twin)?;
    let result = copy(&staged.folder, &twin, link).and_then(|()| read(staged, &twin, budget));
    folder::remove(&twin)?;
    result
}

/// Whether this is a shard that nothing was ever written to: exactly the file that says so.
fn is_empty_shard(staged: &Path) -> Result<bool> {
    let names = read_dir(staged)?;
    Ok(matches!(names.as_slice(), [one] if one.ends_with(EMPTY)))
}

fn twin_of(folder: &Path) -> PathBuf {
    let mut twin = folder.as_os_str().to_owned();
    twin.push(".check");
    PathBuf::from(twin)
}

/// Tables and manifests are written once and may be shared; all else is copied, or fjall would write to both.
fn copy(from: &Path, to: &Path, link: LinkFn) -> Result<()> {
    fs::create_dir_all(to).map_err(|e| Error::io("check shard", to, e))?;
    for source in read_dir(from)? {
        let name = source.file_name().unwrap_or_default();
        let target = to.join(name);
        if source.is_dir() {
            copy(&source, &target, link)?;
            continue;
        }
        let is_table = from.ends_with("tables");
        if is_table && link(&source, &target).is_ok() {
            continue;
        }
        let copied = if name == LOCK {
            File::create(&target).map(|_| ())
        } else {
            fs::copy(&source, &target).map(|_| ())
        };
        copied.map_err(|e| Error::io("check shard", &source, e))?;
    }
    Ok(())
}

fn read(staged: &Staging, twin: &Path, budget: ShardBudget) -> Result<()> {
    let shard = Shard::open(Arc::new(staged.shard.clone()), twin, budget)?;
    let result = scan(&shard);
    shard.close()?;
    result.map_err(|e| e.with("shard", &staged.shard))
}

/// Reads every key, so every index block and every table is touched, and decodes the first objects.
fn scan(shard: &Shard) -> Result<()> {
    let fail = |e| engine("check shard", &shard.folder, e);
    for (count, entry) in (0_u64..).zip(shard.objects.iter()) {
        if count >= DECODED {
            entry.key().map_err(fail)?;
            continue;
        }
        let (key, value) = entry.into_inner().map_err(fail)?;
        let id = Uuid::from_slice(&key)
            .map_err(|e| Error::corrupt("check shard", "a key is not an id").with_source(e))?;
        let vector = shard.vectors.get(&key).map_err(fail)?;
        Object::decode(id, &value, vector.as_deref())?;
    }
    Ok(())
}

fn broken(staged: &Staging, why: &str) -> Error {
    Error::corrupt("check shard", why.to_owned()).with("shard", &staged.shard)
}
