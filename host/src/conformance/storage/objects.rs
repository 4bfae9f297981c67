//! Put, get and head of one object.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::task::JoinSet;

use super::context::{Context, Stop, Verdict, content, ensure, join};
use crate::storage::{Blob, ByteRange, Depth, Precondition, PutOptions};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

pub(super) async fn an_object_is_read_back_whole(c: Context) -> Verdict {
    let around = [64 * KIB, MIB].into_iter().flat_map(|size| [size - 1, size, size + 1]);
    for size in [0, 1].into_iter().chain(around).filter(|size| *size <= c.capabilities().max_put) {
        let (name, content) = (format!("of-{size}"), content(size, size));
        let meta = c.put(&name, &content).await?;
        ensure!(meta.key == c.key(&name)?, "put of `{name}` answers the key `{}`", meta.key);
        ensure!(meta.size == size, "put of {size} bytes answers a size of {}", meta.size);
        c.holds(&name, &content).await?;
    }
    Ok(())
}

pub(super) async fn an_object_of_many_pieces_is_read_back_whole(c: Context) -> Verdict {
    let whole = content((3 * MIB + 17).min(c.capabilities().max_put), "pieces");
    let (mut pieces, mut rest) = (Vec::new(), whole.clone());
    for size in [1, 1_000, 65_536, 0, 65_537, MIB as usize].into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        pieces.push(rest.split_to(size.min(rest.len())));
    }
    let body = Blob::with_digests(pieces, c.capabilities().digests);
    c.storage.put(&c.key("k")?, &body, &c.options(Precondition::None)).await?;
    c.holds("k", &whole).await
}

pub(super) async fn a_range_gives_exactly_its_bytes(c: Context) -> Verdict {
    let whole = content(200 * KIB, "range");
    c.put("k", &whole).await?;
    let size = whole.len() as u64;
    let ranges = [
        (0, Some(1)),
        (0, Some(size)),
        (0, Some(0)),
        (1, Some(size - 2)),
        (100, Some(0)),
        (64 * KIB - 1, Some(2)),
        (64 * KIB, Some(64 * KIB)),
        (size - 1, Some(1)),
        (size - 1, None),
        (150 * KIB + 7, None),
        (0, None),
        (size - 10, Some(11)),
        (5, Some(10 * size)),
        (5, Some(u64::MAX)),
    ];
    for (offset, len) in ranges {
        let end = len.map_or(u64::MAX, |len| offset.saturating_add(len)).min(size);
        let expected = whole.slice(offset as usize..end as usize);
        let found = c.read_range("k", ByteRange { offset, len }, end - offset).await?;
        ensure!(found == expected, "range {offset}+{len:?} gives {} bytes, wrong ones", found.len());
    }
    Ok(())
}

pub(super) async fn a_range_at_or_beyond_the_end_gives_nothing(c: Context) -> Verdict {
    c.put("empty", &Bytes::new()).await?;
    c.put("k", &content(1_000, "end")).await?;
    for (name, offset) in
        [("k", 1_000), ("k", 1_001), ("k", 1 << 40), ("k", u64::MAX), ("empty", 0), ("empty", 1)]
    {
        for len in [None, Some(0), Some(1), Some(u64::MAX)] {
            let found = c.read_range(name, ByteRange { offset, len }, 10).await?;
            ensure!(found.is_empty(), "{} bytes from {offset}+{len:?} of `{name}`", found.len());
        }
    }
    Ok(())
}

pub(super) async fn ranges_are_read_at_the_same_time(c: Context) -> Verdict {
    let whole = content(MIB.min(c.capabilities().max_put), "parallel");
    c.put("k", &whole).await?;
    let mut tasks = JoinSet::new();
    let step = whole.len() / 16;
    for at in 0..16 {
        let (c, expected) = (c.clone(), whole.slice(at * step..(at + 1) * step));
        tasks.spawn(async move {
            let range = ByteRange { offset: (at * step) as u64, len: Some(step as u64) };
            let found = c.read_range("k", range, step as u64).await?;
            ensure!(found == expected, "the range from {} is another one's", range.offset);
            Ok(())
        });
    }
    join(tasks).await.map(drop)
}

pub(super) async fn a_missing_key_is_not_found(c: Context) -> Verdict {
    c.put("there/below", &content(10, "there")).await?;
    for name in ["missing", "missing/below", "there", "there/below/further", "there/belo", "there/below0"] {
        c.lacks(name).await?;
    }
    Ok(())
}

pub(super) async fn attributes_of_a_put_are_accepted(c: Context) -> Verdict {
    let body = content(10, "attributes");
    for (name, attempt, content_type) in [
        ("none", None, None),
        ("type", None, Some("application/json")),
        ("both", Some(c.attempt), Some("application/gzip")),
    ] {
        let options = PutOptions { attempt, content_type, ..PutOptions::default() };
        c.storage.put(&c.key(name)?, &c.blob(&body), &options).await?;
        c.holds(name, &body).await?;
    }
    Ok(())
}

pub(super) async fn an_overwrite_replaces_the_whole_object(c: Context) -> Verdict {
    for size in [100 * KIB, 10, 0, 70 * KIB] {
        let content = content(size, size);
        c.put("k", &content).await?;
        c.holds("k", &content).await?;
    }
    c.is_tidy("puts that ended").await
}

pub(super) async fn an_etag_changes_with_the_content(c: Context) -> Verdict {
    let mut before: Option<String> = None;
    for seed in 0..5 {
        let put = c.put("k", &content(100, seed)).await?;
        let head = c.head("k").await?;
        let (Some(first), Some(second)) = (put.etag, head.etag) else {
            return if c.capabilities().preconditions.if_match {
                Err(Stop::Failed("if-match is claimed, but there is no etag".to_owned()))
            } else {
                Err(Stop::NotApplicable("etags".into()))
            };
        };
        ensure!(first == second, "put answers the etag {first:?}, head {second:?}");
        ensure!(before.as_ref() != Some(&first), "two contents have the etag {first:?}");
        before = Some(first);
    }
    Ok(())
}

pub(super) async fn readers_see_one_of_two_contents_during_overwrites(c: Context) -> Verdict {
    let contents = [content(150 * KIB, "one"), content(37 * KIB, "two")];
    c.put("k", &contents[0]).await?;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        let (c, contents, done) = (c.clone(), contents.clone(), Arc::clone(&done));
        readers.spawn(async move {
            while !done.load(Ordering::SeqCst) {
                let found = c.read("k").await?;
                ensure!(contents.contains(&found), "a reader saw {} bytes that nobody put", found.len());
                let size = c.head("k").await?.size;
                ensure!(
                    contents.iter().any(|content| content.len() as u64 == size),
                    "head saw a size of {size}"
                );
            }
            Ok(())
        });
    }
    let mut result = Ok(());
    for round in 0..2 * c.check.rounds as usize {
        if let Err(e) = c.put("k", &contents[(round + 1) % 2]).await {
            result = Err(e);
            break;
        }
    }
    done.store(true, Ordering::SeqCst);
    join(readers).await?;
    Ok(result?)
}

pub(super) async fn a_put_is_seen_by_every_later_call(c: Context) -> Verdict {
    for round in 0..c.check.rounds {
        let (name, content) = (format!("dir/{round}"), content(u64::from(round) * 100, round));
        c.put(&name, &content).await?;
        let listing = c.walk(&c.root, Depth::All, 1_000).await?;
        let key = c.key(&name)?;
        ensure!(listing.objects.iter().any(|o| o.key == key), "`{name}` is not listed after its put");
        c.holds(&name, &content).await?;
    }
    Ok(())
}
