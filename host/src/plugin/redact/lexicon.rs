//! Many secrets, of which the longest at a place of a text is found without trying each of them.
//!
//! They stand in byte order. At a place of the text one binary search, whose comparisons go on where those before them have
//! ended, finds where the rest of the text would stand: what is a beginning of the rest can only be the secret before it or
//! a beginning of that secret, and what begins with the rest can only follow it. An automaton would look at each byte once,
//! but it takes dozens of bytes for each byte of the secrets and is made anew whenever a plugin caches a token.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A secret, and where it comes from.
#[derive(Clone)]
struct Entry {
    text: Arc<str>,
    name: Arc<str>,
    /// The longest other secret that this one begins with.
    within: Option<usize>,
}

/// Secrets in byte order.
#[derive(Default)]
pub(super) struct Lexicon {
    entries: Vec<Entry>,
}

/// A secret that was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'l> {
    /// Where it comes from.
    pub(super) name: &'l str,
    /// Its length in bytes; more than are left of the text, where the text ends within it.
    pub(super) len: usize,
}

/// Whether a text was cut, so that its end may be the beginning of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    Cut,
}

impl Lexicon {
    /// Of secrets and where they come from; none is empty.
    pub(super) fn new(secrets: &BTreeMap<Arc<str>, Arc<str>>) -> Self {
        let mut entries: Vec<Entry> = Vec::with_capacity(secrets.len());
        for (text, name) in secrets {
            let mut within = entries.len().checked_sub(1);
            while let Some(shorter) = within.and_then(|at| entries.get(at)) {
                if text.starts_with(&*shorter.text) {
                    break;
                }
                within = shorter.within;
            }
            entries.push(Entry { text: Arc::clone(text), name: Arc::clone(name), within });
        }
        Self { entries }
    }

    /// The longest secret that the text begins with; where the text was cut, also one that begins with the text.
    pub(super) fn at(&self, text: &str, ending: Ending) -> Option<Found<'_>> {
        let text = text.as_bytes();
        let (place, shared) = self.place(text);
        if ending == Ending::Cut {
            let longer = self.entries.get(place..).unwrap_or_default();
            let longer = longer.iter().take_while(|entry| entry.text.as_bytes().starts_with(text));
            if let Some(entry) = longer.max_by_key(|entry| entry.text.len()) {
                return Some(entry.found());
            }
        }
        let mut candidate = place.checked_sub(1).and_then(|at| self.entries.get(at));
        while let Some(entry) = candidate {
            if entry.text.len() <= shared {
                return Some(entry.found());
            }
            candidate = entry.within.and_then(|at| self.entries.get(at));
        }
        None
    }

    /// How many secrets are not behind the text, and how many first bytes the last of them has in common with it.
    fn place(&self, text: &[u8]) -> (usize, usize) {
        let (mut low, mut high) = (0, self.entries.len());
        // What the secrets just outside of `low..high` have in common with the text; so have all within.
        let (mut before, mut behind) = (0, 0);
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(entry) = self.entries.get(middle) else { break };
            let secret = entry.text.as_bytes();
            let known = usize::min(before, behind);
            let shared = known + common(secret.get(known..), text.get(known..));
            let is_behind = match (secret.get(shared), text.get(shared)) {
                (Some(_), None) => true,
                (Some(secret), Some(text)) => secret > text,
                (None, _) => false,
            };
            if is_behind {
                (high, behind) = (middle, shared);
            } else {
                (low, before) = (middle + 1, shared);
            }
        }
        (low, before)
    }
}

impl Entry {
    fn found(&self) -> Found<'_> {
        Found { name: &self.name, len: self.text.len() }
    }
}

/// Bytes that two texts begin with alike.
fn common(one: Option<&[u8]>, other: Option<&[u8]>) -> usize {
    const STEP: usize = 32;
    let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
    let steps = one.chunks_exact(STEP).zip(other.chunks_exact(STEP));
    let alike = steps.take_while(|(one, other)| one == other).count() * STEP;
    let rest = one.iter().skip(alike).zip(other.iter().skip(alike));
    let alike = alike + rest.take_while(|(one, other)| one == other).count();
    #[cfg(test)]
    tests::WORK.with(|work| work.set(work.get() + 1 + alike as u64));
    alike
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// Comparisons and the bytes that they compared.
        pub(super) static WORK: Cell<u64> = const { Cell::new(0) };
    }

    fn lexicon<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Lexicon {
        Lexicon::new(&secrets.into_iter().map(|s| (Arc::from(s), Arc::from(s))).collect())
    }

    /// As the contract says it: each secret is tried.
    fn slow(secrets: &[String], text: &str, ending: Ending) -> Option<usize> {
        let fits =
            |s: &&String| text.starts_with(s.as_str()) || (ending == Ending::Cut && s.starts_with(text));
        secrets.iter().filter(fits).map(String::len).max()
    }

    proptest::proptest! {
        #[test]
        fn what_is_found_is_what_trying_each_secret_finds(
            secrets in proptest::collection::vec("[ab]{1,6}|[aä]{1,3}", 0..30),
            text in "[abä]{1,10}",
        ) {
            let lexicon = lexicon(secrets.iter().map(String::as_str));
            for ending in [Ending::Whole, Ending::Cut] {
                let found = lexicon.at(&text, ending).map(|found| found.len);
                proptest::prop_assert_eq!(found, slow(&secrets, &text, ending));
            }
        }
    }

    #[test]
    fn a_text_is_searched_in_steps_that_hardly_depend_on_the_number_of_secrets() {
        let text = "nothing of what is told here is a secret, however long one looks ".repeat(100);
        let work = |secrets: u32| {
            let secrets: Vec<String> = (0..secrets).map(|n| format!("{n:08x} is a secret")).collect();
            let lexicon = lexicon(secrets.iter().map(String::as_str));
            WORK.set(0);
            for (at, _) in text.char_indices() {
                assert_eq!(lexicon.at(&text[at..], Ending::Whole), None);
            }
            WORK.get() / text.len() as u64
        };
        let (few, many) = (work(16), work(2048));
        // A binary search has as many steps as the number of secrets has binary digits.
        assert!(few <= 8 && many <= 2 * 12, "{few} and {many} steps at each place");
    }

    #[test]
    fn secrets_that_nearly_stand_everywhere_cost_the_rest_of_the_text_once_a_step() {
        let secrets: Vec<String> = (1..1000).map(|n| format!("{}b", "a".repeat(n * 8))).collect();
        let lexicon = lexicon(secrets.iter().map(String::as_str));
        let text = "a".repeat(16 << 10);
        for at in [0, 1000, 8000, 16_000] {
            WORK.set(0);
            assert_eq!(lexicon.at(&text[at..], Ending::Whole), None);
            let rest = (text.len() - at) as u64;
            assert!(WORK.get() <= 10 * (rest + 1), "{} steps for {rest} bytes", WORK.get());
        }
    }
}
