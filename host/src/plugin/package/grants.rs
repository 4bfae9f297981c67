//! What an operator lets one plugin reach and use, as values.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::plugin::FolderAccess;
use crate::plugin::egress::Origin;
use crate::plugin::limits::Limits;

/// What a plugin that did not come with the host may reach. Whatever is not here is refused.
///
/// A setting of kind `origin` or `folder` that is among [`PluginGrants::settings`] and that somebody has set grants what it names,
/// and one of kind `file` the reading of that file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginGrants {
    /// Names of the settings that it may see, that is of environment variables.
    pub settings: Vec<String>,
    /// Where it may send requests.
    pub origins: Vec<OriginGrant>,
    /// Files that it may read through the host, by their absolute paths.
    pub files: Vec<PathBuf>,
    /// Folders that it may use, each with everything below it.
    pub folders: Vec<FolderGrant>,
}

impl PluginGrants {
    /// Every grant on a line of its own, such as `origin https://dav.example.com:443`; nothing where nothing is granted.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let settings = self.settings.iter().map(|name| format!("setting {name}"));
        let origins = self.origins.iter().map(|origin| format!("origin {origin}"));
        let files = self.files.iter().map(|path| format!("file {} (read)", path.display()));
        let folders = self.folders.iter().map(|folder| {
            let access = match folder.access {
                FolderAccess::Read => "read",
                FolderAccess::Write => "read and write",
            };
            format!("folder {} ({access})", folder.path.display())
        });
        settings.chain(origins).chain(files).chain(folders).collect()
    }
}

/// An origin that a plugin may send requests to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginGrant {
    pub(crate) origin: Origin,
    pub(crate) addresses: Addresses,
}

/// What the name of a granted origin may resolve to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// Addresses of the open internet, so that whoever owns the name cannot lead requests into the operator's network.
    #[default]
    Public,
    /// Loopback and private networks as well.
    Private,
}

impl OriginGrant {
    /// The grant of `scheme://host[:port]`, where the host may begin with `*.` for any one label. An address that is
    /// written out, and `localhost`, are granted whatever kind they are of; metadata services only when they are named.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Invalid`] when that is no origin.
    pub fn new(origin: &str, addresses: Addresses) -> Result<Self> {
        let parsed = Origin::parse(origin).ok_or_else(|| {
            let shown: String = origin.chars().take(200).flat_map(char::escape_debug).collect();
            Error::invalid(
                "configure",
                format!(
                    "the origin `{shown}` must be `https://host` or `http://host`, with `:port` if need be"
                ),
            )
        })?;
        Ok(Self { origin: parsed, addresses })
    }
}

impl fmt::Display for OriginGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)?;
        match self.addresses {
            Addresses::Public => Ok(()),
            Addresses::Private => f.write_str(" (private addresses too)"),
        }
    }
}

/// A folder that a plugin may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderGrant {
    /// Its absolute path; the grant holds for everything below.
    pub path: PathBuf,
    /// What it may do there.
    pub access: FolderAccess,
}

/// What one plugin may use, where that differs from what all may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginLimits {
    /// Bytes of linear memory of an instance.
    pub memory: Option<u64>,
    /// Time that every call may take, before what its payload adds.
    pub call_timeout: Option<Duration>,
    /// Most instances of one location.
    pub instances: Option<u32>,
    /// Bytes that one call from the guest into the host may carry.
    pub call_bytes: Option<u64>,
}

impl PluginLimits {
    /// The limits of all plugins with these in place of theirs.
    pub(crate) fn over(&self, all: &Limits) -> Limits {
        let call_base = self.call_timeout.unwrap_or(all.call_base);
        Limits {
            memory: self.memory.unwrap_or(all.memory),
            call_base,
            stall: all.stall.min(call_base),
            instances: self.instances.unwrap_or(all.instances),
            hostcall_bytes: self.call_bytes.unwrap_or(all.hostcall_bytes),
            ..all.clone()
        }
    }
}
