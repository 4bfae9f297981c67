//! Facts about the wire, over real HTTP, with a host that answers as it is told.

mod answers;
mod refusals;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::backups::Backups;
use super::routes;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CollectionName, Location, State, Timestamp};
use crate::ops::{BackendInfo, BackupRequest, Order, Progress, RestoreRequest, Status};

/// A host that answers every call alike and keeps what it was asked.
struct Told {
    answer: Result<Status, ErrorKind>,
    asked: Mutex<Vec<String>>,
}

impl Told {
    fn answer(&self, asked: String) -> Result<Status> {
        self.asked.lock().unwrap().push(asked);
        self.answer.clone().map_err(|kind| Error::new(kind, "test", "the host says no"))
    }
}

#[async_trait]
impl Backups for Told {
    fn backends(&self) -> Vec<BackendInfo> {
        let text = str::to_owned;
        vec![BackendInfo { name: text("filesystem"), version: text("1"), home: text("/backups") }]
    }

    async fn backup(&self, request: BackupRequest) -> Result<Status> {
        self.answer(format!("{request:?}"))
    }

    async fn backup_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        self.answer(format!("backup status {backend} {id} {location:?}"))
    }

    async fn cancel_backup(&self, backend: &str, id: &str, location: &Location) -> Result<()> {
        self.answer(format!("cancel backup {backend} {id} {location:?}")).map(drop)
    }

    async fn restore(&self, request: RestoreRequest) -> Result<Status> {
        self.answer(format!("{request:?}"))
    }

    async fn restore_status(&self, backend: &str, id: &str, location: &Location) -> Result<Status> {
        self.answer(format!("restore status {backend} {id} {location:?}"))
    }

    async fn cancel_restore(&self, backend: &str, id: &str, location: &Location) -> Result<()> {
        self.answer(format!("cancel restore {backend} {id} {location:?}")).map(drop)
    }

    async fn list(&self, backend: &str, location: &Location, order: Order) -> Result<Vec<Status>> {
        self.answer(format!("list {backend} {location:?} {order:?}")).map(|s| vec![s])
    }
}

fn status(state: State) -> Status {
    let ended = state.is_terminal();
    Status {
        backend: "filesystem".to_owned(),
        id: "nightly".to_owned(),
        path: "/backups/nightly".to_owned(),
        location: Location::default(),
        state,
        error: (state == State::Failed).then(|| "disk full".to_owned()),
        started_at: serde_json::from_str("\"2026-08-21T03:00:02.010Z\"").unwrap(),
        completed_at: if ended {
            serde_json::from_str("\"2026-08-21T03:00:14.201Z\"").unwrap()
        } else {
            Timestamp::ZERO
        },
        collections: vec![CollectionName::new("Article").unwrap()],
        raw_bytes: 7 << 28,
        base: None,
        from_node: None,
        progress: Progress { raw_done: 5, raw_total: 10, ..Progress::default() },
        outcome: None,
    }
}

/// A server in this process.
struct Server {
    address: std::net::SocketAddr,
    told: Arc<Told>,
}

/// What came back.
struct Reply {
    code: u16,
    head: String,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let line = |l: &'_ str| l.to_ascii_lowercase().starts_with(&format!("{name}:"));
        self.head.lines().find(|l| line(l)).map(|l| l[name.len() + 1..].trim())
    }

    fn message(&self) -> &str {
        self.body["error"][0]["message"].as_str().or(self.body["message"].as_str()).unwrap_or_default()
    }
}

impl Server {
    async fn answering(answer: Result<Status, ErrorKind>) -> Self {
        Self::ranked(answer, None).await
    }

    /// A server that says who its callers are.
    async fn ranked(answer: Result<Status, ErrorKind>, rank: Option<super::Rank>) -> Self {
        let told = Arc::new(Told { answer, asked: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Merged into a router with routes and a fallback of its own, as a database server does.
        let app = axum::Router::new()
            .route("/v1/meta", axum::routing::get(|| async { "{}" }))
            .fallback(|| async { (http::StatusCode::NOT_FOUND, "\"the server's own\"") })
            .merge(routes::router(told.clone()));
        let app = match rank {
            Some(rank) => app.layer(axum::Extension(rank)),
            None => app,
        };
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, told }
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        // A server that refuses a large body need not read it to its end.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await.unwrap();
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Reply {
            code: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() },
        }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.asked.lock().unwrap())
    }
}
