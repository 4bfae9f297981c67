//! A plugin that is loaded and described, and where it comes from.

mod configured;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::bindings::types;
use super::describe::{self, PluginInfo, Required, SettingInfo};
use super::egress::Egress;
use super::engine::PluginEngine;
use super::fault::Effect;
use super::grants::{Grants, Trust};
use super::handles::OpenFiles;
use super::limits::Limits;
use super::loader::{self, Program};
use super::log::Log;
use super::package::{PluginGrants, PluginLimits, PluginPackage};
use super::pool::Site;
use super::redact::Redactor;
use super::settings::{self, Settings};
use super::state::{Phase, Services};
use super::tally::InstanceCounts;
use super::text;
use super::tokens::TokenCache;
use crate::error::{Error, ErrorKind, Result};
use crate::model::nearest;

pub use configured::ConfiguredPlugin;

/// Where a plugin comes from, and so how far its needs are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginSource {
    /// It came with the host.
    Bundled,
    /// It was loaded from this file.
    File(PathBuf),
    /// The program that embeds the host handed it over.
    Embedder,
}

impl fmt::Display for PluginSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str("bundled plugin"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Embedder => f.write_str("plugin of the embedding program"),
        }
    }
}

/// Folders that a request may name instead of the configured one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraRoots {
    /// The variable that lists them, for the text of a refusal; empty where there is none.
    pub variable: String,
    /// Absolute paths; each admits itself and everything below it.
    pub paths: Vec<PathBuf>,
}

/// Overrides of one request for where its backups lie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Location {
    /// Replaces the configured bucket or container.
    pub bucket: Option<String>,
    /// Replaces the configured path or key prefix.
    pub path: Option<String>,
}

impl Location {
    pub(crate) fn to_guest(&self) -> types::Location {
        types::Location { bucket: self.bucket.clone(), path: self.path.clone() }
    }

    fn check(&self) -> Result<()> {
        for (what, value, max) in [("bucket", &self.bucket, 256), ("path", &self.path, 4096)] {
            if let Some(value) = value
                && (value.is_empty() || value.len() > max || !text::is_plain(value))
            {
                let shown = text::quoted(value, 200);
                let message = format!("{what} {shown}: use 1 to {max} bytes without control characters");
                return Err(Error::invalid("open", message));
            }
        }
        Ok(())
    }
}

/// A plugin that is loaded and has described itself; nothing is granted to it yet.
#[derive(Clone, Debug)]
pub struct Plugin(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Arc<PluginEngine>,
    program: Arc<Program>,
    info: PluginInfo,
    source: PluginSource,
    grants: PluginGrants,
}

impl Inner {
    fn trust(&self) -> Trust<'_> {
        match self.source {
            PluginSource::Bundled => Trust::Bundled,
            PluginSource::File(_) | PluginSource::Embedder => Trust::Foreign(&self.grants),
        }
    }
}

impl Plugin {
    /// Checks, compiles and describes a component. Must be called on the runtime that plugins run on.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Invalid`] when the bytes are no component, [`crate::ErrorKind::Unsupported`] when it speaks
    /// another version of the interface, [`crate::ErrorKind::Denied`] when it imports something that is not offered,
    /// [`crate::ErrorKind::Plugin`] when it cannot describe itself.
    pub async fn load(engine: &Arc<PluginEngine>, bytes: &[u8], source: PluginSource) -> Result<Self> {
        let all = (PluginGrants::default(), &PluginLimits::default());
        Self::load_with(engine, bytes.to_vec(), source, all).await
    }

    /// Checks, compiles and describes the component of a package, with its grants and limits.
    ///
    /// # Errors
    ///
    /// As [`Plugin::load`]; and [`crate::ErrorKind::Invalid`] when it calls itself by another name than the package, or when
    /// a setting is granted that it does not take.
    pub async fn from_package(engine: &Arc<PluginEngine>, package: &PluginPackage) -> Result<Self> {
        let plugin = Self::from_nameless(engine, package).await?;
        let (info, source) = (plugin.info(), package.source());
        if info.name != *package.name() {
            let message = format!(
                "{source} calls itself `{}` and was given the name `{}`; give it its own",
                info.name,
                package.name()
            );
            return Err(Error::invalid("load", message));
        }
        plugin.takes_granted()?;
        Ok(plugin)
    }

    /// As [`Plugin::from_package`], whatever the plugin calls itself and whichever settings are granted to it.
    pub(crate) async fn from_nameless(engine: &Arc<PluginEngine>, package: &PluginPackage) -> Result<Self> {
        let with = (package.granted().clone(), package.limited());
        let (bytes, source) = (package.component().to_vec(), package.source().clone());
        Self::load_with(engine, bytes, source, with).await
    }

    /// Whether it takes every setting that was granted to it.
    pub(crate) fn takes_granted(&self) -> Result<()> {
        let info = self.info();
        let taken: Vec<&str> = info.settings.iter().map(|s| s.name.as_str()).collect();
        let wrong: Vec<String> = self
            .0
            .grants
            .settings
            .iter()
            .filter(|name| !taken.contains(&name.as_str()))
            .map(|name| match nearest(name, taken.iter().copied()) {
                Some(nearest) => format!("`{name}` (did you mean `{nearest}`?)"),
                None => format!("`{name}`"),
            })
            .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the plugin `{}` does not take the granted settings {}; it takes [{}]",
            info.name,
            wrong.join(", "),
            taken.join(", ")
        );
        Err(Error::invalid("load", message))
    }

    async fn load_with(
        engine: &Arc<PluginEngine>,
        bytes: Vec<u8>,
        source: PluginSource,
        (grants, limits): (PluginGrants, &PluginLimits),
    ) -> Result<Self> {
        let (shared, shown) = (Arc::clone(engine), source.to_string());
        let limits = limits.over(engine.limits());
        let program = tokio::task::spawn_blocking(move || loader::load(&shared, &bytes, &shown, limits))
            .await
            .map_err(|e| Error::internal("load", "a background task failed").with_source(e))??;
        let redactor = Arc::new(Redactor::default());
        let services = services(&source.to_string(), redactor, Grants::default(), engine, &program.limits)?;
        let site = Site {
            plugin: source.to_string(),
            program: Arc::clone(&program),
            services: Arc::new(services),
            settings: Vec::new(),
            location: Location::default(),
        };
        let mut instance = site.instance(Phase::Describe, "describe").await?;
        let answer = instance.run(0, |transport, store| async move { transport.describe(store).await }).await;
        let info = site.settle("describe", Effect::Reads, answer.map(Ok), describe::validate)?;
        Ok(Self(Arc::new(Inner { engine: Arc::clone(engine), program, info, source, grants })))
    }

    /// What the plugin is and which settings it takes.
    #[must_use]
    pub fn info(&self) -> &PluginInfo {
        &self.0.info
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> &PluginSource {
        &self.0.source
    }

    /// The interface that the host speaks with it, as `package@version`: the newest that both know.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.0.program.interface
    }

    /// The version of that interface.
    #[must_use]
    pub fn interface_version(&self) -> &str {
        let interface = self.interface();
        interface.rsplit_once('@').map_or(interface, |(_, version)| version)
    }

    /// The interfaces that the component imports, as `package/interface@version`.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.0.program.imports
    }

    /// The interfaces that the component exports.
    #[must_use]
    pub fn exports(&self) -> &[String] {
        &self.0.program.exports
    }

    /// How many instances of it there are and were.
    #[must_use]
    pub fn instances(&self) -> InstanceCounts {
        self.0.program.tally.counts()
    }

    /// Collects the settings; `env` answers the value of an environment variable.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Invalid`] with every setting that is missing or has the wrong form.
    pub fn configure(
        &self,
        env: &dyn Fn(&str) -> Option<String>,
        extra: ExtraRoots,
    ) -> Result<ConfiguredPlugin> {
        let settings = match self.0.trust() {
            Trust::Bundled => Settings::collect(&self.0.info, env)?,
            Trust::Foreign(granted) => self.collect_granted(granted, env)?,
        };
        if let Some(path) = extra.paths.iter().find(|p| !p.to_str().is_some_and(settings::is_clean_path)) {
            let message =
                format!("{}: `{}` must be an absolute path without `..`", extra.variable, path.display());
            return Err(Error::invalid("configure", message));
        }
        Ok(ConfiguredPlugin::new(self.clone(), settings, extra))
    }
}

impl Plugin {
    /// The settings that it may see. One that it cannot do without and may not see is refused, one that has a value and stays
    /// unseen is told.
    fn collect_granted(
        &self,
        granted: &PluginGrants,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Settings> {
        let info = self.info();
        let hidden = |s: &&SettingInfo| !granted.settings.contains(&s.name);
        let (refused, unseen): (Vec<_>, Vec<_>) = info
            .settings
            .iter()
            .filter(hidden)
            .partition(|s| s.required == Required::Yes && s.default.is_none());
        if !refused.is_empty() {
            let refused: Vec<&str> = refused.iter().map(|s| s.name.as_str()).collect();
            let message = format!(
                "the plugin `{}` needs settings that were not granted to it: add {} to `settings` in its grants",
                info.name,
                refused.join(", ")
            );
            return Err(Error::new(ErrorKind::Denied, "configure", message));
        }
        for setting in unseen.iter().filter(|s| env(&s.name).is_some_and(|value| !value.is_empty())) {
            tracing::warn!(
                plugin = %info.name,
                variable = setting.name,
                "has a value that the plugin may not see: it is not among its granted `settings`"
            );
        }
        Settings::collect(info, &|name| granted.settings.iter().any(|g| g == name).then(|| env(name))?)
    }
}

fn services(
    plugin: &str,
    redactor: Arc<Redactor>,
    grants: Grants,
    engine: &PluginEngine,
    limits: &Limits,
) -> Result<Services> {
    let log = Arc::new(Log::new(plugin, Arc::clone(&redactor), limits.log_lines));
    let egress = match grants.origins() {
        [] => Egress::Closed,
        origins => Egress::Open(Arc::new(engine.client(origins.to_vec(), limits.requests())?)),
    };
    let clock = Arc::clone(engine.clock());
    let files = OpenFiles::new(limits.open_files);
    Ok(Services { log, redactor, tokens: TokenCache::default(), grants, clock, egress, files })
}

#[cfg(test)]
#[cfg(feature = "bundled")]
mod tests;
