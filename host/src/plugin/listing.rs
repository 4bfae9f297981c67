//! Checks the pages of a listing, each against the page before it.

use serde::{Deserialize, Serialize};

use super::bindings::types;
use super::text;
use super::validate::{self, Breach};
use crate::model::ObjectKey;
use crate::storage::{Depth, ListPage, ListRequest};

/// Bytes of a page token; the contract's bound.
const MAX_TOKEN: usize = 8192;
/// Pages in a row that may hold nothing and still promise more.
const MAX_EMPTY: u32 = 1000;
/// Bytes of a listed name. Longer than a key of ours, because foreign objects may lie in the same place.
const MAX_NAME: usize = 8192;

/// What the host remembers of a listing from page to page: it travels inside of the token that the caller gets.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The plugin's own token.
    pub(crate) token: Option<String>,
    object: Option<String>,
    prefix: Option<String>,
    empty: u32,
}

impl Cursor {
    /// Of the token of a request; nothing when it is not one of ours.
    pub(crate) fn of(request: &ListRequest) -> Option<Self> {
        match &request.token {
            None => Some(Self::default()),
            Some(token) => serde_json::from_str(token).ok(),
        }
    }

    /// Checks the next page. Names that cannot be keys of the host belong to somebody else and are left out.
    pub(crate) fn page(mut self, page: types::Page, request: &ListRequest) -> Result<ListPage, Breach> {
        let types::Page { objects, prefixes, next } = page;
        let names = objects.len().saturating_add(prefixes.len());
        if names as u64 > u64::from(request.limit) {
            return Err(format!("it listed {names} names; {} were asked for", request.limit));
        }
        let mut out = ListPage::default();
        for object in objects {
            follows("key", &object.key, &mut self.object, request)?;
            if request.depth == Depth::OneLevel && object.key[request.prefix.len()..].contains('/') {
                return Err(format!("it did not fold the key {}", text::shown(&object.key)));
            }
            if let Ok(key) = ObjectKey::new(object.key.as_str()) {
                out.objects.push(validate::attributes(object, key)?);
            }
        }
        if request.depth == Depth::All && !prefixes.is_empty() {
            return Err("it listed prefixes without a delimiter".to_owned());
        }
        for prefix in prefixes {
            follows("prefix", &prefix, &mut self.prefix, request)?;
            let below = prefix[request.prefix.len()..].strip_suffix('/');
            if below.is_none_or(|name| name.contains('/')) {
                return Err(format!("it listed {} as a prefix", text::shown(&prefix)));
            }
            // What is not a key of ours without its slash, such as `a//`, is nothing of ours.
            if prefix.strip_suffix('/').is_some_and(|key| ObjectKey::new(key).is_ok()) {
                out.prefixes.push(prefix);
            }
        }
        if let Some(token) = next {
            out.next = Some(self.next(token, names)?);
        }
        Ok(out)
    }

    fn next(self, token: String, names: usize) -> Result<String, Breach> {
        if token.len() > MAX_TOKEN {
            return Err(format!("a page token has {} bytes; at most {MAX_TOKEN}", token.len()));
        }
        if self.token.as_ref() == Some(&token) {
            return Err("it answered the page token that it was given".to_owned());
        }
        let empty = if names == 0 { self.empty + 1 } else { 0 };
        if empty > MAX_EMPTY {
            return Err(format!("it listed nothing on {MAX_EMPTY} pages in a row and promises more"));
        }
        let cursor = Self { token: Some(token), empty, ..self };
        serde_json::to_string(&cursor).map_err(|e| format!("a page token cannot be kept: {e}"))
    }
}

/// Checks that a name begins with the prefix and comes after the one before it, and remembers it.
fn follows(what: &str, name: &str, before: &mut Option<String>, request: &ListRequest) -> Result<(), Breach> {
    let shown = || text::shown(name);
    if name.len() > MAX_NAME {
        return Err(format!("it listed a {what} of {} bytes: {}", name.len(), shown()));
    }
    if !name.starts_with(&request.prefix) {
        return Err(format!("it listed the {what} {} for the prefix `{}`", shown(), request.prefix));
    }
    if before.as_deref().is_some_and(|before| before >= name) {
        return Err(format!("it listed the {what} {} out of order or twice", shown()));
    }
    *before = Some(name.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> types::ObjectMeta {
        types::ObjectMeta { key: key.to_owned(), size: 1, etag: None, modified_ms: None }
    }

    fn page(keys: &[&str], prefixes: &[&str], next: Option<&str>) -> types::Page {
        types::Page {
            objects: keys.iter().map(|k| object(k)).collect(),
            prefixes: prefixes.iter().map(ToString::to_string).collect(),
            next: next.map(ToOwned::to_owned),
        }
    }

    fn request(prefix: &str, depth: Depth, token: Option<String>) -> ListRequest {
        ListRequest { prefix: prefix.to_owned(), depth, token, limit: 3 }
    }

    fn check(page: types::Page, request: &ListRequest) -> Result<ListPage, Breach> {
        Cursor::of(request).unwrap().page(page, request)
    }

    #[test]
    fn an_honest_page_passes_and_foreign_names_are_left_out() {
        let all = request("a/", Depth::All, None);
        let out = check(page(&["a/1", "a/my file", "a/z"], &[], None), &all).unwrap();
        assert_eq!(out.objects.len(), 2);
        let one = request("a/", Depth::OneLevel, None);
        let out = check(page(&["a/1"], &["a/b/", "a/my dir/"], None), &one).unwrap();
        assert_eq!(out.prefixes, ["a/b/"]);
    }

    #[test]
    fn a_page_with_garbage_is_a_breach() {
        let all = request("a", Depth::All, None);
        let one = request("a", Depth::OneLevel, None);
        let long = format!("a{}", "x".repeat(MAX_NAME));
        for (bad, request) in [
            (page(&["a2", "a1"], &[], None), &all),
            (page(&["a1", "a1"], &[], None), &all),
            (page(&["b"], &[], None), &all),
            (page(&[&long], &[], None), &all),
            (page(&["a1", "a2", "a3", "a4"], &[], None), &all),
            (page(&[], &["a/"], None), &all),
            (page(&["a/b"], &[], None), &one),
            (page(&[], &["a/b/"], None), &one),
            (page(&[], &["ab"], None), &one),
            (page(&[], &["ab/", "aa/"], None), &one),
            (page(&[], &[], Some(&"t".repeat(MAX_TOKEN + 1))), &all),
        ] {
            assert!(check(bad.clone(), request).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pages_must_go_on_after_the_page_before() {
        let first = request("", Depth::All, None);
        let token = check(page(&["a", "b"], &[], Some("t1")), &first).unwrap().next;
        let second = request("", Depth::All, token);
        assert_eq!(Cursor::of(&second).unwrap().token.as_deref(), Some("t1"));
        assert!(check(page(&["c"], &[], Some("t2")), &second).is_ok());
        assert!(check(page(&["b"], &[], None), &second).is_err());
        assert!(check(page(&["c"], &[], Some("t1")), &second).is_err());
    }

    #[test]
    fn empty_pages_may_not_go_on_for_ever() {
        let mut token = None;
        let mut pages = 0;
        let breach = loop {
            let request = request("", Depth::All, token);
            match check(page(&[], &[], Some(&format!("t{pages}"))), &request) {
                Ok(page) => token = page.next,
                Err(breach) => break breach,
            }
            pages += 1;
            assert!(pages <= MAX_EMPTY);
        };
        assert_eq!(pages, MAX_EMPTY);
        assert!(breach.contains("nothing"), "{breach}");
    }

    #[test]
    fn a_token_that_is_not_ours_is_not_understood() {
        assert_eq!(Cursor::of(&request("", Depth::All, Some("garbage".to_owned()))), None);
    }
}
