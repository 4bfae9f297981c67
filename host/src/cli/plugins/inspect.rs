//! What a plugin file is: what it exports, imports, takes and needs, and the manifest that it could be installed with.

use serde_json::{Value, json};

use super::super::args::InspectArgs;
use super::super::component;
use super::super::render;
use super::super::report::Report;
use super::engine;
use crate::error::{Error, Result};
use crate::plugin::{
    ExtraRoots, FolderAccess, FolderNeed, Location, Needs, Plugin, PluginGrants, PluginPackage, PluginSource,
    Required, SettingInfo, SettingKind, hex,
};
use crate::settings::environment;

/// Shows what a plugin is.
pub(in crate::cli) async fn inspect(args: &InspectArgs) -> Result<Report> {
    let engine = engine(&args.state)?;
    let (package, unused) = package(args)?;
    let digest = hex(&package.sha256());
    let plugin = Plugin::from_nameless(&engine, &package).await?;
    plugin.takes_granted()?;
    let needs = needs(&plugin, package.granted(), unused.as_ref()).await;
    let info = plugin.info();

    let head = [
        ("name", info.name.to_string()),
        ("version", info.version.clone()),
        ("interface", plugin.interface().to_owned()),
        ("sha256", digest.clone()),
    ];
    let mut text = format!("{}\nexports\n", render::columns(&head).trim_end());
    text.push_str(&lines(plugin.exports()));
    text.push_str("\nimports\n");
    text.push_str(&lines(plugin.imports()));
    text.push_str("\nsettings\n");
    text.push_str(&info.settings.iter().map(setting).collect::<String>());
    text.push_str("\nwould need, with the values that it may see\n");
    let mut needs_known = None;
    let needs = match needs {
        Asked::Needs(needs) => {
            let needs = needs_known.insert(needs);
            text.push_str(&lines(&needed(needs)));
            json!({
                "origins": needs.origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "files": needs.files,
                "folders": needs.folders.iter()
                    .map(|f| json!({ "path": f.path, "access": access(f.access) })).collect::<Vec<_>>(),
            })
        }
        // Not a failure of this command: most plugins need nothing before they are configured.
        Asked::Refused(e) => {
            text.push_str(&lines(&[format!("not known: {e}")]));
            json!({ "unknown": e })
        }
        Asked::Not(why) => {
            text.push_str(&lines(&[format!("not asked: {why}")]));
            json!({ "notAsked": why })
        }
    };
    let manifest = manifest(&plugin, &digest, needs_known.as_ref());
    if *plugin.source() != PluginSource::Bundled {
        text.push_str(&format!(
            "\nto install it, as {0}.wasm beside a {0}.toml that grants no more than you want\n",
            info.name
        ));
        text.push_str(&lines(&manifest.lines().collect::<Vec<_>>()));
    }
    let settings: Vec<Value> = info
        .settings
        .iter()
        .map(|s| {
            json!({
                "name": s.name,
                "kind": kind(s.kind),
                "required": s.required == Required::Yes,
                "default": s.default,
                "doc": s.doc,
            })
        })
        .collect();
    let json = json!({
        "name": info.name,
        "version": info.version,
        "interface": plugin.interface(),
        "sha256": digest,
        "exports": plugin.exports(),
        "imports": plugin.imports(),
        "settings": settings,
        "needs": needs,
    });
    Ok(Report::fine(text, json))
}

/// The component with the settings that it may see: those of the command line, and those that the manifest beside it grants
/// when it is in order and pins this very component; or else why it counts for nothing.
fn package(args: &InspectArgs) -> Result<(PluginPackage, Option<Error>)> {
    let found = component::find("inspect", &args.file)?;
    if *found.source() == PluginSource::Bundled {
        return Ok((found, None));
    }
    let has_manifest = args.file.with_extension("toml").exists();
    let (package, unused) = match PluginPackage::from_files(&args.file) {
        Ok(installed) => (installed, None),
        Err(e) => (found, has_manifest.then_some(e)),
    };
    let mut settings = package.granted().settings.clone();
    settings.extend(args.setting.iter().filter(|name| !package.granted().settings.contains(name)).cloned());
    Ok((package.grants(PluginGrants { settings, ..PluginGrants::default() }), unused))
}

/// A manifest that lets the plugin have everything that it asks for.
fn manifest(plugin: &Plugin, digest: &str, needs: Option<&Needs>) -> String {
    use toml::Value as Toml;
    let text = |value: String| Toml::String(value);
    let mut table = toml::Table::new();
    table.insert("sha256".to_owned(), text(digest.to_owned()));
    let settings = plugin.info().settings.iter().map(|s| text(s.name.clone())).collect();
    table.insert("settings".to_owned(), Toml::Array(settings));
    if let Some(needs) = needs {
        let origins = needs.origins.iter().map(|origin| text(origin.to_string())).collect();
        table.insert("origins".to_owned(), Toml::Array(origins));
        let files = needs.files.iter().map(|path| text(path.display().to_string())).collect();
        table.insert("files".to_owned(), Toml::Array(files));
        let folder = |need: &FolderNeed| {
            let access = if need.access == FolderAccess::Read { "read" } else { "write" };
            let pairs = [("path", need.path.display().to_string()), ("access", access.to_owned())];
            Toml::Table(pairs.into_iter().map(|(key, value)| (key.to_owned(), text(value))).collect())
        };
        table.insert("folders".to_owned(), Toml::Array(needs.folders.iter().map(folder).collect()));
    }
    table.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    table.to_string()
}

/// What came of asking for its needs.
enum Asked {
    Needs(Needs),
    /// It was asked, or could not be configured.
    Refused(String),
    /// It may not see what it would have to see.
    Not(String),
}

/// Asks with the values that the plugin may see, and with no others: it is nobody's word that it is what it says.
async fn needs(plugin: &Plugin, granted: &PluginGrants, unused: Option<&Error>) -> Asked {
    let hidden: Vec<&SettingInfo> = match plugin.source() {
        PluginSource::Bundled => Vec::new(),
        _ => plugin.info().settings.iter().filter(|s| !granted.settings.contains(&s.name)).collect(),
    };
    let missing = hidden.iter().any(|s| s.required == Required::Yes && s.default.is_none());
    if missing || (granted.settings.is_empty() && !hidden.is_empty()) {
        let names: Vec<String> = hidden.iter().map(|s| format!("--setting {}", s.name)).collect();
        let unused =
            unused.map_or_else(String::new, |e| format!("; the manifest beside it does not count: {e}"));
        return Asked::Not(format!(
            "it did not come with this build and would see the values of its settings{unused}; name those that it may see: {}",
            names.join(" ")
        ));
    }
    let variables = environment();
    let configured = plugin.configure(&|name| variables.get(name).cloned(), ExtraRoots::default());
    let asked = async { configured?.needs(&Location::default()).await };
    match asked.await {
        Ok(needs) => Asked::Needs(needs),
        Err(e) => Asked::Refused(e.to_string()),
    }
}

fn needed(needs: &Needs) -> Vec<String> {
    let origins = needs.origins.iter().map(|origin| format!("origin {origin}"));
    let files = needs.files.iter().map(|path| format!("file {} (read)", path.display()));
    let folders = needs.folders.iter().map(|f| format!("folder {} ({})", f.path.display(), access(f.access)));
    let all: Vec<String> = origins.chain(files).chain(folders).collect();
    if all.is_empty() { vec!["nothing".to_owned()] } else { all }
}

fn access(access: FolderAccess) -> &'static str {
    match access {
        FolderAccess::Read => "read",
        FolderAccess::Write => "read and write",
    }
}

fn kind(kind: SettingKind) -> String {
    format!("{kind:?}").to_lowercase()
}

fn setting(setting: &SettingInfo) -> String {
    let required = match (setting.required, &setting.default) {
        (Required::Yes, _) => "required".to_owned(),
        (Required::No, Some(default)) => format!("default `{default}`"),
        (Required::No, None) => "optional".to_owned(),
    };
    let head = format!("{} ({}, {required})", setting.name, kind(setting.kind));
    format!("  {}\n    {}\n", render::plain(&head), render::plain(&setting.doc))
}

fn lines<T: AsRef<str>>(all: &[T]) -> String {
    all.iter().map(|line| format!("  {}\n", render::plain(line.as_ref()))).collect()
}
