//! What is checked: a component, what it is granted, and the values of its settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::CheckArgs;
use crate::cli::state::StateFolder;
use crate::error::{Error, Result};
use crate::host::extra_roots;
use crate::model::BackendName;
use crate::plugin::{
    EngineSettings, ExtraRoots, Location, MAX_COMPONENT, PluginEngine, PluginInfo, PluginManifest,
    PluginPackage, PluginSource, Proxy, Use,
};
use crate::settings::{HostSettings, environment, is_host_variable};

const OPERATION: &str = "check";
/// What a component is called before it has said its own name.
const NAMELESS: &str = "nameless";

/// Everything that a check starts from.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) package: PluginPackage,
    pub(super) location: Location,
    pub(super) engine: Arc<PluginEngine>,
    /// The variables of this process, with those of the manifest in their place.
    variables: BTreeMap<String, String>,
    /// Names of those of the manifest.
    given: Vec<String>,
    extra_paths: Vec<PathBuf>,
}

impl Subject {
    /// Reads the component, the manifest and the environment.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Invalid`] for whatever keeps the check from beginning.
    pub(super) fn read(args: &CheckArgs) -> Result<Self> {
        let (package, manifest) = package(&args.plugin, args.config.as_deref())?;
        let mut variables = environment();
        let given: Vec<String> = manifest.environment.keys().cloned().collect();
        variables.extend(manifest.environment.clone());
        let package = package.with_manifest(manifest)?;

        let of_host =
            variables.iter().filter(|(name, _)| is_host_variable(name)).map(|(n, v)| (n.clone(), v.clone()));
        let settings = HostSettings::from_env(&of_host.collect())?;
        let authorities = match &settings.ca_bundle {
            None => None,
            Some(path) => Some(read(path, "the file of BACKUP_CA_BUNDLE")?),
        };
        let no_proxy = settings.no_proxy.iter().cloned();
        let engine = PluginEngine::new(EngineSettings {
            cache_dir: Some(StateFolder::open(args.state.state_dir.as_deref())?.compiled()),
            protected: settings.plugin_path.clone(),
            authorities,
            proxy: settings.https_proxy.as_ref().map(|uri| Proxy::new(&uri.0, no_proxy)).transpose()?,
            ..EngineSettings::default()
        })?;
        let location = Location { bucket: args.bucket.clone(), path: args.path.clone() };
        Ok(Self { package, location, engine, variables, given, extra_paths: settings.extra_paths })
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// As the host has them.
    pub(super) fn extra_roots(&self) -> ExtraRoots {
        extra_roots(&self.package, &self.extra_paths)
    }

    /// What `[environment]` sets that the plugin would not see: a slip, or a setting that is not granted.
    pub(super) fn unseen(&self, info: &PluginInfo) -> Vec<String> {
        let taken = |name: &str| info.settings.iter().any(|s| s.name == name);
        let granted = &self.package.granted().settings;
        let is_bundled = *self.package.source() == PluginSource::Bundled;
        let mut problems = Vec::new();
        for name in self.given.iter().filter(|name| !is_host_variable(name)) {
            if !taken(name) {
                let known = info.settings.iter().map(|s| s.name.as_str());
                let meant = crate::model::nearest(name, known)
                    .map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
                problems.push(format!("`[environment]` sets {name}, which the plugin does not take{meant}"));
            } else if !is_bundled && !granted.contains(name) {
                problems
                    .push(format!("`[environment]` sets {name}, which is not among the granted `settings`"));
            }
        }
        problems
    }
}

/// The component with its source, and the manifest that was given for it.
fn package(plugin: &Path, config: Option<&Path>) -> Result<(PluginPackage, PluginManifest)> {
    let bundled = siltstone_plugins::all().iter().find(|p| Path::new(p.name) == plugin);
    match bundled.filter(|_| !plugin.is_file()) {
        Some(bundled) => {
            let manifest = config.map(manifest).transpose()?.unwrap_or_default();
            let rest = PluginManifest { environment: BTreeMap::new(), ..manifest.clone() };
            if rest != PluginManifest::default() {
                let message = format!(
                    "`{}` comes with this build, which grants it what it needs: its manifest may hold `[environment]` only",
                    bundled.name
                );
                return Err(Error::invalid(OPERATION, message));
            }
            let name = BackendName::new(bundled.name)?;
            Ok((PluginPackage::bundled(name, bundled.component), manifest))
        }
        None if !plugin.is_file() => {
            let message = format!("`{}` is neither a file nor a plugin of this build", plugin.display());
            Err(Error::invalid(OPERATION, message))
        }
        None => {
            let component = read(plugin, "the component")?;
            let Some(config) = config else {
                let message = format!(
                    "`{}` did not come with this build, so nothing is granted to it: say what it may see and reach with \
                     --config check.toml (see --help)",
                    plugin.display()
                );
                return Err(Error::invalid(OPERATION, message));
            };
            let package =
                PluginPackage::new(NAMELESS, component)?.from(PluginSource::File(plugin.to_owned()));
            Ok((package, manifest(config)?))
        }
    }
}

fn manifest(path: &Path) -> Result<PluginManifest> {
    let text = String::from_utf8(read(path, "the file of --config")?)
        .map_err(|_| Error::invalid(OPERATION, format!("{} is not UTF-8", path.display())))?;
    PluginManifest::parse(&text, &path.display().to_string(), Use::Check)
}

/// The content of a file; that there is none is a slip of the command and not the lack of a backup.
fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    let refused = |why: String| Error::invalid(OPERATION, format!("{what}, `{}`, {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| refused(format!("cannot be read: {e}")))?.len();
    if size > MAX_COMPONENT {
        return Err(refused(format!("has {size} bytes; at most {MAX_COMPONENT}")));
    }
    std::fs::read(path).map_err(|e| refused(format!("cannot be read: {e}")))
}
