//! Multipart uploads.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::context::{Context, Stop, Verdict, content, ensure, join, refused};
use crate::error::{ErrorKind, Result};
use crate::model::ObjectKey;
use crate::storage::{Depth, ObjectMeta, PartTag, Precondition, TEMPORARY, UploadId};

/// An upload in progress.
#[derive(Clone)]
pub(super) struct Upload {
    c: Context,
    key: ObjectKey,
    id: UploadId,
    pub(super) part: u64,
}

impl Upload {
    pub(super) async fn start(c: &Context, name: &str) -> Result<Self, Stop> {
        Self::start_if(c, name, None, Precondition::None).await
    }

    async fn start_if(
        c: &Context,
        name: &str,
        total: Option<u64>,
        condition: Precondition,
    ) -> Result<Self, Stop> {
        let part = part_size(c, LEAST_PART)?;
        Self::start_with(c, name, part, total, condition).await
    }

    /// In parts of this size.
    pub(super) async fn start_with(
        c: &Context,
        name: &str,
        part: u64,
        total: Option<u64>,
        condition: Precondition,
    ) -> Result<Self, Stop> {
        c.needs_parts()?;
        let key = c.key(name)?;
        let id = c.storage.multipart_start(&key, part, total, &c.options(condition)).await?;
        ensure!(id.0.len() <= 4_096, "an upload id of {} bytes", id.0.len());
        Ok(Self { c: c.clone(), key, id, part })
    }

    pub(super) async fn put(&self, number: u32, content: &Bytes) -> Result<(u32, PartTag)> {
        let body = self.c.blob(content);
        Ok((number, self.c.storage.multipart_put(&self.key, &self.id, number, &body).await?))
    }

    pub(super) async fn finish(&self, parts: &[(u32, PartTag)]) -> Result<ObjectMeta> {
        self.c.storage.multipart_finish(&self.key, &self.id, parts).await
    }

    pub(super) async fn abort(&self) -> Result<()> {
        self.c.storage.multipart_abort(&self.key, &self.id).await
    }

    /// The same upload through the other storage of the location.
    pub(super) fn other(&self) -> Self {
        Self { c: self.c.other(), ..self.clone() }
    }

    /// A whole content, one part after the other.
    pub(super) async fn put_all(&self, content: &Bytes) -> Result<Vec<(u32, PartTag)>> {
        let mut parts = Vec::new();
        for (number, part) in (1..).zip(split(content, self.part)) {
            parts.push(self.put(number, &part).await?);
        }
        Ok(parts)
    }
}

/// Parts are as small as the store allows, but not below this.
const LEAST_PART: u64 = 64 << 10;
/// Largest parts that the host sends, because each is held in memory.
const MOST_PART: u64 = 64 << 20;

/// The size of a part that the store allows and that is nearest to the wanted one.
pub(super) fn part_size(c: &Context, wanted: u64) -> Result<u64, Stop> {
    c.needs_parts()?;
    let rules = c.capabilities().parts;
    let multiple = rules.multiple_of.max(1);
    let size = rules.min_size.max(wanted).min(rules.max_size).next_multiple_of(multiple);
    let size = if size > rules.max_size { rules.max_size / multiple * multiple } else { size };
    ensure!(size >= rules.min_size.max(1), "no size of a part fits the rules {rules:?}");
    ensure!(size <= MOST_PART, "a part has at least {size} bytes; the host sends at most {MOST_PART}");
    Ok(size)
}

pub(super) fn split(content: &Bytes, part: u64) -> Vec<Bytes> {
    let part = part as usize;
    (0..content.len()).step_by(part).map(|at| content.slice(at..content.len().min(at + part))).collect()
}

/// Two whole parts and a short one, as far as the store counts.
pub(super) fn three_parts(c: &Context, seed: impl std::fmt::Display) -> Result<Bytes, Stop> {
    let (part, count) = (part_size(c, LEAST_PART)?, u64::from(c.capabilities().parts.max_count.min(3)));
    ensure!(count >= 2, "a store that takes parts takes at least 2 of them");
    Ok(content(part * (count - 1) + part / 3 + 1, seed))
}

pub(super) async fn parts_make_the_whole_object(c: Context) -> Verdict {
    c.needs_parts()?;
    for total_is_known in [true, false] {
        for short in [true, false] {
            let mut content = three_parts(&c, short)?;
            if !short {
                content.truncate(2 * part_size(&c, LEAST_PART)? as usize);
            }
            let size = content.len() as u64;
            let name = format!("{total_is_known}-{short}");
            let upload =
                Upload::start_if(&c, &name, total_is_known.then_some(size), Precondition::None).await?;
            let parts = upload.put_all(&content).await?;
            let meta = upload.finish(&parts).await?;
            ensure!(meta.size == size, "finish of {size} bytes answers a size of {}", meta.size);
            ensure!(meta.key == upload.key, "finish answers the key `{}`", meta.key);
            c.holds(&name, &content).await?;
        }
    }
    c.is_tidy("the last finish").await
}

pub(super) async fn one_part_makes_an_object(c: Context) -> Verdict {
    c.needs_parts()?;
    for size in [1, part_size(&c, LEAST_PART)? - 1, part_size(&c, LEAST_PART)?] {
        let (name, content) = (format!("of-{size}"), content(size, size));
        let upload = Upload::start(&c, &name).await?;
        let parts = upload.put_all(&content).await?;
        upload.finish(&parts).await?;
        c.holds(&name, &content).await?;
    }
    Ok(())
}

pub(super) async fn parts_come_in_any_order(c: Context) -> Verdict {
    c.needs_any_order()?;
    let content = three_parts(&c, "any")?;
    let pieces = split(&content, part_size(&c, LEAST_PART)?);
    for order in [[3, 1, 2], [2, 3, 1], [3, 2, 1]] {
        let name = format!("{order:?}").replace(['[', ']', ',', ' '], "");
        let upload = Upload::start(&c, &name).await?;
        let mut parts = Vec::new();
        for number in order.into_iter().filter(|number| *number as usize <= pieces.len()) {
            parts.push(upload.put(number, &pieces[number as usize - 1]).await?);
        }
        parts.sort_by_key(|(number, _)| *number);
        upload.finish(&parts).await?;
        c.holds(&name, &content).await?;
    }
    Ok(())
}

pub(super) async fn parts_come_from_many_tasks_at_once(c: Context) -> Verdict {
    c.needs_any_order()?;
    let count = c.capabilities().parts.max_count.min(7);
    let content = content(part_size(&c, LEAST_PART)? * u64::from(count) - 10, "tasks");
    let upload = Upload::start(&c, "k").await?;
    let mut tasks = JoinSet::new();
    for (number, piece) in (1..).zip(split(&content, upload.part)) {
        let upload = upload.clone();
        tasks.spawn(async move { Ok(upload.put(number, &piece).await?) });
    }
    let mut parts = join(tasks).await?;
    parts.sort_by_key(|(number, _)| *number);
    upload.finish(&parts).await?;
    c.holds("k", &content).await
}

pub(super) async fn uploads_of_several_keys_do_not_mix(c: Context) -> Verdict {
    c.needs_parts()?;
    let mut tasks = JoinSet::new();
    for n in 0..4 {
        let c = c.clone();
        tasks.spawn(async move {
            let (name, content) = (format!("k{n}"), three_parts(&c, n)?);
            let upload = Upload::start(&c, &name).await?;
            let parts = upload.put_all(&content).await?;
            upload.finish(&parts).await?;
            c.holds(&name, &content).await
        });
    }
    join(tasks).await.map(drop)
}

pub(super) async fn two_uploads_of_one_key_do_not_mix(c: Context) -> Verdict {
    c.needs_parts()?;
    let contents = [three_parts(&c, "one")?, three_parts(&c, "two")?];
    let uploads = [Upload::start(&c, "k").await?, Upload::start(&c, "k").await?];
    ensure!(uploads[0].id != uploads[1].id, "two uploads have the id {:?}", uploads[0].id);
    let mut parts = [Vec::new(), Vec::new()];
    let pieces = contents.each_ref().map(|content| split(content, uploads[0].part));
    for (number, pair) in (1..).zip(pieces[0].iter().zip(&pieces[1])) {
        parts[0].push(uploads[0].put(number, pair.0).await?);
        parts[1].push(uploads[1].put(number, pair.1).await?);
    }
    uploads[1].finish(&parts[1]).await?;
    c.holds("k", &contents[1]).await?;
    // A finish may end the other uploads of the key.
    match uploads[0].finish(&parts[0]).await {
        Err(error) if error.is(ErrorKind::NotFound) => c.holds("k", &contents[1]).await,
        finished => {
            finished?;
            c.holds("k", &contents[0]).await
        }
    }
}

pub(super) async fn a_part_that_is_sent_again_replaces_the_first(c: Context) -> Verdict {
    let upload = Upload::start(&c, "k").await?;
    let (wrong, right) = (content(upload.part, "wrong"), content(upload.part, "right"));
    let last = content(100, "last");
    upload.put(1, &wrong).await?;
    let first = upload.put(1, &right).await?;
    upload.put(2, &last).await?;
    let second = upload.put(2, &last).await?;
    upload.finish(&[first, second]).await?;
    c.holds("k", &[right, last].concat().into()).await
}

/// Of a plugin it shows less than of other storages: the host itself refuses to finish parts with a gap, so that no plugin ever sees
/// such a call. What reaches it is part 3 after part 1, where parts come in order, and the finish of no parts.
pub(super) async fn a_gap_between_parts_is_refused(c: Context) -> Verdict {
    let upload = Upload::start(&c, "k").await?;
    let piece = content(upload.part, "gap");
    let first = upload.put(1, &piece).await?;
    if c.needs_any_order().is_ok() && c.capabilities().parts.max_count > 2 {
        let third = upload.put(3, &piece).await?;
        let gap = [first, third];
        ensure!(upload.finish(&gap).await.is_err(), "a finish of the parts 1 and 3 succeeded");
        ensure!(upload.finish(&gap[1..]).await.is_err(), "a finish of part 3 alone succeeded");
    } else if c.capabilities().parts.max_count > 2 {
        ensure!(upload.put(3, &piece).await.is_err(), "part 3 was accepted after part 1");
    }
    ensure!(upload.finish(&[]).await.is_err(), "a finish of no parts succeeded");
    c.lacks("k").await?;
    upload.abort().await?;
    Ok(())
}

pub(super) async fn an_upload_is_invisible_until_it_is_finished(c: Context) -> Verdict {
    let content = three_parts_of(&c)?;
    let upload = Upload::start(&c, "dir/k").await?;
    let mut parts = Vec::new();
    for (number, piece) in (1..).zip(split(&content, upload.part)) {
        parts.push(upload.put(number, &piece).await?);
        c.lacks("dir/k").await?;
        let names = c.names().await?;
        ensure!(names.is_empty(), "{names:?} are listed while part {number} is there");
        for prefix in ["", &TEMPORARY[..TEMPORARY.len() - 1], &TEMPORARY[..3]] {
            let folded = c.walk(prefix, Depth::OneLevel, 1_000).await?.prefixes;
            ensure!(!folded.iter().any(|p| p == TEMPORARY), "`{TEMPORARY}` is listed under `{prefix}`");
        }
    }
    upload.finish(&parts).await?;
    c.holds("dir/k", &content).await?;
    let names = c.names().await?;
    ensure!(names == ["dir/k"], "{names:?} are listed after the finish");
    Ok(())
}

fn three_parts_of(c: &Context) -> Result<Bytes, Stop> {
    c.needs_parts()?;
    three_parts(c, "content")
}

pub(super) async fn temporary_objects_are_deleted_by_their_keys(c: Context) -> Verdict {
    let upload = Upload::start(&c, "k").await?;
    upload.put(1, &content(upload.part, "temporary")).await?;
    let temporary = c.temporary().await?;
    if temporary.is_empty() {
        upload.abort().await?;
        return Err(Stop::NotApplicable("temporary objects".into()));
    }
    c.delete(&temporary).await?;
    let left = c.temporary().await?;
    ensure!(left.is_empty(), "{left:?} are left after their delete");
    upload.abort().await?;
    c.lacks("k").await
}

pub(super) async fn an_aborted_upload_leaves_nothing(c: Context) -> Verdict {
    let content = three_parts_of(&c)?;
    for parts_sent in 0..3 {
        let upload = Upload::start(&c, "k").await?;
        let mut parts = Vec::new();
        for (number, piece) in (1..).zip(split(&content, upload.part)).take(parts_sent) {
            parts.push(upload.put(number, &piece).await?);
        }
        upload.abort().await?;
        c.is_tidy(&format!("the abort of {parts_sent} parts")).await?;
        ensure!(upload.finish(&parts).await.is_err(), "a finish after the abort succeeded");
        c.lacks("k").await?;
    }
    Ok(())
}

pub(super) async fn an_unknown_upload_is_aborted_without_an_error(c: Context) -> Verdict {
    let content = three_parts_of(&c)?;
    let aborted = Upload::start(&c, "aborted").await?;
    aborted.put(1, &split(&content, aborted.part)[0]).await?;
    aborted.abort().await?;
    aborted.abort().await?;
    let finished = Upload::start(&c, "finished").await?;
    let parts = finished.put_all(&content).await?;
    finished.finish(&parts).await?;
    finished.abort().await?;
    c.holds("finished", &content).await
}

pub(super) async fn a_finish_replaces_an_object(c: Context) -> Verdict {
    let new = three_parts_of(&c)?;
    let old = content(100, "old");
    c.put("k", &old).await?;
    let upload = Upload::start(&c, "k").await?;
    let parts = upload.put_all(&new).await?;
    c.holds("k", &old).await?;
    upload.finish(&parts).await?;
    c.holds("k", &new).await
}

pub(super) async fn a_finish_with_if_absent_leaves_an_existing_object_untouched(c: Context) -> Verdict {
    c.needs_parts()?;
    c.needs_if_absent()?;
    let (theirs, ours) = (content(100, "theirs"), three_parts(&c, "ours")?);
    let free = Upload::start_if(&c, "free", None, Precondition::IfAbsent).await?;
    let parts = free.put_all(&ours).await?;
    free.finish(&parts).await?;
    c.holds("free", &ours).await?;
    // The object comes while the parts are on their way.
    let upload = Upload::start_if(&c, "k", None, Precondition::IfAbsent).await?;
    let parts = upload.put_all(&ours).await?;
    c.put("k", &theirs).await?;
    refused(
        upload.finish(&parts).await,
        ErrorKind::AlreadyExists,
        "a finish with if-absent on an existing key",
    )?;
    c.holds("k", &theirs).await?;
    upload.abort().await?;
    c.holds("k", &theirs).await?;
    c.is_tidy("the abort").await
}

pub(super) async fn one_of_many_racing_if_absent_finishes_wins_and_stays(c: Context) -> Verdict {
    c.needs_parts()?;
    c.needs_if_absent()?;
    for round in 0..c.check.rounds.min(3) {
        let name = format!("k{round}");
        let start = Arc::new(Barrier::new(c.check.racers as usize));
        let mut racers = JoinSet::new();
        for racer in 0..c.check.racers {
            let (c, name, start) = (c.turn(racer), name.clone(), Arc::clone(&start));
            racers.spawn(async move {
                let content = content(1_000 + u64::from(racer), racer);
                let upload = Upload::start_if(&c, &name, None, Precondition::IfAbsent).await?;
                let parts = upload.put_all(&content).await?;
                start.wait().await;
                match upload.finish(&parts).await {
                    Ok(_) => Ok(Some(content)),
                    Err(error) => {
                        refused::<()>(Err(error), ErrorKind::AlreadyExists, "a lost race")?;
                        upload.abort().await?;
                        Ok(None)
                    }
                }
            });
        }
        let winners: Vec<Bytes> = join(racers).await?.into_iter().flatten().collect();
        ensure!(winners.len() == 1, "{} of {} racing finishes succeeded", winners.len(), c.check.racers);
        c.holds(&name, &winners[0]).await?;
    }
    Ok(())
}

pub(super) async fn a_multipart_upload_that_the_store_lacks_is_refused(c: Context) -> Verdict {
    if c.needs_parts().is_ok() {
        return Err(Stop::NotApplicable("the lack of multipart uploads".into()));
    }
    let options = c.options(Precondition::None);
    let result = c.storage.multipart_start(&c.key("k")?, 1 << 20, None, &options).await;
    refused(result, ErrorKind::Unsupported, "a multipart upload that the capabilities lack")
}
