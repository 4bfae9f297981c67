//! What the attempts at a store came to, and whether it is well.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Verb;
use crate::error::{Error, ErrorKind, FaultKind};
use crate::model::{Clock, SystemClock, Timestamp};

/// Bytes that are kept of the text of the last fault.
const MAX_TEXT: usize = 1024;
/// Of the last 32 attempts, the faults from which on a store is faulty.
const MANY: u32 = 8;

/// What the attempts of one verb came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerbCounts {
    /// Attempts that have ended.
    pub calls: u64,
    /// Those that were answered with an error, by kind.
    pub errors: HashMap<ErrorKind, u64>,
    /// Those that ended in a fault, by kind.
    pub faults: BTreeMap<FaultKind, u64>,
    /// Those that the caller dropped before their end.
    pub dropped: u64,
    /// Bytes of bodies that were stored, or of ranges that were read, by attempts that succeeded.
    pub bytes: u64,
    /// Sum of the times from begin to end.
    pub elapsed: Duration,
}

impl VerbCounts {
    fn fail(&mut self, error: &Error) {
        match error.fault() {
            Some(fault) => *self.faults.entry(fault).or_default() += 1,
            None => *self.errors.entry(error.kind()).or_default() += 1,
        }
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.dropped += other.dropped;
        self.bytes += other.bytes;
        self.elapsed += other.elapsed;
        for (kind, count) in &other.errors {
            *self.errors.entry(*kind).or_default() += count;
        }
        for (kind, count) in &other.faults {
            *self.faults.entry(*kind).or_default() += count;
        }
    }
}

/// What all attempts came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    verbs: BTreeMap<Verb, VerbCounts>,
    opening: VerbCounts,
}

impl Counts {
    /// Of one verb.
    #[must_use]
    pub fn of(&self, verb: Verb) -> VerbCounts {
        self.verbs.get(&verb).cloned().unwrap_or_default()
    }

    /// Of the locations that could not be opened; those that could are not counted.
    #[must_use]
    pub fn opening(&self) -> &VerbCounts {
        &self.opening
    }

    /// Of everything together. Its bytes are both those that were read and those that were stored.
    #[must_use]
    pub fn total(&self) -> VerbCounts {
        let mut total = self.opening.clone();
        self.verbs.values().for_each(|counts| total.add(counts));
        total
    }

    /// Bytes that were read.
    #[must_use]
    pub fn bytes_in(&self) -> u64 {
        self.of(Verb::Get).bytes
    }

    /// Bytes that were stored.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.of(Verb::Put).bytes + self.of(Verb::MultipartPut).bytes
    }

    /// Attempts that were answered with an error.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.total().errors.values().sum()
    }

    /// Attempts that ended in a fault.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.total().faults.values().sum()
    }
}

/// Whether calls come back as they should. Errors that a store answers do not count: a store that refuses is well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// The last attempt did not end in a fault, nor did 8 or more of the last 32.
    #[default]
    Healthy,
    /// The last attempt ended in a fault, or 8 or more of the last 32 did.
    Faulty {
        /// When it was healthy last.
        since: Timestamp,
    },
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy => f.write_str("healthy"),
            Self::Faulty { since } => write!(f, "faulty since {since}"),
        }
    }
}

/// The most recent fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastFault {
    /// When it was.
    pub at: Timestamp,
    /// What it was.
    pub kind: FaultKind,
    /// The verb of the call that it ended.
    pub operation: &'static str,
    /// One line of at most 1 KiB about it, without secrets.
    pub text: String,
}

/// Counters that are shared with whoever wants to read them. Their size does not grow.
#[derive(Debug)]
pub struct Counters {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    /// A bit for each of the last attempts, the newest lowest; set where it ended in a fault.
    recent: u32,
    health: Health,
    last_fault: Option<LastFault>,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl Counters {
    /// All of them zero; the clock tells when faults were.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// The counts of now.
    #[must_use]
    pub fn snapshot(&self) -> Counts {
        self.lock().counts.clone()
    }

    /// The counts, the health and the last fault of one and the same instant.
    #[must_use]
    pub fn report(&self) -> (Counts, Health, Option<LastFault>) {
        let state = self.lock();
        (state.counts.clone(), state.health, state.last_fault.clone())
    }

    /// An attempt has ended.
    pub(super) fn ended(&self, verb: Verb, elapsed: Duration, result: Result<u64, &Error>) {
        let now = Timestamp::by(&*self.clock);
        let mut state = self.lock();
        let counts = state.counts.verbs.entry(verb).or_default();
        counts.calls += 1;
        counts.elapsed += elapsed;
        match result {
            Ok(bytes) => counts.bytes += bytes,
            Err(error) => counts.fail(error),
        }
        state.judge(result.err(), now);
    }

    /// An attempt was dropped before its end; that says nothing about the store.
    pub(super) fn dropped(&self, verb: Verb) {
        self.lock().counts.verbs.entry(verb).or_default().dropped += 1;
    }

    /// A location could not be opened.
    pub(crate) fn not_opened(&self, error: &Error) {
        let now = Timestamp::by(&*self.clock);
        let mut state = self.lock();
        state.counts.opening.calls += 1;
        state.counts.opening.fail(error);
        state.judge(Some(error), now);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counting cannot panic half-way; at worst one attempt is missing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn judge(&mut self, error: Option<&Error>, now: Timestamp) {
        let fault = error.and_then(|e| Some((e, e.fault()?)));
        self.recent = self.recent << 1 | u32::from(fault.is_some());
        if let Some((error, kind)) = fault {
            let text = one_line(&error.to_string());
            self.last_fault = Some(LastFault { at: now, kind, operation: error.operation(), text });
        }
        let is_faulty = fault.is_some() || self.recent.count_ones() >= MANY;
        self.health = match (is_faulty, self.health) {
            (false, _) => Health::Healthy,
            (true, Health::Healthy) => Health::Faulty { since: now },
            (true, faulty) => faulty,
        };
    }
}

fn one_line(text: &str) -> String {
    let cut = &text[..text.floor_char_boundary(MAX_TEXT)];
    cut.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    /// Goes on by a second each time it is looked at.
    #[derive(Debug, Default)]
    struct Ticking(AtomicU64);

    impl Clock for Ticking {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
        }
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::from_system(UNIX_EPOCH + Duration::from_secs(second))
    }

    fn fault() -> Error {
        Error::new(ErrorKind::Plugin, "put", "it broke\noff").with_fault(FaultKind::Trap)
    }

    fn run(counters: &Counters, result: Result<u64, &Error>) -> Health {
        counters.ended(Verb::Put, Duration::from_secs(1), result);
        counters.report().1
    }

    #[test]
    fn faults_and_errors_are_counted_apart_and_the_last_fault_is_told() {
        let counters = Counters::new(Arc::new(Ticking::default()));
        let refused = Error::new(ErrorKind::Denied, "put", "no");
        for result in [Ok(10), Err(&fault()), Err(&refused), Ok(5)] {
            run(&counters, result);
        }
        counters.not_opened(&fault());
        let (counts, _, last) = counters.report();
        let puts = counts.of(Verb::Put);
        assert_eq!((puts.calls, puts.bytes, puts.elapsed), (4, 15, Duration::from_secs(4)));
        assert_eq!(puts.errors, HashMap::from([(ErrorKind::Denied, 1)]));
        assert_eq!(puts.faults, BTreeMap::from([(FaultKind::Trap, 1)]));
        assert_eq!((counts.errors(), counts.faults(), counts.total().calls), (1, 2, 5));
        assert_eq!(counts.opening().faults[&FaultKind::Trap], 1);
        let last = last.unwrap();
        assert_eq!((last.at, last.kind, last.operation), (at(4), FaultKind::Trap, "put"));
        assert_eq!(last.text, "put: it broke off");
    }

    #[test]
    fn one_fault_makes_it_faulty_until_a_call_comes_back() {
        let counters = Counters::new(Arc::new(Ticking::default()));
        assert_eq!(run(&counters, Ok(0)), Health::Healthy);
        assert_eq!(run(&counters, Err(&fault())), Health::Faulty { since: at(1) });
        assert_eq!(run(&counters, Err(&fault())), Health::Faulty { since: at(1) });
        let refused = Error::new(ErrorKind::Denied, "put", "no");
        assert_eq!(run(&counters, Err(&refused)), Health::Healthy);
        counters.dropped(Verb::Put);
        assert_eq!(counters.report().1, Health::Healthy);
    }

    #[test]
    fn eight_faults_in_thirty_two_calls_make_it_faulty_whatever_the_last_call_did() {
        let counters = Counters::new(Arc::new(Ticking::default()));
        for _ in 0..7 {
            run(&counters, Err(&fault()));
            assert_eq!(run(&counters, Ok(0)), Health::Healthy);
        }
        let since = at(14);
        assert_eq!(run(&counters, Err(&fault())), Health::Faulty { since });
        // The first of the eight leaves the last 32 with the eighteenth call after the last of them.
        for _ in 0..17 {
            assert_eq!(run(&counters, Ok(0)), Health::Faulty { since });
        }
        assert_eq!(run(&counters, Ok(0)), Health::Healthy);
    }

    #[test]
    fn what_is_kept_of_a_fault_is_bounded() {
        let counters = Counters::default();
        let long = Error::new(ErrorKind::Plugin, "put", "ä".repeat(5000)).with_fault(FaultKind::Contract);
        run(&counters, Err(&long));
        assert!(counters.report().2.unwrap().text.len() <= MAX_TEXT);
    }
}
