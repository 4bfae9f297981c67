//! What one instance has stored, every other one sees at once: instances share nothing but the store.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::context::{Context, Verdict, content, ensure, join, refused};
use super::multipart::{Upload, split, three_parts};
use crate::error::ErrorKind;
use crate::storage::{Depth, Precondition};

/// Calls at once: more than there are instances of one storage, within reason.
fn crowd(c: &Context) -> u32 {
    2 * c.capabilities().in_flight.clamp(1, 8)
}

/// Asks through both storages and many instances at once; the object is there with this content, or not at all.
async fn all_see(c: &Context, name: &str, expected: Option<&Bytes>) -> Verdict {
    let count = crowd(c);
    let start = Arc::new(Barrier::new(count as usize));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (c, start) = (c.turn(number), Arc::clone(&start));
        let (name, expected) = (name.to_owned(), expected.cloned());
        tasks.spawn(async move {
            start.wait().await;
            let Some(expected) = expected else { return c.lacks(&name).await };
            c.holds(&name, &expected).await?;
            let key = c.key(&name)?;
            let listed = c.walk(key.as_str(), Depth::All, 100).await?;
            let found = listed.objects.iter().find(|o| o.key == key).map(|o| o.size);
            let size = Some(expected.len() as u64);
            ensure!(found == size, "`{name}` is listed with a size of {found:?} instead of {size:?}");
            Ok(())
        });
    }
    join(tasks).await.map(drop)
}

pub(super) async fn a_put_is_seen_by_every_instance(c: Context) -> Verdict {
    for round in 0..c.check.rounds {
        let (name, content) = (format!("dir/{round}"), content(1_000 + u64::from(round), round));
        c.turn(round).put(&name, &content).await?;
        all_see(&c, &name, Some(&content)).await?;
    }
    Ok(())
}

pub(super) async fn an_overwrite_is_seen_by_every_instance(c: Context) -> Verdict {
    for round in 0..c.check.rounds {
        let content = content(1_000 + u64::from(round), round);
        c.turn(round).put("k", &content).await?;
        all_see(&c, "k", Some(&content)).await?;
    }
    Ok(())
}

pub(super) async fn a_delete_is_seen_by_every_instance(c: Context) -> Verdict {
    for round in 0..c.check.rounds {
        let name = format!("dir/{round}");
        let content = content(100, round);
        c.put(&name, &content).await?;
        all_see(&c, &name, Some(&content)).await?;
        let turn = c.turn(round);
        turn.delete(&[turn.key(&name)?]).await?;
        all_see(&c, &name, None).await?;
    }
    Ok(())
}

pub(super) async fn an_upload_goes_on_in_another_instance(c: Context) -> Verdict {
    c.needs_parts()?;
    let whole = three_parts(&c, "instances")?;
    let upload = Upload::start(&c, "k").await?;
    let other = upload.other();
    let mut parts = Vec::new();
    for (number, piece) in (1..).zip(split(&whole, upload.part)) {
        let through = if number % 2 == 1 { &other } else { &upload };
        parts.push(through.put(number, &piece).await?);
    }
    other.finish(&parts).await?;
    all_see(&c, "k", Some(&whole)).await?;
    let given_up = Upload::start(&c, "given-up").await?;
    given_up.put(1, &split(&whole, given_up.part)[0]).await?;
    given_up.other().abort().await?;
    all_see(&c, "given-up", None).await
}

pub(super) async fn a_condition_holds_for_every_instance(c: Context) -> Verdict {
    let able = c.capabilities().preconditions;
    if !able.if_absent {
        c.needs_if_match()?;
    }
    let (first, second) = (content(10, "first"), content(20, "second"));
    let meta = c.put("k", &first).await?;
    let other = c.other();
    if able.if_absent {
        let late = other.put_if("k", &second, Precondition::IfAbsent).await;
        refused(late, ErrorKind::AlreadyExists, "if-absent on what another instance has put")?;
        all_see(&c, "k", Some(&first)).await?;
    }
    if able.if_match {
        let etag = meta.etag.unwrap_or_default();
        ensure!(!etag.is_empty(), "if-match is claimed, but there is no etag");
        let condition = Precondition::IfMatch(etag);
        other.put_if("k", &second, condition.clone()).await?;
        let late = c.put_if("k", &first, condition).await;
        refused(late, ErrorKind::Conflict, "if-match with what another instance has replaced")?;
        all_see(&c, "k", Some(&second)).await?;
    }
    Ok(())
}
