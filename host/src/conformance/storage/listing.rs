//! Listings: order, prefixes, folding, pages, changes at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::context::{Context, Stop, Verdict, content, ensure};
use super::walk::{Listing, Paged};
use crate::model::ObjectKey;
use crate::storage::Depth;

/// Most names that the suite asks for on one page; the host asks for 4000.
const LARGEST_PAGE: u32 = 10_001;

/// Names whose byte order is not the order of a walk through folders, nor one without regard to case.
const TRAPS: [&str; 16] = [
    "A", "a-", "a-b/c", "a-c", "a.b", "a/-", "a/.b", "a/b/c", "a/b0", "a/ba", "a0/b", "a=", "aB", "a_", "ab",
    "b",
];

async fn trapped(c: &Context) -> Result<(), Stop> {
    c.put_all(TRAPS.map(str::to_owned).to_vec(), &Bytes::from_static(b"x")).await
}

/// What a listing of the traps must hold.
fn expected(c: &Context, prefix: &str, depth: Depth) -> (Vec<String>, Vec<String>) {
    let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
    let mut sorted = TRAPS;
    sorted.sort_unstable();
    for name in sorted.iter().filter(|name| name.starts_with(prefix)) {
        match name[prefix.len()..].find('/').filter(|_| depth == Depth::OneLevel) {
            Some(at) => prefixes.push(format!("{}{}", c.root, &name[..=prefix.len() + at])),
            None => objects.push((*name).to_owned()),
        }
    }
    prefixes.dedup();
    (objects, prefixes)
}

fn compare(c: &Context, listing: &Listing, prefix: &str, depth: Depth) -> Verdict {
    let (objects, prefixes) = expected(c, prefix, depth);
    let found = listing.names(&c.root);
    ensure!(found == objects, "under `{prefix}` ({depth:?}) are {found:?}, expected {objects:?}");
    let folded = &listing.prefixes;
    ensure!(*folded == prefixes, "under `{prefix}` fold {folded:?}, expected {prefixes:?}");
    Ok(())
}

pub(super) async fn list_returns_keys_in_byte_order(c: Context) -> Verdict {
    trapped(&c).await?;
    compare(&c, &c.walk(&c.root, Depth::All, 1_000).await?, "", Depth::All)
}

pub(super) async fn a_listing_describes_objects_as_head_does(c: Context) -> Verdict {
    for size in [0, 1, 1_000] {
        c.put(&format!("of-{size}"), &content(size, size)).await?;
    }
    for listed in c.walk(&c.root, Depth::All, 1_000).await?.objects {
        let head = c.storage.head(&listed.key).await?;
        ensure!(listed.size == head.size, "`{}` is listed with {} bytes", listed.key, listed.size);
        ensure!(
            listed.etag.is_none() || listed.etag == head.etag,
            "`{}` is listed with the etag {:?}, head says {:?}",
            listed.key,
            listed.etag,
            head.etag
        );
    }
    Ok(())
}

pub(super) async fn a_prefix_need_not_end_at_a_slash(c: Context) -> Verdict {
    trapped(&c).await?;
    for prefix in ["a", "a-", "a/", "a/b", "a/b/", "a0", "aB", "b", "A", "a/b/c"] {
        let listing = c.walk(&format!("{}{prefix}", c.root), Depth::All, 1_000).await?;
        compare(&c, &listing, prefix, Depth::All)?;
    }
    // Nor at the end of a name of the location's own root.
    let listing = c.walk(&c.root[..c.root.len() - 2], Depth::All, 1_000).await?;
    let objects = listing.objects.iter().filter(|o| o.key.as_str().starts_with(&c.root)).count();
    ensure!(objects == TRAPS.len(), "{objects} of {} keys under a prefix in mid-name", TRAPS.len());
    Ok(())
}

pub(super) async fn a_prefix_that_no_key_has_gives_nothing(c: Context) -> Verdict {
    c.put("a/b", &Bytes::new()).await?;
    for prefix in ["b", "a/c", "a/b/", "a/b0", "a/bb", "missing/folder/"] {
        for depth in [Depth::All, Depth::OneLevel] {
            let listing = c.walk(&format!("{}{prefix}", c.root), depth, 1_000).await?;
            ensure!(listing == Listing::default(), "under `{prefix}` is {listing:?}");
        }
    }
    Ok(())
}

pub(super) async fn a_listing_folds_at_the_first_slash(c: Context) -> Verdict {
    trapped(&c).await?;
    for prefix in ["", "a", "a/", "a/b", "a/b/", "a-", "b"] {
        let listing = c.walk(&format!("{}{prefix}", c.root), Depth::OneLevel, 1_000).await?;
        compare(&c, &listing, prefix, Depth::OneLevel)?;
    }
    Ok(())
}

pub(super) async fn pages_of_every_size_give_the_same_listing(c: Context) -> Verdict {
    trapped(&c).await?;
    for depth in [Depth::All, Depth::OneLevel] {
        for prefix in ["", "a", "a/"] {
            for limit in 1..=TRAPS.len() as u32 + 1 {
                let listing = c.walk(&format!("{}{prefix}", c.root), depth, limit).await?;
                compare(&c, &listing, prefix, depth).map_err(|stop| match stop {
                    Stop::Failed(reason) => Stop::Failed(format!("in pages of {limit}: {reason}")),
                    stop => stop,
                })?;
            }
        }
    }
    Ok(())
}

pub(super) async fn a_listing_during_changes_holds_what_stays(c: Context) -> Verdict {
    let stay: Vec<String> = (10..30).map(|n| format!("k{n}")).collect();
    c.put_all(stay.clone(), &Bytes::from_static(b"x")).await?;
    let done = Arc::new(AtomicBool::new(false));
    let changes = tokio::spawn({
        let (c, done) = (c.clone(), Arc::clone(&done));
        async move {
            // Several at once, so that pages which come at a steady pace do not always find the same number of them.
            for first in (10..28).cycle() {
                if done.load(Ordering::SeqCst) {
                    break;
                }
                let names = [0, 1, 2].map(|n| format!("k{}-come-and-go", first + n));
                for name in &names {
                    c.put(name, &Bytes::new()).await?;
                }
                for name in &names {
                    c.delete(&[c.key(name)?]).await?;
                }
            }
            Ok::<_, Stop>(())
        }
    });
    let listed = async {
        for _ in 0..c.check.rounds {
            let mut names = c.walk(&c.root, Depth::All, 3).await?.names(&c.root);
            names.retain(|name| !name.ends_with("-come-and-go"));
            ensure!(names == stay, "listed are {names:?}");
        }
        Ok(())
    }
    .await;
    done.store(true, Ordering::SeqCst);
    changes.await.map_err(|e| Stop::Failed(e.to_string()))??;
    listed
}

pub(super) async fn many_keys_are_listed_and_deleted(c: Context) -> Verdict {
    let body = content(20, "many");
    let most = c.check.most.max(c.check.many);
    let mut names: Vec<String> = Vec::new();
    for count in [c.check.many, most] {
        let more: Vec<String> = (names.len() as u32..count).map(|n| format!("{:03}/{n:06}", n % 7)).collect();
        c.put_all(more.clone(), &body).await?;
        names.extend(more);
        names.sort_unstable();
        // More than there are, so that it is the store who ends a page.
        let limit = most.saturating_add(1).min(LARGEST_PAGE);
        let (listing, pages) = c.walk_pages(&c.root, Depth::All, limit).await?;
        let listed = listing.names(&c.root);
        ensure!(listed == names, "{} of {} keys are listed on {pages} pages", listed.len(), names.len());
        if pages > 1 || count == most {
            c.note_paged(Paged { keys: names.len(), pages });
            break;
        }
    }
    // And pages that end where the caller wants.
    let limit = (names.len().div_ceil(2) as u32).min(LARGEST_PAGE);
    let listed = c.walk(&c.root, Depth::All, limit).await?.names(&c.root);
    ensure!(listed == names, "{} of {} keys are listed in pages of {limit}", listed.len(), names.len());
    let keys: Vec<ObjectKey> = names.iter().map(|name| c.key(name)).collect::<Result<_, _>>()?;
    c.delete(&keys).await?;
    let left = c.names().await?;
    ensure!(left.is_empty(), "{} keys are listed after they were deleted", left.len());
    Ok(())
}
