//! Every plugin that could be enabled: where it came from, what it may reach, and whether it can be used.

use serde_json::{Value, json};

use super::super::args::StateArgs;
use super::super::render;
use super::super::report::{Exit, Report};
use super::engine;
use crate::error::Result;
use crate::host::{Catalogue, MODULE_PREFIX};
use crate::plugin::{Plugin, PluginPackage, PluginSource, hex};
use crate::settings::{HostSettings, environment};

/// Lists what comes with this build and what lies in the folders of `BACKUP_PLUGIN_PATH`. Fails when `ENABLE_MODULES` names one
/// that cannot be used.
pub(in crate::cli) async fn list(args: &StateArgs) -> Result<Report> {
    let settings = HostSettings::from_env(&environment())?;
    let catalogue = Catalogue::read(Vec::new(), &settings.plugin_path)?;
    let engine = engine(args)?;
    let (mut text, mut items, mut broken) = (String::new(), Vec::new(), Vec::new());
    for (name, entry) in catalogue.all() {
        let module = format!("{MODULE_PREFIX}{name}");
        let is_enabled = settings.modules.contains(&module);
        let found = match entry {
            Ok(package) => Plugin::from_package(&engine, package).await.map(|plugin| (plugin, package)),
            Err(e) => Err(e),
        };
        let (shown, mut item, state) = match found {
            Ok((plugin, package)) => {
                let state = if is_enabled { "enabled" } else { "available" };
                let (shown, item) = describe(&plugin, package);
                (shown, item, state)
            }
            Err(e) => {
                let why = e.to_string();
                if is_enabled {
                    broken.push(name.clone());
                }
                (vec![("why", why.clone())], json!({ "why": why }), "refused")
            }
        };
        item["name"] = name.clone().into();
        item["module"] = module.into();
        item["state"] = state.into();
        items.push(item);
        let version = shown.iter().find(|(key, _)| *key == "version").map_or("", |(_, v)| v.as_str());
        text.push_str(&format!("{}\n", render::plain(format!("{name} {version}").trim())));
        let rows: Vec<(&str, String)> = std::iter::once(("state", state.to_owned()))
            .chain(shown.iter().filter(|(key, _)| *key != "version").cloned())
            .collect();
        text.push_str(&indented(&render::columns(&rows)));
    }
    let mut report = Report::fine(text, Value::Array(items));
    if !broken.is_empty() {
        let message = format!("ENABLE_MODULES names plugins that cannot be used: {}", broken.join(", "));
        report.failure = Some((Exit::Failed, message));
    }
    Ok(report)
}

fn describe(plugin: &Plugin, package: &PluginPackage) -> (Vec<(&'static str, String)>, Value) {
    let info = plugin.info();
    let (digest, from) = (hex(&package.sha256()), from(package.source()));
    let interface = plugin.interface();
    let settings: Vec<&str> = info.settings.iter().map(|s| s.name.as_str()).collect();
    let grants = match package.source() {
        PluginSource::Bundled => vec!["what it needs, as it came with this build".to_owned()],
        _ => package.granted().lines(),
    };
    let limits = limits(package);
    let mut rows = vec![
        ("version", info.version.clone()),
        ("from", from.clone()),
        ("sha256", digest.clone()),
        ("interface", interface.to_owned()),
        ("settings", settings.join(", ")),
        ("granted", if grants.is_empty() { "nothing".to_owned() } else { grants.join(", ") }),
    ];
    if !limits.is_empty() {
        rows.push(("limits", limits.join(", ")));
    }
    let item = json!({
        "version": info.version,
        "from": from,
        "bytes": package.component().len(),
        "sha256": digest,
        "interface": interface,
        "settings": settings,
        "grants": grants,
        "limits": limits,
    });
    (rows, item)
}

fn from(source: &PluginSource) -> String {
    match source {
        PluginSource::Bundled => "this build".to_owned(),
        other => other.to_string(),
    }
}

fn limits(package: &PluginPackage) -> Vec<String> {
    let limits = package.limited();
    let memory = limits.memory.map(|n| format!("memory {}", render::bytes(n)));
    let timeout = limits.call_timeout.map(|t| format!("call_timeout {}", humantime::format_duration(t)));
    let instances = limits.instances.map(|n| format!("instances {n}"));
    let call = limits.call_bytes.map(|n| format!("call_bytes {}", render::bytes(n)));
    [memory, timeout, instances, call].into_iter().flatten().collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {}\n", render::plain(line))).collect()
}
