//! All of an embedder's work in one function: a database, a plugin from bytes with what it may reach, a clock, a backup, a
//! look at how the plugin is, and a restore.

mod notes;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use siltstone::model::{Clock, Location};
use siltstone::ops::{BackupRequest, RestoreRequest};
use siltstone::plugin::{FolderAccess, FolderGrant, PluginGrants, PluginPackage, hex};
use siltstone::settings::HostSettings;
use siltstone::source::directory::DirectoryTarget;
use siltstone::{Error, HostBuilder, Result};

pub use notes::Notes;

/// A clock of our own, which knows nothing shorter than a second.
#[derive(Debug)]
struct WholeSeconds;

impl Clock for WholeSeconds {
    fn now(&self) -> SystemTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UNIX_EPOCH + Duration::from_secs(since.as_secs())
    }
}

/// Backs a database in `<folder>/data` up to `<folder>/backups` and restores it as `<folder>/restored`. Answers what there
/// is to tell, line by line.
pub async fn run(folder: &Path) -> Result<Vec<String>> {
    let (data, backups) = (folder.join("data"), folder.join("backups"));
    let notes = Arc::new(Notes::create(&data.join("segments"))?);
    for note in ["buy bread", "call home", "water the plants"] {
        notes.add(note)?;
    }

    // Any component, and all that it may reach. Here it is the bundled one, fenced in as if it were a stranger's.
    let bundled = siltstone_plugins::all().iter().find(|plugin| plugin.name == "filesystem");
    let bytes =
        bundled.ok_or_else(|| Error::internal("start", "this build has no filesystem plugin"))?.component;
    let plugin = PluginPackage::new("filesystem", bytes)?.replacing_bundled().grants(PluginGrants {
        settings: vec!["BACKUP_FILESYSTEM_PATH".to_owned()],
        folders: vec![FolderGrant { path: backups.clone(), access: FolderAccess::Write }],
        ..PluginGrants::default()
    });

    let mut settings = HostSettings::new("node1")?;
    settings.modules = vec!["backup-filesystem".to_owned()];
    let target = Arc::new(DirectoryTarget::new(folder.join("restored")));
    let host = HostBuilder::new(notes, target, &data, settings)
        .plugin(plugin)
        .environment([("BACKUP_FILESYSTEM_PATH".to_owned(), backups.display().to_string())])
        .clock(Arc::new(WholeSeconds))
        .build()
        .await?;

    host.backup(BackupRequest::new("filesystem", "first")).await?;
    let made = host.wait_backup("filesystem", "first", &Location::default()).await?;
    let mut lines = vec![format!("backup {}, made at {}", made.state.as_str(), made.started_at)];
    host.restore(RestoreRequest::new("filesystem", "first")).await?;
    let back = host.wait_restore("filesystem", "first", &Location::default()).await?;
    lines.push(format!("restore {}: {} bytes", back.state.as_str(), back.progress.raw_done));

    for backend in host.health() {
        let (name, total) = (&backend.info.name, backend.counts.total());
        let (stored, read) = (backend.counts.bytes_out(), backend.counts.bytes_in());
        let faults = backend.counts.faults();
        lines.push(format!(
            "{name} is {}: {} calls, {faults} faults, {stored} bytes stored, {read} read",
            backend.health, total.calls
        ));
        if let Some(plugin) = backend.plugin {
            lines.push(format!("{name} is a {}, SHA-256 {}", plugin.source, hex(&plugin.sha256)));
            lines.extend(plugin.grants.iter().map(|grant| format!("{name} may reach: {grant}")));
        }
    }
    host.shutdown().await;
    Ok(lines)
}
