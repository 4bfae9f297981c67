//! A process that is killed leaves the old state or the new one, and the next start tidies up. `torture crash` and
//! `torture sweep` are the long forms.

use std::path::Path;
use std::time::Duration;

use siltstone_tests::crash::{Arena, Moment, Outcome};
use tempfile::tempdir;

const MIB: u64 = 1 << 20;

async fn arena(base: &Path) -> Arena {
    Arena::new(base, Path::new(env!("CARGO_BIN_EXE_driver")), 4 << 20).await.unwrap()
}

fn after(word: &'static str, reached: u64, ms: u64) -> Moment {
    Moment::After(word, reached, Duration::from_millis(ms))
}

#[tokio::test]
async fn a_killed_backup_is_whole_or_undone_whenever_it_dies() {
    let base = tempdir().unwrap();
    let arena = arena(base.path()).await;
    let mut outcomes = Vec::new();
    for moment in [
        after("UP", 0, 0),
        after("UP", 0, 4),
        after("ACCEPTED", 0, 0),
        after("TRANSFERRING", 0, 0),
        after("TRANSFERRING", MIB, 0),
        after("TRANSFERRING", 3 * MIB, 3),
        after("TRANSFERRING", 7 * MIB, 0),
        after("TRANSFERRED", 0, 0),
        after("TRANSFERRED", 0, 4),
        after("SUCCESS", 0, 0),
    ] {
        outcomes.push(arena.backup(&moment).await.unwrap());
    }
    assert!(outcomes.iter().filter(|o| **o == Outcome::Undone).count() >= 4, "{outcomes:?}");
    assert!(matches!(outcomes.last(), Some(Outcome::Done | Outcome::Survived)), "{outcomes:?}");
}

#[tokio::test]
async fn a_killed_restore_is_whole_or_absent_whenever_it_dies() {
    let base = tempdir().unwrap();
    let arena = arena(base.path()).await;
    let mut outcomes = Vec::new();
    for moment in [
        after("UP", 0, 2),
        after("ACCEPTED", 0, 0),
        after("TRANSFERRING", 0, 0),
        after("TRANSFERRING", MIB, 0),
        after("TRANSFERRING", 6 * MIB, 0),
        after("FINALIZING", 0, 0),
        after("SUCCESS", 0, 0),
    ] {
        outcomes.push(arena.restore(&moment).await.unwrap());
    }
    assert!(outcomes.iter().filter(|o| **o == Outcome::Undone).count() >= 2, "{outcomes:?}");
    assert!(matches!(outcomes.last(), Some(Outcome::Done | Outcome::Survived)), "{outcomes:?}");
}
