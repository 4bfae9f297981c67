//! Lies that no backup shows, and a check of the plugin does.

use std::path::PathBuf;

use siltstone_liar::{FOLDER, Kind, LIE, Lie, NOTES, OBJECT, SECRET};
use siltstone_tests::certify::{Certificate, check, environment};

/// With what a text that shows values escapes.
const HUSH: &str = "hush-\"hush\"-and-hush";

async fn certificate(lie: Lie, more: &[&str]) -> Certificate {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| {
        let folder = root.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder.display().to_string()
    };
    let file: PathBuf = root.path().join("liar.wasm");
    std::fs::copy(env!("LIAR_WASM"), &file).unwrap();
    let settings = [
        (FOLDER, at("backups")),
        (NOTES, at("notes")),
        (LIE, lie.name().to_owned()),
        (OBJECT, Kind::Checked.name().to_owned()),
        (SECRET, HUSH.to_owned()),
    ];
    let names = settings.each_ref().map(|(name, _)| *name);
    let config = format!("settings = {names:?}\n{}", environment(&settings));
    let more = [&["--keys", "50", "--rounds", "1"], more].concat();
    check(&file, &config, &more).await.unwrap()
}

/// Exactly these checks fail, the first of them with these words.
pub async fn failing(lie: Lie, checks: &[&str], words: &[&str]) {
    let certificate = certificate(lie, &[]).await;
    assert_eq!(certificate.with("failed"), checks, "{}", certificate.text);
    assert_eq!(certificate.code, 1);
    let (_, reason) = certificate.of(checks[0]).unwrap();
    assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
    assert_unsaid(&certificate);
    if lie != Lie::SecretEtag {
        return;
    }
    // What holds for a secret in JSON holds for one in text.
    let text = self::certificate(lie, &["--as-text"]).await;
    assert!(
        text.text.contains("FAILED") && words.iter().all(|word| text.text.contains(word)),
        "{}",
        text.text
    );
    assert_unsaid(&text);
}

fn assert_unsaid(certificate: &Certificate) {
    for told in [&certificate.text, &certificate.errors] {
        assert!(!told.contains("hush-"), "{told}");
    }
}
