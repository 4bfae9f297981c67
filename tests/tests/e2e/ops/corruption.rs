//! Whatever happens to a stored object: a restore installs nothing of it, and verify finds it.

use std::fs;
use std::path::Path;

use siltstone::ErrorKind;
use siltstone::model::{Compression, Location, State};
use siltstone::ops::{BackupRequest, RestoreRequest, VerifyDepth};
use siltstone_tests::corrupt::{Damage, Object, damage, objects};
use siltstone_tests::ops_house::{BACKEND, House, Plan, bytes, error_of, fill, shown};
use tempfile::{TempDir, tempdir};

const MIB: usize = 1 << 20;

/// A backup `x` of two chunks and more in each compression, and an empty database beside it.
async fn houses(compression: &str) -> (TempDir, House, House) {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    fill(&a.db, 4 * MIB).unwrap();
    let mut request = BackupRequest::new(BACKEND, "x");
    request.compression = Compression::from_name(compression).unwrap();
    let status = a.backup_with(request).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    (base, a, b)
}

/// What a restore says of the damaged backup; it must not succeed, and leave nothing.
async fn refusal(b: &House) -> String {
    let text = match b.restore("x").await {
        Ok(status) => {
            assert_eq!(status.state, State::Failed, "{}", shown(&status));
            error_of(&status).to_owned()
        }
        Err(e) => e.to_string(),
    };
    assert!(b.db.content().unwrap().is_empty(), "something was installed: {text}");
    assert!(b.local_leftovers().unwrap().is_empty(), "{text}: {:?}", b.local_leftovers());
    text
}

/// What verify says; nothing if it finds nothing.
async fn problems(a: &House, depth: VerifyDepth) -> String {
    match a.host.verify(BACKEND, "x", &Location::default(), depth).await {
        Ok(report) => report.problems.join("; "),
        Err(e) => e.to_string(),
    }
}

fn key(location: &Path, path: &Path) -> String {
    path.strip_prefix(location).unwrap().display().to_string()
}

#[tokio::test]
async fn every_damage_of_every_object_is_found_by_verify_and_refused_by_restore() {
    let all = [
        Damage::Flip(0),
        Damage::Flip(333),
        Damage::Flip(1000),
        Damage::Cut,
        Damage::Empty,
        Damage::Grow,
        Damage::Delete,
    ];
    let content = [Damage::Flip(500)];
    for (compression, damages) in
        [("BestSpeed", all.as_slice()), ("ZstdBestSpeed", &content), ("NoCompression", &content)]
    {
        let (_base, a, b) = houses(compression).await;
        let stored = objects(&a.plan.backups, "x");
        let chunks = stored.iter().filter(|(kind, _)| *kind == Object::Chunk).count();
        assert!(chunks >= 2 && stored.len() == chunks + 2, "{stored:?}");
        for (kind, path) in &stored {
            for how in damages {
                let what = format!("{compression} {how:?} {}", key(&a.plan.backups, path));
                let before = damage(path, *how).unwrap();
                // Bytes behind the last frame of a chunk harm nobody who restores.
                let harmless = *how == Damage::Grow && *kind == Object::Chunk;
                if !harmless {
                    let text = refusal(&b).await;
                    let name = match kind {
                        Object::Descriptor => "x",
                        Object::Manifest => "manifest",
                        Object::Chunk => "",
                    };
                    assert!(text.contains(name), "{what}: {text}");
                    if *kind == Object::Chunk && *how == Damage::Delete {
                        assert!(text.contains("is missing") && text.contains("chunks/"), "{what}: {text}");
                    } else if *kind == Object::Chunk {
                        assert!(text.contains("file=") || text.contains("chunks/"), "{what}: {text}");
                    }
                }
                let found = problems(&a, VerifyDepth::ReadData).await;
                assert!(!found.is_empty(), "{what}: verify finds nothing");
                if *kind == Object::Chunk {
                    assert!(found.contains(&key(&a.plan.backups, path)), "{what}: {found}");
                }
                let sees_by_structure = *kind != Object::Chunk || !matches!(how, Damage::Flip(_));
                if sees_by_structure {
                    assert!(!problems(&a, VerifyDepth::Structure).await.is_empty(), "{what}: structure");
                }
                fs::write(path, before).unwrap();
            }
        }
        assert_eq!(problems(&a, VerifyDepth::ReadData).await, "");
        assert_eq!(b.restore("x").await.unwrap().state, State::Success, "whole again");
        assert_eq!(a.db.content().unwrap(), b.db.content().unwrap());
    }
}

#[tokio::test]
async fn objects_that_change_places_are_found() {
    let (_base, a, b) = houses("BestSpeed").await;
    assert_eq!(a.backup("y").await.unwrap().state, State::Success);
    let (x, y) = (objects(&a.plan.backups, "x"), objects(&a.plan.backups, "y"));
    let swap = |one: &Path, other: &Path| {
        let (first, second) = (fs::read(one).unwrap(), fs::read(other).unwrap());
        fs::write(one, second).unwrap();
        fs::write(other, first).unwrap();
    };
    let chunks: Vec<_> = x.iter().filter(|(kind, _)| *kind == Object::Chunk).collect();
    let mut pairs = vec![(&chunks[0].1, &chunks[1].1)];
    pairs.extend(
        x.iter().zip(&y).filter(|(one, _)| one.0 != Object::Chunk).map(|(one, other)| (&one.1, &other.1)),
    );
    assert_eq!(pairs.len(), 3);
    for (one, other) in pairs {
        swap(one, other);
        refusal(&b).await;
        let found = problems(&a, VerifyDepth::ReadData).await;
        assert!(!found.is_empty(), "{} and {}", one.display(), other.display());
        swap(one, other);
    }
    assert_eq!(problems(&a, VerifyDepth::ReadData).await, "");
}

#[tokio::test]
async fn a_damaged_backup_is_reported_as_such_and_never_as_missing() {
    let (_base, a, _b) = houses("BestSpeed").await;
    let descriptor = a.plan.backups.join("x/backup.json");
    damage(&descriptor, Damage::Flip(500)).unwrap();
    for error in [
        a.host.restore(RestoreRequest::new(BACKEND, "x")).await.unwrap_err(),
        a.status("x").await.unwrap_err(),
        a.host.backup(BackupRequest::new(BACKEND, "x")).await.unwrap_err(),
        a.cancel("x").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains("key=x/backup.json"), "{error}");
    }
}

#[tokio::test]
async fn a_newer_format_is_refused_by_its_number_and_an_unknown_feature_by_its_name() {
    let (_base, a, b) = houses("BestSpeed").await;
    siltstone_tests::corrupt::Forgery::new(&a.plan.backups, "newer")
        .collection("C")
        .write_with(&serde_json::json!({"format": 2}));
    siltstone_tests::corrupt::Forgery::new(&a.plan.backups, "sealed")
        .collection("C")
        .write_with(&serde_json::json!({"requires": ["seals"]}));
    for (id, word) in [("newer", "format 2"), ("sealed", "`seals`")] {
        let refused = b.host.restore(RestoreRequest::new(BACKEND, id)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{refused}");
        assert!(refused.to_string().contains(word), "{refused}");
        let refused =
            b.host.verify(BACKEND, id, &Location::default(), VerifyDepth::Structure).await.unwrap_err();
        assert!(refused.to_string().contains(word), "{refused}");
        let taken = b.host.backup(BackupRequest::new(BACKEND, id)).await;
        assert!(taken.is_err(), "it is not ours to overwrite");
        let kept = b.host.forget(BACKEND, id, &Location::default()).await.unwrap_err();
        assert!(kept.to_string().contains(word), "{kept}");
    }
}

#[tokio::test]
async fn one_damaged_file_among_many_fails_the_restore_and_leaves_no_staging() {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    let many = (0..800_u64).map(|n| (format!("f{n}"), (bytes(n, 300), 0o644))).collect();
    a.db.add("Many", None, siltstone::model::TenantState::Hot, &many).unwrap();
    let mut request = BackupRequest::new(BACKEND, "x");
    request.compression = Compression::from_name("NoCompression").unwrap();
    assert_eq!(a.backup_with(request).await.unwrap().state, State::Success);
    let chunk = objects(&a.plan.backups, "x").into_iter().find(|(kind, _)| *kind == Object::Chunk).unwrap().1;
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    for share in [10, 200, 500, 900] {
        let before = damage(&chunk, Damage::Flip(share)).unwrap();
        refusal(&b).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert!(b.local_leftovers().unwrap().is_empty(), "{:?}", b.local_leftovers());
        fs::write(&chunk, before).unwrap();
    }
}
