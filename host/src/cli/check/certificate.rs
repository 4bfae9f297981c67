//! What a check has found, fact by fact, and the verdict.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::subject::Subject;
use crate::conformance::{CaseReport, Figure, Outcome, StorageCheck};
use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::plugin::{Plugin, PluginSource, PluginStorage, hex, one_line};
use crate::storage::Capabilities;

/// Why facts were not looked at, as one failed that the others need.
const BEFORE: &str = "an earlier check failed";

/// A fact and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) area: &'static str,
    pub(super) name: &'static str,
}

/// The fact failed; its row says why.
#[derive(Debug)]
pub(super) struct Failed;

/// What the plugin is.
#[derive(Debug)]
pub(super) struct About {
    pub(super) name: String,
    pub(super) version: String,
    /// The versions of the interface that it exports.
    pub(super) interface: String,
}

/// The findings.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) check: StorageCheck,
    pub(super) source: String,
    pub(super) bytes: usize,
    pub(super) sha256: String,
    pub(super) begun: Timestamp,
    since: Instant,
    /// Nothing when it does not load.
    pub(super) about: Option<About>,
    pub(super) home: Option<String>,
    pub(super) capabilities: Option<Capabilities>,
    pub(super) rows: Vec<CaseReport>,
    pub(super) figures: Vec<Figure>,
    pub(super) calls: u64,
    pub(super) asked_again: u64,
    /// What the operator should know beside the verdict.
    pub(super) notes: Vec<String>,
    /// Every location that was opened: what it knows as a secret is shown nowhere.
    heard: Vec<Arc<PluginStorage>>,
}

impl Certificate {
    pub(super) fn begin(subject: &Subject, check: StorageCheck) -> Self {
        let source = match subject.package.source() {
            PluginSource::Bundled => "comes with this build".to_owned(),
            source => source.to_string(),
        };
        Self {
            check,
            source,
            bytes: subject.package.component().len(),
            sha256: hex(&subject.package.sha256()),
            begun: Timestamp::from_system(SystemTime::now()),
            since: Instant::now(),
            about: None,
            home: None,
            capabilities: None,
            rows: Vec::new(),
            figures: Vec::new(),
            calls: 0,
            asked_again: 0,
            notes: Vec::new(),
            heard: Vec::new(),
        }
    }

    /// Notes what the plugin says of itself.
    pub(super) fn describe(&mut self, plugin: &Plugin) {
        self.about = Some(About {
            name: plugin.info().name.to_string(),
            version: plugin.info().version.clone(),
            interface: plugin.interface_version().to_owned(),
        });
    }

    /// Adds the row of a fact.
    pub(super) fn note<T>(&mut self, fact: Fact, began: Instant, result: Result<T>) -> Result<T, Failed> {
        self.blame(&[(fact, &[])], began, result)
    }

    /// Adds the rows of facts that one call proves in this order. When it fails, the fact that has the operation of the error
    /// among its own has failed, or else the first that has none, and those before it hold.
    pub(super) fn blame<T>(
        &mut self,
        facts: &[(Fact, &[&str])],
        began: Instant,
        result: Result<T>,
    ) -> Result<T, Failed> {
        let elapsed = began.elapsed();
        let at = result.as_ref().err().map(|e| whose(facts, e));
        for (number, (fact, _)) in facts.iter().enumerate().take(at.map_or(facts.len(), |at| at + 1)) {
            let outcome = match &result {
                Err(error) if at == Some(number) => Outcome::Failed(error.to_string()),
                _ => Outcome::Passed,
            };
            // The time is of all of them together and is told once.
            let elapsed = if number == 0 { elapsed } else { Duration::ZERO };
            self.add(*fact, outcome, elapsed);
        }
        result.map_err(|_| Failed)
    }

    pub(super) fn add(&mut self, fact: Fact, outcome: Outcome, elapsed: Duration) {
        let seen = String::new();
        self.rows.push(CaseReport { area: fact.area, name: fact.name, outcome, seen, elapsed });
    }

    /// Adds what was not looked at, and puts all rows in order.
    pub(super) fn fill(&mut self, facts: &[Fact]) {
        for fact in facts {
            if !self.rows.iter().any(|row| row.name == fact.name) {
                self.add(*fact, Outcome::NotRun(BEFORE.to_owned()), Duration::ZERO);
            }
        }
        let place = |row: &CaseReport| {
            let area = facts.iter().position(|fact| fact.area == row.area);
            (area, facts.iter().position(|fact| fact.name == row.name))
        };
        self.rows.sort_by_key(place);
    }

    /// The rows that failed.
    pub(super) fn failed(&self) -> impl Iterator<Item = &CaseReport> {
        self.rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed(_)))
    }

    /// Whether every fact was looked at and nothing is wrong with any.
    pub(super) fn passed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.outcome.is_fine())
    }

    /// Notes a location whose secrets must not be told.
    pub(super) fn hear(&mut self, storage: &Arc<PluginStorage>) {
        self.heard.push(Arc::clone(storage));
    }

    /// Takes secrets, control characters and the like out of all that the plugin or its store may have had a hand in.
    pub(super) fn clean(&mut self) {
        let heard = &self.heard;
        let clean = |text: &mut String| {
            let redacted = heard.iter().fold(std::mem::take(text), |text, storage| storage.redacted(&text));
            *text = one_line(&redacted, usize::MAX);
        };
        for row in &mut self.rows {
            clean(&mut row.seen);
            match &mut row.outcome {
                Outcome::Passed => {}
                Outcome::Failed(text)
                | Outcome::NotApplicable(text)
                | Outcome::NotShown(text)
                | Outcome::NotRun(text) => clean(text),
            }
        }
        if let Some(About { name, version, interface }) = &mut self.about {
            [name, version, interface].into_iter().for_each(clean);
        }
        self.home.iter_mut().chain(&mut self.notes).for_each(clean);
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

fn whose(facts: &[(Fact, &[&str])], error: &Error) -> usize {
    let owner = facts.iter().position(|(_, own)| own.contains(&error.operation()));
    owner.or_else(|| facts.iter().position(|(_, own)| own.is_empty())).unwrap_or(0)
}
