//! Restores into the database: admission, checks, crash points of the install, aliases.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use siltstone::model::{CollectionName, ShardId, TenantState};
use siltstone::source::{
    AliasPolicy, Cut, InstallState, RestorePlan, RestoreTarget, ShardPlan, SnapshotSource, Staging,
};
use siltstone::{Error, ErrorKind};

use super::record::Record;
use crate::engine::folder::{DataFolder, relative};
use crate::fixture::{Fixture, Setup, batches, deliver, fast_folder, open, plan, restored, shard, write_all};
use crate::{Database, Tenancy};

fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

/// A cut of two shards with three batches, one of them flushed.
fn source() -> (Fixture, Box<dyn Cut>) {
    let f = Fixture::new(&Setup { tenants: 2, ..Setup::default() });
    write_all(&f.db, &f.shards, 1);
    f.shards.iter().for_each(|s| f.db.prepare(s).unwrap());
    write_all(&f.db, &f.shards, 2);
    write_all(&f.db, &f.shards, 3);
    let cut = f.db.cut(&f.shards, &f.budget(Duration::from_secs(1))).unwrap().cuts.remove(0);
    (f, cut)
}

/// An empty database into which a restore of the cut is staged.
fn staged() -> (tempfile::TempDir, Database, RestorePlan, Vec<Staging>) {
    let (_source, cut) = source();
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let plan = plan(cut.shards());
    let staged = deliver(&*cut, &db, &plan);
    (folder, db, plan, staged)
}

fn refused(db: &Database, plan: &RestorePlan) -> Error {
    let error = db.admit(plan).unwrap_err();
    let again = db.install(plan, Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), again.to_string());
    error
}

#[test]
fn a_name_that_exists_in_any_case_or_as_an_alias_is_refused() {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    db.create_collection(&name("Book"), json!({}), Tenancy::Single).unwrap();
    db.add_alias("Roman", &name("Book")).unwrap();
    for taken in ["Book", "BOOK", "Roman", "roman"] {
        let id = ShardId { collection: name(taken), tenant: None };
        let error = refused(&db, &plan(vec![(id, TenantState::Hot)]));
        assert!(error.is(ErrorKind::AlreadyExists), "{error}");
        assert!(error.to_string().contains("already exists") && error.to_string().contains(taken), "{error}");
    }
    let mut with_alias = plan(vec![(ShardId { collection: name("New"), tenant: None }, TenantState::Hot)]);
    with_alias.collections[0].aliases = vec!["book".to_owned()];
    assert!(refused(&db, &with_alias).is(ErrorKind::AlreadyExists));
}

#[test]
fn files_of_another_engine_or_version_are_refused() {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let mut other = plan(vec![(ShardId { collection: name("New"), tenant: None }, TenantState::Hot)]);
    other.engine.version = "4-1".to_owned();
    let error = refused(&db, &other);
    assert!(error.is(ErrorKind::Unsupported) && error.to_string().contains("4-1"), "{error}");
}

#[test]
fn a_shard_without_its_journal_is_refused_and_fjall_alone_would_show_it_empty() {
    let (_folder, db, _plan, staged) = staged();
    let folder = &staged[0].folder;
    for path in crate::database::read_dir(folder).unwrap() {
        if path.extension().is_some_and(|e| e == "jnl") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let error = db.check(&staged[0]).unwrap_err();
    assert!(error.is(ErrorKind::Corrupt) && error.to_string().contains("journal"), "{error}");
    let fjall = fjall::Database::builder(folder).open().unwrap();
    let objects = fjall.keyspace("objects", Default::default).unwrap();
    assert_eq!(fjall::Readable::len(&fjall.snapshot(), &objects).unwrap(), 0);
}

#[test]
fn a_shard_without_version_or_lock_or_with_a_broken_table_is_refused() {
    let (_folder, db, _plan, staged) = staged();
    let broken = |path: &Path, content: Option<Vec<u8>>| {
        let good = std::fs::read(path).unwrap();
        match content {
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
        let error = db.check(&staged[0]).unwrap_err();
        std::fs::write(path, good).unwrap();
        error
    };
    let folder = &staged[0].folder;
    for file in ["version", "lock"] {
        let error = broken(&folder.join(file), None);
        assert!(error.to_string().contains(file), "{error}");
    }
    let table = crate::database::read_dir(&folder.join("keyspaces/1/tables")).unwrap().remove(0);
    let mut bytes = std::fs::read(&table).unwrap();
    bytes.iter_mut().take(64).for_each(|b| *b ^= 0xff);
    broken(&table, Some(bytes));
    db.check(&staged[0]).unwrap();
}

#[test]
fn a_check_leaves_the_staged_files_as_they_were() {
    let (_folder, db, _plan, staged) = staged();
    let before = tree(&staged[0].folder);
    db.check(&staged[0]).unwrap();
    assert_eq!(tree(&staged[0].folder), before);
    assert!(before.len() > 8);
    assert_eq!(crate::database::read_dir(staged[0].folder.parent().unwrap()).unwrap().len(), 2);
}

fn tree(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for path in crate::database::read_dir(folder).unwrap() {
        if path.is_dir() {
            all.extend(tree(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            all.push((path, content));
        }
    }
    all
}

#[test]
fn nothing_shows_before_the_install_and_all_of_it_after_and_across_a_restart() {
    let (folder, db, plan, staged) = staged();
    assert_eq!(db.outcome(plan.restore).unwrap(), InstallState::Absent);
    assert!(db.schemas().is_empty());
    db.install(&plan, staged).unwrap();
    assert_eq!(db.outcome(plan.restore).unwrap(), InstallState::Installed);
    db.abort(plan.restore).unwrap();
    assert_eq!(batches(&db, &shard("Tree", "tenant-1")), 3);
    db.close().unwrap();
    let db = open(folder.path(), &Setup::default());
    assert_eq!(db.outcome(plan.restore).unwrap(), InstallState::Installed);
    assert_eq!(batches(&db, &shard("Tree", "tenant-0")), 3);
    assert!(
        crate::database::read_dir(&DataFolder::new(folder.path().to_owned()).restores()).unwrap().is_empty()
    );
}

/// Stops an install after its record and this many renames, as a killed process would, and starts again.
fn restarted_after(renames: usize, lose: Option<usize>) -> (tempfile::TempDir, Database, RestorePlan) {
    let (folder, db, plan, staged) = staged();
    let data = DataFolder::new(folder.path().to_owned());
    Record::new(&plan, &staged).unwrap().write(&data.install_record(plan.restore)).unwrap();
    for staging in &staged[..renames] {
        let place = data.shards().join(relative(&staging.shard));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::rename(&staging.folder, place).unwrap();
    }
    if let Some(lost) = lose {
        std::fs::remove_dir_all(&staged[lost].folder).unwrap();
    }
    db.close().unwrap();
    let db = open(folder.path(), &Setup::default());
    (folder, db, plan)
}

#[test]
fn an_install_cut_short_after_its_record_is_finished_at_the_next_start() {
    for renames in 0..=2 {
        let (_folder, db, plan) = restarted_after(renames, None);
        assert_eq!(db.outcome(plan.restore).unwrap(), InstallState::Installed, "{renames} renames");
        assert_eq!(batches(&db, &shard("Tree", "tenant-0")), 3);
        assert_eq!(batches(&db, &shard("Tree", "tenant-1")), 3);
    }
}

#[test]
fn an_install_of_which_a_part_is_lost_is_undone_at_the_next_start() {
    for (renames, lost) in [(0, 0), (0, 1), (1, 1)] {
        let (folder, db, plan) = restarted_after(renames, Some(lost));
        assert_eq!(db.outcome(plan.restore).unwrap(), InstallState::Absent);
        assert!(db.schemas().is_empty());
        let data = DataFolder::new(folder.path().to_owned());
        assert!(!data.install_record(plan.restore).exists() && !data.restore(plan.restore).exists());
        assert!(!data.shard(&shard("Tree", "tenant-0")).exists());
    }
}

#[test]
fn an_install_in_the_catalogue_whose_record_remains_is_left_as_it_is() {
    let (folder, db, plan, staged) = staged();
    let data = DataFolder::new(folder.path().to_owned());
    let record = Record::new(&plan, &staged).unwrap();
    db.install(&plan, staged).unwrap();
    record.write(&data.install_record(plan.restore)).unwrap();
    db.close().unwrap();
    let db = open(folder.path(), &Setup::default());
    assert_eq!(batches(&db, &shard("Tree", "tenant-0")), 3);
    assert!(!data.install_record(plan.restore).exists());
}

#[test]
fn a_failed_install_leaves_nothing_visible_and_nothing_behind() {
    let (folder, db, plan, mut staged) = staged();
    let data = DataFolder::new(folder.path().to_owned());
    // The second shard cannot move: its place is below a file.
    let late = ShardId { collection: name("Late"), tenant: None };
    std::fs::write(data.shards().join(relative(&late)).parent().unwrap(), b"in the way").unwrap();
    staged.push(db.stage(&ShardPlan { restore: plan.restore, shard: late }).unwrap());
    db.install(&plan, staged).unwrap_err();
    assert!(db.schemas().is_empty());
    assert!(!data.shard(&shard("Tree", "tenant-0")).exists());
    assert!(!data.install_record(plan.restore).exists());
    assert_eq!(db.outcome(plan.restore).unwrap(), InstallState::Absent);
    db.abort(plan.restore).unwrap();
}

#[test]
fn a_shard_that_was_not_staged_is_refused_instead_of_appearing_empty() {
    let (_folder, db, plan, mut staged) = staged();
    let missing = staged.pop().unwrap();
    let error = db.install(&plan, staged).unwrap_err().to_string();
    assert!(error.contains(&missing.shard.to_string()), "{error}");
    assert!(db.schemas().is_empty());
}

#[test]
fn what_is_staged_without_a_record_stays_until_it_is_aborted() {
    let (folder, db, plan, staged) = staged();
    db.close().unwrap();
    let db = open(folder.path(), &Setup::default());
    assert_eq!(db.outcome(plan.restore).unwrap(), InstallState::Absent);
    assert!(staged[0].folder.exists());
    db.abort(plan.restore).unwrap();
    db.abort(plan.restore).unwrap();
    assert!(!staged[0].folder.exists());
}

#[test]
fn an_install_replaces_a_shard_that_a_drop_has_left_open() {
    let (_folder, db, plan, staged) = staged();
    let id = shard("Tree", "tenant-0");
    db.create_collection(&name("Tree"), json!({}), Tenancy::Multi).unwrap();
    db.add_tenants(&name("Tree"), &[(id.tenant.clone().unwrap(), TenantState::Hot)]).unwrap();
    write_all(&db, std::slice::from_ref(&id), 1);
    // A drop whose folders could not be moved away ends here.
    db.engine.catalogue.change(|c| Ok(c.collections.remove(&name("Tree")))).unwrap();
    assert_eq!(db.open_shards(), 1);
    db.install(&plan, staged).unwrap();
    assert_eq!(batches(&db, &id), 3);
    write_all(&db, std::slice::from_ref(&id), 4);
    db.engine.pool.close_and(&id, || Ok(())).unwrap();
    assert_eq!(batches(&db, &id), 4);
}

#[test]
fn an_alias_that_exists_stays_or_is_overwritten_as_asked() {
    for (policy, expected) in [(AliasPolicy::Keep, "Old"), (AliasPolicy::Overwrite, "Tree")] {
        let (_folder, db, mut plan, staged) = staged();
        db.create_collection(&name("Old"), json!({}), Tenancy::Single).unwrap();
        db.add_alias("Current", &name("Old")).unwrap();
        plan.aliases = policy;
        plan.collections[0].aliases = vec!["Current".to_owned(), "Fresh".to_owned()];
        db.install(&plan, staged).unwrap();
        assert_eq!(db.resolve("Current").unwrap(), name(expected));
        assert_eq!(db.resolve("Fresh").unwrap(), name("Tree"));
    }
}

#[test]
fn a_restored_shard_never_writes_into_the_backup_it_came_from() {
    let (f, cut) = source();
    let (_folder, copy) = restored(&*cut);
    for n in 4..=40 {
        write_all(&copy, &f.shards, n);
    }
    f.shards.iter().for_each(|s| copy.prepare(s).unwrap());
    let (_again, second) = restored(&*cut);
    assert_eq!(batches(&second, &f.shards[0]), 3);
    assert_eq!(batches(&f.db, &f.shards[0]), 3);
}

/// The users of a database as a backup takes them along.
fn users_of(db: &Database) -> siltstone::source::NamedBlob {
    let mut extras = db.extras().unwrap();
    assert_eq!((extras.len(), extras[0].name.as_str()), (1, "users"));
    extras.remove(0)
}

#[test]
fn users_come_back_with_their_keys_and_take_the_place_of_all_others() {
    let (_folder, db, mut plan, staged) = staged();
    let source = fast_folder();
    let source = open(source.path(), &Setup::default());
    let key = source.create_user("ann").unwrap();
    db.create_user("bob").unwrap();
    plan.extras = vec![users_of(&source)];
    db.admit(&plan).unwrap();
    db.install(&plan, staged).unwrap();
    assert_eq!(db.users(), source.users());
    assert_eq!(db.user_of_key(&blake3::hash(key.as_bytes())).as_deref(), Some("ann"));
}

#[test]
fn a_restore_without_users_leaves_them_and_one_of_none_removes_them() {
    for (brings, left) in [(false, 1), (true, 0)] {
        let (_folder, db, mut plan, staged) = staged();
        if brings {
            plan.extras = vec![users_of(&db)];
        }
        db.create_user("bob").unwrap();
        db.install(&plan, staged).unwrap();
        assert_eq!(db.users().len(), left);
    }
}

#[test]
fn users_of_an_install_that_was_cut_short_come_with_its_collections() {
    let (folder, db, mut plan, staged) = staged();
    let source = fast_folder();
    let source = open(source.path(), &Setup::default());
    source.create_user("ann").unwrap();
    plan.extras = vec![users_of(&source)];
    let data = DataFolder::new(folder.path().to_owned());
    Record::new(&plan, &staged).unwrap().write(&data.install_record(plan.restore)).unwrap();
    db.close().unwrap();
    let db = open(folder.path(), &Setup::default());
    assert_eq!(db.outcome(plan.restore).unwrap(), InstallState::Installed);
    assert_eq!(db.users(), source.users());
}

#[test]
fn state_that_cannot_be_read_or_is_not_known_is_refused() {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let with = |state: &str, content: &'static [u8]| {
        let mut plan = plan(vec![(ShardId { collection: name("New"), tenant: None }, TenantState::Hot)]);
        plan.extras = vec![siltstone::source::NamedBlob { name: state.to_owned(), content: content.into() }];
        refused(&db, &plan)
    };
    assert!(with("users", b"{").is(ErrorKind::Corrupt));
    let roles = with("roles", b"{}");
    assert!(roles.is(ErrorKind::Unsupported) && roles.to_string().contains("roles"), "{roles}");
}
