//! Which plugin a module name stands for: one that comes with the host, one from a plugin folder, or one of the embedder.

use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};
use crate::model::nearest;
use crate::plugin::{Listed, PluginPackage, plugins_in};

/// What a module name begins with: `backup-filesystem` is the backend `filesystem`.
pub(crate) const MODULE_PREFIX: &str = "backup-";

/// Every plugin that could be enabled.
pub(crate) struct Catalogue {
    bundled: Vec<PluginPackage>,
    given: Vec<PluginPackage>,
    listed: Vec<Listed>,
}

/// What an entry of the catalogue is.
#[cfg(feature = "cli")]
pub(crate) type Entry<'c> = std::result::Result<&'c PluginPackage, Error>;

impl Catalogue {
    /// Reads the plugin folders. What is wrong with a plugin there matters only to whoever asks for it.
    pub(crate) fn read(given: Vec<PluginPackage>, folders: &[PathBuf]) -> Result<Self> {
        Ok(Self { bundled: bundled()?, given, listed: plugins_in(folders)? })
    }

    /// The plugin of a name.
    pub(crate) fn find(&self, name: &str) -> Result<&PluginPackage> {
        let given: Vec<&PluginPackage> = self.given.iter().filter(|p| p.name().as_str() == name).collect();
        let listed = self.listed.iter().filter(|l| l.name == name);
        let mut foreign = given.into_iter().map(Ok).chain(listed.map(entry));
        let bundled = self.bundled.iter().find(|p| p.name().as_str() == name);
        match (foreign.next(), foreign.next()) {
            (Some(Ok(one)), Some(_)) => {
                let message = format!(
                    "two plugins have the name `{name}`, one of them is {}; remove one",
                    one.source()
                );
                Err(Error::invalid("start", message))
            }
            (Some(Ok(package)), None) => self.admit(package, bundled),
            (Some(Err(e)), _) => Err(e),
            (None, _) => bundled.ok_or_else(|| self.unknown(name)),
        }
    }

    /// Every plugin by its name, those that cannot be used with the reason.
    #[cfg(feature = "cli")]
    pub(crate) fn all(&self) -> Vec<(String, Entry<'_>)> {
        let names = self.bundled.iter().chain(&self.given).map(|p| p.name().to_string());
        let mut names: Vec<String> = names.chain(self.listed.iter().map(|l| l.name.clone())).collect();
        names.sort();
        names.dedup();
        names.into_iter().map(|name| (name.clone(), self.find(&name))).collect()
    }

    /// One that did not come with the host takes the place of one that did only if that is what is wanted.
    fn admit<'c>(
        &self,
        package: &'c PluginPackage,
        bundled: Option<&PluginPackage>,
    ) -> Result<&'c PluginPackage> {
        let (name, source) = (package.name(), package.source());
        match (package.replaces(), bundled) {
            (None, None) => Ok(package),
            (Some(replaced), Some(_)) if replaced == name => Ok(package),
            (None, Some(_)) => Err(Error::invalid(
                "start",
                format!(
                    "{source} has the name of the bundled plugin `{name}`: rename it, or say `replaces = \"{name}\"` \
                     if it is to take its place"
                ),
            )),
            (Some(replaced), _) => Err(Error::invalid(
                "start",
                format!(
                    "{source} says that it replaces `{replaced}`, and has the name `{name}`: a plugin replaces the \
                     bundled one of its own name, which are [{}]",
                    self.bundled.iter().map(|p| p.name().as_str()).collect::<Vec<_>>().join(", ")
                ),
            )),
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let known: Vec<String> = self.all_names().map(|known| format!("{MODULE_PREFIX}{known}")).collect();
        let meant = match nearest(name, self.all_names()) {
            Some(nearest) => format!("; did you mean `{MODULE_PREFIX}{nearest}`?"),
            None => String::new(),
        };
        Error::invalid(
            "start",
            format!(
                "ENABLE_MODULES names `{MODULE_PREFIX}{}`, which is not a module; known: [{}]{meant}",
                name.escape_debug(),
                known.join(", ")
            ),
        )
    }

    fn all_names(&self) -> impl Iterator<Item = &str> {
        let names = self.bundled.iter().chain(&self.given).map(|p| p.name().as_str());
        names.chain(self.listed.iter().map(|l| l.name.as_str()))
    }
}

fn entry(listed: &Listed) -> Result<&PluginPackage> {
    listed.package.as_ref().map_err(|e| {
        let kind = if e.is(ErrorKind::NotFound) { ErrorKind::Invalid } else { e.kind() };
        Error::new(kind, "start", format!("the plugin `{}` cannot be used: {e}", listed.name))
    })
}

/// The plugins that come with this build.
fn bundled() -> Result<Vec<PluginPackage>> {
    #[cfg(feature = "bundled")]
    return siltstone_plugins::all()
        .iter()
        .map(|p| Ok(PluginPackage::bundled(crate::model::BackendName::new(p.name)?, p.component)))
        .collect();
    #[cfg(not(feature = "bundled"))]
    Ok(Vec::new())
}

#[cfg(test)]
#[cfg(feature = "bundled")]
mod tests;
