//! Incremental backups: content that the base has is named and not stored again, and identity is the hash alone.

use std::fs::{self, File, FileTimes};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use siltstone::ErrorKind;
use siltstone::model::{BackupId, Compression, Location, State, TenantState, Timestamp};
use siltstone::ops::{BackupRequest, Order, Status, VerifyDepth};
use siltstone::repository::descriptor;
use siltstone_tests::folder_db::{Files, read_tree};
use siltstone_tests::ops_house::{BACKEND, House, Plan, bytes, error_of, fill, shown, until};
use tempfile::{TempDir, tempdir};

const MIB: usize = 1 << 20;

async fn house() -> (TempDir, House) {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    (base, a)
}

fn on(base: &str, id: &str) -> BackupRequest {
    BackupRequest { base: Some(base.to_owned()), ..BackupRequest::new(BACKEND, id) }
}

async fn succeed(a: &House, request: BackupRequest) -> Status {
    let status = a.backup_with(request).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    status
}

/// Restores a backup on a new machine and compares everything.
async fn assert_restorable(base: &TempDir, a: &House, id: &str) {
    let b = Plan::new(base.path(), &format!("to-{id}")).unwrap().start().await.unwrap();
    let status = b.restore(id).await.unwrap();
    assert_eq!(status.state, State::Success, "{}", shown(&status));
    assert_eq!(a.db.content().unwrap(), b.db.content().unwrap());
    assert_eq!(a.db.definitions(), b.db.definitions());
    let report = a.host.verify(BACKEND, id, &Location::default(), VerifyDepth::ReadData).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
}

fn chunks_of(a: &House, id: &str) -> Vec<String> {
    let mine = |name: &String| name.starts_with(&format!("{id}/")) && name.contains("/chunks/");
    a.objects().unwrap().into_iter().filter(mine).collect()
}

/// Changes a stored descriptor; the hash in its last line is made anew.
fn edit(a: &House, id: &str, change: impl FnOnce(&mut siltstone::model::Descriptor)) {
    let path = a.plan.backups.join(id).join("backup.json");
    let mut found = descriptor::decode(&fs::read(&path).unwrap()).unwrap();
    change(&mut found);
    fs::write(&path, descriptor::encode(&found).unwrap()).unwrap();
}

#[tokio::test]
async fn only_new_content_is_stored_and_the_rest_is_named() {
    let (base, a) = house().await;
    fill(&a.db, 12 * MIB).unwrap();
    let full = succeed(&a, BackupRequest::new(BACKEND, "full")).await;
    assert_eq!(full.outcome.as_ref().unwrap().reused_bytes, 0);
    let new: Files = [("new".to_owned(), (bytes(900, MIB), 0o600))].into();
    a.db.add("Added", None, TenantState::Hot, &new).unwrap();

    let status = succeed(&a, on("full", "next")).await;
    assert_eq!(status.base.as_deref(), Some("full"));
    let outcome = status.outcome.unwrap();
    assert_eq!(outcome.reused_bytes, full.raw_bytes, "every file of the base");
    assert_eq!(status.raw_bytes, full.raw_bytes + MIB as u64);
    assert_eq!(outcome.stored_bytes - outcome.new_bytes, full.outcome.unwrap().stored_bytes);
    assert!(outcome.new_bytes < MIB as u64, "{outcome:?}");
    assert_eq!(chunks_of(&a, "next").len(), 1);
    let listed = a.host.list(BACKEND, &Location::default(), Order::Ascending).await.unwrap();
    assert_eq!(listed[1].base.as_deref(), Some("full"));
    assert_eq!(listed[1].outcome.as_ref().unwrap().reused_bytes, full.raw_bytes);
    assert_restorable(&base, &a, "next").await;
}

#[tokio::test]
async fn nothing_changed_stores_no_chunk_at_all() {
    let (base, a) = house().await;
    fill(&a.db, 5 * MIB).unwrap();
    succeed(&a, BackupRequest::new(BACKEND, "full")).await;
    let status = succeed(&a, on("full", "same")).await;
    assert_eq!((status.outcome.unwrap().new_bytes, chunks_of(&a, "same").len()), (0, 0));
    assert_restorable(&base, &a, "same").await;
}

#[tokio::test]
async fn other_content_under_the_same_name_length_and_time_is_stored() {
    let (base, a) = house().await;
    let old: Files = [("segment".to_owned(), (bytes(1, 3 * MIB), 0o640))].into();
    let new: Files = [("segment".to_owned(), (bytes(2, 3 * MIB), 0o640))].into();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let touch = || {
        for name in read_tree(&a.plan.root.join("live")).unwrap().keys() {
            let file = File::options().append(true).open(a.plan.root.join("live").join(name)).unwrap();
            file.set_times(FileTimes::new().set_modified(at)).unwrap();
        }
    };
    a.db.add("Article", None, TenantState::Hot, &old).unwrap();
    touch();
    succeed(&a, BackupRequest::new(BACKEND, "full")).await;
    a.db.drop_collection("Article").unwrap();
    a.db.add("Article", None, TenantState::Hot, &new).unwrap();
    touch();
    let outcome = succeed(&a, on("full", "next")).await.outcome.unwrap();
    assert_eq!((outcome.reused_bytes, outcome.stored_bytes), (0, outcome.new_bytes));
    assert_restorable(&base, &a, "next").await;
}

#[tokio::test]
async fn the_same_content_under_other_names_and_modes_is_reused_however_small() {
    let (base, a) = house().await;
    let small = |names: [&str; 4], mode| -> Files {
        let file = |(n, name): (usize, &&str)| ((*name).to_owned(), (bytes(n as u64, 10 + n), mode));
        names.iter().enumerate().map(file).collect()
    };
    a.db.add("Article", None, TenantState::Hot, &small(["a", "b", "c", "d"], 0o600)).unwrap();
    succeed(&a, BackupRequest::new(BACKEND, "full")).await;
    a.db.drop_collection("Article").unwrap();
    a.db.add("Book", Some("t"), TenantState::Cold, &small(["w", "x/y", "y", "z"], 0o755)).unwrap();
    let outcome = succeed(&a, on("full", "next")).await.outcome.unwrap();
    assert_eq!((outcome.new_bytes, outcome.reused_bytes), (0, 10 + 11 + 12 + 13));
    assert_restorable(&base, &a, "next").await;
}

#[tokio::test]
async fn a_chain_of_mixed_codecs_needs_nothing_but_the_chunks_it_names() {
    let (base, a) = house().await;
    let levels = ["DefaultCompression", "ZstdDefaultCompression", "NoCompression", "BestSpeed"];
    for (n, level) in levels.into_iter().enumerate() {
        let files: Files = [(format!("f{n}"), (bytes(n as u64, 2 * MIB + n), 0o640))].into();
        a.db.add(&format!("C{n}"), None, TenantState::Hot, &files).unwrap();
        let id = format!("b{n}");
        let mut request = BackupRequest::new(BACKEND, &id);
        request.base = n.checked_sub(1).map(|before| format!("b{before}"));
        request.compression = Compression::from_name(level).unwrap();
        let outcome = succeed(&a, request).await.outcome.unwrap();
        assert_eq!(outcome.reused_bytes, (0..n).map(|n| (2 * MIB + n) as u64).sum::<u64>());
    }
    for id in ["b0", "b1", "b2"] {
        let kept = a.host.forget(BACKEND, id, &Location::default()).await.unwrap_err();
        assert!(kept.is(ErrorKind::Conflict) && kept.to_string().contains("refers to its chunks"), "{kept}");
    }
    for name in a.objects().unwrap() {
        if !name.starts_with("b3/") && !name.contains("/chunks/") {
            fs::remove_file(a.plan.backups.join(name)).unwrap();
        }
    }
    assert_restorable(&base, &a, "b3").await;
}

#[tokio::test]
async fn what_cannot_be_a_base_is_refused_with_the_reason_and_claims_nothing() {
    let (_base, a) = house().await;
    fill(&a.db, MIB).unwrap();
    succeed(&a, BackupRequest::new(BACKEND, "good")).await;
    a.db.hooks.cut.hold();
    a.host.backup(BackupRequest::new(BACKEND, "canceled")).await.unwrap();
    a.cancel("canceled").await.unwrap();
    a.ended("canceled").await.unwrap();
    a.db.hooks.cut.release();
    for id in ["future", "failed", "broken", "turning", "round", "young"] {
        succeed(&a, BackupRequest::new(BACKEND, id)).await;
    }
    let id = |text: &str| BackupId::new(text).unwrap();
    let later = serde_json::from_value::<Timestamp>("2999-01-01T00:00:00.000Z".into()).unwrap();
    edit(&a, "future", |d| d.completed_at = later);
    edit(&a, "failed", |d| (d.state, d.nodes) = (State::Failed, Default::default()));
    fs::write(a.plan.backups.join("broken/backup.json"), b"{}").unwrap();
    edit(&a, "turning", |d| d.base = Some(id("round")));
    edit(&a, "round", |d| (d.base, d.started_at) = (Some(id("turning")), Timestamp::ZERO));
    edit(&a, "good", |d| d.base = Some(id("young")));
    for (base, why) in [
        ("nowhere", "does not exist"),
        ("canceled", "is CANCELED"),
        ("failed", "is FAILED"),
        ("x", "own base"),
        ("future", "clocks"),
        ("broken", "cannot be read"),
        ("turning", "cycle"),
        ("good", "`young`, which is newer"),
    ] {
        let error = a.host.backup(on(base, "x")).await.unwrap_err();
        assert!(error.is(ErrorKind::Invalid), "{base}: {error}");
        let text = error.to_string();
        assert!(text.contains(&format!("`{base}`")) && text.contains(why), "{base}: {text}");
        assert!(!a.plan.backups.join("x").exists());
    }
    let manifest = a.objects().unwrap().into_iter().find(|n| n.starts_with("young/") && n.ends_with(".gz"));
    fs::remove_file(a.plan.backups.join(manifest.unwrap())).unwrap();
    let error = a.host.backup(on("young", "x")).await.unwrap_err().to_string();
    assert!(error.contains("`young`") && error.contains("manifest is missing"), "{error}");
    assert!(a.local_leftovers().unwrap().is_empty());
}

#[tokio::test]
async fn an_id_that_was_forgotten_may_come_back_on_top_of_what_was_built_on_it() {
    let (base, a) = house().await;
    fill(&a.db, MIB).unwrap();
    succeed(&a, BackupRequest::new(BACKEND, "x")).await;
    for name in ["Article", "Book"] {
        a.db.drop_collection(name).unwrap();
    }
    a.db.add("New", None, TenantState::Hot, &[("n".to_owned(), (bytes(5, MIB), 0o600))].into()).unwrap();
    succeed(&a, on("x", "y")).await;
    a.host.forget(BACKEND, "x", &Location::default()).await.unwrap();
    let outcome = succeed(&a, on("y", "x")).await.outcome.unwrap();
    assert_eq!(outcome.new_bytes, 0);
    succeed(&a, on("x", "z")).await;
    assert_restorable(&base, &a, "z").await;
}

#[tokio::test]
async fn a_backup_that_is_being_forgotten_is_no_base_and_its_id_is_taken_until_it_is_gone() {
    let (_base, a) = house().await;
    fill(&a.db, MIB).unwrap();
    succeed(&a, BackupRequest::new(BACKEND, "old")).await;
    succeed(&a, on("old", "next")).await;
    // As a server leaves it that dies in the middle of forgetting.
    edit(&a, "next", |d| (d.state, d.error) = (State::Failed, Some("it is being forgotten".to_owned())));
    let chunks = chunks_of(&a, "old");
    let here = Location::default();
    let error = a.host.backup(BackupRequest::new(BACKEND, "next")).await.unwrap_err();
    assert!(error.is(ErrorKind::AlreadyExists) && error.to_string().contains("forget it again"), "{error}");
    assert!(a.host.backup(on("next", "third")).await.unwrap_err().is(ErrorKind::Invalid));
    assert!(a.host.restore(siltstone::ops::RestoreRequest::new(BACKEND, "next")).await.is_err());
    // It might yet be kept, so what it names is kept.
    let kept = a.host.forget(BACKEND, "old", &here).await.unwrap_err();
    assert!(kept.is(ErrorKind::Conflict) && kept.to_string().contains("`next` refers"), "{kept}");
    assert_eq!(chunks_of(&a, "old"), chunks);
    a.host.forget(BACKEND, "next", &here).await.unwrap();
    a.host.forget(BACKEND, "old", &here).await.unwrap();
    assert!(a.objects().unwrap().is_empty(), "{:?}", a.objects());
    succeed(&a, BackupRequest::new(BACKEND, "next")).await;
}

#[tokio::test]
async fn nothing_is_forgotten_while_an_incremental_backup_is_made_on_top_of_anything() {
    let (base, a) = house().await;
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    fill(&a.db, MIB).unwrap();
    succeed(&a, BackupRequest::new(BACKEND, "one")).await;
    succeed(&a, on("one", "two")).await;
    let before = a.db.hooks.cut.arrived();
    a.db.hooks.cut.hold();
    a.host.backup(on("two", "three")).await.unwrap();
    assert!(until(|| a.db.hooks.cut.arrived() > before).await);
    let here = Location::default();
    let both = tokio::join!(b.host.forget(BACKEND, "one", &here), b.host.forget(BACKEND, "two", &here));
    for kept in [both.0.unwrap_err(), both.1.unwrap_err()] {
        assert!(kept.is(ErrorKind::Conflict), "{kept}");
    }
    a.db.hooks.cut.release();
    assert_eq!(a.ended("three").await.unwrap().state, State::Success);
    assert_restorable(&base, &a, "three").await;
    let kept = b.host.forget(BACKEND, "one", &here).await.unwrap_err();
    assert!(kept.to_string().contains("refers to its chunks"), "{kept}");
    assert_restorable(&base, &a, "two").await;
}

#[tokio::test]
async fn forgetting_and_building_at_the_same_time_never_leave_a_backup_without_its_chunks() {
    let (base, a) = house().await;
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    fill(&a.db, 2 * MIB).unwrap();
    let here = Location::default();
    let mut both = 0;
    for n in 0..12_u64 {
        let (first, second, third) = (format!("a{n}"), format!("b{n}"), format!("c{n}"));
        succeed(&a, BackupRequest::new(BACKEND, &first)).await;
        succeed(&a, on(&first, &second)).await;
        let forgets = async |id: &str, host: &siltstone::Host| {
            tokio::time::sleep(Duration::from_millis(n % 6 * 4)).await;
            host.forget(BACKEND, id, &here).await.is_ok()
        };
        let (built, one, two, again) = tokio::join!(
            a.backup_with(on(&second, &third)),
            forgets(&first, &b.host),
            forgets(&second, &b.host),
            forgets(&second, &a.host),
        );
        let is_built = built.is_ok_and(|status| status.state == State::Success);
        let left = a.host.list(BACKEND, &here, Order::Ascending).await.unwrap();
        for status in left.iter().filter(|s| s.state == State::Success) {
            let report = a.host.verify(BACKEND, &status.id, &here, VerifyDepth::ReadData).await.unwrap();
            assert_eq!(report.problems, Vec::<String>::new(), "{n}: {} {one} {two} {again}", status.id);
        }
        both += usize::from(is_built);
        for id in [&third, &second, &first] {
            // Some are gone already.
            let _ = a.host.forget(BACKEND, id, &here).await;
        }
    }
    assert!(both > 0, "every build lost: the race was not tried");
    assert!(base.path().exists());
}

#[tokio::test]
async fn an_older_backup_of_the_chain_may_be_gone_or_its_id_be_used_again() {
    let (base, a) = house().await;
    fill(&a.db, 3 * MIB).unwrap();
    succeed(&a, BackupRequest::new(BACKEND, "old")).await;
    for name in ["Article", "Book"] {
        a.db.drop_collection(name).unwrap();
    }
    let fresh: Files = [("f".to_owned(), (bytes(77, MIB + 1), 0o600))].into();
    a.db.add("Fresh", None, TenantState::Hot, &fresh).unwrap();
    let outcome = succeed(&a, on("old", "middle")).await.outcome.unwrap();
    assert_eq!(outcome.reused_bytes, 0);
    a.host.forget(BACKEND, "old", &Location::default()).await.unwrap();
    succeed(&a, on("middle", "third")).await;
    succeed(&a, BackupRequest::new(BACKEND, "old")).await;
    let outcome = succeed(&a, on("third", "fourth")).await.outcome.unwrap();
    assert_eq!(outcome.new_bytes, 0);
    assert_restorable(&base, &a, "fourth").await;
}

#[tokio::test]
async fn a_base_stays_while_another_server_builds_on_it_and_what_was_lost_fails_the_backup() {
    let (base, a) = house().await;
    let b = Plan::new(base.path(), "b").unwrap().start().await.unwrap();
    fill(&a.db, 3 * MIB).unwrap();
    succeed(&a, BackupRequest::new(BACKEND, "full")).await;
    let before = a.db.hooks.cut.arrived();
    a.db.hooks.cut.hold();
    a.host.backup(on("full", "next")).await.unwrap();
    assert!(until(|| a.db.hooks.cut.arrived() > before).await);
    let kept = b.host.forget(BACKEND, "full", &Location::default()).await.unwrap_err();
    assert!(kept.is(ErrorKind::Conflict) && kept.to_string().contains("being made on top of it"), "{kept}");
    // Somebody deletes it by hand all the same.
    let gone: PathBuf = a.plan.backups.join("full/backup.json");
    fs::remove_file(&gone).unwrap();
    a.db.hooks.cut.release();
    let status = a.ended("next").await.unwrap();
    assert_eq!(status.state, State::Failed);
    assert!(error_of(&status).contains("`full` was forgotten"), "{}", shown(&status));
    assert!(a.objects().unwrap().iter().all(|name| !name.starts_with("next/0")), "its own data is undone");
}

#[tokio::test]
async fn a_chunk_of_the_base_that_is_lost_or_cut_short_fails_the_backup() {
    let (_base, a) = house().await;
    fill(&a.db, 3 * MIB).unwrap();
    for (id, damage) in [("cut", true), ("lost", false)] {
        let full = format!("{id}-base");
        succeed(&a, BackupRequest::new(BACKEND, &full)).await;
        let chunk = a.plan.backups.join(&chunks_of(&a, &full)[0]);
        if damage {
            File::options().write(true).open(&chunk).unwrap().set_len(100).unwrap();
        } else {
            fs::remove_file(&chunk).unwrap();
        }
        let status = a.backup_with(on(&full, id)).await.unwrap();
        assert_eq!(status.state, State::Failed);
        assert!(error_of(&status).contains("chunk `"), "{}", shown(&status));
        assert!(error_of(&status).contains(&full), "{}", shown(&status));
    }
    // A manifest that is not the descriptor's.
    succeed(&a, BackupRequest::new(BACKEND, "third")).await;
    let manifest = a.objects().unwrap().into_iter().find(|n| n.starts_with("third/") && n.ends_with(".gz"));
    let manifest = a.plan.backups.join(manifest.unwrap());
    let mut content = fs::read(&manifest).unwrap();
    content[20] ^= 1;
    fs::write(&manifest, content).unwrap();
    let status = a.backup_with(on("third", "fourth")).await.unwrap();
    assert_eq!(status.state, State::Failed);
    assert!(error_of(&status).contains("third"), "{}", shown(&status));
}

#[tokio::test]
async fn a_copy_of_an_incremental_backup_is_whole_where_its_base_never_was() {
    let (base, a) = house().await;
    fill(&a.db, 3 * MIB).unwrap();
    succeed(&a, BackupRequest::new(BACKEND, "full")).await;
    a.db.add("New", None, TenantState::Hot, &[("n".to_owned(), (bytes(5, 9), 0o600))].into()).unwrap();
    succeed(&a, on("full", "next")).await;
    let there = base.path().join("backups/elsewhere");
    let mut request = siltstone::ops::CopyRequest::new("next", BACKEND, BACKEND);
    request.to_location = Location { bucket: None, path: Some(there.display().to_string()) };
    a.host.copy(request).await.unwrap().wait().await.unwrap();
    let mut moved = Plan::new(base.path(), "moved").unwrap();
    moved.backups = there;
    let b = moved.start().await.unwrap();
    assert_eq!(b.restore("next").await.unwrap().state, State::Success);
    assert_eq!(a.db.content().unwrap(), b.db.content().unwrap());
    // And it can be built on there.
    let outcome = succeed(&b, on("next", "third")).await.outcome.unwrap();
    assert_eq!(outcome.new_bytes, 0);
}
