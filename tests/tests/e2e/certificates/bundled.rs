//! The plugins that come with the product, each against a real server.

use std::path::Path;

use siltstone_tests::certify::{Certificate, check, environment, wrong};
use siltstone_tests::servers::{Cloud, FakeGcs, KeyKind, Kind, Trouble};

/// What does not apply to a store that can do everything and needs no temporary objects.
pub(super) const CLOUD: [&str; 3] = [
    "a_condition_that_the_store_lacks_is_refused",
    "a_multipart_upload_that_the_store_lacks_is_refused",
    "temporary_objects_are_deleted_by_their_keys",
];

/// What does not apply to a folder: it has no etags to match, no digests, and no buckets.
pub(super) const FOLDER: [&str; 7] = [
    "a_bucket_that_is_missing_is_told_as_such",
    "a_multipart_upload_that_the_store_lacks_is_refused",
    "a_put_with_a_wrong_digest_leaves_all_or_nothing",
    "if_match_on_a_missing_key_stores_nothing",
    "if_match_replaces_the_object_with_that_etag",
    "if_match_with_another_etag_changes_nothing",
    "one_of_many_racing_if_match_puts_wins_and_stays",
];

/// What needs settings that the service refuses.
pub(super) const WRONG: &str = "wrong_credentials_are_told_as_such";

/// All passed but exactly what does not apply and what needs settings that the service refuses, and the figures are there.
pub(super) fn assert_passed(certificate: &Certificate, not_applicable: &[&str]) {
    let shown = || format!("{}\n{}", certificate.text, certificate.errors);
    assert!(certificate.passed, "{}", shown());
    let mut idle = certificate.with("not_applicable");
    idle.sort_unstable();
    assert_eq!(idle, not_applicable, "{}", shown());
    let unshown = certificate.with("not_shown");
    assert!(unshown.iter().all(|name| [SECOND_PAGE, WRONG].contains(name)), "{}", shown());
    assert_eq!(certificate.with("passed").len() + idle.len() + unshown.len(), CHECKS, "{}", shown());
    assert!(certificate.with("failed").is_empty() && certificate.with("not_run").is_empty(), "{}", shown());
    let json = &certificate.json;
    assert_eq!(json["plugin"]["interface"], "0.1.0");
    assert_eq!(json["plugin"]["sha256"].as_str().unwrap().len(), 64);
    let figures = json["throughput"].as_array().unwrap();
    assert!(figures.len() == 6 && figures.iter().all(|f| f["rate"].as_f64().unwrap() > 0.0), "{}", shown());
}

/// A listing had more than one page, as these words say.
pub(super) fn assert_paged(certificate: &Certificate, words: &str) {
    assert_eq!(certificate.of(SECOND_PAGE), Some(("passed", words)), "{}", certificate.text);
}

/// Those of the preflight, of the suite, of other locations, of the service, and the speed.
const CHECKS: usize = 92;

/// Whether a listing went on on a second page, or what was seen instead.
const SECOND_PAGE: &str = "a_listing_goes_on_on_a_second_page";

async fn of_server(kind: Kind, more: &[&str]) -> Certificate {
    let folder = tempfile::tempdir().unwrap();
    let server = Cloud::start(kind, folder.path()).await.unwrap();
    let config = environment(&server.variables(server.port, "some/prefix")) + &wrong(&server.wrong());
    let certificate = check(Path::new(server.plugin()), &config, more).await.unwrap();
    let (result, reason) = certificate.of(WRONG).unwrap();
    assert_eq!(result, "passed", "{reason}");
    let wrong = server.wrong().into_iter().map(|(_, value)| value);
    for secret in server.secrets().into_iter().chain(wrong) {
        assert!(!certificate.text.contains(&secret) && !certificate.errors.contains(&secret));
    }
    certificate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_filesystem_plugin_passes_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = environment(&[("BACKUP_FILESYSTEM_PATH", folder.path().to_str().unwrap())]);
    let certificate = check(Path::new("filesystem"), &config, &["--rounds", "5"]).await.unwrap();
    assert_passed(&certificate, &FOLDER);
    assert_paged(&certificate, "5001 keys came on 2 pages");
    assert_eq!(certificate.json["plugin"]["name"], "filesystem");
    assert_eq!(certificate.json["location"], folder.path().to_str().unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let (result, reason) = certificate.of(WRONG).unwrap();
    assert!(result == "not_shown" && reason.contains("add a table `[wrong]`"), "{result}: {reason}");
    assert!(
        certificate.json["verdict"]
            .as_str()
            .unwrap()
            .ends_with("; not shown: wrong credentials are told as such")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_s3_plugin_passes_on_moto() {
    // Slow: every request takes milliseconds of one thread of Python.
    let certificate = of_server(Kind::Moto, &["--rounds", "1"]).await;
    // It answers 500 where the service has a 404.
    let odd = "an_upload_that_is_gone_is_told_as_such";
    assert_passed(&certificate, &[CLOUD[0], CLOUD[1], odd, CLOUD[2]]);
    assert_paged(&certificate, "1001 keys came on 2 pages");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_gcs_plugin_passes_on_the_stand_in() {
    let certificate = of_server(Kind::FakeGcs, &[]).await;
    assert_passed(&certificate, &CLOUD);
    assert_paged(&certificate, "1001 keys came on 2 pages");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_azure_plugin_passes_on_azurite_with_more_than_one_page() {
    let certificate = of_server(Kind::Azurite, &["--rounds", "1"]).await;
    assert_passed(&certificate, &CLOUD);
    assert_paged(&certificate, "5001 keys came on 2 pages");
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
    assert_passed(&certificate, &CLOUD);
    // It is told, and it is no failure.
    assert_eq!(certificate.of(SECOND_PAGE), Some(("not_shown", "all 50 keys came on one page")));
    let verdict = certificate.json["verdict"].as_str().unwrap();
    let (_, unshown) = verdict.split_once("; not shown: ").unwrap();
    assert!(unshown.contains("a listing goes on on a second page"), "{verdict}");
    // The other six are of one put, whose digest is wrong: the service takes that for damage on the way.
    assert_eq!(certificate.json["askedAgain"], 2 + 6, "{}", certificate.text);
}
