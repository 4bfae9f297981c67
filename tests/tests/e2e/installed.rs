//! Plugins that did not come with the host, as an operator installs them: two files in a folder, and what is said when they are
//! not right.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use siltstone::model::State;
use siltstone::ops::BackupRequest;
use siltstone::plugin::{PluginPackage, hex};
use siltstone::settings::HostSettings;
use siltstone::{Host, HostBuilder, Result};
use siltstone_tests::folder_db::FolderDb;
use siltstone_tests::ops_house::{fill, kept};
use tempfile::TempDir;

/// A plugin folder with the component of the filesystem transport in it, and a database.
struct Operator {
    base: TempDir,
}

impl Operator {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        std::fs::create_dir(base.path().join("plugins")).unwrap();
        let operator = Self { base };
        std::fs::write(operator.at("plugins/filesystem.wasm"), component()).unwrap();
        operator
    }

    fn at(&self, path: &str) -> PathBuf {
        self.base.path().canonicalize().unwrap().join(path)
    }

    /// Writes the manifest: the right pin, and this.
    fn manifest(&self, rest: &str) {
        let digest = hex(&PluginPackage::new("filesystem", component()).unwrap().sha256());
        let text = format!("sha256 = \"{digest}\"\nreplaces = \"filesystem\"\n{rest}");
        std::fs::write(self.at("plugins/filesystem.toml"), text).unwrap();
    }

    async fn start(&self, backups: &Path) -> Result<Host> {
        let db = Arc::new(FolderDb::open(&self.at("db"))?);
        let mut settings = HostSettings::new("a")?;
        settings.modules = vec!["backup-filesystem".to_owned()];
        settings.plugin_path = vec![self.at("plugins")];
        settings.compile_cache = Some(kept("compiled"));
        let path = ("BACKUP_FILESYSTEM_PATH".to_owned(), backups.display().to_string());
        fill(&db, 10_000)?;
        HostBuilder::new(db.clone(), db, self.at("db"), settings).environment([path]).build().await
    }

    async fn refusal(&self, backups: &Path) -> String {
        match self.start(backups).await {
            Ok(_) => panic!("it started"),
            Err(e) => e.to_string(),
        }
    }
}

fn component() -> &'static [u8] {
    siltstone_plugins::all().iter().find(|p| p.name == "filesystem").unwrap().component
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installed_plugin_backs_up_with_what_its_manifest_grants() {
    let operator = Operator::new();
    operator
        .manifest("settings = [\"BACKUP_FILESYSTEM_PATH\"]\n[limits]\ninstances = 2\nmemory = \"32MiB\"\n");
    let host = operator.start(&operator.at("backups")).await.unwrap();
    host.backup(BackupRequest::new("filesystem", "x")).await.unwrap();
    let status = host.wait_backup("filesystem", "x", &Default::default()).await.unwrap();
    assert_eq!(status.state, State::Success);
    assert!(operator.at("backups/x/backup.json").exists());
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_without_its_grants_does_not_start_and_says_what_to_grant() {
    let operator = Operator::new();
    let backups = operator.at("backups");
    let text = operator.refusal(&backups).await;
    assert!(
        text.contains("filesystem.wasm has no manifest: write ") && text.contains("SHA-256 is"),
        "{text}"
    );

    operator.manifest("");
    let text = operator.refusal(&backups).await;
    assert!(text.contains("add BACKUP_FILESYSTEM_PATH to `settings`"), "{text}");

    operator.manifest("settings = [\"BACKUP_FILESYSTM_PATH\"]");
    let text = operator.refusal(&backups).await;
    assert!(text.contains("did you mean `BACKUP_FILESYSTEM_PATH`?"), "{text}");

    operator.manifest("setings = [\"BACKUP_FILESYSTEM_PATH\"]\nlimts = 3");
    let text = operator.refusal(&backups).await;
    assert!(text.contains("did you mean `settings`?") && text.contains("did you mean `limits`?"), "{text}");
    assert!(!backups.exists(), "a folder was made for a plugin that may not have it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_was_exchanged_is_refused_with_both_digests() {
    let operator = Operator::new();
    operator.manifest("settings = [\"BACKUP_FILESYSTEM_PATH\"]");
    let mut other = component().to_vec();
    other.push(0);
    std::fs::write(operator.at("plugins/filesystem.wasm"), &other).unwrap();
    let text = operator.refusal(&operator.at("backups")).await;
    let digest = |bytes: &[u8]| hex(&PluginPackage::new("x", bytes).unwrap().sha256());
    assert!(text.contains(&digest(&other)) && text.contains(&digest(component())), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_plugin_reaches_the_plugin_folder_even_if_it_is_granted() {
    let operator = Operator::new();
    let plugins = operator.at("plugins");
    let grant = format!("folders = [{{ path = \"{}\", access = \"write\" }}]", plugins.display());
    operator.manifest(&format!("settings = [\"BACKUP_FILESYSTEM_PATH\"]\n{grant}"));
    for inside in [plugins.clone(), plugins.join("below"), operator.at("")] {
        let text = operator.refusal(&inside).await;
        assert!(text.contains("overlaps with the host's own"), "{text}");
    }
    assert!(!plugins.join("below").exists());
}
