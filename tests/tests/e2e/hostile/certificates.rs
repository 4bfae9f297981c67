//! No misdeed that a check meets passes it, and the certificate says what was wrong.

use std::path::PathBuf;

use futures_util::StreamExt;
use siltstone::ErrorKind::{Denied, Plugin as Fault, Timeout};
use siltstone_hostile::{ADDRESS, BEHAVIOUR, Behaviour, FOLDER, Function, Order, SECRET};
use siltstone_tests::certify::{check, environment, suite};

use super::house::{HUNTER2, OUTSIDE, component};
use super::trial::Outcome::{Fails, Harmless};
use super::trial::{Call, Outcome};
use super::{contract, files, memory, messages, network, phases, resources, tenants};

/// A misdeed, the call that shows it, and what comes of it.
pub(super) type Case = (Behaviour, Call, Outcome);

/// Misdeeds whose own tests are written out, as a check meets them. A misdeed that the fence makes harmless passes.
const OTHERS: &[Case] = &[
    (Behaviour::Trap, Call::Put, Fails(Fault, &["on purpose: put"])),
    (Behaviour::Exit, Call::Put, Fails(Fault, &["broke off", "exit"])),
    (Behaviour::Loop, Call::Put, Fails(Timeout, &["was stopped"])),
    (Behaviour::CallLoop, Call::Put, Fails(Timeout, &["was stopped"])),
    (Behaviour::Recursion, Call::Put, Fails(Fault, &["broke off"])),
    (Behaviour::MemoryHog, Call::Put, Fails(Fault, &["bytes of memory"])),
    (Behaviour::Sleep, Call::Put, Fails(Timeout, &["was stopped"])),
    (Behaviour::SleepForEver, Call::Put, Fails(Timeout, &["was stopped"])),
    (Behaviour::Dawdle, Call::Put, Fails(Timeout, &["was stopped"])),
    (Behaviour::SendsNow, Call::Put, Fails(Fault, &["HttpRequestDenied"])),
    (Behaviour::ManyInFlight, Call::Open, Harmless),
    (Behaviour::KeepsFolders, Call::Put, Harmless),
    (Behaviour::KeepsRequests, Call::Put, Harmless),
    (Behaviour::SwapsFolder, Call::Put, Harmless),
    (Behaviour::ListsLargeFolder, Call::Put, Fails(Fault, &["on purpose: 16 listings"])),
    // Its names are those of another prefix.
    (Behaviour::EndlessNames, Call::List, Fails(Fault, &["bad/000"])),
    (Behaviour::PanicsWithStream, Call::Put, Fails(Fault, &["on purpose: Ok("])),
    (Behaviour::PanicsWithSink, Call::Get, Fails(Fault, &["on purpose: Ok(())"])),
    // They need the origin of their address, which nobody has granted.
    (Behaviour::PanicsWithRequest, Call::Open, Fails(Denied, &["http://", "granted"])),
    (Behaviour::KeepsAnswer, Call::Open, Fails(Denied, &["http://", "granted"])),
    (Behaviour::ManyConnections, Call::Open, Fails(Denied, &["http://", "granted"])),
    (Behaviour::Requests, Call::Head, Fails(Denied, &["no request"])),
    // What it remembers is of this location alone.
    (Behaviour::Remembers, Call::Head, Fails(Denied, &["remembers"])),
];

const CASES: [&[Case]; 9] = [
    contract::CASES,
    files::CASES,
    memory::CASES,
    messages::CASES,
    network::CASES,
    phases::CASES,
    resources::CASES,
    tenants::CASES,
    OTHERS,
];

/// Does not compile while a behaviour has no certificate.
const _: () = {
    let mut behaviour = 0;
    while behaviour < Behaviour::ALL.len() {
        assert!(
            is_checked(Behaviour::ALL[behaviour]),
            "a behaviour of the hostile component has no certificate"
        );
        behaviour += 1;
    }
};

const fn is_checked(behaviour: Behaviour) -> bool {
    let mut area = 0;
    while area < CASES.len() {
        let mut at = 0;
        while at < CASES[area].len() {
            if CASES[area][at].0 as usize == behaviour as usize {
                return true;
            }
            at += 1;
        }
        area += 1;
    }
    false
}

/// Where a check meets what this call shows.
enum Met {
    /// In one of these steps, after which it ends.
    Steps(&'static [&'static str]),
    /// In one of these cases of the suite.
    Cases(&'static [&'static str]),
}

fn met(call: Call) -> Met {
    match call {
        Call::Load => Met::Steps(&["the_component_loads", "it_describes_itself"]),
        Call::Open => {
            Met::Steps(&["its_needs_are_granted", "its_location_opens", "its_capabilities_make_sense"])
        }
        Call::Put => Met::Steps(&["a_small_object_is_put"]),
        Call::Head => Met::Steps(&["its_head_is_that_of_the_put"]),
        Call::Get | Call::GetMuch => Met::Steps(&["its_bytes_come_back"]),
        Call::List => Met::Steps(&["it_is_listed"]),
        Call::Delete => Met::Steps(&["it_is_deleted"]),
        Call::Start | Call::Part | Call::Finish | Call::Abort => Met::Cases(&["parts_make_the_whole_object"]),
    }
}

/// What a harmless misdeed must not keep from working.
const WORKS: [&str; 4] = [
    "an_object_is_read_back_whole",
    "list_returns_keys_in_byte_order",
    "a_deleted_object_is_gone",
    "parts_make_the_whole_object",
];

/// Checks at once: most are a process of their own, and those that wait for a time do nothing else.
const AT_ONCE: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_misdeed_fails_its_certificate_for_its_reason() {
    let cases = CASES.into_iter().flatten();
    let told: Vec<Option<String>> = futures_util::stream::iter(cases)
        .map(|(behaviour, call, outcome)| trial(*behaviour, *call, *outcome))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let wrong: Vec<String> = told.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A folder to break out of, and what lies beside it.
fn scene() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    for folder in ["granted", "outside"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    std::fs::write(at("outside/secret"), OUTSIDE).unwrap();
    std::fs::write(at("granted/kept"), "kept").unwrap();
    std::os::unix::fs::symlink("../outside", at("granted/link")).unwrap();
    root
}

/// What is wrong with the certificate, if anything is.
async fn trial(behaviour: Behaviour, call: Call, outcome: Outcome) -> Option<String> {
    let root = scene();
    let function = if call == Call::Load { Function::Describe } else { Function::Put };
    let order = Order::within(behaviour, function);
    let component = component(order);
    let (folder, order) = (root.path().join("granted").display().to_string(), order.to_string());
    let settings =
        [(BEHAVIOUR, order.as_str()), (FOLDER, folder.as_str()), (ADDRESS, "127.0.0.1:9"), (SECRET, HUNTER2)];
    let (words, met) = match outcome {
        // A check asks for a whole object first, and there is no length to go beyond.
        Fails(..) if behaviour == Behaviour::SendsMore => (&["says that it sent"][..], met(call)),
        // Without the limits of the other tests, its resources are too many before its files are.
        Fails(..) if matches!(behaviour, Behaviour::ManyDescriptors | Behaviour::ManyFileStreams) => {
            (&["broke off", "resource table"][..], met(call))
        }
        Fails(_, words) => (words, met(call)),
        Harmless => {
            let report = suite("hostile", &component, &settings, &WORKS).await.unwrap();
            return (!report.passed() || report.cases.len() <= WORKS.len())
                .then(|| format!("{behaviour:?} is harmless, and yet:\n{report}"));
        }
    };
    // Where in the check, its reason, and everything that was told.
    let (failed, steps, told): (Vec<(String, String)>, &[&str], String) = match met {
        Met::Cases(cases) => {
            let report = suite("hostile", &component, &settings, cases).await.unwrap();
            let failed = report.failures().map(|(name, reason)| (name.to_owned(), reason.to_owned()));
            (failed.filter(|(name, _)| cases.contains(&name.as_str())).collect(), cases, report.to_string())
        }
        Met::Steps(steps) => {
            let file: PathBuf = root.path().join("hostile.wasm");
            std::fs::write(&file, &component).unwrap();
            let names = settings.map(|(name, _)| name);
            // What never ends is tried again until the service has had its time.
            let time = if is_endless(behaviour) { 2 } else { 6 };
            let limits = format!("[limits]\nmemory = \"32MiB\"\ncall_timeout = \"{time}s\"\n");
            let config = format!("settings = {names:?}\n{limits}{}", environment(&settings));
            let certificate = check(&file, &config, &[]).await.unwrap();
            let failed = certificate.with("failed").into_iter();
            let failed =
                failed.filter_map(|name| Some((name.to_owned(), certificate.of(name)?.1.to_owned())));
            let failed = failed.filter(|_| certificate.code == 1).collect();
            (failed, steps, format!("{}{}", certificate.text, certificate.errors))
        }
    };
    // Limits are not those of the other tests, in numbers nor in which of them is met first.
    let is_said = |word: &&&str| !word.contains("computed for");
    let says =
        |reason: &str, words: &str| words.split(|c: char| c.is_ascii_digit()).all(|w| reason.contains(w));
    let is_right = failed.len() == 1
        && steps.contains(&failed[0].0.as_str())
        && words.iter().filter(is_said).all(|word| says(&failed[0].1, word))
        && !told.contains(HUNTER2)
        && !told.contains(OUTSIDE);
    (!is_right)
        .then(|| format!("{behaviour:?} in {call:?} is to fail in {steps:?} with {words:?}: {failed:?}"))
}

fn is_endless(behaviour: Behaviour) -> bool {
    matches!(
        behaviour,
        Behaviour::Loop
            | Behaviour::CallLoop
            | Behaviour::Sleep
            | Behaviour::SleepForEver
            | Behaviour::Dawdle
            | Behaviour::Trickle
            | Behaviour::SinkFlood
            | Behaviour::StreamFlood
            | Behaviour::StderrFlood
            | Behaviour::PollFlood
    )
}
