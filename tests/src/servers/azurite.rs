//! `azurite-blob`, the emulator of Azure Blob: keys of accounts and shared access signatures are checked.
//!
//! What it gets wrong: it does not check the clock and takes block ids of different lengths.

use std::path::Path;

use reqsign_azure_storage::{Credential, RequestSigner};
use reqsign_core::hash::{base64_decode, base64_hmac_sha256};
use reqsign_core::{Context, SignRequest};

use super::process::{Process, free_port};
use crate::node::packages;

/// A running server with one account.
pub struct Azurite {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    _process: Process,
}

impl Azurite {
    /// The account and its key.
    pub const ACCOUNT: (&str, &str) = ("acme", "c29tZSBrZXkgb2YgYW4gYWNjb3VudCBmb3IgdGVzdHM=");

    /// Starts it, with everything in memory, and makes the containers.
    ///
    /// # Errors
    ///
    /// When it does not start or the containers cannot be made, with what it has said.
    pub async fn start(folder: &Path, containers: &[&str]) -> Result<Self, String> {
        let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/servers/azurite");
        let program = packages("azurite-3.37.0", &manifests)?.join("azurite-blob");
        let port = free_port().map_err(|e| e.to_string())?;
        let shown = port.to_string();
        let args = ["--blobHost", "127.0.0.1", "--blobPort", &shown, "--inMemoryPersistence", "--silent"];
        let args = [&args[..], &["--disableTelemetry"]].concat();
        let accounts = format!("{}:{}", Self::ACCOUNT.0, Self::ACCOUNT.1);
        let process =
            Process::start(&program, &args, &[("AZURITE_ACCOUNTS", accounts.as_str())], port, folder)?;
        let server = Self { port, _process: process };
        for container in containers {
            server.make(container).await?;
        }
        Ok(server)
    }

    /// The endpoint of the account.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, Self::ACCOUNT.0)
    }

    /// A connection string with the key.
    pub fn with_key(&self) -> String {
        let (account, key) = Self::ACCOUNT;
        format!("AccountName={account};AccountKey={key};BlobEndpoint={}", self.endpoint())
    }

    /// A connection string with a signature that grants these permissions until then (`sp` and `se` of
    /// <https://learn.microsoft.com/rest/api/storageservices/create-account-sas>).
    pub fn with_signature(&self, permissions: &str, until: &str) -> Result<String, String> {
        let (account, key) = Self::ACCOUNT;
        let version = "2021-08-06";
        // Account, permissions, services, types of resources, start, end, addresses, protocols, version, scope.
        let text = format!("{account}\n{permissions}\nb\nco\n\n{until}\n\nhttp,https\n{version}\n\n");
        let key = base64_decode(key).map_err(|e| e.to_string())?;
        let signature = base64_hmac_sha256(&key, text.as_bytes());
        let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let until = until.replace(':', "%3A");
        Ok(format!(
            "BlobEndpoint={};SharedAccessSignature=sv={version}&ss=b&srt=co&sp={permissions}&se={until}\
             &spr=http,https&sig={signature}",
            self.endpoint()
        ))
    }

    async fn make(&self, container: &str) -> Result<(), String> {
        let (account, key) = Self::ACCOUNT;
        let request = http::Request::put(format!("{}/{container}?restype=container", self.endpoint()))
            .header("x-ms-version", "2021-08-06");
        let (mut parts, ()) = request.body(()).map_err(|e| e.to_string())?.into_parts();
        let key = Credential::with_shared_key(account, key);
        let (signer, context) = (RequestSigner::new(), Context::new());
        let signed = signer.sign_request(&context, &mut parts, Some(&key), None).await;
        signed.map_err(|e| e.to_string())?;
        // Only where the process has chosen none.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let request = reqwest::Client::new().put(parts.uri.to_string()).headers(parts.headers);
        let response = request.send().await.map_err(|e| e.to_string())?;
        let status = response.status();
        let text = response.text().await.map_err(|e| e.to_string())?;
        if status.is_success() { Ok(()) } else { Err(format!("{container}: {status}: {text}")) }
    }
}
