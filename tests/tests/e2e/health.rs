//! What a host tells of its plugins, and what plugins see of its clock.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use siltstone::model::{BackendName, Clock, CollectionName, Location, ObjectKey, State, Timestamp};
use siltstone::ops::BackupRequest;
use siltstone::plugin::{
    EngineSettings, ExtraRoots, Limits, Plugin, PluginEngine, PluginGrants, PluginPackage, PluginSource, hex,
};
use siltstone::settings::HostSettings;
use siltstone::source::directory::{DirectorySource, DirectoryTarget};
use siltstone::storage::{
    Blob, ByteRange, Counters, Health, Memory, PutOptions, Sink, StackSettings, Storage, Verb, stack_counting,
};
use siltstone::{ErrorKind, FaultKind, HostBuilder};
use siltstone_hostile::{ADDRESS, BEHAVIOUR, Behaviour, FOLDER, SECRET};
use siltstone_tests::ops_house::kept;
use tempfile::tempdir;

const HUNTER2: &str = "hunter2-and-more";

/// A clock that stands still.
#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        // In the year 2031.
        UNIX_EPOCH + Duration::from_secs(1_925_000_000)
    }
}

fn stopped() -> Timestamp {
    Timestamp::by(&Stopped)
}

fn variables(behaviour: Behaviour, folder: &Path) -> Vec<(String, String)> {
    let folder = folder.display().to_string();
    let all = [(BEHAVIOUR, behaviour.name()), (FOLDER, &folder), (ADDRESS, "127.0.0.1:9"), (SECRET, HUNTER2)];
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn hostile() -> Vec<u8> {
    std::fs::read(env!("HOSTILE_WASM")).unwrap()
}

async fn call(storage: &dyn Storage, verb: Verb, name: &str) -> siltstone::Result<()> {
    let key = ObjectKey::new(name).unwrap();
    match verb {
        Verb::Put => storage.put(&key, &Blob::from(vec![7; 9]), &PutOptions::default()).await.map(drop),
        Verb::Head => storage.head(&key).await.map(drop),
        _ => {
            let range = ByteRange { offset: 0, len: Some(100_000) };
            storage.get(&key, range, &Sink::new(100_000)).await.map(drop)
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_counted_as_what_it_was_and_a_good_call_makes_the_plugin_healthy_again() {
    let granted = tempdir().unwrap();
    let mut limits = Limits::default();
    limits.memory = 32 << 20;
    limits.cpu = Duration::from_millis(300);
    limits.stall = Duration::from_secs(4);
    limits.call_base = Duration::from_secs(7);
    limits.call_rate = 1 << 30;
    let cache_dir = Some(kept("compiled"));
    let engine =
        PluginEngine::new(EngineSettings { cache_dir, limits, ..EngineSettings::default() }).unwrap();
    let plugin = Plugin::load(&engine, &hostile(), PluginSource::Bundled).await.unwrap();
    let mut once = StackSettings::default();
    once.retry.attempts = 1;
    let trials = [
        (Behaviour::Trap, Verb::Put, FaultKind::Trap),
        (Behaviour::MemoryHog, Verb::Put, FaultKind::Memory),
        (Behaviour::Loop, Verb::Put, FaultKind::Cpu),
        (Behaviour::Sleep, Verb::Put, FaultKind::Stalled),
        (Behaviour::Trickle, Verb::Get, FaultKind::Overdue),
        (Behaviour::WrongKey, Verb::Head, FaultKind::Contract),
        (Behaviour::PanicsWithSecret, Verb::Head, FaultKind::Trap),
    ];
    for (n, (behaviour, verb, kind)) in trials.into_iter().enumerate() {
        let variables = variables(behaviour, granted.path());
        let env = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone());
        let configured = plugin.configure(&env, ExtraRoots::default()).unwrap();
        let bare = configured.open(&siltstone::plugin::Location::default()).await.unwrap();
        let counters = Arc::new(Counters::new(Arc::new(Stopped)));
        let backend = BackendName::new("hostile").unwrap();
        let storage = stack_counting(bare, backend, &once, Arc::clone(&counters));

        call(&*storage, verb, "good").await.unwrap();
        let error = call(&*storage, verb, "bad").await.unwrap_err();
        assert_eq!(error.fault(), Some(kind), "{error}");
        let (counts, health, last) = counters.report();
        assert_eq!(counts.of(verb).faults.iter().collect::<Vec<_>>(), [(&kind, &1)], "{behaviour:?}");
        assert_eq!((counts.of(verb).calls, counts.errors()), (2, 0), "{behaviour:?}");
        assert_eq!(health, Health::Faulty { since: stopped() }, "{behaviour:?}");
        let last = last.unwrap();
        assert_eq!((last.at, last.kind, last.operation), (stopped(), kind, verb.as_str()));
        assert!(last.text.contains("plugin `hostile` was stopped"), "{}", last.text);
        assert!(last.text.len() <= 1024 && !last.text.contains(HUNTER2), "{}", last.text);
        assert_eq!(plugin.instances().discarded, n as u64 + 1, "{behaviour:?}");

        call(&*storage, verb, "good").await.unwrap();
        assert_eq!(counters.report().1, Health::Healthy, "{behaviour:?}");
    }
    // One that described, and for each trial one for its needs, one that was thrown away and one that took its place.
    let instances = plugin.instances();
    assert_eq!((instances.now, instances.created), (0, 1 + 3 * trials.len() as u64));
}

/// A host whose database is a folder with one file; it has whatever the plan adds.
fn builder(base: &Path, modules: &[&str]) -> HostBuilder {
    let segments = base.join("segments");
    std::fs::create_dir_all(&segments).unwrap();
    std::fs::write(segments.join("0"), vec![5; 100_000]).unwrap();
    let source = Arc::new(DirectorySource::new(segments, CollectionName::new("notes").unwrap()));
    let target = Arc::new(DirectoryTarget::new(base.join("restored")));
    let mut settings = HostSettings::new("node1").unwrap();
    settings.modules = modules.iter().map(|name| format!("backup-{name}")).collect();
    settings.compile_cache = Some(kept("compiled"));
    settings.publish_after = Duration::ZERO;
    settings.extra_paths = vec![base.join("more")];
    HostBuilder::new(source, target, base.join("data"), settings).clock(Arc::new(Stopped))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_tells_of_each_backend_what_it_is_and_what_its_calls_came_to_at_all_places() {
    let base = tempdir().unwrap();
    let at = |name: &str| base.path().join(name);
    let (granted, backups) = (at("granted"), at("backups"));
    std::fs::create_dir_all(&granted).unwrap();
    std::fs::create_dir_all(at("more")).unwrap();
    let settings = [BEHAVIOUR, FOLDER, ADDRESS, SECRET].map(str::to_owned).to_vec();
    let grants = PluginGrants { settings, ..PluginGrants::default() };
    let mut environment = variables(Behaviour::SendsLess, &granted);
    environment.push(("BACKUP_FILESYSTEM_PATH".to_owned(), backups.display().to_string()));
    let host = builder(base.path(), &["filesystem", "hostile"])
        .environment(environment)
        .plugin(PluginPackage::new("hostile", hostile()).unwrap().grants(grants))
        .storage("vault", Arc::new(Memory::new(Memory::full())))
        .build()
        .await
        .unwrap();
    let health = |name: &str| host.health().into_iter().find(|b| b.info.name == name).unwrap();
    let names: Vec<String> = host.health().into_iter().map(|b| b.info.name).collect();
    assert_eq!(names, ["filesystem", "hostile", "vault"]);

    let bundled = health("filesystem").plugin.unwrap();
    assert_eq!((bundled.interface.as_str(), bundled.source), ("0.1.0", PluginSource::Bundled));
    let foreign = health("hostile").plugin.unwrap();
    assert_eq!((foreign.interface.as_str(), foreign.source), ("0.1.0", PluginSource::Embedder));
    assert_eq!(hex(&foreign.sha256), hex(&PluginPackage::new("x", hostile()).unwrap().sha256()));
    assert_eq!(foreign.grants[1], format!("setting {FOLDER}"));
    assert!(health("vault").plugin.is_none());

    // Two places of one backend are counted together.
    let more = Location { path: Some(at("more/there").display().to_string()), ..Location::default() };
    let mut stored = 0;
    for location in [Location::default(), more] {
        let mut request = BackupRequest::new("filesystem", "x");
        request.location = location.clone();
        host.backup(request).await.unwrap();
        let status = host.wait_backup("filesystem", "x", &location).await.unwrap();
        assert_eq!((status.state, status.started_at), (State::Success, stopped()));
        stored += status.outcome.unwrap().stored_bytes;
    }
    let filesystem = health("filesystem");
    assert!(filesystem.counts.bytes_out() > stored, "{filesystem:?}");
    assert_eq!((filesystem.health, filesystem.counts.faults()), (Health::Healthy, 0));
    let instances = filesystem.plugin.unwrap().instances;
    assert!(instances.now >= 2 && instances.created > instances.now, "{instances:?}");
    assert_eq!((instances.discarded, health("vault").counts.total().calls), (0, 0));

    // A place that it may not reach is refused, and that is no fault.
    let elsewhere = Location { path: Some("/etc/backups".to_owned()), ..Location::default() };
    host.backup_status("filesystem", "x", &elsewhere).await.unwrap_err();
    let opening = health("filesystem").counts.opening().clone();
    assert_eq!((opening.errors[&ErrorKind::Denied], opening.faults.len()), (1, 0));

    let here = Location::default();
    let error = host.backup_status("hostile", "bad", &here).await.unwrap_err();
    assert!(error.is(ErrorKind::Plugin), "{error}");
    let faulty = health("hostile");
    assert_eq!(faulty.health, Health::Faulty { since: stopped() });
    assert_eq!(faulty.counts.of(Verb::Get).faults[&FaultKind::Contract], 1);
    assert!(faulty.last_fault.unwrap().text.contains("says that it sent"));
    assert_eq!(faulty.plugin.unwrap().instances.discarded, 1);
    assert_eq!(health("filesystem").health, Health::Healthy);
    // What it answers is no descriptor, but it answers.
    assert!(host.backup_status("hostile", "good", &here).await.unwrap_err().is(ErrorKind::Corrupt));
    assert_eq!(health("hostile").health, Health::Healthy);
    host.shutdown().await;
}

/// Answers 404 to everything, and tells the heads of the requests.
fn nothing_there() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, heads) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut some = [0; 4096];
                match stream.read(&mut some) {
                    Ok(n) if n > 0 => head.extend_from_slice(&some[..n]),
                    _ => break,
                }
            }
            let _ =
                stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if tell.send(String::from_utf8_lossy(&head).into_owned()).is_err() {
                return;
            }
        }
    });
    (address, heads)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_signs_with_the_time_of_the_clock_that_the_host_was_given() {
    let base = tempdir().unwrap();
    let (endpoint, heads) = nothing_there();
    let variables = [
        ("BACKUP_S3_BUCKET", "nightly"),
        ("BACKUP_S3_ENDPOINT", &endpoint),
        ("BACKUP_S3_USE_SSL", "false"),
        ("AWS_ACCESS_KEY_ID", "AKTESTKEY"),
        ("AWS_SECRET_ACCESS_KEY", "secretsecretsecret"),
    ];
    let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let host = builder(base.path(), &["s3"]).environment(environment).build().await.unwrap();
    host.backup_status("s3", "x", &Location::default()).await.unwrap_err();
    let head = heads.recv_timeout(Duration::from_secs(10)).unwrap();
    let written = stopped().to_string().replace(['-', ':'], "").replace(".000", "");
    assert!(head.to_lowercase().contains(&format!("x-amz-date: {}", written.to_lowercase())), "{head}");
    host.shutdown().await;
}
