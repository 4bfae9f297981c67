//! Puts with a condition: checked and made in one step.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::context::{Context, Stop, Verdict, content, ensure, join, refused};
use crate::error::ErrorKind;
use crate::storage::{ObjectMeta, Precondition};

/// The etag of an object, as a condition.
fn etag(meta: &ObjectMeta) -> Result<Precondition, Stop> {
    let none = || Stop::Failed("if-match is claimed, but there is no etag".to_owned());
    Ok(Precondition::IfMatch(meta.etag.clone().ok_or_else(none)?))
}

pub(super) async fn if_absent_stores_under_a_free_key(c: Context) -> Verdict {
    c.needs_if_absent()?;
    for size in [0, 100, 200 << 10] {
        let (name, content) = (format!("of-{size}"), content(size, size));
        c.put_if(&name, &content, Precondition::IfAbsent).await?;
        c.holds(&name, &content).await?;
    }
    Ok(())
}

pub(super) async fn if_absent_leaves_an_existing_object_untouched(c: Context) -> Verdict {
    c.needs_if_absent()?;
    let old = content(100, "old");
    for (name, content) in [("k", &old), ("empty", &Bytes::new())] {
        let before = c.put(name, content).await?;
        let again = c.put_if(name, &super::context::content(50, "new"), Precondition::IfAbsent).await;
        refused(again, ErrorKind::AlreadyExists, "if-absent on an existing key")?;
        let same = c.put_if(name, content, Precondition::IfAbsent).await;
        refused(same, ErrorKind::AlreadyExists, "if-absent with the content that is there")?;
        c.holds(name, content).await?;
        let after = c.head(name).await?.etag;
        ensure!(after == before.etag, "the etag went from {:?} to {after:?}", before.etag);
    }
    c.is_tidy("puts that were refused").await
}

pub(super) async fn one_of_many_racing_if_absent_puts_wins_and_stays(c: Context) -> Verdict {
    c.needs_if_absent()?;
    for round in 0..c.check.rounds {
        let name = format!("k{round}");
        race(&c, &name, Precondition::IfAbsent, ErrorKind::AlreadyExists).await?;
    }
    Ok(())
}

pub(super) async fn if_absent_stores_again_after_a_delete(c: Context) -> Verdict {
    c.needs_if_absent()?;
    for round in 0..3 {
        let content = content(100, round);
        c.put_if("k", &content, Precondition::IfAbsent).await?;
        c.holds("k", &content).await?;
        c.delete(&[c.key("k")?]).await?;
    }
    Ok(())
}

pub(super) async fn if_match_replaces_the_object_with_that_etag(c: Context) -> Verdict {
    c.needs_if_match()?;
    let mut meta = c.put("k", &content(10, "first")).await?;
    for round in 0..3 {
        let content = content(100 * round, round);
        meta = c.put_if("k", &content, etag(&meta)?).await?;
        c.holds("k", &content).await?;
    }
    // The etag of a head does as well.
    let meta = c.head("k").await?;
    c.put_if("k", &content(1, "last"), etag(&meta)?).await?;
    Ok(())
}

pub(super) async fn if_match_with_another_etag_changes_nothing(c: Context) -> Verdict {
    c.needs_if_match()?;
    let old = c.put("k", &content(10, "old")).await?;
    let other = c.put("other", &content(10, "other")).await?;
    let current = content(20, "current");
    c.put("k", &current).await?;
    for meta in [old, other] {
        let result = c.put_if("k", &content(30, "new"), etag(&meta)?).await;
        refused(result, ErrorKind::Conflict, "if-match with another etag")?;
        c.holds("k", &current).await?;
    }
    Ok(())
}

pub(super) async fn if_match_on_a_missing_key_stores_nothing(c: Context) -> Verdict {
    c.needs_if_match()?;
    let meta = c.put("k", &content(10, "k")).await?;
    c.delete(&[c.key("k")?]).await?;
    let result = c.put_if("k", &content(10, "k"), etag(&meta)?).await;
    refused(result, ErrorKind::Conflict, "if-match on a missing key")?;
    c.lacks("k").await
}

pub(super) async fn one_of_many_racing_if_match_puts_wins_and_stays(c: Context) -> Verdict {
    c.needs_if_match()?;
    for round in 0..c.check.rounds {
        let name = format!("k{round}");
        let meta = c.put(&name, &content(10, "first")).await?;
        race(&c, &name, etag(&meta)?, ErrorKind::Conflict).await?;
    }
    Ok(())
}

/// Many puts with one condition at once: one succeeds and its content stays, the others fail as they must.
async fn race(c: &Context, name: &str, condition: Precondition, refusal: ErrorKind) -> Verdict {
    let start = Arc::new(Barrier::new(c.check.racers as usize));
    let mut racers = JoinSet::new();
    for racer in 0..c.check.racers {
        let (c, start) = (c.turn(racer), Arc::clone(&start));
        let (name, condition) = (name.to_owned(), condition.clone());
        racers.spawn(async move {
            let content = content(1_000 + u64::from(racer), racer);
            start.wait().await;
            match c.put_if(&name, &content, condition).await {
                Ok(_) => Ok(Some(content)),
                Err(error) => refused::<()>(Err(error), refusal, "a lost race").map(|()| None),
            }
        });
    }
    let winners: Vec<Bytes> = join(racers).await?.into_iter().flatten().collect();
    ensure!(winners.len() == 1, "{} of {} racing puts succeeded", winners.len(), c.check.racers);
    c.holds(name, &winners[0]).await?;
    c.is_tidy("a race").await
}

pub(super) async fn a_condition_that_the_store_lacks_is_refused(c: Context) -> Verdict {
    let able = c.capabilities().preconditions;
    if able.if_absent && able.if_match {
        return Err(Stop::NotApplicable("the lack of a condition".into()));
    }
    let old = content(10, "old");
    c.put("k", &old).await?;
    for (lacks, condition) in [
        (!able.if_absent, Precondition::IfAbsent),
        (!able.if_match, Precondition::IfMatch("etag".to_owned())),
    ] {
        if lacks {
            let result = c.put_if("k", &content(20, "new"), condition).await;
            refused(result, ErrorKind::Unsupported, "a condition that the capabilities lack")?;
            c.holds("k", &old).await?;
        }
    }
    Ok(())
}
