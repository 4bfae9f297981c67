//! Stores an object in one piece, and makes any finished temporary file an object.

use siltstone_plugin_sdk::types::{Error, ObjectMeta, Precondition};
use siltstone_plugin_sdk::{data, error, keys};

use crate::attributes;
use crate::error::{changing, failed};
use crate::folder::{Code, File, Folder, Kind, Stat};
use crate::read::meta;
use crate::store::{Store, TRIES, lacks_links};
use crate::temp::Temp;
use crate::tree::{Lasting, sync};

/// How a temporary file becomes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// By a rename, which replaces what is there.
    Replace,
    /// By a hard link, which fails when something is there.
    IfAbsent,
}

impl Publish {
    /// The way that honours the condition. A filesystem cannot compare and replace in one step.
    pub fn new(condition: &Precondition) -> Result<Self, Error> {
        match condition {
            Precondition::None => Ok(Self::Replace),
            Precondition::IfAbsent => Ok(Self::IfAbsent),
            Precondition::IfMatch(_) => Err(error::unsupported("filesystem cannot put with if-match")),
        }
    }
}

impl<F: Folder> Store<F> {
    /// Stores the whole source under the key; see `put` of the contract.
    pub fn put<S: data::Source + ?Sized>(
        &self,
        key: &str,
        body: &S,
        condition: &Precondition,
        attributes: &[(String, String)],
    ) -> Result<ObjectMeta, Error> {
        keys::segments(key)?;
        let publish = Publish::new(condition)?;
        let attempt = attributes::attempt(attributes)?;
        let (temp, file) = self.create_temp(&attempt, "")?;
        let stored = write_from(&file, 0, body, key)
            .and_then(|()| settle(&file, key))
            .and_then(|stat| self.publish(&temp, &stat, key, publish));
        drop(file);
        match &stored {
            Ok(_) if publish == Publish::Replace => self.release(temp),
            _ => self.discard(temp),
        }
        stored
    }

    /// Gives a synced temporary file the name of the key. It keeps its own name after `IfAbsent`, and after
    /// every error that says `no-effect`.
    pub(crate) fn publish(
        &self,
        temp: &Temp<'_, F>,
        stat: &Stat,
        key: &str,
        how: Publish,
    ) -> Result<ObjectMeta, Error> {
        let (folders, name) = keys::split(key)?;
        for _ in 0..TRIES {
            let folder = match self.tree.ensure(&folders, Lasting::Durable) {
                Ok(folder) => folder,
                Err(Code::NoEntry) => continue,
                Err(code) => return Err(failed(code, format_args!("make the folder of {key}"))),
            };
            let done = match how {
                Publish::Replace => temp.folder.rename(&temp.name, &folder, name),
                Publish::IfAbsent => temp.folder.link(&temp.name, &folder, name),
            };
            match done {
                Ok(()) => {
                    return match sync(&*folder) {
                        Ok(()) => Ok(meta(key.to_owned(), stat)),
                        Err(code) => Err(error::outcome_unknown(failed(code, format_args!("sync {key}")))),
                    };
                }
                // A delete found the folder empty and removed it just before we used it.
                Err(Code::NoEntry) => {}
                Err(Code::Exist) if how == Publish::IfAbsent => return Err(taken(&*folder, name, key)),
                Err(code) if how == Publish::IfAbsent && lacks_links(code) => {
                    return Err(error::unsupported(format!(
                        "cannot put {key} if-absent: this filesystem has no hard links ({})",
                        code.name()
                    )));
                }
                Err(code) => return Err(changing(code, format_args!("put {key}"))),
            }
        }
        Err(error::transient(format!("cannot put {key}: its folder or temporary file keeps being removed")))
    }
}

/// Why a name was not free: only a file is an object.
fn taken<F: Folder>(folder: &F, name: &str, key: &str) -> Error {
    match folder.stat(name) {
        Ok(Stat { kind: Kind::Folder | Kind::Other, .. }) => {
            error::unsupported(format!("cannot put {key}: something that is no file has that name"))
        }
        _ => error::already_exists(format!("{key} exists")),
    }
}

/// Writes the whole source into the file, from `start`.
pub(crate) fn write_from<S: data::Source + ?Sized>(
    file: &impl File,
    start: u64,
    body: &S,
    key: &str,
) -> Result<(), Error> {
    let short = |at| error::internal(format!("the source of {key} ended after {at} bytes"));
    data::pieces(body, short, |offset, mut piece| {
        let mut at = start + offset;
        while !piece.is_empty() {
            let taken = file.write(piece, at).map_err(|code| failed(code, format_args!("write {key}")))?;
            let rest = usize::try_from(taken).ok().filter(|taken| *taken > 0).and_then(|n| piece.get(n..));
            piece =
                rest.ok_or_else(|| error::internal(format!("cannot write {key}: {taken} bytes taken")))?;
            at += taken;
        }
        Ok(())
    })
}

/// Makes the content of a complete file durable and says what it is.
pub(crate) fn settle(file: &impl File, key: &str) -> Result<Stat, Error> {
    file.sync().and_then(|()| file.stat()).map_err(|code| failed(code, format_args!("sync {key}")))
}
