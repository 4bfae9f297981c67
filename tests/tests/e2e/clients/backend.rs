//! Where the backups of a scenario go, and what it is told of that.

use std::path::Path;

use siltstone_tests::servers::Rclone;

/// A backend: the variables of the server, and those of the scenario.
pub(super) struct Backend {
    /// Its name in the API.
    pub(super) name: &'static str,
    /// What the server is configured with.
    pub(super) variables: Vec<(&'static str, String)>,
    /// `BACKUP_HOME` is what paths of backups begin with; `ELSEWHERE_…` is another place, and its home.
    pub(super) told: Vec<(&'static str, String)>,
    _store: Option<Rclone>,
}

impl Backend {
    /// Backups in a folder.
    pub(super) fn folder(base: &Path) -> Self {
        let [home, elsewhere] = ["backups", "elsewhere"].map(|name| base.join(name).display().to_string());
        Self {
            name: "filesystem",
            variables: vec![("BACKUP_FILESYSTEM_EXTRA_PATHS", elsewhere.clone())],
            told: vec![
                ("BACKUP_HOME", home),
                ("ELSEWHERE_PATH", elsewhere.clone()),
                ("ELSEWHERE_HOME", elsewhere),
            ],
            _store: None,
        }
    }

    /// Backups in a bucket.
    pub(super) fn s3(base: &Path) -> Self {
        let folder = base.join("store");
        std::fs::create_dir(&folder).unwrap();
        let store = Rclone::start(&folder, &["nightly", "second"]).unwrap();
        let (key, secret) = Rclone::KEYS;
        let text = |(name, value): (&'static str, &str)| (name, value.to_owned());
        Self {
            name: "s3",
            variables: [
                ("ENABLE_MODULES", "backup-s3"),
                ("BACKUP_S3_BUCKET", "nightly"),
                ("BACKUP_S3_PATH", "some/prefix"),
                ("BACKUP_S3_ENDPOINT", format!("127.0.0.1:{}", store.port).as_str()),
                ("BACKUP_S3_USE_SSL", "false"),
                ("AWS_ACCESS_KEY_ID", key),
                ("AWS_SECRET_ACCESS_KEY", secret),
            ]
            .map(text)
            .to_vec(),
            told: [
                ("BACKUP_HOME", "s3://nightly/some/prefix"),
                ("ELSEWHERE_PATH", "far/away"),
                ("ELSEWHERE_BUCKET", "second"),
                ("ELSEWHERE_HOME", "s3://second/far/away"),
            ]
            .map(text)
            .to_vec(),
            _store: Some(store),
        }
    }
}
