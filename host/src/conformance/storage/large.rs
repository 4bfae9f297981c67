//! Objects that are much larger than what a call holds at once.

use bytes::Bytes;
use tokio::task::JoinSet;

use super::context::{Context, Stop, Verdict, content, ensure, join};
use super::multipart::{Upload, part_size, split};
use crate::storage::{ByteRange, PartOrder, Precondition};

/// Parts of a large upload, unless the rules of the store ask for others.
const PART: u64 = 8 << 20;
/// What is read at once.
const STEP: u64 = 4 << 20;

/// What one put may send.
fn single(c: &Context) -> Bytes {
    content(c.check.large.min(c.capabilities().max_put), "large")
}

pub(super) async fn a_large_object_is_read_back_whole(c: Context) -> Verdict {
    let whole = single(&c);
    let meta = c.put("k", &whole).await?;
    ensure!(meta.size == whole.len() as u64, "put of {} bytes answers a size of {}", whole.len(), meta.size);
    c.holds("k", &whole).await
}

pub(super) async fn a_large_object_is_read_in_ranges(c: Context) -> Verdict {
    let whole = single(&c);
    c.put("k", &whole).await?;
    let steps: Vec<u64> = (0..whole.len() as u64).step_by(STEP as usize).collect();
    let at_once = c.capabilities().in_flight.clamp(1, 16) as usize;
    for batch in steps.chunks(at_once) {
        let mut tasks = JoinSet::new();
        for &offset in batch {
            let c = c.clone();
            let end = (offset + STEP).min(whole.len() as u64);
            let expected = whole.slice(offset as usize..end as usize);
            tasks.spawn(async move {
                let range = ByteRange { offset, len: Some(STEP) };
                let found = c.read_range("k", range, STEP).await?;
                ensure!(found == expected, "the range from {offset} gives {} bytes, wrong ones", found.len());
                Ok(())
            });
        }
        join(tasks).await?;
    }
    Ok(())
}

pub(super) async fn a_large_object_in_parts_is_read_back_whole(c: Context) -> Verdict {
    let part = part_size(&c, PART)?;
    let most =
        c.capabilities().max_object.min(part.saturating_mul(u64::from(c.capabilities().parts.max_count)));
    let whole = content(c.check.large.max(part + 1).min(most), "large parts");
    let size = whole.len() as u64;
    let upload = Upload::start_with(&c, "k", part, Some(size), Precondition::None).await?;
    let parts = match c.capabilities().parts.order {
        PartOrder::AnyOrder => at_once(&c, &upload, &whole).await?,
        PartOrder::None | PartOrder::InOrder => upload.put_all(&whole).await?,
    };
    let meta = upload.finish(&parts).await?;
    ensure!(meta.size == size, "finish of {size} bytes answers a size of {}", meta.size);
    c.holds("k", &whole).await
}

/// Sends the parts from as many tasks as serve the store best.
async fn at_once(
    c: &Context,
    upload: &Upload,
    whole: &Bytes,
) -> Result<Vec<(u32, crate::storage::PartTag)>, Stop> {
    let pieces: Vec<(u32, Bytes)> = (1..).zip(split(whole, upload.part)).collect();
    let mut parts = Vec::new();
    for batch in pieces.chunks(c.capabilities().in_flight.clamp(1, 16) as usize) {
        let mut tasks = JoinSet::new();
        for (number, piece) in batch.iter().cloned() {
            let upload = upload.clone();
            tasks.spawn(async move { Ok(upload.put(number, &piece).await?) });
        }
        parts.extend(join(tasks).await?);
    }
    parts.sort_by_key(|(number, _)| *number);
    Ok(parts)
}
