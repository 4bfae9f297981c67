//! Lies that are told while a backup is made, and lies that are told when it is read.

use std::fs;

use siltstone::model::{Compression, Location, State, TenantState};
use siltstone::ops::{BackupRequest, VerifyDepth};
use siltstone_liar::{Kind, Lie, NAME};
use siltstone_tests::ops_house::{BACKEND, error_of, files};

use super::scene::{End, ID, Scene, Target, judge, strikes};

/// Bytes in the largest file: three chunks and more.
const SCALE: usize = 3 << 20;
/// More than one part of 16 MiB, and less than two.
const BIG: usize = 18 << 20;

/// A lie is told while a backup is made: about the descriptor that claims the id, the descriptor that makes the backup visible, the manifest,
/// every chunk, the second chunk.
pub async fn making(lie: Lie, expected: [End; 5]) {
    let targets = [
        (Kind::Descriptor, Some(1)),
        (Kind::Descriptor, Some(2)),
        (Kind::Manifest, None),
        (Kind::Chunk, None),
        (Kind::Chunk, Some(2)),
    ];
    let scene = Scene::new(SCALE).await;
    let mut ends = Vec::new();
    for target in targets {
        ends.push(make(&scene, lie, target, BackupRequest::new(NAME, ID)).await);
    }
    check(lie, &ends, &expected);
}

/// A lie is told about an object of two parts while a backup is made.
pub async fn in_parts(lie: Lie, expected: End) {
    let scene = Scene::of_one_file(BIG).await;
    let mut request = BackupRequest::new(NAME, ID);
    request.compression = Compression::from_name("NoCompression").unwrap();
    request.chunk_size = Some(64 << 20);
    let end = make(&scene, lie, (Kind::Chunk, None), request).await;
    check(lie, &[end], &[expected]);
}

/// A backup was made honestly, and the lie is told when it is read: about the descriptor, the manifest, every chunk, the second
/// chunk.
pub async fn reading(lie: Lie, expected: [End; 4]) {
    let scene = Scene::with_backup(SCALE, "BestSpeed").await;
    let targets =
        [(Kind::Descriptor, None), (Kind::Manifest, None), (Kind::Chunk, None), (Kind::Chunk, Some(2))];
    let mut ends = Vec::new();
    for target in targets {
        let (plan, notes) = scene.lying("b", lie, target);
        let b = plan.start().await.unwrap();
        let (end, text) = judge(&b, NAME, &scene.content).await;
        // The backup is as good as ever for whoever reads it through an honest plugin.
        assert_eq!(judge(&b, BACKEND, &scene.content).await.0, End::Harmless);
        b.stop().await;
        ends.push(settle(end, text, strikes(&notes)));
    }
    check(lie, &ends, &expected);
}

/// Two servers with different databases make a backup of one id at the same time, and a lie lets both in: what is there afterwards
/// is the backup of one of them, or none.
pub async fn racing(lie: Lie) {
    let scene = Scene::new(SCALE).await;
    let target = (Kind::Descriptor, None);
    let ((one, notes), (two, more)) = (scene.lying("a", lie, target), scene.lying("c", lie, target));
    let (a, c) = (one.start().await.unwrap(), two.start().await.unwrap());
    c.db.add("Other", None, TenantState::Hot, &files(7, &[SCALE])).unwrap();
    let others = c.db.content().unwrap();
    let request = || BackupRequest::new(NAME, ID);
    let both = tokio::join!(a.backup_with(request()), c.backup_with(request()));
    assert!(strikes(&notes) + strikes(&more) > 0, "nobody lied: {both:?}");
    let b = scene.plan("b").start().await.unwrap();
    let found = b.host.verify(BACKEND, ID, &Location::default(), VerifyDepth::ReadData).await;
    match b.restore(ID).await {
        Ok(status) if status.state == State::Success => {
            let installed = b.db.content().unwrap();
            assert!(installed == scene.content || installed == others, "{both:?}");
            assert!(found.is_ok_and(|report| report.problems.is_empty()));
        }
        refused => {
            assert!(b.db.content().unwrap().is_empty(), "{refused:?}");
            assert!(!found.is_ok_and(|report| report.problems.is_empty()), "{refused:?}");
        }
    }
}

/// Makes the backup through the liar, and looks at it through an honest plugin.
async fn make(scene: &Scene, lie: Lie, target: Target, request: BackupRequest) -> (End, String) {
    let _ = fs::remove_dir_all(scene.backups().join(ID));
    let (plan, notes) = scene.lying("a", lie, target);
    let a = plan.start().await.unwrap();
    let failure = match a.backup_with(request).await {
        Ok(status) if status.state == State::Success => None,
        Ok(status) => {
            assert_eq!(status.state, State::Failed);
            Some(error_of(&status).to_owned())
        }
        Err(error) => Some(error.to_string()),
    };
    a.stop().await;
    let b = scene.plan("b").start().await.unwrap();
    let (end, text) = judge(&b, BACKEND, &scene.content).await;
    b.stop().await;
    let strikes = strikes(&notes);
    let Some(failure) = failure else { return settle(end, text, strikes) };
    assert_eq!(end, End::Found, "the backup failed, and yet: {text}");
    let names = [NAME, "chunk", "manifest", "descriptor", "backup `x`"];
    assert!(names.iter().any(|name| failure.contains(name)), "it does not say what: {failure}");
    assert!(strikes > 0, "nobody lied: {failure}");
    (End::Refused, failure)
}

/// What nobody lied about must be whole.
fn settle(end: End, text: String, strikes: usize) -> (End, String) {
    if strikes > 0 {
        return (end, text);
    }
    assert_eq!(end, End::Harmless, "nobody lied: {text}");
    (End::Idle, text)
}

fn check(lie: Lie, found: &[(End, String)], expected: &[End]) {
    let ends: Vec<End> = found.iter().map(|found| found.0).collect();
    for (end, text) in found {
        println!("{lie:?} {end:?} {text}");
    }
    assert_eq!(ends, expected, "{found:#?}");
    assert!(ends.iter().any(|end| *end != End::Idle), "a lie that is never told proves nothing");
}
