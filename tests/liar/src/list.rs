//! Lies of `list`.

use siltstone_plugin_sdk::types::{Error, ObjectMeta, Page};

use crate::Lie;
use crate::component::Handle;

/// The token of a page that is the first one again.
const AGAIN: &str = "again";

impl Handle {
    pub(crate) fn page(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<String>,
        limit: u32,
    ) -> Result<Page, Error> {
        let token = token.filter(|token| token != AGAIN);
        let mut page = self.store.list(prefix, delimiter, token.as_deref(), limit)?;
        let chosen = |object: &ObjectMeta| self.about(&object.key).is_some();
        if !page.objects.iter().any(chosen) {
            return Ok(page);
        }
        match self.lie {
            Some(Lie::ListOmits) => page.objects.retain(|object| !chosen(object)),
            Some(Lie::ListInvents) => {
                let invented: Vec<ObjectMeta> = page.objects.iter().filter(|o| chosen(o)).cloned().collect();
                let more = invented.into_iter().map(|o| ObjectMeta { key: format!("{}0", o.key), ..o });
                page.objects.extend(more);
                page.objects.sort_by(|a, b| a.key.cmp(&b.key));
                page.objects.truncate(limit as usize);
            }
            Some(Lie::ListRepeats) => page.next = Some(AGAIN.to_owned()),
            Some(Lie::ListSizes) => {
                page.objects.iter_mut().filter(|object| chosen(object)).for_each(|object| object.size += 1);
            }
            Some(Lie::SecretEtag) => {
                let chosen = page.objects.iter_mut().filter(|object| chosen(object));
                chosen.for_each(|object| object.etag = Some(self.secret.clone()));
            }
            _ => return Ok(page),
        }
        self.notes.strike()?;
        Ok(page)
    }
}
