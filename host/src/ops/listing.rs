//! Walks and empties prefixes of a location, page by page.
//!
//! How many names a store may list before it is given up is bounded where its calls are; see
//! [`crate::storage::ListingSettings`]. What is kept of them is bounded here.

use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectKey;
use crate::ops::ForgetReport;
use crate::storage::{Depth, ListPage, ListRequest, ObjectMeta, Storage};

/// Objects of one page.
const PAGE: u32 = 4000;
/// Names that are kept of one listing of folders: backups of a location, attempts of a backup. One backup an hour makes
/// fewer in ten years.
const MOST_FOLDERS: usize = 100_000;

/// A listing on its way, of which one page at a time is held.
pub(crate) struct Pages<'s> {
    storage: &'s dyn Storage,
    /// Of the next page; `None` behind the last one.
    request: Option<ListRequest>,
}

impl<'s> Pages<'s> {
    fn new(storage: &'s dyn Storage, prefix: &str, depth: Depth) -> Self {
        let request = ListRequest { prefix: prefix.to_owned(), depth, token: None, limit: PAGE };
        Self { storage, request: Some(request) }
    }

    /// The folders one level below a prefix that ends in `/` or is empty; see [`folders`].
    pub(crate) fn of_folders(storage: &'s dyn Storage, prefix: &str) -> Self {
        Self::new(storage, prefix, Depth::OneLevel)
    }

    /// The next page; `None` after the last one and after an error.
    pub(crate) async fn next(&mut self) -> Result<Option<ListPage>> {
        let Some(request) = self.request.take() else { return Ok(None) };
        let mut page = self.storage.list(&request).await?;
        self.request = page.next.take().map(|next| ListRequest { token: Some(next), ..request });
        Ok(Some(page))
    }
}

/// Shows every object under a prefix.
pub(crate) async fn list_all(
    storage: &dyn Storage,
    prefix: &str,
    mut each: impl FnMut(&ObjectMeta) -> Result<()> + Send,
) -> Result<()> {
    let mut pages = Pages::new(storage, prefix, Depth::All);
    while let Some(page) = pages.next().await? {
        for object in &page.objects {
            each(object)?;
        }
    }
    Ok(())
}

/// The names of the folders of a page, without the prefix.
pub(crate) fn folders<'p>(page: &'p ListPage, prefix: &'p str) -> impl Iterator<Item = &'p str> {
    page.prefixes.iter().filter_map(move |p| p.strip_prefix(prefix)?.strip_suffix('/'))
}

/// What is made of the names one level below a prefix that ends in `/` or is empty; of others nothing is kept.
/// [`ErrorKind::Unsupported`] when there are too many to be kept.
pub(crate) async fn list_folders<T: Send>(
    storage: &dyn Storage,
    prefix: &str,
    wanted: impl Fn(&str) -> Option<T> + Send,
) -> Result<Vec<T>> {
    let mut pages = Pages::of_folders(storage, prefix);
    let mut names = Vec::new();
    while let Some(page) = pages.next().await? {
        names.extend(folders(&page, prefix).filter_map(&wanted).take(MOST_FOLDERS + 1 - names.len()));
        if names.len() > MOST_FOLDERS {
            let text = format!(
                "more than {MOST_FOLDERS} folders lie under `{prefix}` at {}; forget backups, or make new ones at another \
                 path",
                storage.home()
            );
            return Err(Error::new(ErrorKind::Unsupported, "list", text));
        }
    }
    Ok(names)
}

/// Deletes every object under a prefix, a page at a time; what the store refuses is counted and passed over.
pub(crate) async fn delete_prefix(storage: &dyn Storage, prefix: &str) -> Result<ForgetReport> {
    delete_where(storage, prefix, |_| true).await
}

/// As [`delete_prefix`], of the objects for which `chosen` holds.
pub(crate) async fn delete_where(
    storage: &dyn Storage,
    prefix: &str,
    chosen: impl Fn(&ObjectMeta) -> bool + Send,
) -> Result<ForgetReport> {
    let batch = storage.capabilities().delete_batch.max(1) as usize;
    let mut report = ForgetReport::default();
    let mut pages = Pages::new(storage, prefix, Depth::All);
    while let Some(page) = pages.next().await? {
        let keys: Vec<ObjectKey> = page.objects.into_iter().filter(&chosen).map(|o| o.key).collect();
        for keys in keys.chunks(batch) {
            let refused = storage.delete(keys).await?;
            report.refused += refused.len() as u64;
            report.objects += (keys.len() - refused.len()) as u64;
            if let Some((key, error)) = refused.first() {
                tracing::warn!(%key, %error, count = refused.len(), "the store refused to delete");
            }
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::BackupId;
    use crate::storage::{Action, Faulty, Memory, Rule, Verb};

    #[tokio::test]
    async fn of_folders_without_end_so_many_are_kept_and_of_those_that_are_none_of_ours_nothing() {
        // No bound on listings is round it: what is kept has one of its own.
        let endless =
            Faulty::new(Arc::new(Memory::default()), vec![Rule::on(Verb::List, Action::ListForEver)]);
        let error = list_folders(&endless, "x/", |name| BackupId::new(name).ok()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        for word in ["100000 folders", "`x/`", "at another path"] {
            assert!(error.to_string().contains(word), "{error}");
        }
        let mut pages = Pages::of_folders(&endless, "x/");
        let page = pages.next().await.unwrap().unwrap();
        assert_eq!((folders(&page, "x/").count(), folders(&page, "y/").count()), (PAGE as usize, 0));
    }
}
