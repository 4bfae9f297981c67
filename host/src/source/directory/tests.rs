//! Folders there and back.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use super::{DirectorySource, DirectoryTarget, engine_info};
use crate::error::{ErrorKind, Result};
use crate::model::{AttemptId, BackupId, CollectionName, ShardId, TenantName, TenantState};
use crate::source::{
    AliasPolicy, Budget, CollectionPlan, CutOutcome, InstallState, RestorePlan, RestoreTarget, ShardPlan,
    SnapshotSource,
};

fn shard(collection: &str, tenant: Option<&str>) -> ShardId {
    ShardId {
        collection: CollectionName::new(collection).unwrap(),
        tenant: tenant.map(|t| TenantName::new(t).unwrap()),
    }
}

fn plan(shards: &[ShardId]) -> RestorePlan {
    let mut collections: BTreeMap<CollectionName, Vec<_>> = BTreeMap::new();
    for shard in shards {
        collections.entry(shard.collection.clone()).or_default().push((shard.clone(), TenantState::Hot));
    }
    RestorePlan {
        restore: AttemptId::generate(),
        backup: BackupId::new("b").unwrap(),
        engine: engine_info(),
        collections: collections
            .into_iter()
            .map(|(name, shards)| CollectionPlan {
                name,
                schema: serde_json::Value::Null,
                aliases: vec![],
                shards,
            })
            .collect(),
        extras: vec![],
        aliases: AliasPolicy::Keep,
    }
}

fn cut(source: &DirectorySource, shards: &[ShardId]) -> Result<CutOutcome> {
    let budget = Budget { max_pause: Duration::ZERO, staging: std::env::temp_dir() };
    source.cut(shards, &budget)
}

fn restore(target: &DirectoryTarget, shards: &[ShardId], files: &[(&str, &str)]) -> Result<RestorePlan> {
    let plan = plan(shards);
    target.admit(&plan)?;
    let mut staged = Vec::new();
    for shard in shards {
        let staging = target.stage(&ShardPlan { restore: plan.restore, shard: shard.clone() })?;
        for (path, content) in files {
            fs::create_dir_all(staging.folder.join(path).parent().unwrap()).unwrap();
            fs::write(staging.folder.join(path), format!("{content} of {shard}")).unwrap();
        }
        target.check(&staging)?;
        staged.push(staging);
    }
    target.install(&plan, staged)?;
    Ok(plan)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_are_listed_in_order_with_length_mode_and_content() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("b/empty")).unwrap();
    for (name, content) in [("c", "see"), ("b/two", "2"), ("b/one", ""), (".hidden", "h")] {
        fs::write(root.join(name), content).unwrap();
    }
    fs::set_permissions(root.join("c"), fs::Permissions::from_mode(0o640)).unwrap();
    let source = DirectorySource::new(root, CollectionName::new("Files").unwrap());
    let (ours, other) = (shard("Files", None), shard("Other", None));
    let outcome = cut(&source, &[ours.clone(), other.clone()]).unwrap();
    assert_eq!(outcome.gone, [other]);
    let files = outcome.cuts[0].files(&ours).unwrap();
    let listed: Vec<(&str, u64)> = files.iter().map(|f| (f.path.as_str(), f.length)).collect();
    assert_eq!(listed, [(".hidden", 1), ("b/one", 0), ("b/two", 1), ("c", 3)]);
    assert_eq!(files[3].mode, 0o640);
    let mut content = String::new();
    files[3].open().unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "see");
}

#[test]
fn what_is_neither_file_nor_folder_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let source = DirectorySource::new(folder.path(), CollectionName::new("Files").unwrap());
    let refused = || cut(&source, &[shard("Files", None)]).err().unwrap().to_string();
    symlink("/etc/passwd", folder.path().join("link")).unwrap();
    let error = refused();
    assert!(error.contains("link") && error.contains("symbolic link"), "{error}");
    fs::remove_file(folder.path().join("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let error = refused();
    assert!(error.contains("socket") && error.contains("neither"), "{error}");
}

#[test]
fn one_shard_becomes_the_folder_itself_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data");
    for exists in ["no", "empty"] {
        if exists == "empty" {
            fs::remove_dir_all(&place).unwrap();
            fs::create_dir(&place).unwrap();
        }
        let target = DirectoryTarget::new(&place);
        let plan = restore(&target, &[shard("Files", None)], &[("a/b", "x")]).unwrap();
        assert_eq!(fs::read_to_string(place.join("a/b")).unwrap(), "x of Files");
        assert_eq!(names(folder.path()), ["data"]);
        assert_eq!(target.outcome(plan.restore).unwrap(), InstallState::Installed);
        target.abort(plan.restore).unwrap();
        assert!(place.join("a/b").exists());
    }
}

#[test]
fn several_shards_lie_below_the_folder_by_collection_and_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data");
    let shards = [shard("A", Some("t")), shard("A", Some("u")), shard("B", None)];
    restore(&DirectoryTarget::new(&place), &shards, &[("f", "x")]).unwrap();
    assert_eq!(fs::read_to_string(place.join("A/u/f")).unwrap(), "x of A/u");
    assert_eq!(fs::read_to_string(place.join("B/f")).unwrap(), "x of B");
}

#[test]
fn a_folder_that_holds_something_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("mine"), b"").unwrap();
    let target = DirectoryTarget::new(&place);
    let error = restore(&target, &[shard("A", None)], &[]).unwrap_err();
    assert!(error.is(ErrorKind::AlreadyExists) && error.to_string().contains("data"), "{error}");
    assert_eq!(names(&place), ["mine"]);
    let twins = [shard("A", None), shard("a", None)];
    let error = DirectoryTarget::new(folder.path().join("new")).admit(&plan(&twins)).unwrap_err();
    assert!(error.to_string().contains("already exists"), "{error}");
}

#[test]
fn an_abort_removes_what_is_staged_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let target = DirectoryTarget::new(folder.path().join("data"));
    let restore = AttemptId::generate();
    let staging = target.stage(&ShardPlan { restore, shard: shard("A", None) }).unwrap();
    io::copy(&mut io::repeat(1).take(9), &mut fs::File::create(staging.folder.join("f")).unwrap()).unwrap();
    assert_eq!(names(folder.path()), [format!(".data.siltstone-restore-{restore}")]);
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/other"), b"").unwrap();
    assert_eq!(target.outcome(restore).unwrap(), InstallState::Absent);
    fs::remove_dir_all(folder.path().join("data")).unwrap();
    target.abort(restore).unwrap();
    target.abort(restore).unwrap();
    assert!(names(folder.path()).is_empty());
    assert_eq!(target.outcome(restore).unwrap(), InstallState::Absent);
}
