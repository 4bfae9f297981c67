//! Listings of collections in memory.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::*;

/// Collections of these resources, where one that ends in `/` is an empty collection. Names come in descending order.
struct Tree {
    resources: BTreeSet<String>,
    reads: Cell<u32>,
}

impl Tree {
    fn new<T: Into<String>>(resources: impl IntoIterator<Item = T>) -> Self {
        Self { resources: resources.into_iter().map(Into::into).collect(), reads: Cell::new(0) }
    }

    /// All pages, as keys and prefixes, and how many pages there were.
    fn walk(&self, prefix: &str, delimiter: Option<&str>, limit: u32) -> (Vec<String>, Vec<String>, u32) {
        let (mut keys, mut prefixes, mut token, mut pages) = (Vec::new(), Vec::new(), None::<String>, 0);
        loop {
            let page = list(self, prefix, delimiter, token.as_deref(), limit).unwrap();
            assert!(page.objects.len() + page.prefixes.len() <= limit as usize);
            pages += 1;
            keys.extend(page.objects.into_iter().map(|object| object.key));
            prefixes.extend(page.prefixes);
            assert!(page.next.is_none() || page.next != token, "{token:?} leads to itself");
            match page.next {
                Some(next) => token = Some(next),
                None => return (keys, prefixes, pages),
            }
        }
    }
}

impl Collections for Tree {
    fn read(&self, path: &str, each: &mut dyn FnMut(String, Kind)) -> Result<(), Error> {
        self.reads.set(self.reads.get() + 1);
        let below = self.resources.iter().rev().filter_map(|resource| resource.strip_prefix(path));
        let mut seen = BTreeSet::new();
        for rest in below.filter(|rest| !rest.is_empty()) {
            match rest.split_once('/') {
                Some((name, _)) if seen.insert(name) => each(name.to_owned(), Kind::Collection),
                Some(_) => {}
                None => each(rest.to_owned(), Kind::Object { size: 1, modified_ms: None }),
            }
        }
        Ok(())
    }
}

const KEYS: [&str; 9] = ["A", "a-", "a-b/c", "a.b", "a/-", "a/b/c", "a/ba", "a0/b", "b"];

#[test]
fn keys_come_in_byte_order_in_pages_of_every_size() {
    let tree = Tree::new(KEYS);
    for (prefix, expected) in
        [("", &KEYS[..]), ("a", &KEYS[1..8]), ("a/", &KEYS[4..7]), ("a/b", &KEYS[5..7]), ("c", &[])]
    {
        for limit in 1..=KEYS.len() as u32 + 1 {
            assert_eq!(tree.walk(prefix, None, limit).0, expected, "{prefix} by {limit}");
        }
    }
}

#[test]
fn keys_fold_at_the_first_slash_in_pages_of_every_size() {
    let tree = Tree::new(KEYS);
    for limit in 1..=9 {
        let (keys, prefixes, _) = tree.walk("a", Some("/"), limit);
        assert_eq!(
            (keys, prefixes),
            (vec!["a-".into(), "a.b".into()], vec!["a-b/".into(), "a/".into(), "a0/".into()])
        );
        let (keys, prefixes, _) = tree.walk("a/", Some("/"), limit);
        assert_eq!((keys, prefixes), (vec!["a/-".into(), "a/ba".into()], vec!["a/b/".into()]));
    }
}

#[test]
fn collections_without_objects_and_temporary_objects_are_not_seen() {
    let tree = Tree::new(["a/", "b/c/d/", "e/f", ".siltstone-tmp/x/1", "not a key", "b/ä"]);
    assert_eq!(tree.walk("", None, 10).0, ["e/f"]);
    assert_eq!(tree.walk("", Some("/"), 10).1, ["e/"]);
    assert_eq!(tree.walk(".siltstone-tmp/", None, 10).0, [".siltstone-tmp/x/1"]);
    assert_eq!(tree.walk(".siltstone-tmp/x/", None, 10).0, [".siltstone-tmp/x/1"]);
}

#[test]
fn what_is_about_to_replace_an_object_is_that_object_and_no_second_one() {
    let tree = Tree::new(["a", "a~", "b~", "c/~", "d~/e"]);
    for limit in 1..4 {
        assert_eq!(tree.walk("", None, limit).0, ["a", "b"], "{limit}");
    }
}

#[test]
fn a_page_holds_a_part_of_a_collection_of_any_size() {
    let tree = Tree::new((0..20_000).map(|n| format!("c/{n:05}")));
    let page = list(&tree, "", None, Some("c/09999"), u32::MAX).unwrap();
    assert_eq!((page.objects.len(), page.objects[0].key.as_str()), (MAX_PAGE as usize, "c/10000"));
    assert_eq!(page.next.as_deref(), Some("c/14999"));
}

#[test]
fn a_page_that_would_need_too_many_reads_ends_early_and_goes_on() {
    for delimiter in [None, Some("/")] {
        let empty = Tree::new((0..2_000).map(|n| format!("{n:04}/")).chain(["9/k".to_owned()]));
        let (keys, prefixes, pages) = empty.walk("", delimiter, 5_000);
        assert_eq!((keys.len() + prefixes.len(), pages > 3), (1, true));
        assert!(empty.reads.get() < 2_100, "{}", empty.reads.get());
    }
    let deep = Tree::new((0..1_000).map(|n| format!("{n:04}{}/k", "/d".repeat(400))));
    assert_eq!(deep.walk("0000", None, 10).0.len(), 1);
    assert_eq!(deep.walk("000", None, 10).0.len(), 10);
}

#[test]
fn a_token_of_another_listing_is_refused() {
    let tree = Tree::new(KEYS);
    for (prefix, token) in [("a", "b"), ("a", "a/../b"), ("", ""), ("", "/")] {
        assert!(list(&tree, prefix, None, Some(token), 1).is_err(), "{token}");
    }
    assert!(list(&tree, "", Some("-"), None, 1).is_err());
    assert!(list(&tree, "", None, None, 0).is_err());
}
