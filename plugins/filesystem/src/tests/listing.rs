//! Listing.

use std::fs;

use siltstone_plugin_sdk::types::Page;

use super::*;

const KEYS: [&str; 14] = [
    "a",
    "b-c",
    "b.d/x",
    "b/c",
    "b/c-d/e",
    "b/c.",
    "b/d/1",
    "b/d/2/deep",
    "b/d/20",
    "b0",
    "c/1",
    "c/10",
    "c/2",
    "z",
];

fn filled() -> Place {
    let place = place();
    for key in KEYS {
        place.put(key, key.as_bytes()).unwrap();
    }
    place
}

/// All pages of this limit, checked one by one.
fn pages(place: &Place, prefix: &str, delimiter: Option<&str>, limit: u32) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut token = None;
    loop {
        let page = place.store.list(prefix, delimiter, token.as_deref(), limit).unwrap();
        let count = page.objects.len() + page.prefixes.len();
        assert!(count <= limit as usize);
        token = page.next.clone();
        assert!(token.is_none() || count > 0);
        pages.push(page);
        if token.is_none() {
            return pages;
        }
    }
}

/// What a listing must answer, straight from its definition: objects and prefixes.
fn expected(prefix: &str, delimiter: Option<&str>) -> (Vec<String>, Vec<String>) {
    let mut sorted = KEYS;
    sorted.sort_unstable();
    let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
    for key in sorted.iter().filter(|key| key.starts_with(prefix)) {
        match delimiter.and_then(|slash| key[prefix.len()..].find(slash)) {
            Some(at) => prefixes.push(key[..prefix.len() + at + 1].to_owned()),
            None => objects.push((*key).to_owned()),
        }
    }
    prefixes.dedup();
    (objects, prefixes)
}

#[test]
fn every_prefix_and_limit_lists_the_same_keys_in_byte_order() {
    let place = filled();
    let prefixes = [
        "", "a", "b", "b/", "b/c", "b/d", "b/d/", "b/d/2", "c/1", "z", "zz", "b/c/", "a/b", "/", "../", "b//",
    ];
    for prefix in prefixes {
        for delimiter in [None, Some("/")] {
            let expected = expected(prefix, delimiter);
            for limit in [1, 2, 3, 5, 100] {
                let pages = pages(&place, prefix, delimiter, limit);
                let objects: Vec<_> = pages.iter().flat_map(|p| &p.objects).map(|o| o.key.clone()).collect();
                let groups: Vec<_> = pages.iter().flat_map(|p| &p.prefixes).cloned().collect();
                assert_eq!((objects, groups), expected, "{prefix:?} {delimiter:?} {limit}");
            }
        }
    }
}

#[test]
fn a_listed_object_is_told_as_by_head() {
    let place = filled();
    for object in place.store.list("", None, None, 100).unwrap().objects {
        let head = place.store.head(&object.key).unwrap();
        assert_eq!((object.size, object.etag, object.modified_ms), (head.size, head.etag, head.modified_ms));
    }
}

#[test]
fn what_is_no_object_is_not_listed() {
    let place = filled();
    let root = place.dir.path();
    fs::create_dir_all(root.join("empty/nested")).unwrap();
    fs::create_dir(root.join("has space")).unwrap();
    fs::write(root.join("has space/k"), "x").unwrap();
    fs::write(root.join("b/ä"), "x").unwrap();
    std::os::unix::fs::symlink("a", root.join("link")).unwrap();
    std::os::unix::fs::symlink(".", root.join("loop")).unwrap();
    fs::create_dir_all(root.join(".siltstone-tmp/none")).unwrap();
    fs::write(root.join(".siltstone-tmp/none/left"), "x").unwrap();
    assert_eq!(place.keys(""), expected("", None).0);
    let grouped = place.store.list("", Some("/"), None, 100).unwrap();
    assert_eq!(grouped.prefixes, expected("", Some("/")).1);
    assert_eq!(place.keys(".siltstone-tmp"), [""; 0]);
    assert_eq!(place.keys(".siltstone-tmp/"), [".siltstone-tmp/none/left"]);
}

#[test]
fn a_location_that_does_not_exist_is_empty() {
    let place = place();
    fs::remove_dir(place.dir.path()).unwrap();
    assert!(place.keys("").is_empty());
    assert!(place.keys("a/b").is_empty());
}

#[test]
fn folders_before_the_token_are_not_read() {
    let place = filled();
    place.hooks.take();
    let page = place.store.list("", None, Some("b/d/1"), 2).unwrap();
    let keys: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!((keys, page.next.as_deref()), (vec!["b/d/2/deep", "b/d/20"], Some("b/d/20")));
    let read: Vec<_> = place.hooks.take().into_iter().filter(|step| step.starts_with("entries")).collect();
    assert_eq!(read, ["entries ", "entries b", "entries b/d", "entries b/d/2"]);
}

#[test]
fn a_folder_of_many_names_is_read_in_bounded_batches() {
    let place = place();
    for number in 0..700 {
        fs::create_dir(place.dir.path().join(format!("d{number:04}"))).unwrap();
    }
    place.put("d0650/k", b"x").unwrap();
    place.put("e", b"x").unwrap();
    for delimiter in [None, Some("/")] {
        let first = place.store.list("", delimiter, None, 1).unwrap();
        let second = place.store.list("", delimiter, first.next.as_deref(), 1).unwrap();
        let expected = if delimiter.is_none() { "d0650/k" } else { "d0650/" };
        assert_eq!(first.next.as_deref(), Some(expected));
        assert_eq!((second.objects[0].key.as_str(), second.next), ("e", None));
    }
}

#[test]
fn a_token_from_elsewhere_is_refused() {
    let place = filled();
    for (prefix, delimiter, token) in
        [("b/", None, "a"), ("", None, "b/"), ("", None, "../x"), ("", Some("/"), "b//"), ("", None, "")]
    {
        let error = place.store.list(prefix, delimiter, Some(token), 10).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Internal, "{token:?}");
    }
}

#[test]
fn a_listing_that_cannot_be_made_is_unsupported() {
    let place = place();
    assert_eq!(place.store.list("", Some("-"), None, 1).unwrap_err().kind, ErrorKind::Unsupported);
    assert_eq!(place.store.list("", None, None, 0).unwrap_err().kind, ErrorKind::Unsupported);
}
