//! What every client of the API relies on, point by point, over HTTP against the real server.

mod cancelling;
mod places;
mod requests;
mod states;
mod surroundings;

use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::program::{Answer, Server};

/// The backend of all of them.
const BACKUPS: &str = "/v1/backups/filesystem";

/// All values that a status may have: clients know no others.
const STATUSES: [&str; 8] =
    ["STARTED", "TRANSFERRING", "TRANSFERRED", "FINALIZING", "SUCCESS", "FAILED", "CANCELLING", "CANCELED"];

/// A server with the classes `Article` and `Author`, each with some objects.
async fn filled(base: &Path) -> Server {
    let server = Server::start(base);
    fill(&server).await;
    server
}

async fn fill(server: &Server) {
    for class in ["Article", "Author"] {
        let definition = json!({ "class": class, "properties": [{ "name": "name", "dataType": ["text"] }] });
        assert_eq!(server.post("/v1/schema", definition).await.0, StatusCode::OK);
        let objects: Vec<Value> = (0..20)
            .map(|n| json!({ "class": class, "properties": { "name": format!("{class} {n}") } }))
            .collect();
        let (code, results) = server.post("/v1/batch/objects", json!({ "objects": objects })).await;
        assert_eq!(code, StatusCode::OK, "{results}");
        assert!(!results.to_string().contains("FAILED"), "{results}");
    }
}

/// The text of an error of the application.
fn message(answer: &Answer) -> &str {
    let (_, body) = answer;
    body["error"][0]["message"].as_str().unwrap_or_else(|| panic!("not an error of the application: {body}"))
}

/// An error of the application with this status and all of these texts.
fn refused(answer: &Answer, code: u16, texts: &[&str]) {
    assert_eq!(answer.0, code, "{}", answer.1);
    let message = message(answer);
    assert!(texts.iter().all(|text| message.contains(text)), "{texts:?} are not all in: {message}");
}

/// An error that comes before any handler, with this status, code and text.
fn forbidden(answer: &Answer, status: u16, code: u16, text: &str) {
    let (found, body) = answer;
    assert_eq!((found.as_u16(), &body["code"]), (status, &json!(code)), "{body}");
    assert!(body["message"].as_str().is_some_and(|m| m.contains(text)), "`{text}` is not in: {body}");
}

/// Makes a backup of everything and waits for its success.
async fn backed_up(server: &Server, id: &str) -> Value {
    let (code, body) = server.post(BACKUPS, json!({ "id": id })).await;
    assert_eq!((code, &body["status"]), (StatusCode::OK, &json!("STARTED")), "{body}");
    let status = server.ended(&format!("{BACKUPS}/{id}")).await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
    status
}

/// Drops both classes.
async fn emptied(server: &Server) {
    for class in ["Article", "Author"] {
        assert_eq!(server.delete(&format!("/v1/schema/{class}")).await.0, StatusCode::OK);
    }
}
