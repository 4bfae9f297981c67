//! No misdeed that a call shows passes a check, and the certificate says what was wrong.

use std::path::PathBuf;

use futures_util::StreamExt;
use siltstone_hostile::{ADDRESS, BEHAVIOUR, Behaviour, FOLDER, Function, Order, SECRET};
use siltstone_tests::certify::{check, environment};

use super::house::{HUNTER2, OUTSIDE, component};
use super::trial::{Call, Outcome};
use super::{contract, files, memory, messages, network, phases, resources, tenants};

/// A misdeed, the call that shows it, and what comes of it.
pub(super) type Case = (Behaviour, Call, Outcome);

const CASES: [&[Case]; 8] = [
    contract::CASES,
    files::CASES,
    memory::CASES,
    messages::CASES,
    network::CASES,
    phases::CASES,
    resources::CASES,
    tenants::CASES,
];

/// Checks at once: each is a process of its own.
const AT_ONCE: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_misdeed_fails_its_certificate_for_its_reason() {
    // Before anything else a check makes these calls, and with the first that fails it ends. A store of nothing gets no further.
    let is_first = |call: Call| matches!(call, Call::Load | Call::Open | Call::Put | Call::Head);
    let cases: Vec<(Behaviour, Call, &[&str])> = CASES
        .into_iter()
        .flatten()
        .filter(|(_, call, _)| is_first(*call))
        .filter_map(|(behaviour, call, outcome)| match outcome {
            Outcome::Fails(_, words) => Some((*behaviour, *call, *words)),
            Outcome::Harmless => None,
        })
        .collect();
    assert!(cases.len() > 40, "{}", cases.len());
    let told: Vec<Option<String>> = futures_util::stream::iter(cases)
        .map(|(behaviour, call, words)| trial(behaviour, call, words))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let wrong: Vec<String> = told.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What is wrong with the certificate, if anything is.
async fn trial(behaviour: Behaviour, call: Call, words: &[&str]) -> Option<String> {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    for folder in ["granted", "outside"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    std::fs::write(at("outside/secret"), OUTSIDE).unwrap();
    std::fs::write(at("granted/kept"), "kept").unwrap();
    std::os::unix::fs::symlink("../outside", at("granted/link")).unwrap();
    let function = if call == Call::Load { Function::Describe } else { Function::Put };
    let order = Order::within(behaviour, function);
    let file: PathBuf = at("hostile.wasm");
    std::fs::write(&file, component(order)).unwrap();
    let (folder, order) = (at("granted").display().to_string(), order.to_string());
    let settings =
        [(BEHAVIOUR, order.as_str()), (FOLDER, folder.as_str()), (ADDRESS, "127.0.0.1:9"), (SECRET, HUNTER2)];
    let names = settings.map(|(name, _)| name);
    let grants = format!("settings = {names:?}\n[limits]\nmemory = \"32MiB\"\ncall_timeout = \"3s\"\n");
    let certificate = check(&file, &(grants + &environment(&settings)), &[]).await.unwrap();
    let failed = certificate.with("failed");
    let reasons: Vec<&str> = failed.iter().filter_map(|name| Some(certificate.of(name)?.1)).collect();
    // Limits are not those of the other tests, in numbers nor in which of them is met first.
    let is_said = |word: &&&str| !word.bytes().any(|b| b.is_ascii_digit()) && !word.contains("computed for");
    let words = words.iter().filter(is_said);
    let unsaid: Vec<&&str> =
        words.filter(|word| !reasons.iter().any(|reason| reason.contains(**word))).collect();
    let told = format!("{}{}", certificate.text, certificate.errors);
    let leaks = told.contains(HUNTER2) || told.contains(OUTSIDE);
    let is_right = certificate.code == 1 && failed.len() == 1 && unsaid.is_empty() && !leaks;
    (!is_right).then(|| format!("{behaviour:?} in {call:?} does not say {unsaid:?}: {failed:?} {reasons:?}"))
}
