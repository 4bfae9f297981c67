//! The description of the API, held against the server by a program that makes requests up from it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use siltstone_tests::clients::run;
use siltstone_tests::python::environment;

use crate::program::Server;

const DESCRIPTION: &str = "/v1/openapi.json";

/// How long all requests together may take.
const LIMIT: Duration = Duration::from_secs(600);

/// What every answer is held to. Left out are checks that suppose that a request which fits the description succeeds and
/// that one which does not is refused: names must exist, and unknown keys are ignored.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,unsupported_method,allow_header_conformance";

#[tokio::test]
async fn every_answer_is_one_that_the_description_of_the_api_allows() {
    let base = tempfile::tempdir().unwrap();
    // So that there are users, and everybody may manage them.
    let users = ["AUTHENTICATION_DB_USERS_ENABLED", "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED"];
    let server = Server::with(base.path(), &users.map(|name| (name, "true".to_owned())));
    let (code, description) = server.get(DESCRIPTION).await;
    assert_eq!(code, StatusCode::OK, "{description}");
    assert!(description["paths"].as_object().is_some_and(|paths| paths.len() > 10), "{description}");
    // So that there is something to find.
    let class = json!({ "class": "Article", "properties": [{ "name": "title", "dataType": ["text"] }] });
    assert_eq!(server.post("/v1/schema", class).await.0, StatusCode::OK);
    let id = "00000000-0000-0000-0000-000000000001";
    let object = json!({ "class": "Article", "id": id, "properties": { "title": "Layers" } });
    assert_eq!(server.post("/v1/objects", object).await.0, StatusCode::OK);
    let alias = json!({ "alias": "News", "class": "Article" });
    assert_eq!(server.post("/v1/aliases", alias).await.0, StatusCode::OK);
    assert_eq!(server.post("/v1/backups/filesystem", json!({ "id": "kept" })).await.0, StatusCode::OK);
    server.ended("/v1/backups/filesystem/kept").await;

    let packages: Vec<&str> = include_str!("../../clients/openapi/requirements.txt").lines().collect();
    let program = environment("schemathesis-4.32.5", &packages).unwrap().join("schemathesis");
    for settings in ["schemathesis.toml", "named.toml"] {
        let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/openapi").join(settings);
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(&program)
            .args(["--no-color", "--config-file"])
            .arg(&settings);
        command.args(["run", &format!("{}{DESCRIPTION}", server.url()), "--checks", CHECKS]);
        // The same requests in every run.
        command.args(["--phases", "examples,coverage,fuzzing", "--seed", "7", "--max-examples", "20"]);
        command.args(["--suppress-health-check", "all", "--request-timeout", "30"]);
        command.current_dir(base.path()).env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1");
        let done = run(command, base.path(), LIMIT).unwrap();
        let (said, complained) = (&done.said, &done.complained);
        assert!(
            done.status.is_some_and(|s| s.success()),
            "{settings:?} {:?}\n{said}\n{complained}",
            done.status
        );
    }
    let logged = server.logged();
    assert!(!logged.lines().any(|line| line.contains(" ERROR ")), "{logged}");
    assert_eq!(server.terminate().code(), Some(0));
}
