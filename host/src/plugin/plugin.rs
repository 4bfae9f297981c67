//! A plugin through its life: loaded, configured, opened at a location.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::adapter::PluginStorage;
use super::bindings::types;
use super::describe::{self, PluginInfo};
use super::egress::Egress;
use super::engine::PluginEngine;
use super::fault::{Effect, Fault};
use super::grants::{Grants, Policy, Trust};
use super::loader::{self, Program};
use super::log::Log;
use super::needs::{self, Needs};
use super::pool::{Pool, Site};
use super::redact::Redactor;
use super::settings::{self, Settings};
use super::state::{Phase, Services};
use super::text;
use super::tokens::TokenCache;
use super::validate;
use crate::error::{Error, Result};

/// Where a plugin comes from, and so how far its needs are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginSource {
    /// It came with the host.
    Bundled,
    /// It was loaded from this file.
    File(PathBuf),
}

impl PluginSource {
    fn trust(&self) -> Trust {
        match self {
            Self::Bundled => Trust::Bundled,
            Self::File(_) => Trust::Foreign,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Bundled => "bundled plugin".to_owned(),
            Self::File(path) => path.display().to_string(),
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
        let (shared, bytes, shown) = (Arc::clone(engine), bytes.to_vec(), source.shown());
        let program = tokio::task::spawn_blocking(move || loader::load(&shared, &bytes, &shown))
            .await
            .map_err(|e| Error::internal("load", "a background task failed").with_source(e))??;
        let redactor = Arc::new(Redactor::default());
        let services = services(&source.shown(), redactor, Grants::default(), engine)?;
        let site = Site {
            plugin: source.shown(),
            program: Arc::clone(&program),
            services: Arc::new(services),
            settings: Vec::new(),
            location: Location::default(),
        };
        let mut instance = site.instance(Phase::Describe, "describe").await?;
        let answer = instance
            .run(0, |transport, store| async move {
                transport.siltstone_storage_store().call_describe(store).await
            })
            .await;
        let info = site.settle("describe", Effect::Reads, answer.map(Ok), describe::validate)?;
        Ok(Self(Arc::new(Inner { engine: Arc::clone(engine), program, info, source })))
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
        let settings = Settings::collect(&self.0.info, env)?;
        if let Some(path) = extra.paths.iter().find(|p| !p.to_str().is_some_and(settings::is_clean_path)) {
            let message =
                format!("{}: `{}` must be an absolute path without `..`", extra.variable, path.display());
            return Err(Error::invalid("configure", message));
        }
        Ok(ConfiguredPlugin { plugin: self.clone(), settings, extra, open: Mutex::default() })
    }
}

/// A plugin with its settings, ready to be opened at locations.
#[derive(Debug)]
pub struct ConfiguredPlugin {
    plugin: Plugin,
    settings: Settings,
    extra: ExtraRoots,
    /// Least recently used first.
    open: Mutex<Vec<(Location, Slot)>>,
}

type Slot = Arc<OnceCell<Arc<PluginStorage>>>;

impl ConfiguredPlugin {
    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// The storage at a location; the same one when it is open already and its folders are still those that were granted.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Denied`] when the plugin needs what it may not reach, and whatever the plugin answers to
    /// `needs`, `open` and `capabilities`.
    pub async fn open(&self, location: &Location) -> Result<Arc<PluginStorage>> {
        location.check()?;
        let slot = self.slot(location);
        let storage = slot.get_or_try_init(|| self.open_new(location)).await.cloned()?;
        let known = Arc::clone(&storage);
        let is_current = tokio::task::spawn_blocking(move || known.is_current())
            .await
            .map_err(|e| Error::internal("open", "a background task failed").with_source(e))??;
        if is_current {
            return Ok(storage);
        }
        // Somebody made a new folder in place of the granted one; instances would go on in the old one.
        self.close(location, &slot);
        self.slot(location).get_or_try_init(|| self.open_new(location)).await.cloned()
    }

    /// Forgets an open location, unless somebody has opened it anew meanwhile.
    fn close(&self, location: &Location, slot: &Slot) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(known, other)| known != location || !Arc::ptr_eq(other, slot));
    }

    fn slot(&self, location: &Location) -> Slot {
        // The list is whole at every step; a panic elsewhere cannot spoil it.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match open.iter().position(|(known, _)| known == location) {
            Some(at) => open.remove(at),
            None => (location.clone(), Slot::default()),
        };
        let slot = Arc::clone(&entry.1);
        open.push(entry);
        let most = self.plugin.0.engine.limits().locations.max(1) as usize;
        let excess = open.len().saturating_sub(most);
        open.drain(..excess);
        slot
    }

    async fn open_new(&self, location: &Location) -> Result<Arc<PluginStorage>> {
        let redactor = Arc::new(Redactor::new(self.settings.secrets()));
        let grants = self.grants(location, &redactor).await?;
        let site = Arc::new(self.site(location, redactor, grants)?);

        let mut first = site.seat().await?;
        let answer = first
            .run(0, |guest, store, handle| async move { guest.call_capabilities(store, handle).await })
            .await;
        let mut capabilities = site.settle("capabilities", Effect::Reads, answer, validate::capabilities)?;
        let answer =
            first.run(0, |guest, store, handle| async move { guest.call_home(store, handle).await }).await;
        let check = |home| validate::home(home, &site.services.redactor);
        let home = site.settle("home", Effect::Reads, answer.map(Ok), check)?;

        capabilities.in_flight = capabilities.in_flight.min(site.program.limits.instances).max(1);
        let pool = Pool::new(Arc::clone(&site), first, capabilities.in_flight);
        Ok(Arc::new(PluginStorage::new(pool, home, capabilities)))
    }

    /// What the plugin will reach for at a location, allowed or not; asked in an instance of its own.
    ///
    /// # Errors
    ///
    /// Whatever the plugin answers to `needs`.
    pub async fn needs(&self, location: &Location) -> Result<Needs> {
        location.check()?;
        self.ask(location, &Arc::new(Redactor::new(self.settings.secrets()))).await
    }

    async fn ask(&self, location: &Location, redactor: &Arc<Redactor>) -> Result<Needs> {
        let site = self.site(location, Arc::clone(redactor), Grants::of_settings(&self.settings))?;
        let mut instance = site.instance(Phase::Needs, "needs").await?;
        let (settings, asked) = (&site.settings, location.to_guest());
        let answer: Result<_, Fault> = instance
            .run(0, |transport, store| async move {
                transport.siltstone_storage_store().call_needs(store, settings, &asked).await
            })
            .await;
        site.settle("needs", Effect::Reads, answer, needs::validate)
    }

    /// Asks the plugin for its needs and decides about them.
    async fn grants(&self, location: &Location, redactor: &Arc<Redactor>) -> Result<Grants> {
        let needs = self.ask(location, redactor).await?;
        let (plugin, settings, extra) = (self.plugin.clone(), self.settings.clone(), self.extra.clone());
        let decide = move || {
            let policy = Policy {
                plugin: plugin.0.info.name.as_str(),
                trust: plugin.0.source.trust(),
                settings: &settings,
                extra: &extra,
                protected: plugin.0.engine.protected(),
            };
            Grants::decide(&needs, &policy)
        };
        tokio::task::spawn_blocking(decide)
            .await
            .map_err(|e| Error::internal("open", "a background task failed").with_source(e))?
    }

    fn site(&self, location: &Location, redactor: Arc<Redactor>, grants: Grants) -> Result<Site> {
        let inner = &self.plugin.0;
        let plugin = inner.info.name.to_string();
        Ok(Site {
            services: Arc::new(services(&plugin, redactor, grants, &inner.engine)?),
            plugin,
            program: Arc::clone(&inner.program),
            settings: self.settings.pairs(),
            location: location.clone(),
        })
    }
}

fn services(
    plugin: &str,
    redactor: Arc<Redactor>,
    grants: Grants,
    engine: &PluginEngine,
) -> Result<Services> {
    let log = Arc::new(Log::new(plugin, Arc::clone(&redactor), engine.limits().log_lines));
    let egress = match grants.origins() {
        [] => Egress::Closed,
        origins => Egress::Open(Arc::new(engine.client(origins.to_vec())?)),
    };
    Ok(Services { log, redactor, tokens: TokenCache::default(), grants, egress })
}

#[cfg(test)]
#[cfg(feature = "bundled")]
mod tests;
