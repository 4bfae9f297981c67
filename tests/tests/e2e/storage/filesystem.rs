//! The filesystem component against the storage contract.

use std::path::Path;
use std::sync::Arc;

use siltstone::conformance::{StorageCheck, check_storage};
use siltstone::model::BackendName;
use siltstone::storage::{StackSettings, Storage, stack};

async fn component(folder: &Path) -> Arc<dyn Storage> {
    super::component("filesystem", &[("BACKUP_FILESYSTEM_PATH", folder.to_str().unwrap())]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_filesystem_component_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let bare = component(folder.path()).await;
    let report = check_storage(bare, &StorageCheck::default()).await;
    assert!(report.passed(), "{report}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_filesystem_component_keeps_the_contract_behind_its_wrappers() {
    let folder = tempfile::tempdir().unwrap();
    let bare = component(folder.path()).await;
    let (wrapped, counters) = stack(bare, BackendName::new("filesystem").unwrap(), &StackSettings::default());
    let report = check_storage(wrapped, &StorageCheck::default()).await;
    assert!(report.passed(), "{report}");
    assert!(counters.snapshot().bytes_out() > 0);
}
