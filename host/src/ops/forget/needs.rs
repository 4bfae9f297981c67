//! Whether other backups of a location need the chunks of one.

use crate::error::{Error, ErrorKind, Result};
use crate::model::{BackupId, ManifestLine, NodeEntry};
use crate::ops::context::Context;
use crate::ops::listing::{Pages, folders};
use crate::repository::{ManifestSpool, descriptor_store, layout};
use crate::storage::Storage;

/// Whether the descriptor of the backup itself can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Sound,
    Damaged,
}

/// Fails with `Conflict` unless it is certain that no other backup needs the chunks of this one: no manifest names them, no
/// incremental backup is being made that might, and nothing is damaged so that it cannot be told. Two damaged ones do not
/// keep each other.
pub(super) async fn refuse_while_needed(
    context: &Context,
    storage: &dyn Storage,
    id: &BackupId,
    own: Condition,
) -> Result<()> {
    match look(context, storage, id, own).await? {
        Needed::No => Ok(()),
        Needed::By(refusal) | Needed::Perhaps(refusal) => Err(refusal),
    }
}

/// Whether any other backup needs the chunks of this one, with the refusal for who would forget it.
pub(super) enum Needed {
    No,
    /// A backup that is complete names them.
    By(Error),
    /// A backup that is being made, or is damaged, may name them.
    Perhaps(Error),
}

/// Looks at all other backups until one needs this one.
pub(super) async fn look(
    context: &Context,
    storage: &dyn Storage,
    id: &BackupId,
    own: Condition,
) -> Result<Needed> {
    let mut pages = Pages::of_folders(storage, "");
    while let Some(page) = pages.next().await? {
        for other in folders(&page, "").filter_map(|name| BackupId::new(name).ok()) {
            if other == *id {
                continue;
            }
            match need(context, storage, &other, id).await {
                Ok(Need::None) => {}
                Ok(Need::Named) => {
                    let why = format!("backup `{other}` refers to its chunks; forget that one first");
                    return Ok(Needed::By(refused(id, &why)));
                }
                Ok(Need::Possible(why)) => return Ok(Needed::Perhaps(refused(id, &why))),
                Err(e) if e.is(ErrorKind::Corrupt) && own == Condition::Damaged => {}
                Err(e) if e.is(ErrorKind::Corrupt) => {
                    let why = format!(
                        "backup `{other}` is damaged, so it is not known whether it refers to its chunks; forget that one \
                         first"
                    );
                    return Ok(Needed::Perhaps(refused(id, &why).with_source(e)));
                }
                Err(e) => return Err(e),
            }
        }
    }
    Ok(Needed::No)
}

/// Whether one backup needs chunks of another.
enum Need {
    None,
    Named,
    Possible(String),
}

/// Whether backup `other` needs chunks of `id`.
async fn need(context: &Context, storage: &dyn Storage, other: &BackupId, id: &BackupId) -> Result<Need> {
    let own = layout::backup_prefix(id);
    let Some(found) = descriptor_store::load(storage, other).await? else { return Ok(Need::None) };
    let descriptor = found.descriptor;
    if !descriptor.state.is_terminal() {
        // What it will name is what its base names, and that may be chunks of any older backup.
        return Ok(match descriptor.base {
            None => Need::None,
            Some(base) if base == *id => {
                Need::Possible(format!("backup `{other}` is being made on top of it"))
            }
            Some(base) => Need::Possible(format!(
                "backup `{other}` is being made on top of `{base}`, which may name its chunks"
            )),
        });
    }
    // One that failed has no nodes. One that is being forgotten has them until it is gone, for it may yet be kept.
    for node in descriptor.nodes.values() {
        match names_chunks(context, storage, node, &own).await {
            Ok(true) => return Ok(Need::Named),
            Ok(false) => {}
            // Its manifest is lost, but it wrote all of its chunks itself.
            Err(e) if e.is(ErrorKind::Corrupt) && node.new_bytes == node.stored_bytes => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Need::None)
}

async fn names_chunks(
    context: &Context,
    storage: &dyn Storage,
    node: &NodeEntry,
    under: &str,
) -> Result<bool> {
    let manifest = ManifestSpool::fetch(storage, node, &context.scratch()).await?;
    let under = under.to_owned();
    let found = manifest.read(move |lines| {
        for line in lines {
            if let ManifestLine::Chunk(chunk) = line?
                && chunk.key.as_str().starts_with(&under)
            {
                return Ok(true);
            }
        }
        Ok(false)
    });
    found.await
}

pub(super) fn refused(id: &BackupId, why: &str) -> Error {
    Error::new(ErrorKind::Conflict, "forget", format!("backup `{id}` is kept: {why}"))
}
