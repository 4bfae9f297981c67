//! Reads the host's settings from environment variables: strict about values, helpful about names.

mod parse;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use table::{Effect, VARIABLES, Variable};

use crate::error::{Error, Result};
use crate::model::nearest;
use crate::settings::HostSettings;
use table::{Draft, Note};

/// Backends whose `BACKUP_<NAME>_` variables belong to their plugin, whether it is enabled or not.
const BACKENDS: [&str; 4] = ["filesystem", "s3", "gcs", "azure"];

/// Their variables, for whoever misspells even the name of the backend.
const OF_BACKENDS: [&str; 16] = [
    "BACKUP_AZURE_ANONYMOUS",
    "BACKUP_AZURE_CONTAINER",
    "BACKUP_AZURE_ENDPOINT",
    "BACKUP_AZURE_PATH",
    "BACKUP_FILESYSTEM_PATH",
    "BACKUP_GCS_AUTH_PROXY_ENDPOINT",
    "BACKUP_GCS_BUCKET",
    "BACKUP_GCS_ENDPOINT",
    "BACKUP_GCS_PATH",
    "BACKUP_GCS_USE_AUTH",
    "BACKUP_S3_ANONYMOUS",
    "BACKUP_S3_AUTH_PROXY_ENDPOINT",
    "BACKUP_S3_BUCKET",
    "BACKUP_S3_ENDPOINT",
    "BACKUP_S3_PATH",
    "BACKUP_S3_USE_SSL",
];

/// Beginning of the names that only backups use.
const PREFIX: &str = "BACKUP_";

/// The variables of this process. One whose name or value is not Unicode is left out, with a warning that names it.
#[must_use]
pub fn environment() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => drop(all.insert(name, value)),
            (Ok(name), Err(_)) => tracing::warn!(variable = name, "left out: its value is not Unicode"),
            (Err(name), _) => tracing::warn!(variable = ?name, "left out: its name is not Unicode"),
        }
    }
    all
}

/// Whether a variable is one of the host's own, so that no plugin needs to know it.
#[must_use]
pub fn is_host_variable(name: &str) -> bool {
    VARIABLES.iter().any(|v| v.name == name)
}

impl HostSettings {
    /// Reads the settings from environment variables; see [`VARIABLES`]. An empty value counts as not set. A value that
    /// is not what its variable takes is an error that names variable, value and expectation. What is tolerated all the
    /// same (modules that are no backends, variables without effect, unknown `BACKUP_` names) is logged once.
    pub fn from_env(variables: &BTreeMap<String, String>) -> Result<Self> {
        let draft = read(variables)?;
        for note in &draft.notes {
            match note {
                Note::OtherModules(names) => {
                    tracing::info!(
                        modules = names.join(","),
                        "modules that are no storage backends are left alone"
                    );
                }
                Note::NoEffect(name) => {
                    tracing::info!(
                        variable = name,
                        "has no effect here: chunks are packed to one target size"
                    );
                }
                Note::Unknown { name, nearest } => warn_of_unknown(name, *nearest),
            }
        }
        Ok(draft.settings)
    }
}

/// What the variables say, and what is worth telling about them.
fn read(variables: &BTreeMap<String, String>) -> Result<Draft> {
    let mut draft = Draft { settings: HostSettings::new(table::DEFAULT_NODE)?, notes: Vec::new() };
    for variable in VARIABLES {
        let Some(value) = variables.get(variable.name).map(|v| v.trim()).filter(|v| !v.is_empty()) else {
            continue;
        };
        (variable.apply)(&mut draft, value).ok_or_else(|| {
            let shown: String = value.chars().take(200).flat_map(char::escape_debug).collect();
            Error::invalid(
                "configure",
                format!("{} has the value `{shown}`: expected {}", variable.name, variable.expects),
            )
        })?;
        if variable.effect == Effect::None {
            draft.notes.push(Note::NoEffect(variable.name));
        }
    }
    let unknown = unknown(variables, &draft.settings.modules);
    draft.notes.extend(unknown);
    Ok(draft)
}

/// The `BACKUP_` variables that neither the host nor a plugin can be meant by.
fn unknown(variables: &BTreeMap<String, String>, modules: &[String]) -> Vec<Note> {
    let enabled = modules.iter().filter_map(|m| m.strip_prefix("backup-"));
    let plugins: Vec<String> = BACKENDS.into_iter().chain(enabled).map(prefix_of).collect();
    variables
        .keys()
        .filter(|name| name.starts_with(PREFIX) && !is_host_variable(name))
        .filter(|name| !plugins.iter().any(|prefix| name.starts_with(prefix.as_str())))
        .map(|name| Note::Unknown {
            name: name.clone(),
            nearest: nearest(name, VARIABLES.iter().map(|v| v.name).chain(OF_BACKENDS)),
        })
        .collect()
}

/// Warns of every variable that is named like those of an enabled backend and is none of the settings of its plugin.
pub(crate) fn warn_of_unknown_settings(
    backend: &str,
    settings: &[&str],
    variables: &BTreeMap<String, String>,
) {
    for (name, nearest) in unknown_settings(backend, settings, variables) {
        warn_of_unknown(name, nearest);
    }
}

fn unknown_settings<'v>(
    backend: &str,
    settings: &[&'v str],
    variables: &'v BTreeMap<String, String>,
) -> Vec<(&'v str, Option<&'v str>)> {
    let prefix = prefix_of(backend);
    let unknown = variables
        .keys()
        .map(String::as_str)
        .filter(|name| name.starts_with(&prefix) && !is_host_variable(name) && !settings.contains(name));
    let own = VARIABLES.iter().map(|v| v.name).filter(|name| name.starts_with(&prefix));
    let known: Vec<&str> = settings.iter().copied().chain(own).collect();
    unknown.map(|name| (name, nearest(name, known.iter().copied()))).collect()
}

/// What the variables of a backend begin with.
fn prefix_of(backend: &str) -> String {
    format!("{PREFIX}{}_", backend.to_ascii_uppercase().replace('-', "_"))
}

/// Names the variable and never its value, which may be a secret.
fn warn_of_unknown(name: &str, nearest: Option<&str>) {
    tracing::warn!(variable = name, nearest = nearest.unwrap_or("none"), "is not known and has no effect");
}
