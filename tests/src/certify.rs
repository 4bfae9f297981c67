//! Runs `siltstone plugin check` as a vendor does, and gives back the certificate.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use siltstone::conformance::{Report, StorageCheck, StorageSuite};
use siltstone::plugin::{
    EngineSettings, ExtraRoots, Location, Plugin, PluginEngine, PluginGrants, PluginPackage,
};

use crate::ops_house::kept;

/// What a check has said.
#[derive(Debug)]
pub struct Certificate {
    /// The exit code; 1 where a signal has ended it.
    pub code: i32,
    /// Whether the exit code and the certificate both say that the plugin passed.
    pub passed: bool,
    /// The certificate, or the error in its place; null when it was asked for as text.
    pub json: Value,
    /// Standard output as it is.
    pub text: String,
    /// Standard error as it is.
    pub errors: String,
}

impl Certificate {
    /// Result and reason of a check by its name, such as `("failed", "head: …")`.
    #[must_use]
    pub fn of(&self, check: &str) -> Option<(&str, &str)> {
        let found = self.checks().find(|row| row["check"] == check)?;
        Some((found["result"].as_str()?, found["reason"].as_str().unwrap_or_default()))
    }

    /// Names of the checks with this result: `passed`, `failed`, `not_applicable`, `not_shown` or `not_run`.
    #[must_use]
    pub fn with(&self, result: &str) -> Vec<&str> {
        self.checks().filter(|row| row["result"] == result).filter_map(|row| row["check"].as_str()).collect()
    }

    fn checks(&self) -> impl Iterator<Item = &Value> {
        self.json["checks"].as_array().into_iter().flatten()
    }
}

/// Checks a component, or a bundled plugin by its name, with this text as its `check.toml` (empty: without one) and with
/// further arguments. `--json` is given unless the arguments hold `--as-text`.
///
/// # Errors
///
/// When the command line cannot be run at all.
pub async fn check(plugin: &Path, config: &str, more: &[&str]) -> Result<Certificate, String> {
    let (plugin, config) = (plugin.to_owned(), config.to_owned());
    let more: Vec<String> = more.iter().map(|arg| (*arg).to_owned()).collect();
    let run = move || run(&plugin, &config, &more);
    tokio::task::spawn_blocking(run).await.map_err(|e| e.to_string())?
}

/// Runs these checks of the suite (all where none is named) in this process against two instances of a vendor's component that
/// see these settings, with as little of everything as shows a flaw.
///
/// # Errors
///
/// Those of loading and opening it.
pub async fn suite(
    name: &str,
    component: &[u8],
    settings: &[(&str, &str)],
    only: &[&'static str],
) -> siltstone::Result<Report> {
    let grants = PluginGrants {
        settings: settings.iter().map(|(name, _)| (*name).to_owned()).collect(),
        ..PluginGrants::default()
    };
    let package = PluginPackage::new(name, component)?.grants(grants);
    let engine = EngineSettings { cache_dir: Some(kept("compiled")), ..EngineSettings::default() };
    let plugin = Plugin::from_package(&PluginEngine::new(engine)?, &package).await?;
    let value =
        |wanted: &str| settings.iter().find(|(name, _)| *name == wanted).map(|(_, v)| (*v).to_owned());
    let one = plugin.configure(&value, ExtraRoots::default())?.open(&Location::default()).await?;
    let two = plugin.configure(&value, ExtraRoots::default())?.open(&Location::default()).await?;
    let check = StorageCheck { many: 10, large: 256 << 10, racers: 4, rounds: 2, ..StorageCheck::default() };
    Ok(StorageSuite::new(one, check).second(two).only(only).run().await)
}

/// Values of settings as the end of a `check.toml`.
#[must_use]
pub fn environment<V: AsRef<str>>(variables: &[(&str, V)]) -> String {
    values("environment", variables)
}

/// Settings that the service must refuse, as the end of a `check.toml`.
#[must_use]
pub fn wrong<V: AsRef<str>>(variables: &[(&str, V)]) -> String {
    values("wrong", variables)
}

fn values<V: AsRef<str>>(table: &str, variables: &[(&str, V)]) -> String {
    let lines = variables.iter().map(|(name, value)| format!("{name} = {:?}\n", value.as_ref()));
    format!("[{table}]\n{}", lines.collect::<String>())
}

fn run(plugin: &Path, config: &str, more: &[String]) -> Result<Certificate, String> {
    let built = built()?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut command = Command::new(built.join("siltstone"));
    // Nothing of what this process has may help the plugin; compiled components are shared with all tests.
    command.env_clear().current_dir(folder.path()).args(["plugin", "check"]).arg(plugin);
    command.arg("--state-dir").arg(kept(""));
    if !config.is_empty() {
        let file = folder.path().join("check.toml");
        std::fs::write(&file, config).map_err(|e| e.to_string())?;
        command.arg("--config").arg(file);
    }
    let is_text = more.iter().any(|arg| arg == "--as-text");
    command.args(more.iter().filter(|arg| *arg != "--as-text"));
    if !is_text {
        command.arg("--json");
    }
    let output = command.output().map_err(|e| format!("{}: {e}", built.join("siltstone").display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let json: Value = if is_text { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::Null) };
    let code = output.status.code().unwrap_or(1);
    let says = if is_text { text.contains("\nPASSED: ") } else { json["passed"] == true };
    Ok(Certificate { code, passed: code == 0 && says, json, text, errors })
}

/// The folder of the programs of this build.
fn built() -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|e| e.to_string())?;
    let folder = test.parent().and_then(Path::parent).ok_or("a test lies in a folder")?;
    match folder.join("siltstone").is_file() {
        true => Ok(folder.to_owned()),
        false => Err(format!(
            "{}/siltstone is missing: build it with `cargo build -p siltstone`",
            folder.display()
        )),
    }
}
