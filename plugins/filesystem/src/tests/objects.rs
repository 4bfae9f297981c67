//! Putting, reading and deleting whole objects.

use std::fs;

use siltstone_plugin_sdk::types::Preconditions;

use super::*;
use crate::folder::Code;

fn big() -> Vec<u8> {
    (0..2_500_000u32).map(|i| (i % 253) as u8).collect()
}

#[test]
fn what_is_put_can_be_read_and_leaves_no_temporary_file() {
    let place = place();
    let put = place.put("a/b/c", &big()).unwrap();
    assert_eq!(place.get("a/b/c").unwrap(), big());
    assert_eq!(place.names(), ["a", "a/b", "a/b/c"]);
    let head = place.store.head("a/b/c").unwrap();
    assert_eq!((put.size, put.key.as_str()), (2_500_000, "a/b/c"));
    assert_eq!((head.etag, head.size, head.modified_ms), (put.etag, put.size, put.modified_ms));
}

#[test]
fn a_range_is_cut_at_the_end_of_the_object() {
    let place = place();
    place.put("k", &big()).unwrap();
    for (offset, len, expected) in [
        (0, Some(5), &big()[..5]),
        (100_000, Some(200_000), &big()[100_000..300_000]),
        (2_499_999, Some(9), &big()[2_499_999..]),
        (2_499_000, None, &big()[2_499_000..]),
        (0, Some(0), &[]),
        (2_500_000, None, &[]),
        (u64::MAX, Some(u64::MAX), &[]),
    ] {
        let mut body = Vec::new();
        let count = place.store.get("k", offset, len, &mut body).unwrap();
        assert_eq!((count, body.as_slice()), (expected.len() as u64, expected), "{offset} {len:?}");
    }
}

#[test]
fn only_regular_files_are_objects() {
    let place = place();
    place.put("folder/file", b"x").unwrap();
    std::os::unix::fs::symlink("folder/file", place.dir.path().join("link")).unwrap();
    std::os::unix::fs::symlink("folder", place.dir.path().join("linked")).unwrap();
    for key in ["absent", "absent/file", "folder", "folder/file/below", "link", "linked/file"] {
        assert_eq!(place.get(key).unwrap_err().kind, ErrorKind::NotFound, "{key}");
        let error = place.store.head(key).unwrap_err();
        assert_eq!((error.kind, error.message), (ErrorKind::NotFound, format!("{key} does not exist")));
    }
}

#[test]
fn if_absent_never_touches_what_is_there() {
    let place = place();
    let first = place.put_absent("a/k", b"first").unwrap();
    assert_eq!(
        said(&place.put_absent("a/k", b"second").unwrap_err()),
        (ErrorKind::AlreadyExists, Outcome::NoEffect)
    );
    assert_eq!(place.get("a/k").unwrap(), b"first");
    assert_eq!(place.store.head("a/k").unwrap().etag, first.etag);
    assert_eq!(place.names(), ["a", "a/k"]);
}

#[test]
fn a_put_without_condition_replaces_and_changes_the_etag() {
    let place = place();
    let first = place.put("k", b"one").unwrap();
    let second = place.put("k", b"two").unwrap();
    assert_eq!(place.get("k").unwrap(), b"two");
    assert_ne!(first.etag, second.etag);
}

#[test]
fn what_a_filesystem_cannot_do_is_unsupported() {
    let place = place();
    let condition = Precondition::IfMatch("e".to_owned());
    let error = place.store.put("k", b"x".as_slice(), &condition, &[]).unwrap_err();
    assert_eq!(said(&error), (ErrorKind::Unsupported, Outcome::NoEffect));
    let retain = [("retain-until".to_owned(), "2030-01-01T00:00:00Z".to_owned())];
    let error = place.store.put("k", b"x".as_slice(), &Precondition::None, &retain).unwrap_err();
    assert_eq!(said(&error), (ErrorKind::Unsupported, Outcome::NoEffect));
    assert!(place.names().is_empty());
}

#[test]
fn a_key_and_a_key_below_it_cannot_both_be_objects() {
    let place = place();
    place.put("a/b", b"x").unwrap();
    for result in [
        place.put("a", b"y"),
        place.put_absent("a", b"y"),
        place.put("a/b/c", b"y"),
        place.put_absent("a/b/c", b"y"),
    ] {
        assert_eq!(said(&result.unwrap_err()), (ErrorKind::Unsupported, Outcome::NoEffect));
    }
    assert_eq!(place.names(), ["a", "a/b"]);
}

#[test]
fn nothing_is_written_through_a_symbolic_link() {
    let place = place();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), place.dir.path().join("a")).unwrap();
    assert_eq!(place.put("a/k", b"x").unwrap_err().kind, ErrorKind::Denied);
    assert!(place.delete(&["a/k"]).is_empty());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn content_is_durable_before_it_appears_and_its_folders_before_the_answer() {
    let place = place();
    place.put("a/b/k", b"x").unwrap();
    let steps: Vec<_> = place
        .hooks
        .take()
        .into_iter()
        .filter(|step| {
            ["mkdir", "sync", "sync-folder", "rename", "write"].contains(&step.split(' ').next().unwrap())
        })
        .collect();
    let expected = [
        "mkdir .siltstone-tmp",
        "mkdir .siltstone-tmp/none",
        "write .siltstone-tmp/none/T",
        "sync .siltstone-tmp/none/T",
        "mkdir a",
        "sync-folder ",
        "mkdir a/b",
        "sync-folder a",
        "rename a/b/k",
        "sync-folder a/b",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn a_folder_that_another_writer_made_is_synced_once_more() {
    let place = place();
    fs::create_dir(place.dir.path().join("a")).unwrap();
    place.put("a/k", b"x").unwrap();
    assert_eq!(place.hooks.take().iter().filter(|step| *step == "sync-folder ").count(), 1);
    place.put("a/l", b"x").unwrap();
    assert_eq!(place.hooks.take().iter().filter(|step| *step == "sync-folder ").count(), 0);
    place.another().put("a/m", b"x".as_slice(), &Precondition::None, &[]).unwrap();
    assert_eq!(place.hooks.take().iter().filter(|step| *step == "sync-folder ").count(), 1);
}

#[test]
fn a_put_survives_the_removal_of_its_empty_folders() {
    for condition in [Precondition::None, Precondition::IfAbsent] {
        let place = place();
        let root = place.dir.path().to_owned();
        let mut left = 5;
        place.hooks.before(move |step| {
            let used = ["create .siltstone-tmp", "rename a/b", "link a/b", "enter a/b"];
            if left > 0 && used.iter().any(|start| step.starts_with(start)) {
                left -= 1;
                for folder in ["a/b", "a", ".siltstone-tmp/none", ".siltstone-tmp"] {
                    let _ = fs::remove_dir(root.join(folder));
                }
            }
            None
        });
        place.store.put("a/b/k", b"x".as_slice(), &condition, &[]).unwrap();
        assert_eq!(place.get("a/b/k").unwrap(), b"x");
        assert_eq!(place.names(), ["a", "a/b", "a/b/k"]);
    }
}

#[test]
fn a_folder_that_vanishes_for_ever_ends_the_put() {
    let place = place();
    place.hooks.fail("rename", Code::NoEntry);
    assert_eq!(said(&place.put("a/k", b"x").unwrap_err()), (ErrorKind::Transient, Outcome::NoEffect));
}

#[test]
fn a_put_that_fails_leaves_nothing_behind() {
    for (step, code, expected) in [
        ("create", Code::Access, (ErrorKind::Denied, Outcome::NoEffect)),
        ("write", Code::InsufficientSpace, (ErrorKind::Quota, Outcome::NoEffect)),
        ("sync .siltstone-tmp", Code::Io, (ErrorKind::Transient, Outcome::NoEffect)),
        ("mkdir a", Code::ReadOnly, (ErrorKind::Denied, Outcome::NoEffect)),
        ("link", Code::Access, (ErrorKind::Denied, Outcome::NoEffect)),
        ("link", Code::Io, (ErrorKind::Transient, Outcome::Unknown)),
        ("link", Code::Unsupported, (ErrorKind::Unsupported, Outcome::NoEffect)),
    ] {
        let place = place();
        place.hooks.fail(step, code);
        assert_eq!(said(&place.put_absent("a/k", b"x").unwrap_err()), expected, "{step} {code}");
        assert!(place.names().iter().all(|name| !name.contains("0")), "{:?}", place.names());
    }
}

#[test]
fn a_failed_sync_after_the_object_appeared_leaves_the_outcome_open() {
    let place = place();
    place.hooks.fail("sync-folder a", Code::Io);
    let error = place.put("a/k", b"x").unwrap_err();
    assert_eq!(said(&error), (ErrorKind::Transient, Outcome::Unknown));
    assert_eq!(error.message, "cannot sync a/k: io");
}

#[test]
fn a_filesystem_that_cannot_sync_folders_is_usable() {
    let place = place();
    place.hooks.fail("sync-folder", Code::Invalid);
    place.put("a/k", b"x").unwrap();
    assert_eq!(place.get("a/k").unwrap(), b"x");
}

#[test]
fn if_absent_is_offered_where_hard_links_work() {
    let place = place();
    assert_eq!(place.store.capabilities().unwrap().preconditions, Preconditions::IF_ABSENT);
    assert!(place.names().is_empty());
    place.hooks.take();
    place.store.capabilities().unwrap();
    assert!(place.hooks.take().is_empty(), "the link is tried once");
    for code in [Code::NotPermitted, Code::Unsupported, Code::Io, Code::CrossDevice] {
        let other = place.another();
        place.hooks.fail("link", code);
        assert_eq!(other.capabilities().unwrap().preconditions, Preconditions::empty());
        place.hooks.calm();
        assert!(place.names().is_empty());
    }
}

#[test]
fn a_read_only_location_still_says_what_it_can_do() {
    let place = place();
    place.put("k", b"x").unwrap();
    place.hooks.before(|step| step.starts_with("mkdir").then_some(Code::NotPermitted));
    assert_eq!(place.store.capabilities().unwrap().delete_batch, 1000);
    assert_eq!(place.get("k").unwrap(), b"x");
}

#[test]
fn a_delete_removes_the_folders_that_it_emptied() {
    let place = place();
    for key in ["a/b/c/1", "a/b/c/2", "a/x", "top"] {
        place.put(key, b"x").unwrap();
    }
    assert!(place.delete(&["a/b/c/1"]).is_empty());
    assert_eq!(place.names(), ["a", "a/b", "a/b/c", "a/b/c/2", "a/x", "top"]);
    assert!(place.delete(&["a/b/c/2", "a/b/c/2", "a/b/c/never", "no/such/key", "top"]).is_empty());
    assert_eq!(place.names(), ["a", "a/x"]);
    assert!(place.delete(&["a/x"]).is_empty());
    assert!(place.names().is_empty());
    place.put("a/b/c/1", b"again").unwrap();
    assert_eq!(place.keys(""), ["a/b/c/1"]);
}

#[test]
fn a_delete_is_durable_before_the_answer() {
    let place = place();
    place.put("a/b/k", b"x").unwrap();
    place.put("a/l", b"x").unwrap();
    place.hooks.take();
    place.delete(&["a/b/k"]);
    let steps = place.hooks.take();
    let at = |step: &str| steps.iter().position(|s| s == step).unwrap();
    assert!(at("unlink a/b/k") < at("rmdir a/b") && at("rmdir a/b") < at("sync-folder a"), "{steps:?}");
}

#[test]
fn a_delete_tells_which_keys_are_left_and_why() {
    let place = place();
    place.put("a/1", b"x").unwrap();
    place.put("a/2", b"x").unwrap();
    place.put("b/1", b"x").unwrap();
    place.hooks.fail("unlink a/1", Code::Access);
    let left = place.delete(&["a/1", "a/2", "b/1", "../c"]);
    let told: Vec<_> = left.iter().map(|(key, error)| (key.as_str(), error.kind)).collect();
    assert_eq!(told, [("../c", ErrorKind::Internal), ("a/1", ErrorKind::Denied)]);
    place.hooks.calm();
    assert_eq!(place.keys(""), ["a/1"]);
    place.hooks.fail("sync", Code::Io);
    let left = place.delete(&["a/1"]);
    assert_eq!(said(&left[0].1), (ErrorKind::Transient, Outcome::Unknown));
}

#[test]
fn a_folder_is_not_deleted_by_its_name() {
    let place = place();
    place.put("a/b", b"x").unwrap();
    assert!(place.delete(&["a"]).is_empty());
    assert_eq!(place.keys(""), ["a/b"]);
}

#[test]
fn writers_and_deleters_of_one_folder_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let root = dir.path();
            scope.spawn(move || {
                let store = Store::new(Disk::new(root, &Rc::new(Hooks::default())), random);
                let key = format!("a/b/{writer}");
                for round in 0..200u32 {
                    let body = round.to_le_bytes();
                    let condition = if round % 2 == 0 { Precondition::IfAbsent } else { Precondition::None };
                    store.put(&key, body.as_slice(), &condition, &[]).unwrap();
                    let mut read = Vec::new();
                    store.get(&key, 0, None, &mut read).unwrap();
                    assert_eq!(read, body);
                    assert!(store.delete(std::slice::from_ref(&key)).unwrap().is_empty());
                }
            });
        }
    });
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
