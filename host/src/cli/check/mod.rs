//! `plugin check`: tries a plugin against its real store and says what holds.

pub(super) mod args;
mod certificate;
mod elsewhere;
mod objects;
mod preflight;
mod show;
mod subject;
#[cfg(test)]
mod tests;
mod wrong;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::args::CheckArgs;
use self::certificate::{Certificate, Fact};
use self::preflight::Opened;
use self::subject::Subject;
use super::progress::Bar;
use super::report::Report;
use super::signals::Signals;
use crate::conformance::{StorageCheck, StorageSuite, measure_storage};
use crate::error::{Error, ErrorKind, Result};

/// No call may end so, whoever made it again.
const FAULTS: Fact = Fact { area: "service", name: "no_call_ended_in_a_fault" };
/// A service that is not up to the suite gives no verdict on a plugin.
const LATER: Fact = Fact { area: "service", name: "few_answers_ask_to_come_again_later" };
const SPEED: Fact = Fact { area: "throughput", name: "the_speed_can_be_measured" };

/// One call in so many may be answered by `throttled` or `transient`, and a few in any case: of few calls, one in ten is none.
const ONE_IN: u64 = 10;
const A_FEW: u64 = 20;

/// Checks a plugin.
pub(super) async fn check(args: &CheckArgs) -> Result<Report> {
    let subject = Subject::read(args)?;
    let mut signals = Signals::listen()?;
    let bar = Arc::new(Bar::new("loading".to_owned()));
    let check = depth(args);
    let mut certificate = Certificate::begin(&subject, check);
    tokio::select! {
        () = run(&subject, check, &mut certificate, &bar) => {}
        () = signals.next() => return Err(Error::cancelled("check")),
    }
    drop(bar);
    certificate.clean();
    Ok(certificate.report())
}

/// How hard it is tried.
fn depth(args: &CheckArgs) -> StorageCheck {
    let minutes = |n: u64| Duration::from_secs(n * 60);
    let normal = StorageCheck {
        many: 1_001,
        most: 5_001,
        large: 64 << 20,
        racers: 8,
        rounds: 3,
        patience: minutes(5),
        loss: minutes(5),
    };
    let thorough = StorageCheck {
        many: 10_000,
        most: 10_000,
        large: 256 << 20,
        rounds: 20,
        patience: minutes(60),
        loss: minutes(60),
        ..normal
    };
    let check = if args.thorough { thorough } else { normal };
    StorageCheck {
        many: args.keys.unwrap_or(check.many),
        most: args.keys.unwrap_or(check.most),
        rounds: args.rounds.unwrap_or(check.rounds),
        ..check
    }
}

/// Every fact of a certificate, in order.
fn facts() -> Vec<Fact> {
    let suite = StorageSuite::cases().into_iter().map(|(area, name)| Fact { area, name });
    preflight::FACTS
        .into_iter()
        .chain(suite)
        .chain(elsewhere::FACTS)
        .chain([wrong::FACT, FAULTS, LATER, SPEED])
        .collect()
}

async fn run(subject: &Subject, check: StorageCheck, certificate: &mut Certificate, bar: &Arc<Bar>) {
    if let Ok(opened) = preflight::run(subject, certificate).await {
        trial(subject, check, &opened, certificate, bar).await;
    }
    certificate.fill(&facts());
}

/// All that comes after the preflight. The suite cleans up after each case.
async fn trial(
    subject: &Subject,
    check: StorageCheck,
    opened: &Opened,
    certificate: &mut Certificate,
    bar: &Arc<Bar>,
) {
    let shown = Arc::clone(bar);
    let suite = StorageSuite::new(Arc::clone(&opened.storage), check)
        .second(Arc::clone(&opened.second))
        .on_begin(move |begun| {
            let name = begun.name.replace('_', " ");
            shown.say(format!("{} of {}: {name}", begun.before + 1, begun.all));
        });
    let report = suite.run().await;
    certificate.notes.extend(swept(&report.swept));
    certificate.rows.extend(report.cases);
    elsewhere::run(subject, opened, certificate).await;
    wrong::run(subject, opened, certificate).await;
    drop(certificate.note(FAULTS, Instant::now(), faults(opened)));
    drop(certificate.note(LATER, Instant::now(), later(opened)));
    certificate.calls = opened.calls();
    certificate.asked_again = opened.later();
    // Figures of what does not work say nothing.
    if certificate.failed().next().is_none() {
        bar.say("measuring");
        let began = Instant::now();
        let measured = measure_storage(Arc::clone(&opened.storage), &check).await;
        if let Ok(figures) = certificate.note(SPEED, began, measured) {
            certificate.figures = figures;
        }
    }
}

/// What a certificate says of temporary objects that the plugin did not remove.
fn swept(cases: &[(&'static str, usize)]) -> Option<String> {
    let told: Vec<String> =
        cases.iter().map(|(name, count)| format!("{count} after \"{}\"", name.replace('_', " "))).collect();
    let all: usize = cases.iter().map(|(_, count)| count).sum();
    (all > 0).then(|| {
        format!(
            "the suite had to remove {all} temporary objects that the plugin had left: {}",
            told.join(", ")
        )
    })
}

fn faults(opened: &Opened) -> Result<()> {
    let faults = opened.faults();
    if faults.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = faults.iter().map(|(kind, count)| format!("{count} {}", kind.as_str())).collect();
    let message = format!(
        "calls ended in faults ({}); such a plugin is stopped, whatever the call was for",
        told.join(", ")
    );
    Err(Error::new(ErrorKind::Plugin, "check", message))
}

fn later(opened: &Opened) -> Result<()> {
    let (later, calls) = (opened.later(), opened.calls());
    if later <= A_FEW.max(calls / ONE_IN) {
        return Ok(());
    }
    let message = format!(
        "{later} of {calls} calls were answered by `throttled` or `transient`, more than one in {ONE_IN}: check again against a service that is up to it, \
         unless these answers are wrong"
    );
    Err(Error::new(ErrorKind::Unavailable, "check", message))
}
