//! A plugin with its settings: asked for its needs, granted them, opened at locations.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::{ExtraRoots, Location, Plugin, PluginSource, services};
use crate::error::{Error, Result};
use crate::plugin::adapter::PluginStorage;
use crate::plugin::brake::Brake;
use crate::plugin::fault::{Effect, Fault};
use crate::plugin::grants::{Grants, Policy};
use crate::plugin::needs::{self, Needs};
use crate::plugin::pool::{Pool, Site};
use crate::plugin::redact::Redactor;
use crate::plugin::settings::Settings;
use crate::plugin::state::Phase;
use crate::plugin::validate;

/// A plugin with its settings, ready to be opened at locations.
#[derive(Debug)]
pub struct ConfiguredPlugin {
    plugin: Plugin,
    settings: Settings,
    extra: ExtraRoots,
    /// Least recently used first.
    open: Mutex<Vec<(Location, Slot)>>,
}

type Slot = Arc<Place>;

/// A location, open or not, and what holds it back after faults.
#[derive(Debug, Default)]
struct Place {
    storage: OnceCell<Arc<PluginStorage>>,
    brake: Arc<Brake>,
}

impl ConfiguredPlugin {
    pub(super) fn new(plugin: Plugin, settings: Settings, extra: ExtraRoots) -> Self {
        Self { plugin, settings, extra, open: Mutex::default() }
    }

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
    /// `needs`, `open` and `capabilities`. After a fault the location is held back: for up to a second the next call waits,
    /// beyond that it fails with the error of the last one.
    pub async fn open(&self, location: &Location) -> Result<Arc<PluginStorage>> {
        location.check()?;
        let slot = self.slot(location);
        let storage = self.storage(location, &slot).await?;
        let known = Arc::clone(&storage);
        let is_current = tokio::task::spawn_blocking(move || known.is_current())
            .await
            .map_err(|e| Error::internal("open", "a background task failed").with_source(e))??;
        if is_current {
            return Ok(storage);
        }
        // Somebody made a new folder in place of the granted one; instances would go on in the old one.
        self.close(&slot);
        self.storage(location, &self.slot(location)).await
    }

    async fn storage(&self, location: &Location, slot: &Slot) -> Result<Arc<PluginStorage>> {
        let open = || slot.brake.hold(self.open_new(location, &slot.brake));
        slot.storage.get_or_try_init(open).await.cloned()
    }

    /// Forgets an open location, unless somebody has opened it anew meanwhile; not what holds it back.
    fn close(&self, slot: &Slot) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, same)) = open.iter_mut().find(|(_, other)| Arc::ptr_eq(other, slot)) {
            *same = Arc::new(Place { storage: OnceCell::new(), brake: Arc::clone(&slot.brake) });
        }
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

    async fn open_new(&self, location: &Location, brake: &Arc<Brake>) -> Result<Arc<PluginStorage>> {
        let redactor = Arc::new(Redactor::new(self.settings.secrets()));
        let grants = self.grants(location, &redactor).await?;
        let site = Arc::new(self.site(location, redactor, grants)?);

        let mut first = site.seat().await?;
        let answer =
            first.run(0, |guest, store, handle| async move { guest.capabilities(store, handle).await }).await;
        let mut capabilities = site.settle("capabilities", Effect::Reads, answer, validate::capabilities)?;
        let answer =
            first.run(0, |guest, store, handle| async move { guest.home(store, handle).await }).await;
        let check = |home| validate::home(home, &site.services.redactor);
        let home = site.settle("home", Effect::Reads, answer.map(Ok), check)?;

        capabilities.in_flight = capabilities.in_flight.min(site.program.limits.instances).max(1);
        brake.opened();
        let pool = Pool::new(Arc::clone(&site), first, capabilities.in_flight, Arc::clone(brake));
        Ok(Arc::new(PluginStorage::new(pool, home, capabilities)))
    }

    /// What the plugin will reach for at a location, allowed or not; asked in an instance of its own.
    ///
    /// # Errors
    ///
    /// Whatever the plugin answers to `needs`.
    pub async fn needs(&self, location: &Location) -> Result<Needs> {
        location.check()?;
        let redactor = Arc::new(Redactor::new(self.settings.secrets()));
        self.slot(location).brake.hold(self.ask(location, &redactor)).await
    }

    async fn ask(&self, location: &Location, redactor: &Arc<Redactor>) -> Result<Needs> {
        let site = self.site(
            location,
            Arc::clone(redactor),
            Grants::of_settings(&self.settings, self.plugin.0.trust()),
        )?;
        let mut instance = site.instance(Phase::Needs, "needs").await?;
        let (settings, asked) = (&site.settings, location.to_guest());
        let answer: Result<_, Fault> = instance
            .run(0, |transport, store| async move { transport.needs(store, settings, &asked).await })
            .await;
        site.settle("needs", Effect::Reads, answer, needs::validate)
    }

    /// Asks the plugin for its needs and decides about them.
    async fn grants(&self, location: &Location, redactor: &Arc<Redactor>) -> Result<Grants> {
        let needs = self.ask(location, redactor).await?;
        let (plugin, settings, extra) = (self.plugin.clone(), self.settings.clone(), self.extra.clone());
        let redactor = Arc::clone(redactor);
        let decide = move || {
            let policy = Policy {
                plugin: plugin.0.info.name.as_str(),
                trust: plugin.0.trust(),
                settings: &settings,
                extra: &extra,
                protected: plugin.0.engine.protected(),
            };
            // A plugin that was given secrets has chosen the words of what it needs.
            let cleaned = |e: Error| Error::new(e.kind(), e.operation(), redactor.clean(e.message()));
            Grants::decide(&needs, &policy).map_err(|e| match &plugin.0.source {
                PluginSource::File(path) => {
                    cleaned(e).with("manifest", path.with_extension("toml").display())
                }
                _ => cleaned(e),
            })
        };
        tokio::task::spawn_blocking(decide)
            .await
            .map_err(|e| Error::internal("open", "a background task failed").with_source(e))?
    }

    fn site(&self, location: &Location, redactor: Arc<Redactor>, grants: Grants) -> Result<Site> {
        let inner = &self.plugin.0;
        let plugin = inner.info.name.to_string();
        Ok(Site {
            services: Arc::new(services(&plugin, redactor, grants, &inner.engine, &inner.program.limits)?),
            plugin,
            program: Arc::clone(&inner.program),
            settings: self.settings.pairs(),
            location: location.clone(),
        })
    }
}
