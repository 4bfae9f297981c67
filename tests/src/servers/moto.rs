//! `moto_server` with its checks of signatures, policies and session tokens switched on.
//!
//! What it gets wrong: it does not check the hash of a payload, the region of a signature or the clock.

use std::path::Path;

use super::process::{Process, free_port};
use crate::python::environment;

/// A running server with one user, who may do everything.
pub struct Moto {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// The access key of the user.
    pub key: String,
    /// The secret key of the user.
    pub secret: String,
    _process: Process,
}

/// Requests without a signature that are needed to make the user.
const UNCHECKED: [&str; 3] = [
    "Action=CreateUser&UserName=tester&Version=2010-05-08",
    "Action=PutUserPolicy&UserName=tester&PolicyName=all&Version=2010-05-08&PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D",
    "Action=CreateAccessKey&UserName=tester&Version=2010-05-08",
];

impl Moto {
    /// The folder of the programs that come with it, among them a `python` that has boto3.
    ///
    /// # Errors
    ///
    /// When it cannot be installed, with what the installer has said.
    pub fn programs() -> Result<std::path::PathBuf, String> {
        let packages: Vec<&str> = include_str!("moto.txt").lines().collect();
        environment("moto-5.2.5", &packages)
    }

    /// Starts it and makes the user and the buckets.
    ///
    /// # Errors
    ///
    /// When it does not start or the user cannot be made, with what it has said.
    pub async fn start(folder: &Path, buckets: &[&str]) -> Result<Self, String> {
        let program = Self::programs()?.join("moto_server");
        let port = free_port().map_err(|e| e.to_string())?;
        let count = (UNCHECKED.len() + buckets.len()).to_string();
        let variables = [("INITIAL_NO_AUTH_ACTION_COUNT", count.as_str())];
        let shown = port.to_string();
        let process = Process::start(&program, &["-H", "127.0.0.1", "-p", &shown], &variables, port, folder)?;
        for bucket in buckets {
            ask(port, "s3", reqwest::Method::PUT, bucket, "").await?;
        }
        let mut answer = String::new();
        for body in UNCHECKED {
            answer = ask(port, "iam", reqwest::Method::POST, "", body).await?;
        }
        let between = |tag: &str| -> Result<String, String> {
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            let found = answer.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
            found.map(|(value, _)| value.to_owned()).ok_or_else(|| format!("no {tag} in {answer}"))
        };
        Ok(Self {
            port,
            key: between("AccessKeyId")?,
            secret: between("SecretAccessKey")?,
            _process: process,
        })
    }
}

async fn ask(
    port: u16,
    service: &str,
    method: reqwest::Method,
    path: &str,
    body: &'static str,
) -> Result<String, String> {
    // Any key will do; it says which service is meant.
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=x"
    );
    // Only where the process has chosen none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let response = reqwest::Client::new()
        .request(method, format!("http://127.0.0.1:{port}/{path}"))
        .header("authorization", authorization)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .map_err(|e| e.to_string())?;
    let status = response.status();
    let text = response.text().await.map_err(|e| e.to_string())?;
    if status.is_success() { Ok(text) } else { Err(format!("{status}: {text}")) }
}
