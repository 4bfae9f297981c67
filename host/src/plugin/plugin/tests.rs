//! The bundled filesystem transport through its whole life.

use std::path::Path;

use super::super::EngineSettings;
use super::*;
use crate::error::ErrorKind;
use crate::model::{AttemptId, ObjectKey};
use crate::storage::{Blob, ByteRange, Depth, ListRequest, Precondition, PutOptions, Sink, Storage};

const ALL: ByteRange = ByteRange { offset: 0, len: None };

struct House {
    folder: tempfile::TempDir,
    plugin: ConfiguredPlugin,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = PluginEngine::new(EngineSettings {
            cache_dir: Some(folder.path().join("cache")),
            protected: vec![folder.path().join("data")],
            ..EngineSettings::default()
        })
        .unwrap();
        let component = siltstone_plugins::all().iter().find(|p| p.name == "filesystem").unwrap().component;
        let plugin = Plugin::load(&engine, component, PluginSource::Bundled).await.unwrap();
        let path = folder.path().join("backups").display().to_string();
        let env = |name: &str| (name == "BACKUP_FILESYSTEM_PATH").then(|| path.clone());
        let extra = ExtraRoots { variable: "EXTRA".to_owned(), paths: vec![folder.path().join("extra")] };
        let plugin = plugin.configure(&env, extra).unwrap();
        Self { folder, plugin }
    }

    fn at(&self, path: &str) -> Location {
        let path = Path::new(path).to_owned();
        Location { bucket: None, path: Some(self.folder.path().join(path).display().to_string()) }
    }
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_make_the_round_trip_through_a_component() {
    let house = House::new().await;
    assert_eq!(house.plugin.plugin().info().name.as_str(), "filesystem");
    let storage = house.plugin.open(&Location::default()).await.unwrap();
    assert_eq!(storage.home(), house.folder.path().join("backups").display().to_string());

    let pieces: Vec<bytes::Bytes> = (0..5_u8).map(|i| vec![i; 700_001].into()).collect();
    let blob = Blob::new(pieces, Default::default());
    let options = PutOptions { attempt: Some(AttemptId::generate()), ..PutOptions::default() };
    let meta = storage.put(&key("b/chunks/1"), &blob, &options).await.unwrap();
    assert_eq!(meta.size, blob.len());
    storage.put(&key("b/backup.json"), &Blob::from(b"{}".to_vec()), &options).await.unwrap();

    let sink = Sink::new(blob.len());
    assert_eq!(storage.get(&key("b/chunks/1"), ALL, &sink).await.unwrap(), blob.len());
    assert!(sink.take() == blob.read(0, blob.len()));
    let sink = Sink::new(10);
    let range = ByteRange { offset: 700_000, len: Some(3) };
    assert_eq!(storage.get(&key("b/chunks/1"), range, &sink).await.unwrap(), 3);
    assert_eq!(sink.take(), [0, 1, 1].as_slice());

    let all = ListRequest { limit: 1, ..ListRequest::default() };
    let page = storage.list(&all).await.unwrap();
    assert_eq!(page.objects[0].key, key("b/backup.json"));
    let page = storage.list(&ListRequest { token: page.next, ..all }).await.unwrap();
    assert_eq!(page.objects[0].key, key("b/chunks/1"));
    let level = ListRequest { prefix: "b/".into(), depth: Depth::OneLevel, token: None, limit: 10 };
    let page = storage.list(&level).await.unwrap();
    assert_eq!((page.objects.len(), page.prefixes), (1, vec!["b/chunks/".to_owned()]));

    assert!(storage.delete(&[key("b/chunks/1"), key("nothing")]).await.unwrap().is_empty());
    let error = storage.head(&key("b/chunks/1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("backend=filesystem, key=b/chunks/1"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_run_in_instances_of_their_own_and_conditions_hold() {
    let house = House::new().await;
    let storage = house.plugin.open(&Location::default()).await.unwrap();
    let puts = (0..32).map(|i| {
        let storage = Arc::clone(&storage);
        tokio::spawn(async move {
            let options = PutOptions { condition: Precondition::IfAbsent, ..PutOptions::default() };
            storage.put(&key(&format!("k{}", i / 2)), &Blob::from(vec![i; 100_000]), &options).await
        })
    });
    let (mut stored, mut taken) = (0, 0);
    for put in puts.collect::<Vec<_>>() {
        match put.await.unwrap() {
            Ok(_) => stored += 1,
            Err(e) if e.is(ErrorKind::AlreadyExists) => taken += 1,
            Err(e) => panic!("{e}"),
        }
    }
    assert_eq!((stored, taken), (16, 16));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_location_is_the_same_storage_and_another_one_stays_apart() {
    let house = House::new().await;
    let one = house.plugin.open(&Location::default()).await.unwrap();
    let again = house.plugin.open(&Location::default()).await.unwrap();
    assert!(Arc::ptr_eq(&one, &again));
    let other = house.plugin.open(&house.at("extra/x")).await.unwrap();
    other.put(&key("k"), &Blob::from(vec![1]), &PutOptions::default()).await.unwrap();
    assert_eq!(one.head(&key("k")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(house.folder.path().join("extra/x/k").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_outside_the_roots_is_denied_with_the_variable_to_change() {
    let house = House::new().await;
    for path in ["elsewhere", "data", "cache/x"] {
        let error = house.plugin.open(&house.at(path)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(!house.folder.path().join("elsewhere").exists());
    }
    let text = house.plugin.open(&house.at("elsewhere")).await.unwrap_err().to_string();
    assert!(text.contains("EXTRA") && text.contains("filesystem"), "{text}");
    let relative = Location { bucket: None, path: Some("relative".to_owned()) };
    assert_eq!(house.plugin.open(&relative).await.unwrap_err().kind(), ErrorKind::Invalid);
}
