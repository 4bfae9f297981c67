//! The plugins that vendors copy, each against a real server, with the grants that its document names.

use std::path::{Path, PathBuf};

use siltstone_tests::certify::{check, environment, wrong};
use siltstone_tests::servers::{Azurite, WEBDAV_COMPONENT, WebDav};
use siltstone_tests::vendors::Template;

use super::bundled::{CLOUD, FOLDER, WRONG, assert_passed};

/// What does not apply to WebDAV: it has no uploads in parts, no etags that can be relied on, and no buckets.
const COLLECTIONS: [&str; 27] = [
    "a_bucket_that_is_missing_is_told_as_such",
    "a_dropped_part_can_be_sent_again",
    "a_finish_replaces_an_object",
    "a_finish_with_if_absent_leaves_an_existing_object_untouched",
    "a_gap_between_parts_is_refused",
    "a_large_object_in_parts_is_read_back_whole",
    "a_part_that_is_sent_again_replaces_the_first",
    "a_put_with_a_wrong_digest_leaves_all_or_nothing",
    "an_aborted_upload_leaves_nothing",
    "an_etag_changes_with_the_content",
    "an_etag_stays_with_the_content",
    "an_unknown_upload_is_aborted_without_an_error",
    "an_upload_goes_on_in_another_instance",
    "an_upload_is_invisible_until_it_is_finished",
    "an_upload_that_is_gone_is_told_as_such",
    "if_match_on_a_missing_key_stores_nothing",
    "if_match_replaces_the_object_with_that_etag",
    "if_match_with_another_etag_changes_nothing",
    "one_of_many_racing_if_absent_finishes_wins_and_stays",
    "one_of_many_racing_if_match_puts_wins_and_stays",
    "one_part_makes_an_object",
    "parts_come_from_many_tasks_at_once",
    "parts_come_in_any_order",
    "parts_make_the_whole_object",
    "temporary_objects_are_deleted_by_their_keys",
    "two_uploads_of_one_key_do_not_mix",
    "uploads_of_several_keys_do_not_mix",
];

/// The cases have small pages as well; one of the service is gone beyond by the bundled plugins.
const QUICK: [&str; 4] = ["--keys", "1001", "--rounds", "1"];

/// A manifest that grants these settings, with their values.
fn config(grants: &str, settings: &[(&str, &str)]) -> String {
    let names: Vec<&str> = settings.iter().map(|(name, _)| *name).collect();
    format!("settings = {names:?}\n{grants}\n{}", environment(settings))
}

/// The component of a template, which no check has to compile any more.
async fn compiled(template: Template) -> PathBuf {
    crate::vendors::package(template).await.unwrap();
    tokio::task::spawn_blocking(move || template.component().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_webdav_plugin_passes_on_rclone() {
    let folder = tempfile::tempdir().unwrap();
    let server = WebDav::start(folder.path()).unwrap();
    let component = folder.path().join("webdav.wasm");
    std::fs::write(&component, WEBDAV_COMPONENT).unwrap();
    let (origin, (user, password)) = (format!("http://127.0.0.1:{}", server.port), WebDav::USER);
    let settings = [
        ("BACKUP_WEBDAV_URL", origin.as_str()),
        ("BACKUP_WEBDAV_USER", user),
        ("BACKUP_WEBDAV_PASSWORD", password),
    ];
    let grants = format!("origins = [{origin:?}]");
    let config = config(&grants, &settings) + &wrong(&[("BACKUP_WEBDAV_PASSWORD", "another")]);
    let certificate = check(&component, &config, &["--rounds", "2"]).await.unwrap();
    assert_passed(&certificate, &COLLECTIONS);
    assert_eq!(certificate.of(WRONG).unwrap().0, "passed");
    assert!(!certificate.text.contains(password), "{}", certificate.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_template_passes_on_a_folder_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let component = compiled(Template::Python).await;
    let config = config("", &[("FOLDER_PATH", folder.path().to_str().unwrap())]);
    let certificate = check(&component, &config, &QUICK).await.unwrap();
    assert_passed(&certificate, &FOLDER);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_javascript_template_passes_on_azurite() {
    let folder = tempfile::tempdir().unwrap();
    let server = Azurite::start(folder.path(), &["nightly"]).await.unwrap();
    let connection = server.with_signature("rwdlac", "2099-01-01T00:00:00Z").unwrap();
    let (_, signature) = connection.split_once("SharedAccessSignature=").unwrap();
    let component = compiled(Template::Js).await;
    let origin = format!("http://127.0.0.1:{}", server.port);
    let settings = [
        ("SAS_ORIGIN", origin.as_str()),
        ("SAS_ACCOUNT", Azurite::ACCOUNT.0),
        ("SAS_CONTAINER", "nightly"),
        ("SAS_PATH", "some/prefix"),
        ("SAS_TOKEN", signature),
    ];
    let (rest, secret) = signature.rsplit_once("sig=").unwrap();
    let forged = format!("{rest}sig=bm90IHRoZSBzaWduYXR1cmUgb2YgYW55Ym9keSBhdCA%3D");
    let config = config("", &settings) + &wrong(&[("SAS_TOKEN", forged.as_str())]);
    let certificate = check(Path::new(&component), &config, &QUICK).await.unwrap();
    assert_passed(&certificate, &CLOUD);
    assert_eq!(certificate.of(WRONG).unwrap().0, "passed");
    assert!(!certificate.text.contains(secret), "{}", certificate.text);
}
