//! Walks and empties prefixes of a location, page by page.

use crate::error::Result;
use crate::model::ObjectKey;
use crate::ops::ForgetReport;
use crate::storage::{Depth, ListRequest, ObjectMeta, Storage};

/// Objects of one page.
const PAGE: u32 = 4000;

/// Shows every object under a prefix.
pub(crate) async fn list_all(
    storage: &dyn Storage,
    prefix: &str,
    mut each: impl FnMut(&ObjectMeta) -> Result<()> + Send,
) -> Result<()> {
    let mut token = None;
    loop {
        let request = ListRequest { prefix: prefix.to_owned(), depth: Depth::All, token, limit: PAGE };
        let page = storage.list(&request).await?;
        for object in &page.objects {
            each(object)?;
        }
        match page.next {
            Some(next) => token = Some(next),
            None => return Ok(()),
        }
    }
}

/// The names one level below a prefix that ends in `/` or is empty.
pub(crate) async fn list_folders(storage: &dyn Storage, prefix: &str) -> Result<Vec<String>> {
    let mut token = None;
    let mut names = Vec::new();
    loop {
        let request = ListRequest { prefix: prefix.to_owned(), depth: Depth::OneLevel, token, limit: PAGE };
        let page = storage.list(&request).await?;
        names.extend(
            page.prefixes.iter().filter_map(|p| Some(p.strip_prefix(prefix)?.strip_suffix('/')?.to_owned())),
        );
        match page.next {
            Some(next) => token = Some(next),
            None => return Ok(names),
        }
    }
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
    let mut token = None;
    loop {
        let request = ListRequest { prefix: prefix.to_owned(), depth: Depth::All, token, limit: PAGE };
        let page = storage.list(&request).await?;
        let keys: Vec<ObjectKey> = page.objects.into_iter().filter(&chosen).map(|o| o.key).collect();
        for keys in keys.chunks(batch) {
            let refused = storage.delete(keys).await?;
            report.refused += refused.len() as u64;
            report.objects += (keys.len() - refused.len()) as u64;
            if let Some((key, error)) = refused.first() {
                tracing::warn!(%key, %error, count = refused.len(), "the store refused to delete");
            }
        }
        match page.next {
            Some(next) => token = Some(next),
            None => return Ok(report),
        }
    }
}
