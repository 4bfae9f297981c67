//! What is checked: a component, what it is granted, and the values of its settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::CheckArgs;
use crate::cli::component;
use crate::cli::state::StateFolder;
use crate::error::{Error, Result};
use crate::host::{engine_settings, extra_roots};
use crate::plugin::{
    EngineSettings, ExtraRoots, Location, PluginEngine, PluginInfo, PluginManifest, PluginPackage,
    PluginSource, Use,
};
use crate::settings::{HostSettings, environment, is_host_variable};

const OPERATION: &str = "check";

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
    /// Values that the service must refuse, in the place of theirs.
    wrong: BTreeMap<String, String>,
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
        let wrong = manifest.wrong.clone();
        let package = package.with_manifest(manifest)?;

        let of_host =
            variables.iter().filter(|(name, _)| is_host_variable(name)).map(|(n, v)| (n.clone(), v.clone()));
        let settings = HostSettings::from_env(&of_host.collect())?;
        let engine = PluginEngine::new(EngineSettings {
            cache_dir: Some(StateFolder::open(args.state.state_dir.as_deref())?.compiled()),
            ..engine_settings(&settings)?
        })?;
        let location = Location { bucket: args.bucket.clone(), path: args.path.clone() };
        Ok(Self { package, location, engine, variables, given, wrong, extra_paths: settings.extra_paths })
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// Whether there are settings that the service must refuse.
    pub(super) fn has_wrong(&self) -> bool {
        !self.wrong.is_empty()
    }

    /// The same with `[wrong]` in the place of what is right.
    pub(super) fn wrong_variable(&self, name: &str) -> Option<String> {
        self.wrong.get(name).cloned().or_else(|| self.variable(name))
    }

    /// As the host has them.
    pub(super) fn extra_roots(&self) -> ExtraRoots {
        extra_roots(&self.package, &self.extra_paths)
    }

    /// What `[environment]` and `[wrong]` set that the plugin would not see: a slip, or a setting that is not granted.
    pub(super) fn unseen(&self, info: &PluginInfo) -> Vec<String> {
        let taken = |name: &str| info.settings.iter().any(|s| s.name == name);
        let granted = &self.package.granted().settings;
        let is_bundled = *self.package.source() == PluginSource::Bundled;
        let mut problems = Vec::new();
        let given =
            self.given.iter().filter(|name| !is_host_variable(name)).map(|name| ("environment", name));
        for (table, name) in given.chain(self.wrong.keys().map(|name| ("wrong", name))) {
            if !taken(name) {
                let known = info.settings.iter().map(|s| s.name.as_str());
                let meant = crate::model::nearest(name, known)
                    .map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
                problems.push(format!("`[{table}]` sets {name}, which the plugin does not take{meant}"));
            } else if !is_bundled && !granted.contains(name) {
                problems.push(format!("`[{table}]` sets {name}, which is not among the granted `settings`"));
            }
        }
        problems
    }
}

/// The component with its source, and the manifest that was given for it.
fn package(plugin: &Path, config: Option<&Path>) -> Result<(PluginPackage, PluginManifest)> {
    let package = component::find(OPERATION, plugin)?;
    let manifest = config.map(manifest).transpose()?;
    if *package.source() == PluginSource::Bundled {
        let manifest = manifest.unwrap_or_default();
        let rest =
            PluginManifest { environment: BTreeMap::new(), wrong: BTreeMap::new(), ..manifest.clone() };
        if rest != PluginManifest::default() {
            let message = format!(
                "`{}` comes with this build, which grants it what it needs: its manifest may hold `[environment]` and `[wrong]` only",
                package.name()
            );
            return Err(Error::invalid(OPERATION, message));
        }
        return Ok((package, manifest));
    }
    let Some(manifest) = manifest else {
        let message = format!(
            "`{}` did not come with this build, so nothing is granted to it: say what it may see and reach with \
             --config check.toml (see --help)",
            plugin.display()
        );
        return Err(Error::invalid(OPERATION, message));
    };
    Ok((package, manifest))
}

fn manifest(path: &Path) -> Result<PluginManifest> {
    let text = String::from_utf8(component::read(OPERATION, path, "the file of --config")?)
        .map_err(|_| Error::invalid(OPERATION, format!("{} is not UTF-8", path.display())))?;
    PluginManifest::parse(&text, &path.display().to_string(), Use::Check)
}
