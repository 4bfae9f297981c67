//! Which collections an operation takes.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::model::CollectionName;

/// The `include` or `exclude` of a request. Entries are exact names or patterns in which `*` stands for any run of
/// characters and `?` for one; other syntax of patterns is refused.
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
        // No name holds these; an exclude that silently left out nothing would be the worst answer.
        if let Some(entry) = include.iter().chain(&exclude).find(|e| e.contains(['[', ']', '\\'])) {
            return Err(Error::invalid(
                "select",
                format!(
                    "`{}`: a pattern knows `*` and `?`, no classes and no escapes; name the collections one by one",
                    entry.escape_debug()
                ),
            ));
        }
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
        let hit = |entries: &[String], c: &CollectionName| entries.iter().any(|e| matches(e, c.as_str()));
        let selected: Vec<CollectionName> = match self {
            Self::All => available.to_vec(),
            Self::Exclude(entries) => available.iter().filter(|c| !hit(entries, c)).cloned().collect(),
            Self::Include(entries) => {
                for entry in entries {
                    if !available.iter().any(|c| matches(entry, c.as_str())) {
                        let have: Vec<&str> = available.iter().take(50).map(CollectionName::as_str).collect();
                        return Err(Error::invalid(
                            "select",
                            format!(
                                "collection `{}` does not exist; there are: [{}]",
                                entry.escape_debug(),
                                have.join(", ")
                            ),
                        ));
                    }
                }
                available.iter().filter(|c| hit(entries, c)).cloned().collect()
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

/// Whether an entry names a collection; linear in practice, quadratic at worst, as both are short.
fn matches(entry: &str, name: &str) -> bool {
    if !entry.contains(['*', '?']) {
        return entry == name;
    }
    let (p, n): (Vec<char>, Vec<char>) = (entry.chars().collect(), name.chars().collect());
    let (mut i, mut j, mut star) = (0, 0, None);
    while j < n.len() {
        if i < p.len() && p[i] == '*' {
            star = Some((i, j));
            i += 1;
        } else if i < p.len() && (p[i] == '?' || p[i] == n[j]) {
            i += 1;
            j += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            i = at + 1;
            j = from + 1;
        } else {
            return false;
        }
    }
    p[i..].iter().all(|c| *c == '*')
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
    fn patterns_of_other_kinds_are_refused_in_both_lists() {
        for entry in ["A[bc]", "A\\*", "]"] {
            for (include, exclude) in [(vec![entry], vec![]), (vec![], vec![entry])] {
                let error =
                    Selection::from_lists(strings(&include), strings(&exclude)).unwrap_err().to_string();
                assert!(error.contains("`*` and `?`"), "{error}");
            }
        }
    }
}
