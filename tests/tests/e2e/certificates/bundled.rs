//! The plugins that come with the product, each against a real server.

use std::path::Path;

use siltstone_tests::certify::{Certificate, check, environment};
use siltstone_tests::servers::{Cloud, FakeGcs, KeyKind, Kind, Trouble};

/// What a store that can do everything has no use for.
const LACKS: [&str; 2] =
    ["a_condition_that_the_store_lacks_is_refused", "a_multipart_upload_that_the_store_lacks_is_refused"];

/// All passed but what does not apply, and the figures are there.
pub(super) fn assert_passed(certificate: &Certificate, not_applicable: &[&str]) {
    let shown = || format!("{}\n{}", certificate.text, certificate.errors);
    assert!(certificate.passed, "{}", shown());
    let mut idle: Vec<&str> = certificate.with("not_applicable");
    let mut expected = [&LACKS, not_applicable].concat();
    idle.sort_unstable();
    expected.sort_unstable();
    assert_eq!(idle, expected, "{}", shown());
    assert!(certificate.with("passed").len() > 60, "{}", shown());
    assert!(certificate.with("failed").is_empty() && certificate.with("not_run").is_empty(), "{}", shown());
    let json = &certificate.json;
    assert_eq!(json["plugin"]["interface"], "0.1.0");
    assert_eq!(json["plugin"]["sha256"].as_str().unwrap().len(), 64);
    let figures = json["throughput"].as_array().unwrap();
    assert!(figures.len() == 6 && figures.iter().all(|f| f["rate"].as_f64().unwrap() > 0.0), "{}", shown());
}

async fn of_server(kind: Kind, more: &[&str]) -> Certificate {
    let folder = tempfile::tempdir().unwrap();
    let server = Cloud::start(kind, folder.path()).await.unwrap();
    let config = environment(&server.variables(server.port, "some/prefix"));
    let certificate = check(Path::new(server.plugin()), &config, more).await.unwrap();
    for secret in server.secrets() {
        assert!(!certificate.text.contains(&secret) && !certificate.errors.contains(&secret));
    }
    certificate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_filesystem_plugin_passes_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = environment(&[("BACKUP_FILESYSTEM_PATH", folder.path().to_str().unwrap())]);
    let certificate = check(Path::new("filesystem"), &config, &["--rounds", "20"]).await.unwrap();
    let no_buckets = ["a_bucket_that_is_missing_is_told_as_such", "a_path_that_was_never_used_is_empty"];
    assert_passed(&certificate, &no_buckets);
    assert_eq!(certificate.json["plugin"]["name"], "filesystem");
    assert_eq!(certificate.json["location"], folder.path().to_str().unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_s3_plugin_passes_on_moto() {
    // Slow: every request takes milliseconds of one thread of Python.
    assert_passed(&of_server(Kind::Moto, &["--rounds", "1"]).await, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_gcs_plugin_passes_on_the_stand_in() {
    assert_passed(&of_server(Kind::FakeGcs, &[]).await, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_azure_plugin_passes_on_azurite_with_more_than_one_page() {
    assert_passed(&of_server(Kind::Azurite, &["--keys", "5001", "--rounds", "2"]).await, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_ignores_conditions_does_not_pass() {
    let certificate = of_server(Kind::Rclone, &["--keys", "50", "--rounds", "1"]).await;
    assert_eq!((certificate.code, certificate.passed), (1, false), "{}", certificate.errors);
    let failed = certificate.with("failed");
    for name in [
        "if_absent_leaves_an_existing_object_untouched",
        "one_of_many_racing_if_absent_puts_wins_and_stays",
        "what_is_in_the_way_is_told_as_such",
    ] {
        assert!(failed.contains(&name), "{failed:?}");
    }
    assert_eq!(certificate.of("an_object_is_read_back_whole").unwrap().0, "passed");
    // Figures of what does not work say nothing.
    assert_eq!(certificate.with("not_run"), ["the_speed_can_be_measured"]);
    assert!(certificate.errors.contains("error: the plugin did not pass: "), "{}", certificate.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_to_come_again_are_the_services_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeGcs::start("nightly").await.unwrap();
    let key = folder.path().join("key.json");
    std::fs::write(&key, server.key_file(KeyKind::ServiceAccount)).unwrap();
    let origin = server.origin();
    let config = environment(&[
        ("BACKUP_GCS_BUCKET", "nightly"),
        ("BACKUP_GCS_ENDPOINT", origin.as_str()),
        ("GOOGLE_APPLICATION_CREDENTIALS", key.to_str().unwrap()),
    ]);
    server.make(Trouble::Status(503, 2));
    let certificate = check(Path::new("gcs"), &config, &["--keys", "50", "--rounds", "1"]).await.unwrap();
    assert_passed(&certificate, &[]);
    assert_eq!(certificate.json["askedAgain"], 2, "{}", certificate.text);
}
