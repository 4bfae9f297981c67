//! `gcp-storage-emulator`: the JSON API of Google Cloud Storage, without tokens.
//!
//! What it gets wrong: it ignores generations, so it overwrites whatever the condition says; a listing gives everything at
//! once; and a session takes pieces of any length.

use std::path::Path;

use super::process::{Process, free_port};
use crate::python::environment;

/// A running server.
pub struct GcsEmulator {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    _process: Process,
}

impl GcsEmulator {
    /// Starts it over `<folder>/objects` and makes the bucket.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it has said.
    pub async fn start(folder: &Path, bucket: &str) -> Result<Self, String> {
        let packages: Vec<&str> = include_str!("gcs_emulator.txt").lines().collect();
        let program = environment("gcs-emulator-2026.7.19", &packages)?.join("gcp-storage-emulator");
        let port = free_port().map_err(|e| e.to_string())?;
        let (data, shown) = (folder.join("objects").display().to_string(), port.to_string());
        let args = ["-d", &data, "start", "--host", "127.0.0.1", "--port", &shown, "-q"];
        let process = Process::start(&program, &args, &[], port, folder)?;
        // Only where the process has chosen none.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{port}/storage/v1/b?project=test"))
            .json(&serde_json::json!({ "name": bucket }))
            .send()
            .await
            .map_err(|e| e.to_string())?;
        if !made.status().is_success() {
            return Err(format!("{bucket}: {}", made.status()));
        }
        Ok(Self { port, _process: process })
    }
}
