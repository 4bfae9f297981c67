//! One misdeed, what came of it, and how everything else goes on.

use std::time::{Duration, Instant};

use siltstone::ErrorKind::{self, Plugin as Fault, Timeout};
use siltstone::model::ObjectKey;
use siltstone::plugin::Location;
use siltstone::storage::{Blob, ByteRange, ListRequest, PartTag, PutOptions, Sink, Storage, UploadId};
use siltstone_hostile::{Behaviour, Function, Order};

use super::house::{HUNTER2, House, OUTSIDE, Plan, resident};

/// Every trial must be over by then: the longest limit of a call is 8 s, and a component may have to be compiled first.
const BOUND: Duration = Duration::from_secs(60);
/// No misdeed may cost the process more memory than this: some instances, and the copies that the host makes for them; and
/// what a test on another thread takes meanwhile, whose compiler may need half of it.
const MEMORY: u64 = 1 << 30;

/// The call that provokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Loading the plugin, which describes itself.
    Load,
    /// Opening a location: `needs`, `open`, `capabilities` and `home`.
    Open,
    Put,
    Get,
    GetMuch,
    Head,
    List,
    Delete,
    Start,
    Part,
    Finish,
    Abort,
}

/// What comes of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// It works, as the misdeed is without effect.
    Harmless,
    /// An error of this kind with these words.
    Fails(ErrorKind, &'static [&'static str]),
}

use Outcome::{Fails, Harmless};

/// Has the behaviour done by a call, in a house of its own.
pub(super) async fn trial(behaviour: Behaviour, call: Call, outcome: Outcome) {
    let function = if call == Call::Load { Function::Describe } else { Function::Put };
    let house = House::new(Plan::default()).await;
    trial_in(&house, Order::within(behaviour, function), call, outcome).await;
}

/// Has an order done by a call.
pub(super) async fn trial_in(house: &House, order: Order, call: Call, outcome: Outcome) {
    // The compiler needs more memory than anything that is tried here.
    let honest = house.open(Order::of(Behaviour::Nothing)).await.unwrap();
    behave_all(&*honest).await;
    let memory = resident();

    let started = Instant::now();
    let hostile = house.hostile(order).await;
    let (result, storage) = match (call, hostile) {
        (Call::Load, hostile) => (hostile.map(drop), None),
        (_, Err(error)) => panic!("it was not loaded: {error}"),
        (Call::Open, Ok(hostile)) => (hostile.open(&Location::default()).await.map(drop), None),
        (call, Ok(hostile)) => {
            let storage = hostile.open(&Location::default()).await.unwrap();
            (provoke(&*storage, call).await, Some(storage))
        }
    };
    assert!(started.elapsed() < BOUND, "it took {:?}", started.elapsed());
    check(call, result, outcome, order);

    // The same location serves the next calls, and so does another plugin of the host.
    let storage = match storage {
        Some(storage) => storage,
        None => house.open(Order::of(Behaviour::Nothing)).await.unwrap(),
    };
    behave_all(&*storage).await;
    let grown = resident().saturating_sub(memory);
    assert!(grown < MEMORY, "{order}: the process has grown by {grown} bytes");
    house.assert_undisturbed().await;
}

fn check(call: Call, result: siltstone::Result<()>, outcome: Outcome, order: Order) {
    let (error, kind, words) = match (result, outcome) {
        (Ok(()), Harmless) => return,
        (Ok(()), Fails(kind, _)) => panic!("{order}: it worked, but should fail with {kind:?}"),
        (Err(error), Harmless) => panic!("{order}: it should do no harm: {error}"),
        (Err(error), Fails(kind, words)) => (error, kind, words),
    };
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{order}: {text}");
    assert!(text.contains("hostile"), "it does not name the plugin: {text}");
    for word in words {
        assert!(text.contains(word), "{order}: it does not say {word:?}: {text}");
    }
    assert!(text.len() < 8192 && text.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text:?}");
    assert!(!text.contains(OUTSIDE) && !text.contains(HUNTER2) && !text.contains("root:"), "{text}");
    let (operation, mutates) = match call {
        // These are the calls of the host that make several calls of the plugin.
        Call::Load | Call::Open => return,
        Call::Put => ("put", true),
        Call::Get | Call::GetMuch => ("get", false),
        Call::Head => ("head", false),
        Call::List => ("list", false),
        Call::Delete => ("delete", true),
        Call::Start => ("multipart-start", true),
        Call::Part => ("multipart-put", true),
        Call::Finish => ("multipart-finish", true),
        Call::Abort => ("multipart-abort", true),
    };
    assert_eq!(error.operation(), operation, "{text}");
    let is_unknown = mutates && matches!(kind, Fault | Timeout);
    assert_eq!(error.is_outcome_unknown(), is_unknown, "{text}");
}

/// Makes a call that provokes.
pub(super) async fn provoke(storage: &dyn Storage, call: Call) -> siltstone::Result<()> {
    make(storage, call, "bad").await
}

/// Makes a call that does not.
pub(super) async fn behave(storage: &dyn Storage, call: Call) -> siltstone::Result<()> {
    make(storage, call, "good").await
}

async fn behave_all(storage: &dyn Storage) {
    for call in [Call::Put, Call::Get, Call::Head, Call::List, Call::Delete, Call::Start, Call::Abort] {
        behave(storage, call).await.unwrap_or_else(|e| panic!("{call:?} afterwards: {e}"));
    }
}

/// Makes a call about a key.
pub(super) async fn make(storage: &dyn Storage, call: Call, name: &str) -> siltstone::Result<()> {
    let options = PutOptions::default();
    let body = Blob::from(b"nine byte".to_vec());
    let name = ObjectKey::new(name).unwrap();
    let id = UploadId("id".to_owned());
    match call {
        Call::Load | Call::Open => Ok(()),
        Call::Put => storage.put(&name, &body, &options).await.map(drop),
        Call::Get | Call::GetMuch => {
            let len = if call == Call::Get { 16 } else { 100_000 };
            let sink = Sink::new(1 << 20);
            let range = ByteRange { offset: 0, len: Some(len) };
            let sent = storage.get(&name, range, &sink).await?;
            assert_eq!((sent, sink.len()), (len, len));
            Ok(())
        }
        Call::Head => storage.head(&name).await.map(drop),
        Call::List => {
            let mut request = ListRequest { prefix: name.to_string(), limit: 10, ..ListRequest::default() };
            for _ in 0..10 {
                request.token = storage.list(&request).await?.next;
                if request.token.is_none() {
                    break;
                }
            }
            Ok(())
        }
        Call::Delete => storage.delete(&[name]).await.map(drop),
        Call::Start => storage.multipart_start(&name, 1, None, &options).await.map(drop),
        Call::Part => storage.multipart_put(&name, &id, 1, &body).await.map(drop),
        Call::Finish => {
            storage.multipart_finish(&name, &id, &[(1, PartTag("tag".to_owned()))]).await.map(drop)
        }
        Call::Abort => storage.multipart_abort(&name, &id).await,
    }
}
