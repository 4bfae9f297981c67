//! The one place that configures wasmtime: compiler, cache, epochs, and what is linked into every plugin.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Cache, CacheConfig, Config, Engine, WasmBacktraceDetails};

use super::egress::{Client, GrantedOrigin, Lookup, Proxy, SystemLookup};
use super::handles;
use super::limits::Limits;
use super::state::State;
use super::version;
use crate::error::{Error, Result};
use crate::model::{Clock, SystemClock};

/// How often a guest that computes is interrupted, so that it can be ended.
const TICK: Duration = Duration::from_millis(10);

/// What the runtime of all plugins is made with.
#[derive(Clone, Debug, Default)]
pub struct EngineSettings {
    /// Where compiled plugins are kept. It is created with mode 0700; whoever can write there runs native code, so
    /// a folder that is not only ours is not used, which a warning says. `None`: compile at every start.
    pub cache_dir: Option<PathBuf>,
    /// Folders that no plugin may ever reach, such as the database's data folder and the folder of plugins.
    pub protected: Vec<PathBuf>,
    /// What plugins may use.
    pub limits: Limits,
    /// Resolves the names of granted origins; `None`: as the system does.
    pub lookup: Option<Arc<dyn Lookup>>,
    /// Certificate authorities besides the system's, as PEM.
    pub authorities: Option<Vec<u8>>,
    /// The proxy for origins behind TLS.
    pub proxy: Option<Proxy>,
    /// The time of day that plugins see; `None`: the system's.
    pub clock: Option<Arc<dyn Clock>>,
}

/// The runtime that all plugins of a host share.
pub struct PluginEngine {
    engine: Engine,
    linker: Linker<State>,
    limits: Limits,
    protected: Vec<PathBuf>,
    lookup: Arc<dyn Lookup>,
    authorities: Vec<reqwest::Certificate>,
    proxy: Option<Proxy>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for PluginEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginEngine")
            .field("limits", &self.limits)
            .field("protected", &self.protected)
            .finish_non_exhaustive()
    }
}

impl PluginEngine {
    /// Starts the runtime and its ticker thread, which ends with it.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Invalid`] when a protected path is not absolute, [`crate::ErrorKind::Internal`] when the
    /// runtime cannot be set up on this machine.
    pub fn new(settings: EngineSettings) -> Result<Arc<Self>> {
        let EngineSettings { cache_dir, mut protected, limits, lookup, authorities, proxy, clock } = settings;
        protected.extend(cache_dir.clone());
        if let Some(path) = protected.iter().find(|p| !p.is_absolute()) {
            let message = format!("the protected folder `{}` must be an absolute path", path.display());
            return Err(Error::invalid("start", message));
        }
        let broken = |e: wasmtime::Error| {
            Error::internal("start", "the plugin runtime cannot be set up").with_source(format!("{e:#}"))
        };
        let mut config = Config::new();
        config
            .epoch_interruption(true)
            // Enough for every memory that the limit allows, instead of 4 GiB of address space for each instance.
            .memory_reservation(limits.memory)
            .memory_reservation_for_growth(0)
            .wasm_backtrace_details(WasmBacktraceDetails::Disable)
            .cache(cache_dir.and_then(|dir| open_cache(&dir)));
        let engine = Engine::new(&config).map_err(broken)?;
        let linker = link(&engine).map_err(broken)?;
        start_ticker(&engine)?;
        let lookup = lookup.unwrap_or_else(|| Arc::new(SystemLookup));
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock));
        let authorities = match authorities {
            None => Vec::new(),
            Some(pem) => {
                let none = || Error::invalid("start", "the CA bundle holds no certificates in PEM");
                let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| none().with_source(e))?;
                // What is no PEM at all is read as a bundle of nothing.
                if found.is_empty() {
                    return Err(none());
                }
                found
            }
        };
        Ok(Arc::new(Self { engine, linker, limits, protected, lookup, authorities, proxy, clock }))
    }

    /// What plugins may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn wasm(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.linker
    }

    /// The client of one location, with at most `requests` under way.
    pub(crate) fn client(&self, origins: Vec<GrantedOrigin>, requests: u32) -> Result<Client> {
        Client::new(origins, requests, Arc::clone(&self.lookup), &self.authorities, self.proxy.as_ref())
    }

    /// The time of day that plugins see.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn protected(&self) -> &[PathBuf] {
        &self.protected
    }
}

fn link(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    handles::bound(&mut linker)?;
    for version in version::SPOKEN {
        (version.link)(&mut linker)?;
    }
    Ok(linker)
}

fn start_ticker(engine: &Engine) -> Result<()> {
    let engine = engine.weak();
    let run = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new()
        .name("siltstone-epoch".to_owned())
        .spawn(run)
        .map(drop)
        .map_err(|e| Error::internal("start", "the ticker thread of plugins does not start").with_source(e))
}

/// The cache, or a warning that says why there is none.
fn open_cache(dir: &Path) -> Option<Cache> {
    let opened = private_folder(dir).and_then(|dir| {
        let mut config = CacheConfig::new();
        config.with_directory(dir);
        Cache::new(config).map_err(|e| format!("{e:#}"))
    });
    match opened {
        Ok(cache) => Some(cache),
        Err(why) => {
            let folder = dir.display().to_string();
            tracing::warn!(folder, why, "plugins are compiled at every start: their cache cannot be used");
            None
        }
    }
}

/// The real path of a folder that is ours and that nobody else can enter; created when it is missing.
fn private_folder(dir: &Path) -> Result<PathBuf, String> {
    match std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir) {
        Ok(()) => {}
        Err(e) => return Err(format!("it cannot be created: {e}")),
    }
    let metadata = std::fs::symlink_metadata(dir).map_err(|e| e.to_string())?;
    if !metadata.is_dir() {
        return Err("it is not a folder".to_owned());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".to_owned());
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(format!("its mode is {:o}; it must be 700", metadata.mode() & 0o777));
    }
    dir.canonicalize().map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_cache_folder_is_created_for_us_alone() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/cache");
        private_folder(&dir).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_cache_folder_that_others_may_enter_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("cache");
        std::fs::create_dir(&dir).unwrap();
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(private_folder(&dir).unwrap_err().contains("750"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        assert!(private_folder(&link).is_err());
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(private_folder(&folder.path().join("file")).is_err());
        assert!(open_cache(&dir).is_none());
    }

    #[test]
    fn the_ticker_ends_with_its_engine() {
        let engine = PluginEngine::new(EngineSettings::default()).unwrap();
        let weak = engine.wasm().weak();
        drop(engine);
        let gone = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            weak.upgrade().is_none()
        });
        assert!(gone, "something still holds the engine");
    }

    #[test]
    fn the_three_crates_of_the_runtime_have_one_version() {
        let lock = include_str!("../../../Cargo.lock");
        let version = |name: &str| {
            let entry = format!("name = \"{name}\"\nversion = \"");
            let found: Vec<&str> =
                lock.split(&entry).skip(1).filter_map(|rest| rest.split('"').next()).collect();
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            found[0].to_owned()
        };
        assert_eq!(version("wasmtime"), version("wasmtime-wasi"));
        assert_eq!(version("wasmtime"), version("wasmtime-wasi-http"));
    }
}
