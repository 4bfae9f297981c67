//! What nobody can see without a key or a memory outside the store, and the place that the format keeps for a key.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use siltstone::ErrorKind;
use siltstone::model::{Hash, Location, State};
use siltstone::ops::{Order, VerifyDepth};
use siltstone_tests::corrupt::{Forgery, Object, ended, gzip, objects};
use siltstone_tests::folder_db::read_tree;
use siltstone_tests::ops_house::{BACKEND, House, files, shown};

use super::scene::{End, ID, Scene, judge};

const SCALE: usize = 1100 << 10;

async fn expect_clean(b: &House) {
    let report = b.host.verify(BACKEND, ID, &Location::default(), VerifyDepth::ReadData).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[tokio::test]
async fn a_consistent_forgery_cannot_be_seen_without_a_key() {
    let scene = Scene::with_backup(SCALE, "BestSpeed").await;
    let b = scene.plan("b").start().await.unwrap();
    let raw = b"nobody ever backed this up";
    let forgery = Forgery::new(&scene.backups(), ID);
    let key = forgery.next_key();
    let file = json!({
        "kind": "file", "collection": "Article", "path": "d/0", "length": raw.len(), "mode": 0o640,
        "blake3": Hash::of(raw), "offset": 0, "extents": [{"chunk": key, "offset": 0, "frames": [raw.len()]}],
    });
    forgery.collection("Article").chunk("none", raw.len() as u64, raw).line(file).write();
    expect_clean(&b).await;
    let status = b.restore(ID).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    let installed = b.db.content().unwrap();
    assert_eq!(installed["Article"]["d/0"].0, raw);
    assert!(installed != scene.content);
}

#[tokio::test]
async fn a_roll_back_to_an_older_state_of_the_location_cannot_be_seen_without_a_memory() {
    let scene = Scene::with_backup(SCALE, "BestSpeed").await;
    let older = read_tree(&scene.backups()).unwrap();
    let a = scene.plan("a").start().await.unwrap();
    a.host.forget(BACKEND, ID, &Location::default()).await.unwrap();
    a.db.add("Newest", None, siltstone::model::TenantState::Hot, &files(99, &[1000])).unwrap();
    assert_eq!(a.backup(ID).await.unwrap().state, State::Success);
    fs::remove_dir_all(scene.backups()).unwrap();
    for (name, (bytes, _)) in older {
        let path = scene.backups().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let b = scene.plan("b").start().await.unwrap();
    assert!(a.db.content().unwrap() != scene.content);
    assert_eq!(
        judge(&b, BACKEND, &scene.content).await.0,
        End::Harmless,
        "the older state, and no word of it"
    );
}

#[tokio::test]
async fn a_vanished_backup_looks_like_one_that_never_was() {
    let scene = Scene::with_backup(SCALE, "BestSpeed").await;
    let b = scene.plan("b").start().await.unwrap();
    fs::remove_dir_all(scene.backups().join(ID)).unwrap();
    let here = Location::default();
    let listed = b.host.list(BACKEND, &here, Order::Ascending).await.unwrap();
    assert_eq!(listed.iter().map(|status| status.id.as_str()).collect::<Vec<_>>(), ["y"]);
    let mut said = Vec::new();
    for id in [ID, "z"] {
        let error = b.host.verify(BACKEND, id, &here, VerifyDepth::ReadData).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        said.push(error.to_string().replace(&format!("`{id}`"), "`…`"));
    }
    assert_eq!(said[0], said[1]);
}

#[tokio::test]
async fn the_format_keeps_a_place_for_a_mac() {
    let scene = Scene::with_backup(SCALE, "BestSpeed").await;
    let b = scene.plan("b").start().await.unwrap();
    let stored = objects(&scene.backups(), ID);
    let path = |kind| &stored.iter().find(|(found, _)| *found == kind).unwrap().1;

    let (mut lines, _) = lines_of(&unzipped(path(Object::Manifest)));
    for line in lines.iter_mut().filter(|line| line["kind"] == "chunk") {
        line["seal"] = json!({"aead": "to be chosen", "tag": "00".repeat(16)});
    }
    let manifest = gzip(&with_mac(&lines));
    fs::write(path(Object::Manifest), &manifest).unwrap();

    let (mut body, _) = lines_of(&fs::read(path(Object::Descriptor)).unwrap());
    let node = body[0]["nodes"].as_object_mut().unwrap().values_mut().next().unwrap();
    node["manifest_blake3"] = json!(Hash::of(&manifest));
    node["manifest_bytes"] = json!(manifest.len());
    fs::write(path(Object::Descriptor), with_mac(&body)).unwrap();

    expect_clean(&b).await;
    assert_eq!(judge(&b, BACKEND, &scene.content).await.0, End::Harmless);
}

fn unzipped(path: &Path) -> Vec<u8> {
    let mut raw = Vec::new();
    let stored = fs::read(path).unwrap();
    flate2::read::GzDecoder::new(stored.as_slice()).read_to_end(&mut raw).unwrap();
    raw
}

/// All lines, and the last one apart.
fn lines_of(text: &[u8]) -> (Vec<Value>, Value) {
    let text = std::str::from_utf8(text).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let end = lines.pop().unwrap();
    (lines, end)
}

/// The lines with an end line that holds a MAC, as a later version may write it.
fn with_mac(lines: &[Value]) -> Vec<u8> {
    let mut text = String::from_utf8(ended(lines)).unwrap();
    assert_eq!(text.split_off(text.len() - 2), "}\n");
    text.push_str(&format!(",\"mac\":\"{}\"}}\n", "00".repeat(32)));
    text.into_bytes()
}
