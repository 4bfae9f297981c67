//! Facts about the variables, and the check that their document is true.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::settings::{Cleanup, StartCheck, VerifyMode};

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

fn settings(pairs: &[(&str, &str)]) -> HostSettings {
    HostSettings::from_env(&variables(pairs)).unwrap()
}

fn refusal(name: &str, value: &str) -> String {
    HostSettings::from_env(&variables(&[(name, value)])).unwrap_err().to_string()
}

#[test]
fn an_empty_environment_gives_the_defaults() {
    let s = settings(&[("BACKUP_VERIFY", "  "), ("PATH", "/bin")]);
    assert_eq!(s.node.as_str(), "node1");
    assert!(s.modules.is_empty() && s.extra_paths.is_empty());
    assert_eq!((s.chunk_size, s.verify), (128 << 20, VerifyMode::List));
    assert_eq!((s.cleanup, s.start_check), (Cleanup::OwnJournal, StartCheck::Probe));
    assert_eq!(s.max_pause, Duration::from_millis(50));
}

#[test]
fn every_documented_default_is_the_default() {
    let shown: Vec<(&str, &str)> = VARIABLES.iter().map(|v| (v.name, v.default)).collect();
    assert_eq!(format!("{:?}", settings(&shown)), format!("{:?}", settings(&[])));
}

#[test]
fn every_variable_sets_its_setting() {
    let s = settings(&[
        ("ENABLE_MODULES", " backup-filesystem, text2vec-x ,backup-s3,,backup-filesystem"),
        ("CLUSTER_HOSTNAME", "node-7.rack"),
        ("BACKUP_CHUNK_TARGET_SIZE", "64MiB"),
        ("BACKUP_VERIFY", "full"),
        ("BACKUP_SKIP_ACCESS_CHECK", "TRUE"),
        ("ENABLE_CLEANUP_UNFINISHED_BACKUPS", "off"),
        ("BACKUP_MAX_PAUSE", "2s"),
        ("BACKUP_FILESYSTEM_EXTRA_PATHS", "/mnt/a:/mnt/b"),
    ]);
    assert_eq!(s.modules, ["backup-filesystem", "backup-s3"]);
    assert_eq!(s.node.as_str(), "node-7.rack");
    assert_eq!((s.chunk_size, s.verify), (64 << 20, VerifyMode::Full));
    assert_eq!((s.start_check, s.cleanup), (StartCheck::Skip, Cleanup::Off));
    assert_eq!(s.max_pause, Duration::from_secs(2));
    assert_eq!(s.extra_paths, [PathBuf::from("/mnt/a"), PathBuf::from("/mnt/b")]);
}

#[test]
fn sizes_take_plain_bytes_and_case_sensitive_units() {
    for (text, bytes) in [
        ("0", Some(0)),
        ("10485760", Some(10_485_760)),
        ("7B", Some(7)),
        ("10MB", Some(10_000_000)),
        ("10MiB", Some(10 << 20)),
        ("1 GiB", Some(1 << 30)),
        ("2TB", Some(2_000_000_000_000)),
        ("unlimited", Some(u64::MAX)),
        ("nolimit", Some(u64::MAX)),
        ("10mib", None),
        ("-1", None),
        ("+1", None),
        ("1.5GiB", None),
        ("MiB", None),
        ("99999999999TiB", None),
    ] {
        assert_eq!(parse::size(text), bytes, "{text}");
    }
}

#[test]
fn a_wrong_value_is_named_with_its_variable_and_what_is_expected() {
    assert_eq!(
        refusal("BACKUP_VERIFY", "some"),
        "configure: BACKUP_VERIFY has the value `some`: expected list, sample or full"
    );
    for (name, value) in [
        ("CLUSTER_HOSTNAME", "a/b"),
        ("BACKUP_CHUNK_TARGET_SIZE", "1MiB"),
        ("BACKUP_CHUNK_TARGET_SIZE", "513MiB"),
        ("BACKUP_CHUNK_TARGET_SIZE", "unlimited"),
        ("BACKUP_CHUNK_TARGET_SIZE", "big"),
        ("BACKUP_SKIP_ACCESS_CHECK", "maybe"),
        ("ENABLE_CLEANUP_UNFINISHED_BACKUPS", "2"),
        ("BACKUP_MAX_PAUSE", "50"),
        ("BACKUP_MAX_PAUSE", "0ms"),
        ("BACKUP_MAX_PAUSE", "61s"),
        ("BACKUP_FILESYSTEM_EXTRA_PATHS", "/mnt/a:relative"),
        ("BACKUP_FILESYSTEM_EXTRA_PATHS", "/mnt/../etc"),
        ("BACKUP_MIN_CHUNK_SIZE", "x"),
        ("BACKUP_SPLIT_FILE_SIZE", "50 G"),
        ("BACKUP_MAX_INDIVIDUAL_FILES", "0"),
        ("HALT_FOR_TRANSFER_TIMEOUT", "1"),
    ] {
        let text = refusal(name, value);
        assert!(text.contains(name) && text.contains(&format!("`{value}`")), "{text}");
    }
}

#[test]
fn variables_without_effect_and_unknown_ones_are_told() {
    let notes = read(&variables(&[
        ("BACKUP_SPLIT_FILE_SIZE", "unlimited"),
        ("BACKUP_CHUNK_TARGET_SIZ", "64MiB"),
        ("BACKUP_FILESYSTEM_PATH", "/backups"),
        ("BACKUP_S3_BUCKET", "b"),
        ("BACKUP_ACME_CLOUD_TOKEN", "t"),
        ("BACKUP_ZZZZZZZZZZZZZZZZZZZZ", "t"),
        ("ENABLE_MODULES", "backup-acme-cloud,generative-x"),
    ]))
    .unwrap()
    .notes;
    let unknown = |name: &str, nearest| Note::Unknown { name: name.to_owned(), nearest };
    assert_eq!(
        notes,
        [
            Note::OtherModules(vec!["generative-x".to_owned()]),
            Note::NoEffect("BACKUP_SPLIT_FILE_SIZE"),
            unknown("BACKUP_CHUNK_TARGET_SIZ", Some("BACKUP_CHUNK_TARGET_SIZE")),
            unknown("BACKUP_ZZZZZZZZZZZZZZZZZZZZ", None),
        ]
    );
}

#[test]
fn a_misspelled_backend_in_a_name_is_told_with_the_variable_that_was_meant() {
    for (wrong, meant) in [
        ("BACKUP_FILESYSTM_PATH", "BACKUP_FILESYSTEM_PATH"),
        ("BACKUP_S3BUCKET", "BACKUP_S3_BUCKET"),
        ("BACKUP_GSC_BUCKET", "BACKUP_GCS_BUCKET"),
        ("BACKUP_AZUR_CONTAINER", "BACKUP_AZURE_CONTAINER"),
    ] {
        let variables = BTreeMap::from([(wrong.to_owned(), "x".to_owned())]);
        assert_eq!(
            unknown(&variables, &[]),
            [Note::Unknown { name: wrong.to_owned(), nearest: Some(meant) }],
            "{wrong}"
        );
    }
}

#[cfg(feature = "bundled")]
#[test]
fn the_variables_of_the_backends_are_those_that_their_plugins_take() {
    for plugin in siltstone_plugins::all() {
        for name in OF_BACKENDS.iter().filter(|name| name.starts_with(&prefix_of(plugin.name))) {
            let bytes = name.as_bytes();
            // The component states its settings as text.
            assert!(plugin.component.windows(bytes.len()).any(|part| part == bytes), "{name}");
        }
    }
}

#[test]
fn a_variable_of_a_backend_that_its_plugin_does_not_take_is_told_with_the_nearest_one() {
    let variables = variables(&[
        ("BACKUP_FILESYSTEM_PATH", "/backups"),
        ("BACKUP_FILESYSTEM_EXTRA_PATHS", "/other"),
        ("BACKUP_FILESYSTEM_PAHT", "/backups"),
        ("BACKUP_FILESYSTEM_EXTRA_PATH", "/other"),
        ("BACKUP_FILESYSTEM_Q", "x"),
        ("BACKUP_S3_BUCKET", "b"),
    ]);
    let expected = [
        ("BACKUP_FILESYSTEM_EXTRA_PATH", Some("BACKUP_FILESYSTEM_EXTRA_PATHS")),
        ("BACKUP_FILESYSTEM_PAHT", Some("BACKUP_FILESYSTEM_PATH")),
        ("BACKUP_FILESYSTEM_Q", Some("BACKUP_FILESYSTEM_PATH")),
    ];
    assert_eq!(unknown_settings("filesystem", &["BACKUP_FILESYSTEM_PATH"], &variables), expected);
}

const BEGIN: &str = "<!-- generated: host variables -->\n";
const END: &str = "<!-- end of generated -->\n";

fn table(effect: Effect) -> String {
    let mut text = String::from("| variable | default | value | what it does |\n| --- | --- | --- | --- |\n");
    for v in VARIABLES.iter().filter(|v| v.effect == effect) {
        let default = if v.default.is_empty() { "—".to_owned() } else { format!("`{}`", v.default) };
        text.push_str(&format!("| `{}` | {default} | {} | {} |\n", v.name, v.expects, v.doc));
    }
    text
}

#[test]
fn the_document_lists_exactly_the_variables_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the marker where the generated part begins");
    let (_, after) = rest.split_once(END).expect("the marker where the generated part ends");
    let sets = table(Effect::Sets);
    let none = table(Effect::None);
    let generated = format!("{before}{BEGIN}\n{sets}\nChecked, and without effect:\n\n{none}\n{END}{after}");
    if std::env::var_os("SILTSTONE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == generated,
        "{} differs from the table of variables; run this test with SILTSTONE_WRITE_DOCS=1",
        path.display()
    );
}
