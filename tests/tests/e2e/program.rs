//! The program `siltstone-db` as other suites start it: where it is, and a running server of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The states in which nothing changes any more.
const ENDED: [&str; 3] = ["SUCCESS", "FAILED", "CANCELED"];

/// A command that runs the program; it lies beside the folder of this test.
pub fn program() -> Command {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("siltstone-db");
    assert!(path.is_file(), "{} is missing: build it with `cargo build -p siltstone-db`", path.display());
    Command::new(path)
}

/// A server with all its folders in one.
pub struct Server {
    child: Child,
    url: String,
    grpc: String,
    homes: Vec<String>,
    log: PathBuf,
    http: reqwest::Client,
}

/// Status and body of an answer; no body is null.
pub type Answer = (StatusCode, Value);

impl Server {
    /// Starts a server with the filesystem backend and waits until it can be reached.
    pub fn start(base: &Path) -> Self {
        let server = Self::with(base, &[]);
        let backups = base.canonicalize().unwrap().join("backups");
        assert_eq!(server.homes, [format!("backups of backend `filesystem` go to {}", backups.display())]);
        server
    }

    /// Starts a server with these variables and waits until it can be reached; it names one backend.
    pub fn with(base: &Path, variables: &[(&str, String)]) -> Self {
        let log = base.join("database.log");
        let errors = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = program();
        command.args(["serve", "--port", "0", "--grpc-port", "0"]).current_dir(base);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        for variable in
            ["ENABLE_MODULES", "BACKUP_FILESYSTEM_PATH", "PERSISTENCE_DATA_PATH", "CLUSTER_HOSTNAME"]
        {
            command.env_remove(variable);
        }
        command.env("RUST_LOG", "warn").envs(variables.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut server =
            Self { child, url: String::new(), grpc: String::new(), homes: Vec::new(), log, http: client() };
        while server.url.is_empty() || server.grpc.is_empty() || server.homes.is_empty() {
            let line = lines.next().unwrap_or_else(|| panic!("it does not start")).unwrap();
            if let Some(url) = line.strip_prefix("listening at ") {
                url.clone_into(&mut server.url);
            } else if let Some(address) = line.strip_prefix("gRPC at ") {
                address.clone_into(&mut server.grpc);
            } else {
                server.homes.push(line);
            }
        }
        server
    }

    /// Where the REST API is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Host and port of gRPC.
    pub fn grpc(&self) -> &str {
        &self.grpc
    }

    /// What it has logged so far.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// A request that has yet to be sent.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Response {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn answer(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let response = self.send(method, path, body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        (status, body)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.answer(Method::GET, path, None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.answer(Method::DELETE, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.answer(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.answer(Method::PUT, path, Some(body)).await
    }

    /// Asks for a status until it is terminal.
    pub async fn ended(&self, path: &str) -> Value {
        let until = Instant::now() + LIMIT;
        loop {
            let (code, body) = self.get(path).await;
            assert_eq!(code, StatusCode::OK, "{body}");
            if ENDED.iter().any(|state| body["status"] == *state) {
                return body;
            }
            assert!(Instant::now() < until, "{body}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a backup has read some of its bytes and not all.
    pub async fn in_the_middle(&self, path: &str) {
        let until = Instant::now() + LIMIT;
        loop {
            let response = self.send(Method::GET, path, None).await;
            let progress =
                response.headers().get("siltstone-progress").map(|v| v.to_str().unwrap().to_owned());
            let body = response.text().await.unwrap();
            assert!(!ENDED.iter().any(|state| body.contains(state)), "it was too quick: {body}");
            if let Some((done, total)) = progress.as_deref().and_then(|p| p.split_once('/')) {
                let (done, total): (u64, u64) = (done.parse().unwrap(), total.parse().unwrap());
                assert!(done < total, "it was too quick: {done} of {total}");
                if done > 0 {
                    return;
                }
            }
            assert!(Instant::now() < until, "{body}");
        }
    }

    /// Ends it as a crash would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits.
    pub fn terminate(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already unless a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            // Without standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "the server has logged:\n{log}");
        }
    }
}

fn client() -> reqwest::Client {
    // One provider for the process; another test may have been faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(LIMIT).build().unwrap()
}
