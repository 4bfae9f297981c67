//! Refusals are told by their kind, and say that nothing was changed.

use super::context::{Context, Stop, Verdict, content, ensure, refused};
use super::multipart::{Upload, split, three_parts};
use crate::error::ErrorKind;
use crate::storage::{ByteRange, Precondition, Sink};

pub(super) async fn what_is_missing_is_told_as_such(c: Context) -> Verdict {
    refused(c.head("missing").await, ErrorKind::NotFound, "head of a missing key")?;
    for (offset, len) in [(0, None), (0, Some(10)), (1 << 30, Some(1)), (0, Some(0))] {
        let (key, sink) = (c.key("missing")?, Sink::new(10));
        let got = c.storage.get(&key, ByteRange { offset, len }, &sink).await;
        refused(got, ErrorKind::NotFound, "get of a missing key")?;
        ensure!(sink.is_empty(), "{} bytes of a missing key", sink.len());
    }
    Ok(())
}

pub(super) async fn what_is_in_the_way_is_told_as_such(c: Context) -> Verdict {
    let able = c.capabilities().preconditions;
    if !able.if_absent {
        c.needs_if_match()?;
    }
    let old = content(100, "old");
    c.put("k", &old).await?;
    let other = c.put("other", &content(100, "other")).await?.etag;
    for size in [0, 10, 100 << 10] {
        let new = content(size, "new");
        if able.if_absent {
            let put = c.put_if("k", &new, Precondition::IfAbsent).await;
            refused(put, ErrorKind::AlreadyExists, "if-absent on an existing key")?;
        }
        if let Some(etag) = other.clone().filter(|_| able.if_match) {
            let put = c.put_if("k", &new, Precondition::IfMatch(etag)).await;
            refused(put, ErrorKind::Conflict, "if-match with the etag of another object")?;
        }
        c.holds("k", &old).await?;
    }
    Ok(())
}

pub(super) async fn an_upload_that_is_gone_is_told_as_such(c: Context) -> Verdict {
    c.needs_parts()?;
    let whole = three_parts(&c, "gone")?;
    let upload = Upload::start(&c, "k").await?;
    let piece = &split(&whole, upload.part)[0];
    let part = upload.put(1, piece).await?;
    upload.abort().await?;
    match upload.finish(&[part]).await {
        // That it succeeds is the affair of another case.
        Ok(_) => Err(Stop::NotApplicable("the end of an upload".into())),
        // So says a service that has not foreseen it; its answer is passed on as it must be.
        Err(later) if later.is(ErrorKind::Unavailable) => {
            Err(Stop::NotApplicable("an answer about an upload that is gone".into()))
        }
        gone => refused(gone, ErrorKind::NotFound, "a finish after the abort"),
    }
}
