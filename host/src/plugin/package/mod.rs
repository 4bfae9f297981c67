//! A plugin as it is handed over: its component, where it comes from, and what the operator lets it reach and use.
//!
//! Two files stand for one on disk, `NAME.wasm` and `NAME.toml`; see [`PluginPackage::from_files`]. A program that embeds the
//! host gives the same as values: [`PluginPackage::new`].

mod folder;
mod grants;
mod manifest;

use std::path::Path;

pub use folder::{Listed, plugins_in};
pub use grants::{Addresses, FolderGrant, OriginGrant, PluginGrants, PluginLimits};
pub use manifest::{PluginManifest, Use};

use super::plugin::PluginSource;
use crate::error::{Error, Result};
use crate::model::BackendName;

/// The SHA-256 of a component.
pub type Sha256 = [u8; 32];

/// A component with what goes with it, ready to be loaded.
#[derive(Clone, Debug)]
pub struct PluginPackage {
    name: BackendName,
    component: Vec<u8>,
    source: PluginSource,
    grants: PluginGrants,
    limits: PluginLimits,
    replaces: Option<BackendName>,
}

impl PluginPackage {
    /// A plugin from bytes, with nothing granted. `name` is what users address the backend by, and what the plugin must
    /// call itself: `ENABLE_MODULES` enables it as `backup-<name>`.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Invalid`] when the name cannot be one.
    pub fn new(name: impl Into<String>, component: impl Into<Vec<u8>>) -> Result<Self> {
        Ok(Self {
            name: BackendName::new(name)?,
            component: component.into(),
            source: PluginSource::Embedder,
            grants: PluginGrants::default(),
            limits: PluginLimits::default(),
            replaces: None,
        })
    }

    /// One that comes with the host.
    #[cfg(feature = "bundled")]
    pub(crate) fn bundled(name: BackendName, component: &[u8]) -> Self {
        Self {
            name,
            component: component.to_vec(),
            source: PluginSource::Bundled,
            grants: PluginGrants::default(),
            limits: PluginLimits::default(),
            replaces: None,
        }
    }

    /// Reads `NAME.wasm` and the `NAME.toml` beside it.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::NotFound`] or [`crate::ErrorKind::Denied`] when a file cannot be read,
    /// [`crate::ErrorKind::Invalid`] when the manifest is not right (all its problems at once), when the component is not the
    /// one that it pins, or when others can write the files.
    pub fn from_files(component: &Path) -> Result<Self> {
        folder::read(component)
    }

    /// With what a manifest says.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Invalid`] when the manifest pins another component.
    pub fn with_manifest(mut self, manifest: PluginManifest) -> Result<Self> {
        if let Some(pinned) = manifest.sha256
            && pinned != self.sha256()
        {
            let message = format!(
                "{} has the SHA-256 {}, and its manifest pins {}: restore the file, or pin the new one if you trust it",
                self.source,
                hex(&self.sha256()),
                hex(&pinned)
            );
            return Err(Error::invalid("load", message));
        }
        self.grants = manifest.grants;
        self.limits = manifest.limits;
        self.replaces = manifest.replaces;
        Ok(self)
    }

    /// What the plugin may reach.
    #[must_use]
    pub fn grants(mut self, grants: PluginGrants) -> Self {
        self.grants = grants;
        self
    }

    /// What the plugin may use, where that is not what all plugins may.
    #[must_use]
    pub fn limits(mut self, limits: PluginLimits) -> Self {
        self.limits = limits;
        self
    }

    /// It takes the place of the bundled plugin of its name.
    #[must_use]
    pub fn replacing_bundled(mut self) -> Self {
        self.replaces = Some(self.name.clone());
        self
    }

    pub(crate) fn from(mut self, source: PluginSource) -> Self {
        self.source = source;
        self
    }

    /// The name of the backend.
    #[must_use]
    pub fn name(&self) -> &BackendName {
        &self.name
    }

    /// The bytes of the component.
    #[must_use]
    pub fn component(&self) -> &[u8] {
        &self.component
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> &PluginSource {
        &self.source
    }

    /// What it may reach.
    #[must_use]
    pub fn granted(&self) -> &PluginGrants {
        &self.grants
    }

    /// What it may use, where that is not what all plugins may.
    #[must_use]
    pub fn limited(&self) -> &PluginLimits {
        &self.limits
    }

    /// The bundled plugin whose place it takes.
    #[must_use]
    pub fn replaces(&self) -> Option<&BackendName> {
        self.replaces.as_ref()
    }

    /// The SHA-256 of the component.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        use sha2::Digest;
        sha2::Sha256::digest(&self.component).into()
    }
}

/// A digest in lower-case hexadecimal.
#[must_use]
pub fn hex(digest: &Sha256) -> String {
    use std::fmt::Write;
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
