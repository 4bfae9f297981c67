//! Every kind of object store, behind one interface for suites that must pass on all of them.

use std::any::Any;
use std::path::{Path, PathBuf};

use super::{Azurite, FakeGcs, GcsEmulator, KeyKind, Moto, Rclone, WebDav};

/// The bucket or container of all of them.
const BUCKET: &str = "nightly";
/// The key file that the stand-in does not accept.
const WRONG_FILE: &str = "wrong.json";

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// S3 on rclone.
    Rclone,
    /// S3 on moto, with signatures checked.
    Moto,
    /// Azure Blob with the key of the account.
    Azurite,
    /// Google Cloud Storage on the emulator, in sessions.
    GcsEmulator,
    /// Google Cloud Storage on the stand-in, in parts and with tokens.
    FakeGcs,
    /// WebDAV on rclone, by the plugin of a vendor.
    WebDav,
}

/// A running server and how to use it.
pub struct Cloud {
    kind: Kind,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    secrets: (String, String),
    folder: PathBuf,
    _server: Box<dyn Any + Send + Sync>,
}

impl Cloud {
    /// Starts a server with its data in the folder.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it has said.
    pub async fn start(kind: Kind, folder: &Path) -> Result<Self, String> {
        let (port, secrets, server): (u16, (String, String), Box<dyn Any + Send + Sync>) = match kind {
            Kind::Rclone => {
                let server = Rclone::start(folder, &[BUCKET])?;
                let (key, secret) = Rclone::KEYS;
                (server.port, (key.to_owned(), secret.to_owned()), Box::new(server))
            }
            Kind::Moto => {
                let server = Moto::start(folder, &[BUCKET]).await?;
                (server.port, (server.key.clone(), server.secret.clone()), Box::new(server))
            }
            Kind::Azurite => {
                let server = Azurite::start(folder, &[BUCKET]).await?;
                let (account, key) = Azurite::ACCOUNT;
                (server.port, (account.to_owned(), key.to_owned()), Box::new(server))
            }
            Kind::GcsEmulator => {
                let server = GcsEmulator::start(folder, BUCKET).await?;
                (server.port, (String::new(), String::new()), Box::new(server))
            }
            Kind::FakeGcs => {
                let server = FakeGcs::start(BUCKET).await?;
                let file = folder.join("key.json");
                let content = server.key_file(KeyKind::ServiceAccount);
                let wrong = (folder.join(WRONG_FILE), server.key_file(KeyKind::WrongKey));
                for (file, content) in [(&file, &content), (&wrong.0, &wrong.1)] {
                    std::fs::write(file, content).map_err(|e| e.to_string())?;
                }
                (server.address.port(), (file.display().to_string(), content), Box::new(server))
            }
            Kind::WebDav => {
                let server = WebDav::start(folder)?;
                let (user, password) = WebDav::USER;
                (server.port, (user.to_owned(), password.to_owned()), Box::new(server))
            }
        };
        Ok(Self { kind, port, secrets, folder: folder.to_owned(), _server: server })
    }

    /// The name of the plugin.
    #[must_use]
    pub fn plugin(&self) -> &'static str {
        match self.kind {
            Kind::Rclone | Kind::Moto => "s3",
            Kind::Azurite => "azure",
            Kind::GcsEmulator | Kind::FakeGcs => "gcs",
            Kind::WebDav => "webdav",
        }
    }

    /// The plugin folders that it takes to reach it at a port; none for what comes with the host.
    ///
    /// # Errors
    ///
    /// When a folder cannot be written.
    pub fn plugin_path(&self, port: u16) -> Result<Vec<PathBuf>, String> {
        match self.kind {
            Kind::WebDav => {
                let folder = self.folder.join(format!("plugins-{port}"));
                Ok(vec![WebDav::install(&folder, &[format!("http://127.0.0.1:{port}")])?])
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The variables to reach it at a port, its own or that of a proxy, with this path in the bucket.
    #[must_use]
    pub fn variables(&self, port: u16, path: &str) -> Vec<(&'static str, String)> {
        let at = format!("127.0.0.1:{port}");
        let (first, second) = self.secrets.clone();
        let bucket = BUCKET.to_owned();
        let path = path.to_owned();
        match self.kind {
            Kind::Rclone | Kind::Moto => vec![
                ("BACKUP_S3_BUCKET", bucket),
                ("BACKUP_S3_PATH", path),
                ("BACKUP_S3_ENDPOINT", at),
                ("BACKUP_S3_USE_SSL", "false".to_owned()),
                ("AWS_ACCESS_KEY_ID", first),
                ("AWS_SECRET_ACCESS_KEY", second),
            ],
            Kind::Azurite => vec![
                ("BACKUP_AZURE_CONTAINER", bucket),
                ("BACKUP_AZURE_PATH", path),
                ("BACKUP_AZURE_ENDPOINT", format!("http://{at}/{first}")),
                ("AZURE_STORAGE_ACCOUNT", first),
                ("AZURE_STORAGE_KEY", second),
            ],
            Kind::GcsEmulator => {
                vec![("BACKUP_GCS_BUCKET", bucket), ("BACKUP_GCS_PATH", path), ("STORAGE_EMULATOR_HOST", at)]
            }
            Kind::FakeGcs => vec![
                ("BACKUP_GCS_BUCKET", bucket),
                ("BACKUP_GCS_PATH", path),
                ("BACKUP_GCS_ENDPOINT", format!("http://{at}")),
                ("GOOGLE_APPLICATION_CREDENTIALS", first),
            ],
            Kind::WebDav => vec![
                ("BACKUP_WEBDAV_URL", format!("http://{at}")),
                ("BACKUP_WEBDAV_PATH", path),
                ("BACKUP_WEBDAV_USER", first),
                ("BACKUP_WEBDAV_PASSWORD", second),
            ],
        }
    }

    /// Settings that the server refuses, in the place of those of [`Cloud::variables`]; none for the emulator, which lets everybody in.
    #[must_use]
    pub fn wrong(&self) -> Vec<(&'static str, String)> {
        match self.kind {
            Kind::Rclone | Kind::Moto => {
                vec![("AWS_SECRET_ACCESS_KEY", "not-the-secret-of-anybody".to_owned())]
            }
            Kind::Azurite => vec![("AZURE_STORAGE_KEY", "bm90IHRoZSBrZXkgb2YgYW55Ym9keQ==".to_owned())],
            Kind::GcsEmulator => Vec::new(),
            Kind::FakeGcs => {
                vec![("GOOGLE_APPLICATION_CREDENTIALS", self.folder.join(WRONG_FILE).display().to_string())]
            }
            Kind::WebDav => vec![("BACKUP_WEBDAV_PASSWORD", "not-the-password".to_owned())],
        }
    }

    /// What users are shown of a backup of this id in this path.
    #[must_use]
    pub fn home(&self, path: &str, id: &str) -> String {
        match self.kind {
            Kind::Rclone | Kind::Moto => format!("s3://{BUCKET}/{path}/{id}"),
            Kind::Azurite => {
                format!("http://127.0.0.1:{}/{}/{BUCKET}/{path}/{id}", self.port, self.secrets.0)
            }
            Kind::GcsEmulator | Kind::FakeGcs => format!("gs://{BUCKET}/{path}/{id}"),
            Kind::WebDav => format!("http://127.0.0.1:{}/{path}/{id}", self.port),
        }
    }

    /// What nobody may see: keys, or the lines of a key file.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        match self.kind {
            Kind::GcsEmulator => Vec::new(),
            Kind::FakeGcs => {
                let lines =
                    self.secrets.1.split("\\n").filter(|line| line.len() > 20 && !line.contains(['{', '-']));
                lines.map(str::to_owned).collect()
            }
            _ => vec![self.secrets.1.clone()],
        }
    }
}
