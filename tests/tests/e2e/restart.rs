//! A server that is killed tells the truth when it is back: every status is terminal and right, collections are whole or absent.

use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use siltstone_db::{Database, Options, Tenancy};
use uuid::Uuid;

use crate::program::Server;

const BACKUPS: &str = "/v1/backups/filesystem";
/// Classes, and objects in each.
const SIZE: (u32, u32) = (6, 300);

/// Fills a data folder through the library, which is quick.
fn fill(folder: &Path) {
    let database = Database::open(Options::new(folder)).unwrap();
    for class in 0..SIZE.0 {
        let name = siltstone::model::CollectionName::new(format!("C{class}")).unwrap();
        let schema = json!({ "class": name.as_str(), "properties": [] });
        database.create_collection(&name, schema, Tenancy::Single).unwrap();
        let object = |number: u32| siltstone_db::Object {
            id: Uuid::from_u128(u128::from(number) + 1),
            properties: json!({ "text": format!("{number} of {class}").repeat(200) })
                .as_object()
                .unwrap()
                .clone(),
            vector: Some((0..512).map(|_| rand::random()).collect()),
            named_vectors: Default::default(),
            created_ms: 0,
            updated_ms: 0,
        };
        let changes = (0..SIZE.1).map(|n| siltstone_db::Change::Put(object(n))).collect();
        let shard = siltstone::model::ShardId { collection: name, tenant: None };
        database.write(&[siltstone_db::ShardChanges { shard, changes }]).unwrap();
    }
    database.close().unwrap();
}

/// How many classes there are; each must have all of its objects.
async fn classes(server: &Server) -> u32 {
    let (_, schema) = server.get("/v1/schema").await;
    let found = schema["classes"].as_array().unwrap().len();
    for class in schema["classes"].as_array().unwrap() {
        let path = format!("/v1/objects?limit=1000&class={}", class["class"].as_str().unwrap());
        let (code, page) = server.get(&path).await;
        assert_eq!((code, page["objects"].as_array().map(Vec::len)), (StatusCode::OK, Some(SIZE.1 as usize)));
    }
    u32::try_from(found).unwrap()
}

fn terminal(status: &Value) -> bool {
    ["SUCCESS", "FAILED", "CANCELED"].iter().any(|state| status["status"] == *state)
}

#[tokio::test]
async fn a_server_killed_in_the_middle_of_a_restore_has_all_of_it_or_nothing() {
    let base = tempfile::tempdir().unwrap();
    let (one, two) = (base.path().join("one"), base.path().join("two"));
    std::fs::create_dir_all(&one).unwrap();
    std::fs::create_dir_all(&two).unwrap();
    fill(&one.join("data"));
    let backups = ("BACKUP_FILESYSTEM_PATH", base.path().join("shared").display().to_string());
    let variables = [("ENABLE_MODULES", "backup-filesystem".to_owned()), backups];
    let server = Server::with(&one, &variables);
    assert_eq!(server.post(BACKUPS, json!({ "id": "all" })).await.0, StatusCode::OK);
    assert_eq!(server.ended(&format!("{BACKUPS}/all")).await["status"], "SUCCESS");
    server.terminate();

    let restore = format!("{BACKUPS}/all/restore");
    let (mut installed, mut absent) = (0, 0);
    for round in 0..10_u64 {
        let server = Server::with(&two, &variables);
        assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK);
        tokio::time::sleep(Duration::from_millis(round * 80)).await;
        let is_cancelled = round % 3 == 2;
        let cancelled = if is_cancelled { server.delete(&restore).await.0.as_u16() } else { 0 };
        server.kill();

        let server = Server::with(&two, &variables);
        let (code, status) = server.get(&restore).await;
        assert!(code == StatusCode::OK && terminal(&status), "{round}: {status}");
        match classes(&server).await {
            0 => {
                absent += 1;
                assert_ne!(status["status"], "SUCCESS", "{round}: {status}");
                if cancelled == 204 {
                    assert_eq!(status["status"], "CANCELED", "{round}: {status}");
                }
            }
            found => {
                installed += 1;
                assert_eq!((found, &status["status"]), (SIZE.0, &json!("SUCCESS")), "{round}");
                assert_ne!(cancelled, 204, "{round}: it was promised to be cancelled");
                for class in 0..SIZE.0 {
                    assert_eq!(server.delete(&format!("/v1/schema/C{class}")).await.0, StatusCode::OK);
                }
            }
        }
        server.terminate();
    }
    assert!(absent > 0 && installed + absent == 10, "{installed} installed, {absent} absent");
    // And after all that it works.
    let server = Server::with(&two, &variables);
    assert_eq!(server.post(&restore, json!({})).await.0, StatusCode::OK);
    assert_eq!(server.ended(&restore).await["status"], "SUCCESS");
    assert_eq!(classes(&server).await, SIZE.0);
}

#[tokio::test]
async fn a_server_killed_right_after_a_cancel_of_a_backup_keeps_its_word() {
    let base = tempfile::tempdir().unwrap();
    fill(&base.path().join("data"));
    let path = format!("{BACKUPS}/cut");
    for round in 0..6_u64 {
        let server = Server::start(base.path());
        let slow =
            json!({ "id": "cut", "config": { "CompressionLevel": "BestCompression", "CPUPercentage": 1 } });
        assert_eq!(server.post(BACKUPS, slow).await.0, StatusCode::OK);
        tokio::time::sleep(Duration::from_millis(round * 60)).await;
        assert_eq!(server.delete(&path).await.0, StatusCode::NO_CONTENT);
        server.kill();
        let server = Server::start(base.path());
        let (_, status) = server.get(&path).await;
        assert_eq!(status["status"], "CANCELED", "{round}: {status}");
        let left = base.path().join("backups/cut");
        let objects: Vec<_> = std::fs::read_dir(&left).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(objects, ["backup.json"], "{round}");
        server.terminate();
    }
    let server = Server::start(base.path());
    assert_eq!(server.post(BACKUPS, json!({ "id": "cut" })).await.0, StatusCode::OK);
    assert_eq!(server.ended(&path).await["status"], "SUCCESS");
}

#[tokio::test]
async fn a_burst_of_creates_and_cancels_ends_as_a_reader_of_the_api_expects() {
    let base = tempfile::tempdir().unwrap();
    fill(&base.path().join("data"));
    let server = Server::start(base.path());
    for round in 0..4 {
        // Many at once on several ids: one is taken.
        let create = async |n: u32| server.post(BACKUPS, json!({ "id": format!("b{n}") })).await;
        let answers = tokio::join!(create(0), create(1), create(0), create(2), create(1));
        let answers = [answers.0, answers.1, answers.2, answers.3, answers.4];
        let taken: Vec<_> = answers.iter().filter(|(code, _)| *code == StatusCode::OK).collect();
        assert_eq!(taken.len(), 1, "{round}: {answers:?}");
        for (code, body) in answers.iter().filter(|(code, _)| *code != StatusCode::OK) {
            assert_eq!(*code, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
            assert!(body.to_string().contains("already in progress"), "{body}");
        }
        let id = taken[0].1["id"].as_str().unwrap().to_owned();
        let path = format!("{BACKUPS}/{id}");
        // Cancelled twice at the same time, then made again at once.
        let (one, two) = tokio::join!(server.delete(&path), server.delete(&path));
        assert_eq!((one.0, two.0), (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT));
        assert_eq!(server.ended(&path).await["status"], "CANCELED", "{round}");
        assert_eq!(server.post(BACKUPS, json!({ "id": id })).await.0, StatusCode::OK, "{round}");
        assert_eq!(server.delete(&path).await.0, StatusCode::NO_CONTENT);
        assert_eq!(server.ended(&path).await["status"], "CANCELED", "{round}");
    }
    for n in 0..3 {
        assert_eq!(server.post(BACKUPS, json!({ "id": format!("b{n}") })).await.0, StatusCode::OK);
        assert_eq!(server.ended(&format!("{BACKUPS}/b{n}")).await["status"], "SUCCESS");
    }
}
