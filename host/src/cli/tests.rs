//! Facts about the arguments, and about the commands against a server that answers as it is told.

use std::sync::{Arc, Mutex};

use clap::CommandFactory;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::error::ErrorKind;
use crate::model::Compression;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_definition_of_the_arguments_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_help_and_the_exit_codes_are_told() {
    let mut top = Cli::command();
    let help = top.render_help().to_string();
    for text in ["Examples:", "Exit codes:", "130", "BACKUP_FILESYSTEM_PATH"] {
        assert!(help.contains(text), "{text}");
    }
    for sub in top.get_subcommands() {
        assert!(sub.get_about().is_some(), "{}", sub.get_name());
        for arg in sub.get_arguments() {
            assert!(arg.get_help().is_some(), "{} {}", sub.get_name(), arg.get_id());
        }
    }
}

#[test]
fn a_backup_has_the_defaults_of_the_api() {
    let Command::Backup(args) = parse("siltstone backup --id nightly").unwrap().command else { panic!() };
    assert_eq!(args.what.place.backend.as_str(), "filesystem");
    assert_eq!(args.what.compression, Compression::default());
    assert_eq!((args.what.cpu.cpu_percentage, args.what.chunk_size), (50, None));
    assert!(args.dir.is_none() && !args.wait);
}

#[test]
fn lists_take_commas_and_repetitions() {
    let line = "siltstone backup --id a --include A,B* --include C --compression ZstdBestSpeed --chunk-size 64 --base old";
    let Command::Backup(args) = parse(line).unwrap().command else { panic!() };
    assert_eq!(args.what.selection.include, ["A", "B*", "C"]);
    assert_eq!(args.what.compression.name(), "ZstdBestSpeed");
    assert_eq!(args.what.chunk_size, Some(64));
    assert_eq!(args.what.base.unwrap().as_str(), "old");
    let Command::Restore(args) = parse("siltstone restore --id a --map-node a=b --to /x").unwrap().command
    else {
        panic!()
    };
    assert_eq!(args.what.map_node, [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn wrong_usage_is_refused_by_name() {
    for (line, names) in [
        ("siltstone backup", "--id"),
        ("siltstone backup --id Upper", "Upper"),
        ("siltstone backup --id ../x", "../x"),
        ("siltstone backup --id a --include A --exclude B", "--exclude"),
        ("siltstone backup --id a --dir /x --server http://h", "--server"),
        ("siltstone backup --id a --dir /x --wait", "--wait"),
        ("siltstone backup --id a --compression fast", "DefaultCompression"),
        ("siltstone backup --id a --cpu-percentage 81", "81"),
        ("siltstone backup --id a --cpu-percentage 0", "0"),
        ("siltstone backup --id a --chunk-size 1", "2..=512"),
        ("siltstone restore --id a --map-node a", "OLD=NEW"),
        ("siltstone restore --id a --backend Bad/Name", "Bad/Name"),
        ("siltstone list --local --server http://h", "--server"),
        ("siltstone list --path /x", "--local"),
        ("siltstone verify", "<ID>"),
        ("siltstone dance", "dance"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), Exit::Refused as i32, "{line}");
        assert!(error.to_string().contains(names), "{line}: {error}");
    }
}

#[test]
fn wrong_usage_fits_on_one_line_of_json() {
    let text = parse("siltstone backup").unwrap_err().render().to_string();
    assert_eq!(one_line(&text), "the following required arguments were not provided: --id <ID>");
}

#[test]
fn errors_have_the_exit_code_of_their_kind() {
    for (kind, exit) in [
        (ErrorKind::Invalid, Exit::Refused),
        (ErrorKind::AlreadyExists, Exit::Refused),
        (ErrorKind::Conflict, Exit::Refused),
        (ErrorKind::NotFound, Exit::NotFound),
        (ErrorKind::Corrupt, Exit::Damaged),
        (ErrorKind::Cancelled, Exit::Cancelled),
        (ErrorKind::Unavailable, Exit::Failed),
        (ErrorKind::Denied, Exit::Failed),
    ] {
        assert_eq!(Exit::of(&Error::new(kind, "test", "")), exit);
    }
}

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that gives these answers, one each, and keeps what it was asked.
async fn server(answers: Vec<(u16, Value)>) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let asked = seen.clone();
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut request, mut buffer) = (String::new(), [0; 4096]);
            loop {
                let n = stream.read(&mut buffer).await.unwrap();
                request.push_str(&String::from_utf8_lossy(&buffer[..n]));
                let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |l| l.parse().unwrap()) {
                    break;
                }
            }
            asked.lock().unwrap().push(request);
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}", body.len());
            let reply = format!("{head}\r\nsiltstone-progress: 1/2\r\n\r\n{body}");
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    (address, seen)
}

async fn execute(line: &str, address: &str) -> Result<Report> {
    dispatch(parse(&format!("{line} --server {address}")).unwrap().command).await
}

/// First line and body of a request.
fn split(request: &str) -> (&str, Value) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn a_backup_sends_what_was_asked_for_and_waits_for_the_end() {
    let running = json!({"id": "a", "status": "STARTED", "path": "/b/a"});
    let done = json!({"id": "a", "status": "SUCCESS", "path": "/b/a", "size": 1.5});
    let (address, seen) = server(vec![(200, running.clone()), (200, running), (200, done.clone())]).await;
    let line = "siltstone backup --id a --exclude X --path /p --chunk-size 8 --api-key k --wait";
    let report = execute(line, &address).await.unwrap();
    assert!(report.failure.is_none() && report.text.contains("1.50 GiB"), "{}", report.text);
    assert_eq!(report.json, done);
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("authorization: Bearer k\r\n"));
    let (first, body) = split(&seen[0]);
    assert_eq!(first, "POST /v1/backups/filesystem HTTP/1.1");
    assert_eq!(
        body,
        json!({"id": "a", "exclude": ["X"], "config": {"CPUPercentage": 50, "ChunkSize": 8,
               "CompressionLevel": "DefaultCompression", "Path": "/p"}})
    );
    assert_eq!(split(&seen[2]).0, "GET /v1/backups/filesystem/a?path=%2Fp HTTP/1.1");
}

#[tokio::test]
async fn a_failed_or_cancelled_end_sets_the_exit_code_and_tells_why() {
    for (state, exit) in [("FAILED", Exit::Failed), ("CANCELED", Exit::Cancelled)] {
        let end = json!({"id": "a", "status": state, "error": "collection X already exists"});
        let (address, seen) = server(vec![(200, json!({})), (200, end.clone())]).await;
        let line = "siltstone restore --id a --include X --map-node n=m --wait";
        let report = execute(line, &address).await.unwrap();
        let (code, message) = report.failure.unwrap();
        assert_eq!(code, exit);
        assert!(message.contains("restore of `a`") && message.contains("X already exists"), "{message}");
        assert_eq!(report.json, end);
        let seen = seen.lock().unwrap();
        let (first, body) = split(&seen[0]);
        assert_eq!(first, "POST /v1/backups/filesystem/a/restore HTTP/1.1");
        assert_eq!(
            body,
            json!({"include": ["X"], "node_mapping": {"n": "m"}, "config": {"CPUPercentage": 50}})
        );
        assert_eq!(split(&seen[1]).0, "GET /v1/backups/filesystem/a/restore HTTP/1.1");
    }
}

#[tokio::test]
async fn refusals_of_the_server_are_errors_with_its_words() {
    let no = json!({"error": [{"message": "backup `a` does not exist"}]});
    let (address, _) = server(vec![(404, no)]).await;
    let error = execute("siltstone status --id a", &address).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "backup `a` does not exist"));
}

#[tokio::test]
async fn a_cancel_and_a_list_use_their_routes() {
    let (address, seen) = server(vec![(204, Value::Null), (200, json!([]))]).await;
    let report = execute("siltstone cancel --id a --restore --bucket b", &address).await.unwrap();
    assert_eq!(report.json["cancelRequested"], true);
    let report = execute("siltstone list --order asc --backend s3", &address).await.unwrap();
    assert_eq!(report.text, "no backups\n");
    let seen = seen.lock().unwrap();
    assert_eq!(split(&seen[0]).0, "DELETE /v1/backups/filesystem/a/restore?bucket=b HTTP/1.1");
    assert_eq!(split(&seen[1]).0, "GET /v1/backups/s3?order=asc HTTP/1.1");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_remedy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = execute("siltstone list", &address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&address) && error.to_string().contains("--server"), "{error}");
}

#[tokio::test]
async fn an_unanswered_poll_does_not_end_the_waiting() {
    let end = json!({"id": "a", "status": "SUCCESS"});
    let away = json!({"error": [{"message": "restarting"}]});
    let (address, _) = server(vec![(200, json!({})), (503, away), (200, end)]).await;
    assert!(execute("siltstone backup --id a --wait", &address).await.unwrap().failure.is_none());
}
