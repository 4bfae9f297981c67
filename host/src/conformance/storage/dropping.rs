//! Calls that the caller drops before their end.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::context::{Context, Verdict, content, ensure};
use super::multipart::Upload;
use crate::error::ErrorKind;
use crate::storage::{ByteRange, Depth, Sink};

/// Polls of a future before it is dropped: stores that answer from memory end within a few.
const POLLS: [u32; 6] = [1, 2, 3, 4, 6, 10];
/// Times after which a future is dropped: stores that answer over a network end within some of them.
const TIMES: [u64; 8] = [50, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000];

/// Drops calls at every one of these points. Answers how many of them had ended before.
async fn drop_calls(mut call: impl FnMut(u32) -> BoxFuture<'static, ()>) -> u32 {
    let (mut number, mut ended) = (0, 0);
    for most in POLLS {
        let (mut future, mut polls) = (call(number), 0);
        number += 1;
        let end = poll_fn(|cx| {
            polls += 1;
            match future.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending if polls >= most => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        });
        ended += u32::from(end.await);
    }
    for time in TIMES {
        let call = call(number);
        number += 1;
        ended += u32::from(tokio::time::timeout(Duration::from_micros(time), call).await.is_ok());
    }
    ended
}

const CALLS: u32 = (POLLS.len() + TIMES.len()) as u32;

/// Time in which a dropped call that runs on in the store may still take effect.
const AFTERMATH: Duration = Duration::from_millis(100);

pub(super) async fn a_dropped_put_leaves_all_or_nothing(c: Context) -> Verdict {
    let whole = content((700 << 10).min(c.capabilities().max_put), "dropped");
    drop_calls(|number| {
        let (c, whole) = (c.clone(), whole.clone());
        Box::pin(async move { drop(c.put(&format!("k{number}"), &whole).await) })
    })
    .await;
    for pause in [Duration::ZERO, AFTERMATH] {
        tokio::time::sleep(pause).await;
        for number in 0..CALLS {
            match c.read(&format!("k{number}")).await {
                Ok(found) => ensure!(found == whole, "{} bytes of a dropped put are visible", found.len()),
                Err(error) => ensure!(error.is(ErrorKind::NotFound), "{error}"),
            }
        }
        for object in c.walk(&c.root, Depth::All, 1_000).await?.objects {
            ensure!(object.size == whole.len() as u64, "`{}` is listed with {}", object.key, object.size);
        }
    }
    for number in 0..CALLS {
        c.put(&format!("k{number}"), &whole).await?;
        c.holds(&format!("k{number}"), &whole).await?;
    }
    Ok(())
}

pub(super) async fn a_dropped_overwrite_leaves_the_old_object_or_the_new_one(c: Context) -> Verdict {
    let max = c.capabilities().max_put;
    let (old, new) = (content((300 << 10).min(max), "old"), content((700 << 10).min(max), "new"));
    for number in 0..CALLS {
        c.put(&format!("k{number}"), &old).await?;
    }
    drop_calls(|number| {
        let (c, new) = (c.clone(), new.clone());
        Box::pin(async move { drop(c.put(&format!("k{number}"), &new).await) })
    })
    .await;
    for pause in [Duration::ZERO, AFTERMATH] {
        tokio::time::sleep(pause).await;
        for number in 0..CALLS {
            let found = c.read(&format!("k{number}")).await?;
            ensure!(found == old || found == new, "{} bytes that nobody put", found.len());
        }
    }
    Ok(())
}

pub(super) async fn a_dropped_get_harms_nothing(c: Context) -> Verdict {
    let whole = content((700 << 10).min(c.capabilities().max_put), "get");
    c.put("k", &whole).await?;
    let key = c.key("k")?;
    drop_calls(|_| {
        let (c, key) = (c.clone(), key.clone());
        Box::pin(async move {
            let sink = Sink::new(1 << 20);
            drop(c.storage.get(&key, ByteRange { offset: 0, len: None }, &sink).await);
        })
    })
    .await;
    c.holds("k", &whole).await
}

pub(super) async fn a_dropped_part_can_be_sent_again(c: Context) -> Verdict {
    let upload = Upload::start(&c, "k").await?;
    let first = content(upload.part, "part");
    drop_calls(|_| {
        let (upload, first) = (upload.clone(), first.clone());
        Box::pin(async move { drop(upload.put(1, &first).await) })
    })
    .await;
    let last = Bytes::from_static(b"last");
    let parts = [upload.put(1, &first).await?, upload.put(2, &last).await?];
    upload.finish(&parts).await?;
    c.holds("k", &[first, last].concat().into()).await
}

pub(super) async fn many_dropped_calls_leave_room_for_others(c: Context) -> Verdict {
    let whole = content((200 << 10).min(c.capabilities().max_put), "room");
    c.put("k", &whole).await?;
    // More than the store takes at once, again and again, so that whatever a dropped call keeps is used up.
    let many = 3 * c.capabilities().in_flight.clamp(1, 32);
    let crowd = |c: &Context| -> BoxFuture<'static, ()> {
        let calls = (0..many).map(|number| {
            let (c, whole) = (c.clone(), whole.clone());
            async move {
                match number % 3 {
                    0 => drop(c.put(&format!("dropped-{number}"), &whole).await),
                    1 => drop(c.read("k").await),
                    _ => drop(c.walk(&c.root, Depth::All, 10).await),
                }
            }
        });
        Box::pin(join_all(calls).map(drop))
    };
    drop_calls(|_| crowd(&c)).await;
    let together = (0..many).map(|number| {
        let (c, whole) = (c.clone(), whole.clone());
        async move {
            c.put(&format!("after-{number}"), &whole).await?;
            c.holds(&format!("after-{number}"), &whole).await
        }
    });
    join_all(together).await.into_iter().collect()
}
