//! More than a plugin's share: of memory, handles, the log, the cache, randomness and time.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use siltstone::ErrorKind::{Plugin as Fault, Timeout};
use siltstone::model::ObjectKey;
use siltstone::storage::{Blob, ByteRange, Digests, PutOptions, Sink, Storage};
use siltstone_hostile::{Behaviour, Order};

use super::house::{House, Plan};
use super::trial::Call::{Get, GetMuch, Head, List, Put};
use super::trial::Outcome::{Fails, Harmless};
use super::trial::{behave, provoke};
use super::trials;

trials! {
    a_trickle_ends_with_its_time: Trickle in GetMuch => Fails(Timeout, &["more than the 8s"]);
    a_flood_of_the_sink_is_ended: SinkFlood in Get => Fails(Fault, &["computed for more than"]);
    a_flood_of_the_stream_is_ended: StreamFlood in Get => Fails(Fault, &[]);
    a_flood_of_zeros_is_refused: ZeroFlood in Get => Fails(Fault, &["broke off"]);
    an_error_text_of_many_megabytes_never_gets_in: HugeErrorText in Head => Fails(Fault, &[]);
    a_page_of_a_million_names_never_gets_in: MillionNames in List => Fails(Fault, &[]);
    a_flood_of_log_lines_is_dropped: LogFlood in Put => Harmless;
    a_log_line_of_many_megabytes_never_gets_in: HugeLogLine in Put => Fails(Fault, &[]);
    a_flood_of_the_standard_error_is_ended: StderrFlood in Put => Fails(Fault, &["computed for more than"]);
    a_flood_of_the_cache_is_bounded: CacheFlood in Put => Harmless;
    a_cached_value_beyond_its_bound_ends_the_call: HugeCacheValue in Put => Fails(Fault, &["66560 bytes"]);
    a_huge_read_of_the_blob_is_clamped: HugeBlobRead in Put => Harmless;
    a_huge_read_of_a_file_is_clamped: HugeFileRead in Put => Harmless;
    ten_thousand_streams_are_too_many: ManyStreams in Put => Fails(Fault, &["broke off"]);
    ten_thousand_streams_of_the_sink_are_too_many: ManySinkStreams in Get => Fails(Fault, &["broke off"]);
    ten_thousand_pollables_are_too_many: ManyPollables in Put => Fails(Fault, &["broke off"]);
    ten_thousand_header_lists_are_too_many: ManyFields in Put => Fails(Fault, &["broke off"]);
    ten_thousand_open_folders_are_too_many: ManyDescriptors in Put => Fails(Fault, &["broke off", "400 files and folders"]);
    ten_thousand_streams_of_files_are_too_many: ManyFileStreams in Put => Fails(Fault, &["broke off", "400 files and folders"]);
    a_thousand_listings_at_once_are_too_many: ManyListings in Put => Fails(Fault, &["listed more than 16 folders at once"]);
    a_poll_of_a_million_is_ended: PollFlood in Put => Fails(Fault, &[]);
    a_stream_that_is_kept_does_no_harm: KeepsStream in Put => Harmless;
    a_gigabyte_of_random_bytes_is_too_much: HugeRandom in Put => Fails(Fault, &["broke off"]);
    clocks_are_read_and_nothing_comes_of_it: ReadsClocks in Put => Harmless;
    a_panic_that_holds_a_pollable_leaves_nothing: PanicsWithPollable in Put => Fails(Fault, &["on purpose: false"]);
    @ KeepsFolders by descriptors_that_are_kept_are_closed_after_the_call;
    @ PanicsWithStream by a_panic_that_holds_a_stream_lets_go_of_the_blob;
    @ PanicsWithSink by a_panic_that_holds_a_sink_leaves_it_usable;
    @ PanicsWithRequest by a_panic_that_holds_a_request_ends_its_connection;
}

/// Descriptors of this process that lead to the folder.
fn open_folders(folder: &Path) -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    // The one that lists them is gone by then.
    all.filter(|fd| std::fs::read_link(fd.as_ref().unwrap().path()).is_ok_and(|to| to == folder)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptors_that_are_kept_are_closed_after_the_call() {
    let house = House::new(Plan::default()).await;
    let folder = house.root.path().join("granted").canonicalize().unwrap();
    let storage = house.open(Order::of(Behaviour::KeepsFolders)).await.unwrap();
    for _ in 0..10 {
        provoke(&*storage, Put).await.unwrap();
        assert!(open_folders(&folder) < 10, "{} are open", open_folders(&folder));
    }
    behave(&*storage, Put).await.unwrap();
    house.assert_undisturbed().await;
}

/// Bytes that can be seen to be gone.
struct Tracked(Arc<Vec<u8>>);

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_that_holds_a_stream_lets_go_of_the_blob() {
    let house = House::new(Plan::default()).await;
    let storage = house.open(Order::of(Behaviour::PanicsWithStream)).await.unwrap();
    let bytes = Arc::new(vec![5; 1 << 20]);
    let body = Blob::new([Bytes::from_owner(Tracked(Arc::clone(&bytes)))], Digests::default());
    let error =
        storage.put(&ObjectKey::new("bad").unwrap(), &body, &PutOptions::default()).await.unwrap_err();
    assert!(error.is(Fault) && error.to_string().contains("on purpose: Ok(1)"), "{error}");
    drop(body);
    assert_eq!(Arc::strong_count(&bytes), 1, "somebody still holds the blob");
    behave(&*storage, Put).await.unwrap();
    house.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_that_holds_a_sink_leaves_it_usable() {
    let house = House::new(Plan::default()).await;
    let storage = house.open(Order::of(Behaviour::PanicsWithSink)).await.unwrap();
    let sink = Sink::new(1 << 20);
    let range = ByteRange { offset: 0, len: Some(16) };
    let error = storage.get(&ObjectKey::new("bad").unwrap(), range, &sink).await.unwrap_err();
    assert!(error.is(Fault) && error.to_string().contains("on purpose: Ok(())"), "{error}");
    sink.reset();
    assert_eq!(storage.get(&ObjectKey::new("good").unwrap(), range, &sink).await.unwrap(), 16);
    assert_eq!(sink.take(), vec![7; 16]);
    house.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_that_holds_a_request_ends_its_connection() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut head = [0; 4096];
        let begun = stream.read(&mut head).unwrap();
        // No answer, and a wait for the end of the connection.
        (begun, stream.read(&mut head), stream.write(b"HTTP/1.1 200 OK\r\n"))
    });
    let grants = format!("origins = [\"http://{address}\"]\n");
    let house = House::new(Plan { address: Some(address.to_string()), grants, lookup: None }).await;
    let storage = house.open(Order::of(Behaviour::PanicsWithRequest)).await.unwrap();
    let error = provoke(&*storage, Put).await.unwrap_err();
    assert!(error.is(Fault) && error.to_string().contains("on purpose: [Ok(()), Ok(())"), "{error}");
    let (begun, ended, _) = tokio::task::spawn_blocking(|| served.join().unwrap()).await.unwrap();
    assert!(begun > 0);
    match ended {
        Ok(more) => assert_eq!(more, 0, "the connection goes on"),
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "{e}"),
    }
    behave(&*storage, Head).await.unwrap();
    house.assert_undisturbed().await;
}
