//! The smallest embedder, as its document promises it.

use std::path::Path;

use tempfile::tempdir;

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_smallest_embedder_backs_up_restores_and_tells_how_its_plugin_is() {
    let folder = tempdir().unwrap();
    let lines = siltstone_embed_minimal::run(folder.path()).await.unwrap();
    let at = |path: &str| folder.path().join(path);

    let notes = b"buy bread\ncall home\nwater the plants\n".to_vec();
    let restored = files(&at("restored"));
    assert_eq!(restored, [("000000.notes".to_owned(), notes)]);
    let live = files(&at("data/segments"));
    assert_eq!(live[0], restored[0]);

    let text = lines.join("\n");
    assert!(lines[0].starts_with("backup SUCCESS, made at ") && lines[0].ends_with(".000Z"), "{text}");
    assert!(lines[1].starts_with("restore SUCCESS: 37 bytes"), "{text}");
    assert!(lines[2].starts_with("filesystem is healthy: ") && lines[2].contains(" 0 faults, "), "{text}");
    assert!(lines[3].contains("plugin of the embedding program, SHA-256 "), "{text}");
    assert_eq!(lines[4], "filesystem may reach: setting BACKUP_FILESYSTEM_PATH");
    let granted = format!("folder {} (read and write)", at("backups").display());
    assert_eq!(lines[5], format!("filesystem may reach: {granted}"));
    assert_eq!(lines.len(), 6, "{text}");
}
