//! Plugins that do not come as far as the suite, and commands that make no sense.

use std::path::{Path, PathBuf};

use siltstone_tests::certify::{Certificate, check, environment, wrong};

/// The filesystem plugin as a vendor's file of another name.
fn component(folder: &Path) -> PathBuf {
    let file = folder.join("vendor_plugin.wasm");
    let bundled = siltstone_plugins::all().iter().find(|p| p.name == "filesystem").unwrap();
    std::fs::write(&file, bundled.component).unwrap();
    file
}

/// The checks before this one passed, it failed with these words, and all after it were not run.
fn assert_ended_at(certificate: &Certificate, name: &str, words: &[&str]) {
    let shown = &certificate.text;
    assert_eq!((certificate.code, certificate.passed), (1, false), "{shown}");
    let (result, reason) = certificate.of(name).unwrap();
    assert!(result == "failed" && words.iter().all(|word| reason.contains(word)), "{reason}");
    assert_eq!(certificate.with("failed"), [name], "{shown}");
    assert!(certificate.with("not_run").len() > 60 && certificate.with("passed").len() < 11, "{shown}");
    assert!(certificate.errors.contains(words[0]), "{}", certificate.errors);
}

#[tokio::test]
async fn a_vendors_component_passes_with_grants_and_without_its_final_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let grants = "settings = [\"BACKUP_FILESYSTEM_PATH\"]\n[limits]\ninstances = 3\n";
    let config = [grants, &environment(&[("BACKUP_FILESYSTEM_PATH", store.to_str().unwrap())])].concat();
    let more = ["--keys", "100", "--rounds", "1", "--as-text"];
    let certificate = check(&component(folder.path()), &config, &more).await.unwrap();
    assert!(certificate.passed, "{}\n{}", certificate.text, certificate.errors);
    for words in [
        "siltstone:storage 0.1.0",
        "calls at once    3",
        "install it as filesystem.wasm with filesystem.toml",
        "`replaces = \"filesystem\"`",
        "multipart uploads\n",
        "put small objects",
        "\nPASSED: of ",
    ] {
        assert!(certificate.text.contains(words), "{words}: {}", certificate.text);
    }
}

#[tokio::test]
async fn what_is_no_component_fails_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.wasm");
    std::fs::write(&file, b"\x7fELF native code").unwrap();
    let certificate = check(&file, "settings = []", &[]).await.unwrap();
    assert_ended_at(&certificate, "the_component_loads", &["is not a WebAssembly component"]);
    assert!(certificate.json["plugin"]["name"].is_null());
}

#[tokio::test]
async fn settings_that_are_missing_hidden_or_misspelled_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = component(folder.path());
    let value = environment(&[("BACKUP_FILESYSTEM_PATH", "/nowhere")]);
    let misspelled = environment(&[("BACKUP_FILESYSTEM_PAHT", "/nowhere")]);
    let granted = "settings = [\"BACKUP_FILESYSTEM_PATH\"]\n";
    let refused = [granted, &value, &wrong(&[("BACKUP_FILESYSTEM_SECRET", "x")])].concat();
    for (config, words) in [
        ("settings = []\n".to_owned(), "add BACKUP_FILESYSTEM_PATH to `settings`"),
        (granted.to_owned(), "BACKUP_FILESYSTEM_PATH is not set"),
        (value, "not among the granted `settings`"),
        (refused, "`[wrong]` sets BACKUP_FILESYSTEM_SECRET, which the plugin does not take"),
        ([granted, &misspelled].concat(), "did you mean `BACKUP_FILESYSTEM_PATH`?"),
        ("settings = [\"BACKUP_FILESYSTEM_PAHT\"]\n".to_owned(), "did you mean `BACKUP_FILESYSTEM_PATH`?"),
    ] {
        let certificate = check(&file, &config, &[]).await.unwrap();
        assert_ended_at(&certificate, "its_settings_are_complete", &[words]);
    }
}

#[tokio::test]
async fn a_grant_that_is_missing_is_told_with_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = siltstone_plugins::all().iter().find(|p| p.name == "s3").unwrap();
    let file = folder.path().join("s3.wasm");
    std::fs::write(&file, s3.component).unwrap();
    let names = ["BACKUP_S3_BUCKET", "BACKUP_S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let values = ["nightly", "s3.acme.example", "AKTEST", "hushhushhush"];
    let pairs: Vec<(&str, &str)> = names.into_iter().zip(values).collect();
    let config = format!("settings = {names:?}\n{}", environment(&pairs));
    let certificate = check(&file, &config, &[]).await.unwrap();
    assert_ended_at(&certificate, "its_needs_are_granted", &["s3.acme.example", "was not granted"]);
    assert!(!certificate.text.contains("hushhush"), "{}", certificate.text);
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_fails_the_first_object() {
    let config = environment(&[
        ("BACKUP_S3_BUCKET", "nightly"),
        ("BACKUP_S3_ENDPOINT", "127.0.0.1:9"),
        ("BACKUP_S3_USE_SSL", "false"),
        ("AWS_ACCESS_KEY_ID", "AKTEST"),
        ("AWS_SECRET_ACCESS_KEY", "hushhushhush"),
    ]);
    let certificate = check(Path::new("s3"), &config, &[]).await.unwrap();
    assert_ended_at(&certificate, "a_small_object_is_put", &["127.0.0.1:9"]);
}

#[tokio::test]
async fn wrong_usage_is_refused_before_anything_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let file = component(folder.path());
    let missing = folder.path().join("missing.wasm");
    let grants = "settings = []\n";
    for (plugin, config, more, words) in [
        (missing.as_path(), grants, [].as_slice(), "neither a file nor a plugin of this build"),
        (&file, "", &[], "--config check.toml"),
        (&file, "orgins = []\n", &[], "did you mean `origins`?"),
        (&file, "settings = 7\n", &[], "`settings` is 7"),
        (&file, "settings = [\n", &[], "is not TOML"),
        (Path::new("filesystem"), grants, &["--keys", "0"], "--keys"),
        (
            Path::new("filesystem"),
            "origins = [\"https://a.example\"]\n",
            &[],
            "`[environment]` and `[wrong]` only",
        ),
    ] {
        let refused = check(plugin, config, more).await.unwrap();
        assert_eq!((refused.code, refused.passed), (2, false), "{words}: {}", refused.text);
        let message = refused.json["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
}
