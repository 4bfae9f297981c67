//! The checks of the engine suite, in the order in which they run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::conformance::engine::data::{Entries, batch, count};
use crate::conformance::engine::transfer::{fingerprint, plan, restore, schemas, stage};
use crate::conformance::engine::{Effort, EmptyDatabase, EngineFixture, Report, broken};
use crate::error::{ErrorKind, Result};
use crate::model::{CollectionName, Scope, ShardId, TenantState};
use crate::source::{Budget, Cut, CutOutcome};

/// What a cut may hold writers in the checks that do not ask for less.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the writer goes on between two cuts.
const BETWEEN: Duration = Duration::from_millis(20);

/// What the writer has begun and what was acknowledged.
#[derive(Default)]
struct Progress {
    begun: AtomicU64,
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    fn write(&self, fixture: &dyn EngineFixture, shards: &[ShardId], effort: Effort) -> Result<()> {
        while !self.stop.load(Ordering::SeqCst) {
            let n = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            fixture.write(&batch(shards, n, effort))?;
            self.acknowledged.store(n, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// Ends the writer however the check ends.
struct Stop<'a>(&'a Progress);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::SeqCst);
    }
}

/// Promises 1 and 2; how many batches were written.
pub(super) fn cuts_under_load(
    fixture: &dyn EngineFixture,
    effort: Effort,
    report: &mut Report,
) -> Result<u64> {
    let shards = fixture.shards();
    promise!(shards.len() >= 2, "the fixture has fewer than two shards");
    let progress = Progress::default();
    let mut pauses = Vec::new();
    thread::scope(|scope| {
        let writer = scope.spawn(|| progress.write(fixture, &shards, effort));
        let stop = Stop(&progress);
        for round in 0..effort.cuts {
            thread::sleep(BETWEEN);
            if round % 2 == 0 {
                shards.iter().try_for_each(|s| fixture.source().prepare(s))?;
            }
            let low = progress.acknowledged.load(Ordering::SeqCst);
            let outcome = cut(fixture, &shards, PAUSE)?;
            let high = progress.begun.load(Ordering::SeqCst);
            complete(&shards, &outcome)?;
            for cut in &outcome.cuts {
                report.scopes[match cut.scope() {
                    Scope::Node => 0,
                    Scope::Collection => 1,
                    Scope::Shard => 2,
                }] += 1;
                pauses.push(u64::try_from(cut.pause().as_micros()).unwrap_or(u64::MAX));
                let before = fingerprint(&**cut)?;
                consistent(fixture, &**cut, low, high, effort)?;
                promise!(fingerprint(&**cut)? == before, "the files of a cut changed while it was held");
            }
        }
        drop(stop);
        writer.join().map_err(|_| broken("the writer panicked"))?
    })?;
    pauses.sort_unstable();
    report.pause_us = [pauses.last(), pauses.get(pauses.len() / 2)].map(|p| p.copied().unwrap_or_default());
    report.batches = progress.acknowledged.load(Ordering::SeqCst);
    Ok(report.batches)
}

/// Promise 3.
pub(super) fn cut_that_may_hold_nobody(fixture: &dyn EngineFixture, effort: Effort, last: u64) -> Result<()> {
    let shards = fixture.shards();
    let outcome = cut(fixture, &shards, Duration::ZERO)?;
    complete(&shards, &outcome)?;
    outcome.cuts.iter().try_for_each(|cut| consistent(fixture, &**cut, last, last, effort))
}

/// Promise 4.
pub(super) fn copies_are_independent(fixture: &dyn EngineFixture, effort: Effort, last: u64) -> Result<()> {
    let shards = fixture.shards();
    let outcome = cut(fixture, &shards, PAUSE)?;
    for cut in &outcome.cuts {
        let before = fingerprint(&**cut)?;
        let mine: Vec<ShardId> = cut.shards().into_iter().map(|(shard, _)| shard).collect();
        let copy = restore(fixture, &**cut)?;
        for n in last + 1..=last + 50 {
            copy.write(&batch(&mine, n, effort))?;
        }
        let counts = counts(&*copy, &mine, effort)?;
        promise!(
            counts.values().all(|n| *n == last + 50),
            "a restored database lost writes: {counts:?} and not {}",
            last + 50
        );
        promise!(
            fingerprint(&**cut)? == before,
            "writing into a restored database changed the files of the cut"
        );
    }
    let after = self::cut(fixture, &shards, PAUSE)?;
    after.cuts.iter().try_for_each(|cut| consistent(fixture, &**cut, last, last, effort))
}

/// Promise 5.
pub(super) fn restores_are_whole(fixture: &dyn EngineFixture, effort: Effort, last: u64) -> Result<()> {
    let shards = fixture.shards();
    let outcome = cut(fixture, &shards, PAUSE)?;
    for cut in &outcome.cuts {
        let database = fixture.empty()?;
        let target = database.target();
        let first = plan(&**cut, fixture.source().engine(), &schemas(fixture)?)?;
        let staged = stage(&**cut, &*database, &first)?;
        for (shard, _) in cut.shards() {
            promise!(
                database.read(&shard).map_or(true, |entries| entries.is_empty()),
                "shard `{shard}` shows before its restore is installed"
            );
        }
        target.abort(first.restore)?;
        target.abort(first.restore)?;
        promise!(staged.iter().all(|s| !s.folder.exists()), "an abort leaves staged files");

        let second = plan(&**cut, fixture.source().engine(), &schemas(fixture)?)?;
        let staged = stage(&**cut, &*database, &second)?;
        target.install(&second, staged)?;
        target.abort(second.restore)?;
        let mine: Vec<ShardId> = cut.shards().into_iter().map(|(shard, _)| shard).collect();
        let counts = counts(&*database, &mine, effort)?;
        promise!(counts.values().all(|n| *n == last), "{counts:?} and not {last}");

        let third = plan(&**cut, fixture.source().engine(), &schemas(fixture)?)?;
        let named = third.collections.iter().map(|c| c.name.as_str());
        match target.admit(&third) {
            Err(e) if e.is(ErrorKind::AlreadyExists) => {
                let text = e.to_string();
                promise!(
                    text.contains("already exists") && named.clone().any(|n| text.contains(n)),
                    "the refusal of an existing name lacks `already exists` or the name: {text}"
                );
            }
            other => return Err(broken(format!("an existing collection was not refused: {other:?}"))),
        }
    }
    Ok(())
}

/// Promise 6.
pub(super) fn dropped_shards(fixture: &dyn EngineFixture, effort: Effort, last: u64) -> Result<()> {
    let shards = fixture.shards();
    let outcome = cut(fixture, &shards, PAUSE)?;
    let dropped = shards.last().cloned().ok_or_else(|| broken("the fixture has no shards"))?;
    fixture.drop_shard(&dropped)?;
    outcome.cuts.iter().try_for_each(|cut| consistent(fixture, &**cut, last, last, effort))?;
    drop(outcome);

    let outcome = cut(fixture, &shards, PAUSE)?;
    promise!(
        outcome.gone == [dropped.clone()],
        "`{dropped}` was dropped before the cut; gone are {:?}",
        outcome.gone
    );
    outcome.cuts.iter().try_for_each(|cut| consistent(fixture, &**cut, last, last, effort))
}

fn cut(fixture: &dyn EngineFixture, shards: &[ShardId], max_pause: Duration) -> Result<CutOutcome> {
    fixture.source().cut(shards, &Budget { max_pause, staging: fixture.staging()? })
}

/// Every shard is in exactly one cut, and none is gone.
fn complete(shards: &[ShardId], outcome: &CutOutcome) -> Result<()> {
    let mut cut: Vec<ShardId> =
        outcome.cuts.iter().flat_map(|c| c.shards()).map(|(shard, _)| shard).collect();
    let mut asked = shards.to_vec();
    cut.sort();
    asked.sort();
    promise!(
        outcome.gone.is_empty() && cut == asked,
        "asked for {} shards; {} are in cuts, {} gone",
        asked.len(),
        cut.len(),
        outcome.gone.len()
    );
    Ok(())
}

/// Restores a cut and compares every shard with the states that its scope allows.
fn consistent(fixture: &dyn EngineFixture, cut: &dyn Cut, low: u64, high: u64, effort: Effort) -> Result<()> {
    let shards: Vec<ShardId> =
        cut.shards().into_iter().filter(|(_, s)| *s == TenantState::Hot).map(|(shard, _)| shard).collect();
    let copy = restore(fixture, cut)?;
    let counts = counts(&*copy, &shards, effort)?;
    for (shard, n) in &counts {
        promise!(
            (low..=high).contains(n),
            "`{shard}` holds {n} batches; {low} were acknowledged before the cut, {high} begun by its end"
        );
    }
    let mut groups: BTreeMap<Option<&CollectionName>, Vec<u64>> = BTreeMap::new();
    for (shard, n) in &counts {
        match cut.scope() {
            Scope::Node => groups.entry(None).or_default().push(*n),
            Scope::Collection => groups.entry(Some(&shard.collection)).or_default().push(*n),
            Scope::Shard => {}
        }
    }
    promise!(
        groups.values().all(|counts| counts.iter().all(|n| *n == counts[0])),
        "a cut of scope {:?} holds different instants: {counts:?}",
        cut.scope()
    );
    Ok(())
}

fn counts(copy: &dyn EmptyDatabase, shards: &[ShardId], effort: Effort) -> Result<BTreeMap<ShardId, u64>> {
    let one = |shard: &ShardId| {
        let entries: Entries = copy.read(shard)?;
        Ok((shard.clone(), count(shard, &entries, effort)?))
    };
    shards.iter().map(one).collect()
}
