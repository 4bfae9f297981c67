//! Which collections an operation takes.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::model::{CollectionName, Pattern};

/// Most entries of a request.
const MAX_ENTRIES: usize = 10_000;

/// The `include` or `exclude` of a request. Entries are exact names or patterns; see [`Pattern`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Everything there is.
    #[default]
    All,
    /// Exactly what the entries name; each must name something.
    Include(Vec<String>),
    /// Everything but what the entries name; an entry that names nothing is ignored.
    Exclude(Vec<String>),
}

impl Selection {
    /// From the two lists of a request; empty lists count as absent.
    pub fn from_lists(include: Vec<String>, exclude: Vec<String>) -> Result<Self> {
        // A pattern that means nothing would silently choose nothing.
        patterns(include.iter().chain(&exclude))?;
        match (include.is_empty(), exclude.is_empty()) {
            (true, true) => Ok(Self::All),
            (false, true) => {
                let mut seen = BTreeSet::new();
                match include.iter().find(|name| !seen.insert(*name)) {
                    Some(twice) => Err(Error::invalid(
                        "select",
                        format!("collection `{}` stands twice in include", twice.escape_debug()),
                    )),
                    None => Ok(Self::Include(include)),
                }
            }
            (true, false) => Ok(Self::Exclude(exclude)),
            (false, false) => {
                Err(Error::invalid("select", "include and exclude exclude each other; give only one of them"))
            }
        }
    }

    /// Whether a collection was asked for by its exact name.
    #[must_use]
    pub fn names(&self, collection: &CollectionName) -> bool {
        matches!(self, Self::Include(entries) if entries.iter().any(|e| e == collection.as_str()))
    }

    /// The selected ones of the collections there are, in their order.
    pub fn resolve(&self, available: &[CollectionName]) -> Result<Vec<CollectionName>> {
        let selected: Vec<CollectionName> = match self {
            Self::All => available.to_vec(),
            Self::Exclude(entries) => {
                let entries = patterns(entries)?;
                let hit = |c: &&CollectionName| entries.iter().any(|e| e.matches(c.as_str()));
                available.iter().filter(|c| !hit(c)).cloned().collect()
            }
            Self::Include(entries) => {
                let entries = patterns(entries)?;
                if let Some(none) = entries.iter().find(|e| !available.iter().any(|c| e.matches(c.as_str())))
                {
                    return Err(unknown(none, available));
                }
                let hit = |c: &&CollectionName| entries.iter().any(|e| e.matches(c.as_str()));
                available.iter().filter(hit).cloned().collect()
            }
        };
        if selected.is_empty() {
            return Err(Error::invalid(
                "select",
                "no collection is left to work on: check include and exclude",
            ));
        }
        Ok(selected)
    }
}

fn patterns<'a>(entries: impl IntoIterator<Item = &'a String>) -> Result<Vec<Pattern>> {
    let mut found = Vec::new();
    for entry in entries {
        if found.len() == MAX_ENTRIES {
            let text = format!("include and exclude take at most {MAX_ENTRIES} entries; use patterns");
            return Err(Error::invalid("select", text));
        }
        found.push(Pattern::new(entry)?);
    }
    Ok(found)
}

fn unknown(entry: &Pattern, available: &[CollectionName]) -> Error {
    let have: Vec<&str> = available.iter().take(50).map(CollectionName::as_str).collect();
    let shown = entry.as_str().escape_debug();
    let what = match entry.is_name() {
        true => format!("collection `{shown}` does not exist"),
        false => format!("no collection matches `{shown}`"),
    };
    Error::invalid("select", format!("{what}; there are: [{}]", have.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<CollectionName> {
        list.iter().map(|n| CollectionName::new(*n).unwrap()).collect()
    }

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn include_takes_names_and_patterns_and_refuses_unknown_ones() {
        let have = names(&["Article", "Author", "Book"]);
        let pick = |l: &[&str]| Selection::from_lists(strings(l), vec![]).unwrap().resolve(&have);
        assert_eq!(pick(&["A*"]).unwrap(), names(&["Article", "Author"]));
        assert_eq!(pick(&["B??k", "Article"]).unwrap(), names(&["Article", "Book"]));
        assert!(pick(&["article"]).unwrap_err().to_string().contains("`article` does not exist"));
        assert!(pick(&["Z*"]).is_err());
    }

    #[test]
    fn exclude_ignores_unknown_names_and_must_leave_something() {
        let have = names(&["A", "B"]);
        let rest = |l: &[&str]| Selection::from_lists(vec![], strings(l)).unwrap().resolve(&have);
        assert_eq!(rest(&["A", "Nope"]).unwrap(), names(&["B"]));
        assert!(rest(&["*"]).is_err());
    }

    #[test]
    fn both_lists_and_duplicates_are_refused() {
        let e = Selection::from_lists(strings(&["A"]), strings(&["B"])).unwrap_err().to_string();
        assert!(e.contains("include") && e.contains("exclude"), "{e}");
        assert!(Selection::from_lists(strings(&["A", "A"]), vec![]).is_err());
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused_in_both_lists() {
        for entry in ["A[*", "*\\"] {
            for (include, exclude) in [(vec![entry], vec![]), (vec![], vec![entry])] {
                let error =
                    Selection::from_lists(strings(&include), strings(&exclude)).unwrap_err().to_string();
                assert!(error.contains("not a pattern"), "{error}");
            }
        }
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_refused_and_never_means_everything() {
        let error =
            Selection::Include(strings(&["Z*"])).resolve(&names(&["A", "B"])).unwrap_err().to_string();
        assert!(error.contains("no collection matches `Z*`; there are: [A, B]"), "{error}");
        let error = Selection::Include(vec![]).resolve(&names(&["A"])).unwrap_err().to_string();
        assert!(error.contains("no collection is left"), "{error}");
    }
}
