//! Listings of the in-memory storage: byte order, folding at `/`, pages.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Object;
use crate::error::{Error, Result};
use crate::storage::{Depth, ListPage, ListRequest, TEMPORARY};

/// Most entries of a page, whatever the limit: real stores cap it, so callers must not take a short page for the last.
const PAGE: u32 = 1_000;

/// One page.
pub(super) fn page(objects: &BTreeMap<String, Object>, request: &ListRequest) -> Result<ListPage> {
    if request.limit == 0 {
        return Err(Error::invalid("list", "the limit is 0, at least 1 is needed"));
    }
    let limit = request.limit.min(PAGE) as usize;
    // The first key that the page may hold. A token carries its request, so that it cannot be used with another.
    let mark = format!("{:?} {} ", request.depth, request.prefix);
    let mut from = match &request.token {
        None => request.prefix.clone(),
        Some(token) => token
            .strip_prefix(&mark)
            .ok_or_else(|| Error::invalid("list", "the page token is not one of this listing"))?
            .to_owned(),
    };
    let hidden = !request.prefix.starts_with(TEMPORARY);
    let mut page = ListPage::default();
    while let Some((key, object)) =
        objects.range::<String, _>((Bound::Included(&from), Bound::Unbounded)).next()
    {
        let Some(rest) = key.strip_prefix(request.prefix.as_str()) else { break };
        if hidden && key.starts_with(TEMPORARY) {
            from = past(TEMPORARY);
            continue;
        }
        if page.objects.len() + page.prefixes.len() == limit {
            page.next = Some(format!("{mark}{from}"));
            break;
        }
        match rest.find('/').filter(|_| request.depth == Depth::OneLevel) {
            Some(at) => {
                let folded = &key[..=request.prefix.len() + at];
                page.prefixes.push(folded.to_owned());
                from = past(folded);
            }
            None => {
                page.objects.push(object.meta.clone());
                from = format!("{key}\0");
            }
        }
    }
    Ok(page)
}

/// The least text after all that begin with a prefix that ends in `/`.
fn past(prefix: &str) -> String {
    // `0` follows `/`.
    format!("{}0", prefix.strip_suffix('/').unwrap_or(prefix))
}
