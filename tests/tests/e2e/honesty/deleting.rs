//! Lies about what was removed: what stays belongs to no backup.

use std::path::Path;
use std::sync::atomic::Ordering;

use siltstone::model::{Compression, Location, State};
use siltstone::ops::BackupRequest;
use siltstone_liar::{Kind, Lie, NAME};
use siltstone_tests::corrupt::{Object, objects};
use siltstone_tests::folder_db::read_tree;
use siltstone_tests::ops_house::{BACKEND, House, shown, until};

use super::scene::{End, ID, Scene, judge, strikes};

/// More than one part of 16 MiB, with time to cancel before the end.
const BIG: usize = 40 << 20;

/// Objects of a cancelled backup that stay are no backup, nor do they get into the way of the next one; and what was forgotten and
/// stays is none any more.
pub async fn deleting(lie: Lie) {
    let scene = Scene::of_one_file(BIG).await;
    let (plan, notes) = scene.lying("a", lie, (Kind::Chunk, None));
    let a = plan.start().await.unwrap();
    let backups = a.plan.backups.clone();
    let chunks = || objects(&backups, ID).into_iter().filter(|(kind, _)| *kind == Object::Chunk).count();
    cancelled(&a, 2 << 20, || chunks() > 0).await;
    let told = strikes(&notes);
    assert!(told > 0 && chunks() > 0, "{told} lies, {} chunks", chunks());
    refused_then_made_again(&scene, a).await;

    // As seen by the one who deletes, everything went well.
    let (plan, notes) = scene.lying("a", lie, (Kind::Descriptor, None));
    let a = plan.start().await.unwrap();
    a.host.forget(NAME, ID, &Location::default()).await.unwrap();
    assert!(strikes(&notes) > 0);
    a.stop().await;
    let b = scene.plan("b").start().await.unwrap();
    assert_eq!(judge(&b, BACKEND, &scene.content).await.0, End::Found, "it was forgotten");
}

/// Parts of a cancelled backup that stay are found by the host and removed as the temporary objects that they are.
pub async fn abandoning(lie: Lie) {
    let scene = Scene::of_one_file(BIG).await;
    let (plan, notes) = scene.lying("a", lie, (Kind::Chunk, None));
    let a = plan.start().await.unwrap();
    let backups = a.plan.backups.clone();
    cancelled(&a, 64 << 20, || temporary(&backups).iter().any(|name| name.ends_with(".parts"))).await;
    assert!(strikes(&notes) > 0, "no upload was aborted");
    assert!(temporary(&backups).is_empty(), "{:?}", temporary(&backups));
    refused_then_made_again(&scene, a).await;
}

/// Names of the files below the folder of temporary ones.
fn temporary(backups: &Path) -> Vec<String> {
    let folder = backups.join(".siltstone-tmp");
    if !folder.is_dir() {
        return Vec::new();
    }
    // Files vanish while one looks.
    read_tree(&folder).map(|files| files.into_keys().collect()).unwrap_or_default()
}

/// Begins a backup through the liar and cancels it once something has been stored.
async fn cancelled(a: &House, chunk_size: u64, stored: impl FnMut() -> bool) {
    let mut request = BackupRequest::new(NAME, ID);
    request.compression = Compression::from_name("NoCompression").unwrap();
    request.chunk_size = Some(chunk_size);
    let delay = &a.db.hooks.read_delay_us;
    delay.store(1000, Ordering::Relaxed);
    a.host.backup(request).await.unwrap();
    let reached = until(stored).await;
    // The rest of the file now takes minutes.
    delay.store(500_000, Ordering::Relaxed);
    assert!(reached, "nothing was stored");
    a.host.cancel_backup(NAME, ID, &Location::default()).await.unwrap();
    let status = a.host.wait_backup(NAME, ID, &Location::default()).await.unwrap();
    assert_eq!(status.state, State::Canceled, "{}", shown(&status));
    delay.store(0, Ordering::Relaxed);
}

async fn refused_then_made_again(scene: &Scene, a: House) {
    let b = scene.plan("b").start().await.unwrap();
    assert_eq!(judge(&b, BACKEND, &scene.content).await.0, End::Found, "it was cancelled");
    let status = a.backup_with(BackupRequest::new(NAME, ID)).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    a.stop().await;
    assert_eq!(judge(&b, BACKEND, &scene.content).await.0, End::Harmless);
}
