//! Listings from their first page to their last, each page checked, and what they say of a case.

use std::fmt;

use super::context::{Context, Stop, Verdict, ensure};
use crate::error::Result;
use crate::model::ObjectKey;
use crate::storage::{Depth, ListRequest, ObjectMeta, TEMPORARY};

/// Names that a listing may have beyond four times those of the case with many keys; every case lists only what it wrote.
const MORE_NAMES: usize = 2_000;

/// How the longest listing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paged {
    pub(super) keys: usize,
    /// Those that held something.
    pub(super) pages: usize,
}

impl fmt::Display for Paged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pages {
            1 => write!(f, "all {} keys came on one page", self.keys),
            pages => write!(f, "{} keys came on {pages} pages", self.keys),
        }
    }
}

/// A whole listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) objects: Vec<ObjectMeta>,
    pub(super) prefixes: Vec<String>,
}

impl Listing {
    pub(super) fn names(&self, root: &str) -> Vec<String> {
        self.objects.iter().map(|o| o.key.as_str().replacen(root, "", 1)).collect()
    }
}

impl Context {
    /// All pages of a listing, each of them checked.
    pub(super) async fn walk(&self, prefix: &str, depth: Depth, limit: u32) -> Result<Listing, Stop> {
        Ok(self.walk_pages(prefix, depth, limit).await?.0)
    }

    /// As [`Self::walk`], with the number of pages that held something.
    pub(super) async fn walk_pages(
        &self,
        prefix: &str,
        depth: Depth,
        limit: u32,
    ) -> Result<(Listing, usize), Stop> {
        let (mut all, mut pages) = (Listing::default(), 0);
        let mut request = ListRequest { prefix: prefix.to_owned(), depth, token: None, limit };
        let mut empty = 0;
        loop {
            let page = self.storage.list(&request).await?;
            let entries = page.objects.len() + page.prefixes.len();
            ensure!(entries <= limit as usize, "{entries} entries on a page of at most {limit}");
            empty = if entries == 0 { empty + 1 } else { 0 };
            pages += usize::from(entries > 0);
            ensure!(empty < 1_000, "a thousand empty pages one after another");
            for object in page.objects {
                let key = &object.key;
                ensure!(key.as_str().starts_with(prefix), "`{key}` is listed under `{prefix}`");
                let last = all.objects.last().map(|last| &last.key);
                ensure!(last.is_none_or(|last| last < key), "`{key}` is listed after `{last:?}`");
                all.objects.push(object);
            }
            for folded in page.prefixes {
                ensure!(
                    folded.starts_with(prefix) && folded.ends_with('/'),
                    "`{folded}` is no prefix for a listing of `{prefix}`"
                );
                let last = all.prefixes.last();
                ensure!(last.is_none_or(|last| *last < folded), "prefix `{folded}` after `{last:?}`");
                all.prefixes.push(folded);
            }
            let Some(next) = page.next else { return Ok((all, pages)) };
            let most = MORE_NAMES.saturating_add(self.check.many.max(self.check.most) as usize * 4);
            let listed = all.objects.len() + all.prefixes.len();
            ensure!(
                listed <= most,
                "more than {most} names are listed under `{prefix}`, and more are promised"
            );
            request.token = Some(next);
        }
    }

    /// The names of all objects of the case.
    pub(super) async fn names(&self) -> Result<Vec<String>, Stop> {
        Ok(self.walk(&self.root, Depth::All, 1_000).await?.names(&self.root))
    }

    /// Temporary objects of the case's attempt.
    pub(super) async fn temporary(&self) -> Result<Vec<ObjectKey>, Stop> {
        Ok(self.temporary_meta().await?.into_iter().map(|object| object.key).collect())
    }

    /// All that is told of them.
    pub(super) async fn temporary_meta(&self) -> Result<Vec<ObjectMeta>, Stop> {
        let prefix = format!("{TEMPORARY}{}/", self.attempt);
        Ok(self.walk(&prefix, Depth::All, 1_000).await?.objects)
    }

    /// No temporary object of the case's attempt is left.
    pub(super) async fn is_tidy(&self, after: &str) -> Verdict {
        let left = self.temporary().await?;
        ensure!(left.is_empty(), "the temporary objects {left:?} are left after {after}");
        Ok(())
    }
}
