//! The commands that look at plugins.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::{InspectArgs, StateArgs};
use super::render;
use super::report::Report;
use super::state::StateFolder;
use crate::error::{Error, ErrorKind, Result};
use crate::plugin::{
    EngineSettings, ExtraRoots, FolderAccess, Limits, Location, Needs, Plugin, PluginEngine, PluginSource,
    Required, SettingInfo, SettingKind,
};
use crate::settings::environment;

/// Lists what comes with this build.
pub(super) async fn list(args: &StateArgs) -> Result<Report> {
    let engine = engine(args)?;
    let mut rows = vec![["NAME", "VERSION", "MODULE", "SETTINGS"].map(str::to_owned).to_vec()];
    let mut items = Vec::new();
    for bundled in siltstone_plugins::all() {
        let plugin = Plugin::load(&engine, bundled.component, PluginSource::Bundled).await?;
        let info = plugin.info();
        let settings: Vec<&str> = info.settings.iter().map(|s| s.name.as_str()).collect();
        let module = format!("backup-{}", info.name);
        rows.push(vec![info.name.to_string(), info.version.clone(), module.clone(), settings.join(", ")]);
        items.push(json!({
            "name": info.name,
            "version": info.version,
            "module": module,
            "bytes": bundled.component.len(),
            "settings": settings,
        }));
    }
    Ok(Report::fine(render::table(&rows), Value::Array(items)))
}

/// Shows what a plugin is.
pub(super) async fn inspect(args: &InspectArgs) -> Result<Report> {
    let engine = engine(&args.state)?;
    let plugin = load(&engine, &args.file).await?;
    let needs = needs(&plugin).await;
    let info = plugin.info();

    let head = [("name", info.name.to_string()), ("version", info.version.clone())];
    let mut text = format!("{}\nexports\n", render::columns(&head).trim_end());
    text.push_str(&lines(plugin.exports()));
    text.push_str("\nimports\n");
    text.push_str(&lines(plugin.imports()));
    text.push_str("\nsettings\n");
    text.push_str(&info.settings.iter().map(setting).collect::<String>());
    text.push_str("\nwould need, with the settings of this environment\n");
    let needs = match needs {
        Ok(needs) => {
            text.push_str(&lines(&needed(&needs)));
            json!({
                "origins": needs.origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "files": needs.files,
                "folders": needs.folders.iter()
                    .map(|f| json!({ "path": f.path, "access": access(f.access) })).collect::<Vec<_>>(),
            })
        }
        // Not a failure of this command: most plugins need nothing before they are configured.
        Err(e) => {
            text.push_str(&lines(&[format!("not known: {e}")]));
            json!({ "unknown": e.to_string() })
        }
    };
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
        "exports": plugin.exports(),
        "imports": plugin.imports(),
        "settings": settings,
        "needs": needs,
    });
    Ok(Report::fine(text, json))
}

fn engine(args: &StateArgs) -> Result<Arc<PluginEngine>> {
    let state = StateFolder::open(args.state_dir.as_deref())?;
    PluginEngine::new(EngineSettings {
        cache_dir: Some(state.compiled()),
        protected: Vec::new(),
        limits: Limits::default(),
        ..EngineSettings::default()
    })
}

async fn load(engine: &Arc<PluginEngine>, file: &Path) -> Result<Plugin> {
    let bundled = siltstone_plugins::all().iter().find(|p| Path::new(p.name) == file);
    match (std::fs::read(file), bundled) {
        (Ok(bytes), _) => Plugin::load(engine, &bytes, PluginSource::File(file.to_owned())).await,
        (Err(_), Some(bundled)) => Plugin::load(engine, bundled.component, PluginSource::Bundled).await,
        (Err(e), None) if e.kind() == std::io::ErrorKind::NotFound => Err(Error::new(
            ErrorKind::NotFound,
            "inspect",
            format!("`{}` is neither a file nor a plugin of this build", file.display()),
        )),
        (Err(e), None) => Err(Error::io("inspect", file, e)),
    }
}

async fn needs(plugin: &Plugin) -> Result<Needs> {
    let variables = environment();
    let configured = plugin.configure(&|name| variables.get(name).cloned(), ExtraRoots::default())?;
    configured.needs(&Location::default()).await
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
