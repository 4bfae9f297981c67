//! No secret of a setting, of a file or of a token is seen in a log line, an error, a status or a record.

use std::io::Write;
use std::sync::{Arc, Mutex};

use siltstone::model::Location;
use siltstone::ops::{BackupRequest, Order, RestoreRequest, VerifyDepth};
use siltstone_tests::fault_proxy::{Fault, FaultProxy};
use siltstone_tests::ops_house::{Plan, fill, shown};
use siltstone_tests::servers::{Cloud, Kind};
use tempfile::tempdir;
use tracing_subscriber::fmt::MakeWriter;

/// Keeps everything that is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything that an operator sees of a store that works and of one that does not, and all files of the host.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn secrets_are_nowhere_to_be_seen() {
    let log = Kept::default();
    // The whole process: the host's work runs on threads of its own.
    tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .init();
    let here = Location::default();
    let (mut seen, mut secrets) = (String::new(), Vec::new());
    for kind in [Kind::Moto, Kind::Azurite, Kind::FakeGcs] {
        let base = tempdir().unwrap();
        let cloud = Cloud::start(kind, base.path()).await.unwrap();
        let plugin = cloud.plugin();
        secrets.extend(cloud.secrets());
        for fault in [Fault::None, Fault::Status(403), Fault::Status(500), Fault::CutAnswer(10)] {
            let plan = move |n| if n > 6 { fault } else { Fault::None };
            let proxy = FaultProxy::start(cloud.port, plan).await.unwrap();
            let house = tempdir().unwrap();
            let variables = cloud.variables(proxy.address.port(), "db");
            let mut plan = Plan::new(house.path(), "a").unwrap().with_plugin(plugin, &variables);
            plan.stack.retry.attempts = 2;
            let a = plan.start().await.unwrap();
            fill(&a.db, 20_000).unwrap();
            let id = format!("x-{}", seen.len());
            seen += &format!("{:?}\n", a.host.backup(BackupRequest::new(plugin, id.as_str())).await);
            seen += &format!("{:?}\n", a.host.wait_backup(plugin, &id, &here).await);
            seen += &format!("{:?}\n", a.host.backup_status(plugin, &id, &here).await);
            seen += &format!("{:?}\n", a.host.list(plugin, &here, Order::Ascending).await);
            seen += &format!("{:?}\n", a.host.verify(plugin, &id, &here, VerifyDepth::ReadData).await);
            seen += &format!("{:?}\n", a.host.restore(RestoreRequest::new(plugin, "none")).await);
            let missing = a.host.backup_status(plugin, "none", &here).await;
            seen += &missing.map_or_else(|e| e.to_string(), |status| shown(&status));
            a.stop().await;
            seen += &texts(&plan.root);
        }
        // And with the secrets of another.
        let mut variables = cloud.variables(cloud.port, "db");
        for (name, value) in &mut variables {
            match *name {
                "AWS_SECRET_ACCESS_KEY" => *value = "wrong-and-secret-secret".to_owned(),
                "AZURE_STORAGE_KEY" => *value = "d3JvbmctYW5kLXNlY3JldC1zZWNyZXQ=".to_owned(),
                "GOOGLE_APPLICATION_CREDENTIALS" => {
                    std::fs::write(&*value, r#"{"type":"authorized_user","client_id":"c","client_secret":"wrong-and-secret-secret",
                        "refresh_token":"wrong-and-secret-token"}"#.replace("\"refresh_token\"", &format!(
                        "\"token_uri\":\"http://127.0.0.1:{}/token\",\"refresh_token\"", cloud.port))).unwrap();
                }
                _ => {}
            }
        }
        let house = tempdir().unwrap();
        let mut plan = Plan::new(house.path(), "a").unwrap().with_plugin(plugin, &variables);
        plan.stack.retry.attempts = 2;
        let a = plan.start().await.unwrap();
        let error = a.host.backup(BackupRequest::new(plugin, "x")).await.unwrap_err();
        seen += &format!("{error} {error:?}\n");
        a.stop().await;
    }
    secrets.extend(
        [
            "wrong-and-secret-secret",
            "d3JvbmctYW5kLXNlY3JldC1zZWNyZXQ",
            "wrong-and-secret-token",
            "store-token-",
        ]
        .map(str::to_owned),
    );
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.lines().count() > 100 && seen.len() > 10_000, "{} and {}", log.len(), seen.len());
    for secret in &secrets {
        assert!(secret.len() > 8, "a secret to look for");
        for (what, text) in [("the log", &log), ("what was shown or kept", &seen)] {
            if let Some(at) = text.find(secret.as_str()) {
                let around = text[..at].rfind('\n').map_or(0, |start| start + 1);
                panic!("{what} holds {secret}: {}", &text[around..at + secret.len()]);
            }
        }
    }
}

/// All files below a folder, as text.
fn texts(folder: &std::path::Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &texts(&path);
        } else {
            all += &String::from_utf8_lossy(&std::fs::read(&path).unwrap());
            all.push('\n');
        }
    }
    all
}
