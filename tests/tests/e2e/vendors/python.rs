//! The Python template: objects are files in a granted folder.

use std::path::Path;

use siltstone::ErrorKind;
use siltstone::model::ObjectKey;
use siltstone::storage::{ByteRange, Depth, ListRequest, Precondition, PutOptions, Sink};
use siltstone_tests::vendors::Template;

use super::{brings_a_database_back, open, says_of_a_wrong_pin, says_without_a_language};

const SETTING: &str = "FOLDER_PATH";

fn settings(folder: &Path) -> [(&str, &str); 1] {
    [(SETTING, folder.to_str().unwrap())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_through_the_python_template_is_restored_by_another_machine() {
    let base = tempfile::tempdir().unwrap();
    let backups = base.path().join("backups");
    brings_a_database_back(Template::Python, base.path(), &settings(&backups)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_python_template_classifies_what_it_meets_and_never_leaves_its_folder() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("granted");
    let storage = open(Template::Python, &settings(&folder)).await.unwrap();
    let key = |name: &str| ObjectKey::new(name).unwrap();
    std::fs::write(base.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(base.path().join("secret"), folder.join("link")).unwrap();
    std::os::unix::fs::symlink(base.path(), folder.join("out")).unwrap();
    std::fs::create_dir(folder.join("taken")).unwrap();
    for name in ["link", "out/secret", "taken", "missing/below"] {
        let sink = Sink::new(100);
        let range = ByteRange { offset: 0, len: None };
        let error = storage.get(&key(name), range, &sink).await.unwrap_err();
        assert!(error.is(ErrorKind::NotFound) || error.is(ErrorKind::Denied), "{name}: {error}");
        assert!(sink.take().is_empty(), "{name}");
    }
    let body = siltstone::storage::Blob::new([bytes::Bytes::from_static(b"x")], Default::default());
    for (name, kind) in [("taken", ErrorKind::Unsupported), ("out/new", ErrorKind::Denied)] {
        let error = storage.put(&key(name), &body, &Default::default()).await.unwrap_err();
        assert!(error.is(kind) && error.to_string().contains(name), "{error}");
    }
    assert!(!base.path().join("new").exists());
    // If-absent finds something, which is no object.
    let absent = PutOptions { condition: Precondition::IfAbsent, ..PutOptions::default() };
    for name in ["taken", "link"] {
        let error = storage.put(&key(name), &body, &absent).await.unwrap_err();
        assert!(error.is(ErrorKind::Unsupported) && error.to_string().contains(name), "{error}");
    }
    assert_eq!(std::fs::read(base.path().join("secret")).unwrap(), b"secret");
    // Trouble with what lies at an upload's place is told, and one that is gone is gone.
    let id = storage.multipart_start(&key("parts"), 1, None, &PutOptions::default()).await.unwrap();
    std::fs::remove_dir_all(folder.join(".siltstone-tmp")).unwrap();
    let error = storage.multipart_put(&key("parts"), &id, 1, &body).await.unwrap_err();
    assert!(error.is(ErrorKind::NotFound), "{error}");
    std::os::unix::fs::symlink(base.path(), folder.join(".siltstone-tmp")).unwrap();
    let error = storage.multipart_put(&key("parts"), &id, 1, &body).await.unwrap_err();
    assert!(error.is(ErrorKind::Denied), "{error}");
    // A folder that was not granted, and one that is none.
    let error = open(Template::Python, &[(SETTING, "relative")]).await.unwrap_err();
    assert!(error.is(ErrorKind::Invalid) && error.to_string().contains(SETTING), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_python_template_lists_and_deletes_keys_of_as_many_segments_as_there_can_be() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("granted");
    let storage = open(Template::Python, &settings(&folder)).await.unwrap();
    let key = ObjectKey::new(["a"; 512].join("/")).unwrap();
    let body = siltstone::storage::Blob::new([bytes::Bytes::from_static(b"x")], Default::default());
    storage.put(&key, &body, &PutOptions::default()).await.unwrap();
    let listed = storage.list(&ListRequest { limit: 10, ..ListRequest::default() }).await.unwrap();
    assert_eq!(listed.objects.iter().map(|object| &object.key).collect::<Vec<_>>(), [&key]);
    let folded = ListRequest { limit: 10, depth: Depth::OneLevel, ..ListRequest::default() };
    assert_eq!(storage.list(&folded).await.unwrap().prefixes, ["a/"]);
    assert!(storage.delete(std::slice::from_ref(&key)).await.unwrap().is_empty());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "folders are left");
}

#[test]
fn the_python_template_keeps_its_promises_on_a_file_system_that_fails() {
    let component = Template::Python.component().unwrap();
    let mut tests = std::process::Command::new(Template::Python.folder().join("test.sh"));
    let done = tests.env("TARGET", component.parent().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    // A run without a test would be a success as well.
    assert!(done.status.success() && said.contains("Ran 6 tests"), "{said}");
}

#[test]
fn the_build_of_the_python_template_says_what_it_lacks() {
    let text = says_without_a_language(Template::Python);
    assert!(text.contains("python3 is not there; install Python 3.10"), "{text}");
    let (right, wrong) = ("componentize-py==0.25.1", "componentize-py==0.0.0");
    let text = says_of_a_wrong_pin(Template::Python, "requirements.txt", right, wrong);
    assert!(text.contains("cannot install what requirements.txt pins: componentize-py==0.0.0"), "{text}");
}
