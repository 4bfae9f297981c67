//! A server as a process of its own, over HTTP.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Checked;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(900);

/// A running server; it ends with this.
pub(super) struct Served {
    child: Child,
    address: String,
    http: reqwest::Client,
}

impl Served {
    /// Starts the program with its data and backups in these folders, and waits until it can be reached.
    pub(super) async fn start(program: &Path, data: &Path, backups: &Path) -> Checked<Self> {
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", program.display());
        let mut child = Command::new(program)
            .args(["serve", "--port", "0", "--grpc-port", "0"])
            .env("ENABLE_MODULES", "backup-filesystem")
            .env("BACKUP_FILESYSTEM_PATH", backups)
            .env("PERSISTENCE_DATA_PATH", data)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed(&e))?;
        let said = child.stdout.take().ok_or_else(|| failed(&"no output"))?;
        let first =
            BufReader::new(said).lines().next().transpose().map_err(|e| failed(&e))?.unwrap_or_default();
        let address = first.strip_prefix("listening at http://").ok_or_else(|| failed(&first))?.to_owned();
        // One provider for the process; another may have been faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(LIMIT).build().map_err(|e| failed(&e))?;
        Ok(Self { child, address, http })
    }

    /// Host and port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Code and body of an answer; no body is null.
    pub(super) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Checked<(u16, Value)> {
        let failed = |e: reqwest::Error| format!("{method} {path}: {e:?}");
        let method = method.parse::<reqwest::Method>().map_err(|e| e.to_string())?;
        let request = self.http.request(method, format!("http://{}{path}", self.address));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.map_err(failed)?;
        let code = answer.status().as_u16();
        let text = answer.text().await.map_err(failed)?;
        Ok((code, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// The body of an answer that must be 200; a null body is none.
    pub(super) async fn ok(&self, method: &str, path: &str, body: Value) -> Checked<Value> {
        match self.call(method, path, Some(body).filter(|b| !b.is_null())).await? {
            (200, body) => Ok(body),
            (code, body) => Err(format!("{method} {path} was answered {code}: {body}")),
        }
    }

    /// Waits for a terminal status.
    pub(super) async fn ended(&self, path: &str) -> Checked<Value> {
        let begun = Instant::now();
        loop {
            let status = self.ok("GET", path, Value::Null).await?;
            if matches!(status["status"].as_str(), Some("SUCCESS" | "FAILED" | "CANCELED")) {
                return Ok(status);
            }
            if begun.elapsed() > LIMIT {
                return Err(format!("{path} did not end: {status}"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Checks how many objects a list has.
    pub(super) async fn counted(&self, path: &str, wanted: usize) -> Checked<()> {
        let found = self.ok("GET", path, Value::Null).await?;
        match found["objects"].as_array().map(Vec::len) {
            Some(have) if have == wanted => Ok(()),
            have => Err(format!("{path} has {have:?} objects, not {wanted}")),
        }
    }

    /// The most memory that the process ever had, in MiB.
    pub(super) fn peak_mib(&self) -> Checked<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().map_err(|e| format!("{path}: {e}"))?;
        Ok(kib / 1024)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
