//! What a plugin is let reach at one location: the folders and files that stand up to every check.

mod walk;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::egress::{GrantedOrigin, Origin, Reach};
use super::needs::{FolderNeed, Needs};
use super::package::{Addresses, FolderGrant, OriginGrant, PluginGrants};
use super::plugin::ExtraRoots;
use super::settings::{By, Settings};
use crate::error::{Error, ErrorKind, Result};

use walk::Missing;

const OPERATION: &str = "grant";

/// What may be done in a granted folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderAccess {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
}

/// A folder that is preopened for every instance of the location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GrantedFolder {
    /// What the plugin called it, and so the name of the preopen.
    pub(crate) name: String,
    /// Where it really is: no part of this is a symbolic link.
    path: PathBuf,
    /// Device and inode at the time of the grant.
    identity: (u64, u64),
    pub(crate) access: FolderAccess,
}

impl GrantedFolder {
    /// Whether the path still leads to the folder that was granted, and not to one that was made, or mounted, in its place.
    pub(crate) fn is_current(&self) -> Result<bool> {
        match self.path.metadata() {
            Ok(now) => Ok(identity(&now) == self.identity),
            Err(e) => Err(self.lost(e)),
        }
    }

    /// Opens it. Somebody may have put a link or another folder in its place since it was granted, or does so right now: what is
    /// opened is the folder that was granted, or nothing.
    pub(crate) fn open(&self) -> Result<File> {
        let opened = walk::open(&self.path, Missing::Fails).map_err(|e| self.lost(e))?;
        let now = opened.metadata().map_err(|e| Error::io("open", &self.path, e))?;
        if identity(&now) != self.identity {
            let message =
                format!("the folder `{}` was replaced by another one; try again", self.path.display());
            return Err(Error::new(ErrorKind::Unavailable, "open", message));
        }
        Ok(opened)
    }

    /// The error for a folder that cannot be opened any more.
    fn lost(&self, error: std::io::Error) -> Error {
        let path = self.path.display();
        if error.kind() == std::io::ErrorKind::NotFound {
            let message = format!("the folder `{path}` is gone: mount it or make it again");
            return Error::new(ErrorKind::Unavailable, "open", message);
        }
        if walk::is_link(&error) {
            let message = format!("the folder `{path}`, or one above it, was replaced by a link or a file");
            return Error::new(ErrorKind::Denied, "open", message);
        }
        Error::io("open", &self.path, error)
    }
}

/// Everything granted at one location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    folders: Vec<GrantedFolder>,
    files: BTreeMap<String, PathBuf>,
    origins: Vec<GrantedOrigin>,
}

/// How far the needs of a plugin are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust<'a> {
    /// It came with the host: what it needs is granted, within the rules.
    Bundled,
    /// It came from elsewhere: it reaches what the operator has granted or set, and nothing else.
    Foreign(&'a PluginGrants),
}

impl Trust<'_> {
    /// Whose values of settings grant what they name.
    fn by(self) -> By {
        match self {
            Self::Bundled => By::Anybody,
            Self::Foreign(_) => By::Operator,
        }
    }
}

/// What decides about grants, besides the needs themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy<'a> {
    pub(crate) plugin: &'a str,
    pub(crate) trust: Trust<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) extra: &'a ExtraRoots,
    pub(crate) protected: &'a [PathBuf],
}

impl Grants {
    /// Only the files that settings name: what `needs` itself may read.
    pub(crate) fn of_settings(settings: &Settings, trust: Trust<'_>) -> Self {
        let files =
            settings.files(trust.by()).map(|(name, path)| (name.to_owned(), path.to_owned())).collect();
        Self { folders: Vec::new(), files, origins: Vec::new() }
    }

    /// Grants the needs or refuses them, everything that is refused in one error. Creates the folders.
    pub(crate) fn decide(needs: &Needs, policy: &Policy<'_>) -> Result<Self> {
        let mut grants = Self::of_settings(policy.settings, policy.trust);
        let mut refused = Vec::new();
        for need in &needs.origins {
            match policy.reach(&need.origin) {
                Some(reach) => grants.origins.push(GrantedOrigin { origin: need.origin.clone(), reach }),
                None => refused.push(format!("the origin {need}{}", purpose(&need.purpose))),
            }
        }
        for file in &needs.files {
            let granted = match policy.trust {
                Trust::Bundled => true,
                Trust::Foreign(granted) => granted.files.contains(file),
            };
            if granted {
                grants.files.insert(file.display().to_string(), file.clone());
            } else if grants.files.values().all(|known| known != file) {
                refused.push(format!("the file `{}`", file.display()));
            }
        }
        let mut folders = Vec::new();
        for need in &needs.folders {
            match policy.admit(need)? {
                Ok(real) => folders.push((need, real)),
                Err(why) => refused.push(why),
            }
        }
        for (inner, real) in &folders {
            let around = folders.iter().find(|(need, other)| {
                need.access == FolderAccess::Write && real != other && real.starts_with(other)
            });
            // Through the outer one it could put a link in the place of the inner one.
            if let Some((outer, _)) = around {
                refused.push(format!(
                    "the folder `{}`, as it lies within `{}`, which it needs too",
                    inner.path.display(),
                    outer.path.display()
                ));
            }
        }
        for file in grants.files.values() {
            let real = resolve(file)?;
            let is_in_reach = |(need, folder): &(&FolderNeed, PathBuf)| {
                need.access == FolderAccess::Write && (real.starts_with(folder) || file.starts_with(folder))
            };
            // It could put a link in its place, and the host would read what that leads to.
            if folders.iter().any(is_in_reach) {
                refused
                    .push(format!("the file `{}`, as it lies in a folder that it may write", file.display()));
            }
        }
        if !refused.is_empty() {
            let remedy = match policy.trust {
                Trust::Bundled => "",
                Trust::Foreign(_) => "; it was not granted to it",
            };
            let message =
                format!("the plugin `{}` may not reach {}{remedy}", policy.plugin, refused.join("; nor "));
            return Err(Error::new(ErrorKind::Denied, OPERATION, message));
        }
        for (need, real) in folders {
            grants.folders.push(GrantedFolder {
                name: need.path.display().to_string(),
                identity: create(&real)?,
                path: real,
                access: need.access,
            });
        }
        Ok(grants)
    }

    pub(crate) fn origins(&self) -> &[GrantedOrigin] {
        &self.origins
    }

    pub(crate) fn folders(&self) -> &[GrantedFolder] {
        &self.folders
    }

    /// The path behind the name of a file setting or behind a granted path.
    pub(crate) fn file(&self, name: &str) -> Option<&Path> {
        self.files.get(name).map(PathBuf::as_path)
    }
}

impl Policy<'_> {
    /// How far requests to an origin may go, if any may be sent.
    ///
    /// A plugin that came with the host gets what it needs on the open internet. It reaches loopback and private networks
    /// only at a host that a setting names which somebody has set, and a metadata service only under its own name or
    /// address, which such a plugin needs when its credentials come from there. One from elsewhere gets the origins that
    /// were granted to it or that its settings name, and a metadata service only when that is granted.
    fn reach(&self, origin: &Origin) -> Option<Reach> {
        let granted = match self.trust {
            Trust::Bundled if origin.is_metadata() => return Some(Reach::Metadata),
            Trust::Bundled if self.is_named(&origin.host) => return Some(Reach::Named),
            Trust::Bundled => return Some(Reach::Public),
            Trust::Foreign(granted) => granted,
        };
        if origin.is_metadata() {
            let is_granted = granted.origins.iter().any(|grant| grant.origin == *origin);
            return is_granted.then_some(Reach::Metadata);
        }
        let set = self.settings.origins(By::Operator).filter_map(Origin::parse);
        if set.into_iter().any(|set| set == *origin) {
            return Some(Reach::Named);
        }
        let reach = |grant: &OriginGrant| match grant.addresses {
            Addresses::Private => Reach::Named,
            Addresses::Public if grant.origin.is_fixed() => Reach::Named,
            Addresses::Public => Reach::Public,
        };
        granted.origins.iter().filter(|grant| grant.origin.covers(origin)).map(reach).max()
    }

    /// Whether a setting names the host, or the one that this is a bucket of: `bucket.endpoint` of the endpoint.
    fn is_named(&self, host: &str) -> bool {
        let parent = host.split_once('.').filter(|_| host.parse::<std::net::IpAddr>().is_err());
        self.settings.names_host(host)
            || parent.is_some_and(|(_, parent)| parent.contains('.') && self.settings.names_host(parent))
    }

    /// Where the folder really is, or why it may not be reached. Creates nothing.
    fn admit(&self, need: &FolderNeed) -> Result<Result<PathBuf, String>> {
        let path = &need.path;
        let real = resolve(path)?;
        let shown = if real == *path {
            format!("the folder `{}`", path.display())
        } else {
            format!("the folder `{}`, which is `{}`", path.display(), real.display())
        };
        for protected in self.protected {
            let protected = resolve(protected)?;
            if real.starts_with(&protected) || protected.starts_with(&real) {
                return Ok(Err(format!(
                    "{shown}: it overlaps with the host's own `{}`",
                    protected.display()
                )));
            }
        }
        let granted: &[FolderGrant] = match self.trust {
            Trust::Bundled => &[],
            Trust::Foreign(granted) => &granted.folders,
        };
        let admits =
            |grant: &&FolderGrant| need.access == FolderAccess::Read || grant.access == FolderAccess::Write;
        let granted = granted.iter().filter(admits).map(|grant| grant.path.clone());
        let set = self.settings.folders(self.trust.by()).chain(self.extra.paths.iter().cloned());
        for root in set.chain(granted) {
            if real.starts_with(resolve(&root)?) {
                return Ok(Ok(real));
            }
        }
        if let Trust::Foreign(_) = self.trust {
            let access = if need.access == FolderAccess::Read { "to read" } else { "to write" };
            return Ok(Err(format!("{shown} {access}")));
        }
        let remedy = match self.extra.variable.as_str() {
            "" => String::new(),
            variable => format!("; list it or a folder above it in {variable}"),
        };
        Ok(Err(format!("{shown}: it lies outside the configured folder{remedy}")))
    }
}

/// What a plugin says that it needs an origin for, in parentheses.
fn purpose(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

/// The path without symbolic links, whether or not its last parts exist yet.
fn resolve(path: &Path) -> Result<PathBuf> {
    let plain = path.is_absolute()
        && path.components().all(|c| matches!(c, Component::RootDir | Component::Normal(_)));
    if !plain {
        let message = format!("the path `{}` must be absolute and without `..`", path.display());
        return Err(Error::invalid(OPERATION, message));
    }
    let mut missing = Vec::new();
    let mut there = path;
    loop {
        // A link that leads nowhere is there; only its target is missing, and that is an error below.
        match there.symlink_metadata() {
            Ok(_) => break,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io(OPERATION, there, e)),
        }
        match (there.file_name(), there.parent()) {
            (Some(name), Some(parent)) => {
                missing.push(name);
                there = parent;
            }
            _ => break,
        }
    }
    let mut real = there.canonicalize().map_err(|e| Error::io(OPERATION, there, e))?;
    real.extend(missing.iter().rev());
    Ok(real)
}

/// Device and inode.
fn identity(folder: &std::fs::Metadata) -> (u64, u64) {
    (folder.dev(), folder.ino())
}

/// Creates the folder with all levels above it, and answers which one it is: the one that was admitted, behind no link.
fn create(real: &Path) -> Result<(u64, u64)> {
    let made = walk::open(real, Missing::IsMade).and_then(|folder| folder.metadata());
    match made {
        Ok(made) => Ok(identity(&made)),
        Err(e) if walk::is_link(&e) => {
            let message = format!(
                "the folder `{}` cannot be made: it, or one above it, is a file, or has turned into a link meanwhile",
                real.display()
            );
            Err(Error::new(ErrorKind::Denied, OPERATION, message).with_source(e))
        }
        Err(e) => Err(Error::io(OPERATION, real, e)),
    }
}

#[cfg(test)]
mod tests;
