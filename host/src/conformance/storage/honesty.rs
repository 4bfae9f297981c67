//! No wish of a put is dropped without a word, and no time that is told is made up.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::context::{Context, Stop, Verdict, content, ensure, is_of_now};
use super::multipart::{Upload, part_size, split, three_parts};
use crate::error::{ErrorKind, Result};
use crate::model::Timestamp;
use crate::storage::{Blob, Depth, DigestKinds, ObjectMeta, PartTag, Precondition, PutOptions};

/// An attribute that no version of the interface has.
const UNKNOWN: &str = "siltstone-check-unknown";
const RETAIN: &str = "retain-until";
/// How long an object is to be kept: longer than the clocks of a store and ours differ, and no longer than a check may wait.
const KEPT: Duration = Duration::from_secs(20);

fn with_attribute(c: &Context, name: &str, value: String) -> PutOptions {
    PutOptions { attributes: vec![(name.to_owned(), value)], ..c.options(Precondition::None) }
}

/// The call failed as unsupported, for this attribute.
fn names<T>(result: Result<T>, attribute: &str, call: &str) -> Verdict {
    match result {
        Ok(_) => Err(Stop::Failed(format!("{call} takes the attribute `{attribute}`, and drops it"))),
        Err(error) if !error.is(ErrorKind::Unsupported) || error.is_outcome_unknown() => {
            Err(Stop::Failed(format!(
                "{call} with the attribute `{attribute}` must fail as {:?}, it failed as: {error}",
                ErrorKind::Unsupported
            )))
        }
        Err(error) => {
            ensure!(
                error.to_string().contains(attribute),
                "{call} does not name the attribute `{attribute}` that it refuses: {error}"
            );
            Ok(())
        }
    }
}

pub(super) async fn attributes_that_cannot_be_honoured_are_refused(c: Context) -> Verdict {
    let body = content(10, "attributes");
    let unknown = with_attribute(&c, UNKNOWN, "x".to_owned());
    let put = c.storage.put(&c.key("unknown")?, &c.blob(&body), &unknown).await;
    names(put, UNKNOWN, "put")?;
    c.lacks("unknown").await?;
    if c.needs_parts().is_ok() {
        names(upload(&c, "upload", &unknown).await?, UNKNOWN, "an upload in parts")?;
        c.lacks("upload").await?;
    }
    let until = Timestamp::from_system(SystemTime::now() + KEPT).to_string();
    let retain = with_attribute(&c, RETAIN, until);
    match c.storage.put(&c.key("kept")?, &c.blob(&body), &retain).await {
        Ok(_) => is_kept(&c, &body).await,
        refused => {
            names(refused, RETAIN, "put")?;
            c.lacks("kept").await
        }
    }
}

/// Whatever of an upload in parts is the first to fail.
async fn upload(c: &Context, name: &str, options: &PutOptions) -> Result<Result<ObjectMeta>, Stop> {
    let (key, part) = (c.key(name)?, part_size(c, 64 << 10)?);
    let id = match c.storage.multipart_start(&key, part, None, options).await {
        Ok(id) => id,
        Err(error) => return Ok(Err(error)),
    };
    let whole = three_parts(c, name)?;
    let sent = async {
        let mut parts: Vec<(u32, PartTag)> = Vec::new();
        for (number, piece) in (1..).zip(split(&whole, part)) {
            parts.push((number, c.storage.multipart_put(&key, &id, number, &c.blob(&piece)).await?));
        }
        c.storage.multipart_finish(&key, &id, &parts).await
    };
    let sent = sent.await;
    c.storage.multipart_abort(&key, &id).await?;
    Ok(sent)
}

/// An object whose time of retention was accepted cannot be deleted before it is over.
async fn is_kept(c: &Context, body: &Bytes) -> Verdict {
    let deleted = c.delete(&[c.key("kept")?]).await;
    ensure!(
        deleted.is_err(),
        "put takes the attribute `{RETAIN}`, and the object can be deleted before that"
    );
    c.holds("kept", body).await?;
    // So that it can be cleaned away.
    tokio::time::sleep(KEPT).await;
    Ok(())
}

pub(super) async fn times_that_are_told_are_true(c: Context) -> Verdict {
    let mut told = is_of_now(&c.put("k", &content(10, "times")).await?, "put")?;
    told |= is_of_now(&c.head("k").await?, "head")?;
    if c.needs_parts().is_ok() {
        let upload = Upload::start(&c, "upload").await?;
        let parts = upload.put_all(&three_parts(&c, "times")?).await?;
        // By these the host tells what servers have left behind that are no more.
        for temporary in c.temporary_meta().await? {
            told |= is_of_now(&temporary, "a listing of temporary objects")?;
        }
        told |= is_of_now(&upload.finish(&parts).await?, "multipart-finish")?;
    }
    for listed in c.walk(&c.root, Depth::All, 1_000).await?.objects {
        told |= is_of_now(&listed, "list")?;
    }
    if told { Ok(()) } else { Err(Stop::NotApplicable("times of the last change".into())) }
}

pub(super) async fn a_put_with_a_wrong_digest_leaves_all_or_nothing(c: Context) -> Verdict {
    let wanted = c.capabilities().digests;
    if wanted == DigestKinds::default() {
        return Err(Stop::NotApplicable("digests".into()));
    }
    let (old, new) = (content(1_000, "old"), content(2_000, "new"));
    c.put("k", &old).await?;
    let body = Blob::new([new.clone()], wanted.of([&old]));
    // Once only: what is told as `transient`, as if the way were to blame, is tried again and again.
    match c.storage.put(&c.key("k")?, &body, &c.options(Precondition::None)).await {
        // A store need not look at a digest. One that refuses the content has not kept it.
        Ok(_) => c.holds("k", &new).await?,
        Err(error) if error.is_outcome_unknown() => {}
        Err(_) => c.holds("k", &old).await?,
    }
    c.is_tidy("a put with a wrong digest").await
}
