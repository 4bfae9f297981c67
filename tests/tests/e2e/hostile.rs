//! Whatever a plugin does, one call of it fails, and nothing else happens.
//!
//! Each behaviour of the hostile component has one test here; a behaviour without one does not compile.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use siltstone::ErrorKind::{self, Denied, Invalid, Plugin as Fault, Timeout};
use siltstone::model::ObjectKey;
use siltstone::plugin::{
    ConfiguredPlugin, EngineSettings, ExtraRoots, Limits, Location, Plugin, PluginEngine, PluginSource,
    PluginStorage,
};
use siltstone::storage::{Blob, ByteRange, ListRequest, PutOptions, Sink, Storage};
use siltstone_hostile::{ADDRESS, BEHAVIOUR, Behaviour, FOLDER, SECRET};

/// What the outside of the granted folder holds.
const OUTSIDE: &str = "what lies outside";
/// The value of the secret setting.
const HUNTER2: &str = "hunter2-and-more";
/// Every trial must be over by then: the longest limit of a call is 5 s.
const BOUND: Duration = Duration::from_secs(20);

/// The call that provokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Open,
    Put,
    Get,
    GetMuch,
    Head,
    List,
    Delete,
    Start,
}

/// What comes of it.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// It works, as the misdeed is without effect.
    Harmless,
    /// An error of this kind with these words.
    Fails(ErrorKind, &'static [&'static str]),
}

use Call::{Delete, Get, GetMuch, Head, List, Open, Put, Start};
use Outcome::{Fails, Harmless};

macro_rules! trials {
    ($($name:ident: $behaviour:ident in $call:ident => $outcome:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                trial(Behaviour::$behaviour, $call, $outcome).await;
            }
        )*

        /// Does not compile while a behaviour has no trial.
        const _: fn(Behaviour) = |behaviour| match behaviour {
            $(Behaviour::$behaviour => (),)*
        };
    };
}

trials! {
    a_panic_ends_the_call: Trap in Put => Fails(Fault, &["broke off", "on purpose: put"]);
    an_exit_ends_the_call: Exit in Put => Fails(Fault, &["exit"]);
    an_endless_loop_is_ended: Loop in Put => Fails(Fault, &["computed for more than 300ms"]);
    an_endless_loop_of_host_calls_is_ended: CallLoop in Put => Fails(Fault, &["computed for more than 300ms"]);
    endless_recursion_is_ended: Recursion in Put => Fails(Fault, &["broke off"]);
    memory_is_bounded: MemoryHog in Put => Fails(Fault, &["33554432 bytes of memory"]);
    a_long_sleep_is_a_stall: Sleep in Put => Fails(Timeout, &["nothing moved for 1s 500ms"]);
    waking_up_for_ever_ends_with_its_time: Dawdle in Put => Fails(Timeout, &["was stopped"]);
    a_trickle_ends_with_its_time: Trickle in GetMuch => Fails(Timeout, &["more than the 5s"]);
    a_get_that_sends_less_than_it_says_is_found_out: SendsLess in Get => Fails(Fault, &["says that it sent 16 bytes, but 15"]);
    a_get_that_sends_more_than_asked_is_found_out: SendsMore in Get => Fails(Fault, &["more bytes than were asked for"]);
    a_flood_of_the_sink_is_ended: SinkFlood in Get => Fails(Fault, &["computed for more than"]);
    a_flood_of_the_stream_is_ended: StreamFlood in Get => Fails(Fault, &[]);
    an_answer_for_another_key_is_refused: WrongKey in Head => Fails(Fault, &["answered for \"other\""]);
    a_size_that_was_not_given_is_refused: WrongSize in Put => Fails(Fault, &["was given 9 bytes", "stored 10"]);
    an_unsorted_page_is_refused: Unsorted in List => Fails(Fault, &["out of order"]);
    a_page_with_duplicates_is_refused: Duplicates in List => Fails(Fault, &["out of order or twice"]);
    a_page_with_a_foreign_prefix_is_refused: ForeignPrefix in List => Fails(Fault, &["worse/1"]);
    a_page_beyond_its_limit_is_refused: TooMany in List => Fails(Fault, &["names; 10 were asked for"]);
    a_token_that_leads_to_itself_is_refused: EndlessToken in List => Fails(Fault, &["token that it was given"]);
    pages_that_repeat_are_refused: EndlessPages in List => Fails(Fault, &["out of order or twice"]);
    an_error_text_of_many_megabytes_never_gets_in: HugeErrorText in Head => Fails(Fault, &[]);
    an_error_text_beyond_its_bound_is_refused: LongErrorText in Head => Fails(Fault, &["5120 bytes"]);
    an_etag_beyond_its_bound_is_refused: HugeEtag in Head => Fails(Fault, &["etag has 2048 bytes"]);
    an_upload_id_beyond_its_bound_is_refused: HugeUploadId in Start => Fails(Fault, &["upload id has 5120 bytes"]);
    a_home_beyond_its_bound_is_refused: HugeHome in Open => Fails(Fault, &["home has 3072 bytes"]);
    a_home_with_a_secret_is_refused: SecretHome in Open => Fails(Fault, &["home holds credentials"]);
    nonsense_capabilities_are_refused: NonsenseCapabilities in Open => Fails(Fault, &["delete-batch"]);
    a_panic_in_open_is_an_error_of_open: TrapInOpen in Open => Fails(Fault, &["open:", "on purpose: open"]);
    a_need_of_a_foreign_folder_is_refused: NeedsForeignFolder in Open => Fails(Denied, &["`/etc`", "HOSTILE_EXTRA"]);
    a_need_of_a_foreign_file_is_refused: NeedsForeignFile in Open => Fails(Denied, &["`/etc/passwd`"]);
    a_need_of_an_origin_is_refused: NeedsOrigin in Open => Fails(Denied, &["http://127.0.0.1:80"]);
    needs_may_not_use_the_cache: CacheInNeeds in Open => Fails(Fault, &["called host.cache-get in needs"]);
    a_delete_of_keys_that_were_not_given_is_refused: DeletesOthers in Delete => Fails(Fault, &["\"innocent\""]);
    a_flood_of_log_lines_is_dropped: LogFlood in Put => Harmless;
    a_log_line_of_many_megabytes_never_gets_in: HugeLogLine in Put => Fails(Fault, &[]);
    a_flood_of_the_standard_error_is_ended: StderrFlood in Put => Fails(Fault, &["computed for more than"]);
    a_flood_of_the_cache_is_bounded: CacheFlood in Put => Harmless;
    a_cached_value_beyond_its_bound_ends_the_call: HugeCacheValue in Put => Fails(Fault, &["66560 bytes"]);
    a_huge_read_of_the_blob_is_clamped: HugeBlobRead in Put => Harmless;
    ten_thousand_streams_are_too_many: ManyStreams in Put => Fails(Fault, &["broke off"]);
    a_stream_that_is_kept_does_no_harm: KeepsStream in Put => Harmless;
    a_gigabyte_of_random_bytes_is_too_much: HugeRandom in Put => Fails(Fault, &["broke off"]);
    a_request_never_leaves_the_host: HttpRequest in Head => Fails(Denied, &["refused", "HttpRequestDenied"]);
    a_need_of_any_address_is_refused: RequestBeside in Open => Fails(Denied, &["http://127.0.0.1"]);
    a_connection_never_leaves_the_host: Connect in Head => Fails(Denied, &["refused"]);
    there_is_no_environment_and_no_argument: Environment in Head => Fails(Denied, &["nothing there"]);
    a_file_that_was_not_granted_is_not_read: ReadFile in Head => Fails(Denied, &["neither a file setting"]);
    dot_dot_does_not_lead_out: ReadDotDot in Head => Fails(Denied, &["refused"]);
    an_absolute_path_does_not_lead_out: ReadAbsolute in Head => Fails(Denied, &["refused"]);
    a_link_does_not_lead_out: ReadThroughLink in Head => Fails(Denied, &["refused"]);
    dot_dot_does_not_write_outside: WriteDotDot in Put => Fails(Denied, &["refused"]);
    a_link_does_not_write_outside: WriteThroughLink in Put => Fails(Denied, &["refused"]);
    a_link_of_its_own_does_not_lead_out: MakeLink in Put => Fails(Denied, &["refused"]);
    a_secret_in_an_error_is_redacted: TellsSecret in Head => Fails(Denied, &["the key [redacted HOSTILE_SECRET] is wrong"]);
    a_secret_in_a_panic_is_redacted: PanicsWithSecret in Head => Fails(Fault, &["on purpose: [redacted HOSTILE_SECRET]"]);
}

/// One host with the hostile plugin and the filesystem plugin side by side.
struct House {
    root: tempfile::TempDir,
    listener: TcpListener,
    hostile: ConfiguredPlugin,
    filesystem: Arc<PluginStorage>,
}

impl House {
    async fn new(behaviour: Behaviour) -> Self {
        let source = PluginSource::File(PathBuf::from(env!("HOSTILE_WASM")));
        Self::with(behaviour, source, None).await
    }

    /// The same with a component of this trust, and another address than that of the listener.
    async fn with(behaviour: Behaviour, source: PluginSource, address: Option<String>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("granted")).unwrap();
        std::fs::create_dir_all(at("outside")).unwrap();
        std::fs::write(at("outside/secret"), OUTSIDE).unwrap();
        symlink("../outside", at("granted/link")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();

        let mut limits = Limits::default();
        limits.memory = 32 << 20;
        limits.cpu = Duration::from_millis(300);
        limits.stall = Duration::from_millis(1500);
        limits.call_base = Duration::from_secs(4);
        limits.call_rate = 1 << 30;
        let engine = PluginEngine::new(EngineSettings {
            cache_dir: Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled-plugins")),
            protected: vec![at("outside")],
            limits,
            ..EngineSettings::default()
        })
        .unwrap();

        let component = std::fs::read(env!("HOSTILE_WASM")).unwrap();
        let plugin = Plugin::load(&engine, &component, source).await.unwrap();
        let folder = at("granted").display().to_string();
        let address = address.unwrap_or_else(|| listener.local_addr().unwrap().to_string());
        let env = |name: &str| match name {
            BEHAVIOUR => Some(behaviour.name().to_owned()),
            FOLDER => Some(folder.clone()),
            ADDRESS => Some(address.clone()),
            SECRET => Some(HUNTER2.to_owned()),
            _ => None,
        };
        let extra = ExtraRoots { variable: "HOSTILE_EXTRA".to_owned(), paths: vec![] };
        let hostile = plugin.configure(&env, extra).unwrap();

        let bundled = siltstone_plugins::all().iter().find(|p| p.name == "filesystem").unwrap();
        let plugin = Plugin::load(&engine, bundled.component, PluginSource::Bundled).await.unwrap();
        let backups = at("backups").display().to_string();
        let env = |name: &str| (name == "BACKUP_FILESYSTEM_PATH").then(|| backups.clone());
        let filesystem = plugin.configure(&env, ExtraRoots::default()).unwrap();
        let filesystem = filesystem.open(&Location::default()).await.unwrap();
        Self { root, listener, hostile, filesystem }
    }

    /// Nobody connected, and outside of the granted folder nothing has changed.
    fn assert_untouched(&self) {
        let connected = self.listener.accept().map(|(_, from)| from);
        assert_eq!(connected.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        let outside = self.root.path().join("outside");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), OUTSIDE);
    }
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

async fn trial(behaviour: Behaviour, call: Call, outcome: Outcome) {
    let house = House::new(behaviour).await;
    let started = Instant::now();
    let opened = house.hostile.open(&Location::default()).await;
    let (result, storage) = match (call, opened) {
        (Open, opened) => (opened.map(drop), None),
        (call, Ok(storage)) => (provoke(&*storage, call).await, Some(storage)),
        (_, Err(error)) => panic!("open failed: {error}"),
    };
    assert!(started.elapsed() < BOUND, "it took {:?}", started.elapsed());
    check(call, result, outcome);

    // The same location serves the next calls, and so does another plugin of the host.
    if let Some(storage) = storage {
        for call in [Put, Get, Head, List] {
            behave(&*storage, call).await.unwrap_or_else(|e| panic!("{call:?} afterwards: {e}"));
        }
    }
    let body = Blob::from(vec![5; 100_000]);
    let meta = house.filesystem.put(&key("a/b"), &body, &PutOptions::default()).await.unwrap();
    assert_eq!(meta, house.filesystem.head(&key("a/b")).await.unwrap());
    house.assert_untouched();
}

/// A component that came with the host and was granted one address reaches no other: not where a redirect leads, not another
/// port or scheme of the same machine, not the same address in another spelling, not a metadata service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_granted_address_leads_to_no_other() {
    use std::io::{Read, Write};
    // Whatever is reached there is found by `assert_untouched`.
    let forbidden = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = forbidden.local_addr().unwrap();
    forbidden.set_nonblocking(true).unwrap();
    let granted = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = granted.local_addr().unwrap().to_string();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = granted.accept().unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        granted.set_nonblocking(true).unwrap();
        granted
    });
    let house = House::with(Behaviour::RequestBeside, PluginSource::Bundled, Some(address)).await;
    let storage = house.hostile.open(&Location::default()).await.unwrap();
    let error = provoke(&*storage, Head).await.unwrap_err();
    assert!(error.is(Denied) && error.to_string().contains("46 refusals"), "{error}");
    let granted = served.join().unwrap();
    for listener in [&forbidden, &granted] {
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
    house.assert_untouched();
}

fn check(call: Call, result: siltstone::Result<()>, outcome: Outcome) {
    let (error, kind, words) = match (result, outcome) {
        (Ok(()), Harmless) => return,
        (Ok(()), Fails(kind, _)) => panic!("it worked, but should fail with {kind:?}"),
        (Err(error), Harmless) => panic!("it should do no harm: {error}"),
        (Err(error), Fails(kind, words)) => (error, kind, words),
    };
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    assert!(text.contains("hostile"), "it does not name the plugin: {text}");
    for word in words {
        assert!(text.contains(word), "it does not say {word:?}: {text}");
    }
    assert!(text.len() < 8192 && !text.contains('\n'), "{text}");
    assert!(!text.contains(OUTSIDE) && !text.contains(HUNTER2) && !text.contains("root:"), "{text}");
    let operation = match call {
        // `open` is the one call of the host that makes several calls of the plugin.
        Open => return,
        Put => "put",
        Get | GetMuch => "get",
        Head => "head",
        List => "list",
        Delete => "delete",
        Start => "multipart-start",
    };
    assert_eq!(error.operation(), operation, "{text}");
    let mutates = matches!(call, Put | Delete | Start);
    if matches!(kind, Fault | Timeout) {
        assert_eq!(error.is_outcome_unknown(), mutates, "{text}");
    }
}

async fn provoke(storage: &dyn Storage, call: Call) -> siltstone::Result<()> {
    make(storage, call, "bad").await
}

async fn behave(storage: &dyn Storage, call: Call) -> siltstone::Result<()> {
    make(storage, call, "good").await
}

async fn make(storage: &dyn Storage, call: Call, name: &str) -> siltstone::Result<()> {
    let options = PutOptions::default();
    let body = Blob::from(b"nine byte".to_vec());
    let name = key(name);
    match call {
        Open => Ok(()),
        Put => storage.put(&name, &body, &options).await.map(drop),
        Get | GetMuch => {
            let len = if call == Get { 16 } else { 100_000 };
            let sink = Sink::new(1 << 20);
            let range = ByteRange { offset: 0, len: Some(len) };
            let sent = storage.get(&name, range, &sink).await?;
            assert_eq!((sent, sink.len()), (len, len));
            Ok(())
        }
        Head => storage.head(&name).await.map(drop),
        List => {
            let mut request = ListRequest { prefix: name.to_string(), limit: 10, ..ListRequest::default() };
            for _ in 0..10 {
                request.token = storage.list(&request).await?.next;
                if request.token.is_none() {
                    break;
                }
            }
            Ok(())
        }
        Delete => storage.delete(&[name]).await.map(drop),
        Start => storage.multipart_start(&name, 1, None, &options).await.map(drop),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_takes_only_its_own_instance_with_it() {
    let house = House::new(Behaviour::Sleep).await;
    let storage = house.hostile.open(&Location::default()).await.unwrap();
    for _ in 0..5 {
        let call = provoke(&*storage, Put);
        assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    }
    behave(&*storage, Put).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_instance_does_not_hold_up_the_others() {
    let house = House::new(Behaviour::Sleep).await;
    let storage = house.hostile.open(&Location::default()).await.unwrap();
    let busy = tokio::spawn({
        let storage = Arc::clone(&storage);
        async move { provoke(&*storage, Put).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    behave(&*storage, Head).await.unwrap();
    assert!(!busy.is_finished());
    assert_eq!(busy.await.unwrap().unwrap_err().kind(), Timeout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_are_missing_or_wrong_are_told_before_anything_runs() {
    let house = House::new(Behaviour::Trap).await;
    let env = |name: &str| (name == FOLDER).then(|| "relative".to_owned());
    let error = house.hostile.plugin().configure(&env, ExtraRoots::default()).unwrap_err();
    assert_eq!(error.kind(), Invalid);
    let text = error.to_string();
    for part in
        ["HOSTILE_BEHAVIOUR is not set", "HOSTILE_FOLDER is \"relative\"", "HOSTILE_SECRET is not set"]
    {
        assert!(text.contains(part), "{text}");
    }
}
