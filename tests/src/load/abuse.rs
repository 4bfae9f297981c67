//! Requests that nobody should send: each is refused or cut off, and the server goes on.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Checked;
use super::server::Served;

const CREATE: &str = "/v1/backups/filesystem";
/// Connections that are begun and never finished.
const SLOW: usize = 100;
/// Time in which an answer must come.
const PATIENCE: Duration = Duration::from_secs(45);

/// Everything.
pub(super) async fn all(server: &Served) -> Checked<()> {
    let deep = format!("{{\"id\":\"a\",\"include\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"id\":\"{}\"}}", "a".repeat(10 << 20));
    let many = format!("{{\"id\":\"a\",\"include\":[{}]}}", vec!["\"*a*a*a*a*b\""; 50_000].join(","));
    for (name, body, codes) in [
        ("10 MB", large.into_bytes(), [413, 413]),
        ("deep nesting", deep.into_bytes(), [400, 400]),
        ("invalid UTF-8", b"{\"id\":\"\xff\xfe\"}".to_vec(), [400, 400]),
        ("fifty thousand patterns", many.into_bytes(), [422, 422]),
        ("half a number", b"{\"config\":{\"CPUPercentage\":1e400}}".to_vec(), [400, 422]),
        ("nothing", Vec::new(), [422, 422]),
    ] {
        let code = post(server, &body).await.map_err(|e| format!("{name}: {e}"))?;
        if !codes.contains(&code) {
            return Err(format!("a body of {name} was answered {code}"));
        }
    }
    slow(server).await
}

/// Senders that stop in the middle hold nobody else up, and are cut off.
async fn slow(server: &Served) -> Checked<()> {
    let mut open = Vec::new();
    for _ in 0..SLOW {
        let mut stream = TcpStream::connect(server.address()).await.map_err(|e| e.to_string())?;
        let begun = format!("POST {CREATE} HTTP/1.1\r\nhost: a\r\ncontent-length: 500\r\n\r\n{{\"id\":");
        stream.write_all(begun.as_bytes()).await.map_err(|e| e.to_string())?;
        open.push(stream);
    }
    for _ in 0..20 {
        server.ok("GET", CREATE, Value::Null).await?;
    }
    for mut stream in open {
        let mut answer = Vec::new();
        match tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await {
            Ok(_) if answer.is_empty() || answer.starts_with(b"HTTP/1.1 408") => {}
            Ok(_) => return Err(format!("a slow sender got {}", String::from_utf8_lossy(&answer))),
            Err(_) => return Err(format!("a slow sender still has its connection after {PATIENCE:?}")),
        }
    }
    Ok(())
}

async fn post(server: &Served, body: &[u8]) -> Checked<u16> {
    let mut stream = TcpStream::connect(server.address()).await.map_err(|e| e.to_string())?;
    let head = format!(
        "POST {CREATE} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.map_err(|e| e.to_string())?;
    // A server that refuses a large body need not read it to its end.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.map_err(|_| "no answer".to_owned())?.map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&answer);
    let code = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.ok_or_else(|| format!("no answer of HTTP: {text}"))
}
