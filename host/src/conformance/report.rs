//! What a suite found: one outcome for each of its facts.

use std::fmt;
use std::time::Duration;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The fact holds.
    Passed,
    /// It does not, for this reason.
    Failed(String),
    /// The subject does not claim the ability that the case is about; the text names it.
    NotApplicable(String),
    /// It was tried, nothing was wrong, and what the fact is about never came to pass; the text says what was seen.
    NotShown(String),
    /// It was not tried, for this reason, so nothing is known about the fact.
    NotRun(String),
}

impl Outcome {
    /// Whether it was tried as far as it could be, and nothing was wrong.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        match self {
            Self::Passed | Self::NotApplicable(_) | Self::NotShown(_) => true,
            Self::Failed(_) | Self::NotRun(_) => false,
        }
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// What the fact is about, in a word or two: `listing`.
    pub area: &'static str,
    /// The fact, as words joined by `_`.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen, where a fact that holds has more to tell than that; else empty.
    pub seen: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// All cases of one run. `Display` is a line for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they ran.
    pub cases: Vec<CaseReport>,
    /// Cases after which the suite itself had to remove temporary objects, and how many. Calls that were dropped may leave them.
    pub swept: Vec<(&'static str, usize)>,
}

impl Report {
    /// Names and reasons of the cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.cases.iter().filter_map(|case| match &case.outcome {
            Outcome::Failed(reason) => Some((case.name, reason.as_str())),
            _ => None,
        })
    }

    /// Names of the cases that did not apply.
    pub fn not_applicable(&self) -> impl Iterator<Item = &'static str> {
        self.cases
            .iter()
            .filter(|case| matches!(case.outcome, Outcome::NotApplicable(_)))
            .map(|case| case.name)
    }

    /// Whether there are cases, and each was run and none failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.cases.is_empty() && self.cases.iter().all(|case| case.outcome.is_fine())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CaseReport { name, outcome, seen, elapsed, .. } in &self.cases {
            let name = name.replace('_', " ");
            let seconds = elapsed.as_secs_f64();
            match outcome {
                Outcome::Passed if seen.is_empty() => writeln!(f, "passed          {name} ({seconds:.2} s)")?,
                Outcome::Passed => writeln!(f, "passed          {name} ({seconds:.2} s): {seen}")?,
                Outcome::Failed(reason) => writeln!(f, "FAILED          {name} ({seconds:.2} s): {reason}")?,
                Outcome::NotApplicable(why) => writeln!(f, "not applicable  {name}: {why}")?,
                Outcome::NotShown(why) => writeln!(f, "not shown       {name}: {why}")?,
                Outcome::NotRun(why) => writeln!(f, "not run         {name}: {why}")?,
            }
        }
        Ok(())
    }
}
