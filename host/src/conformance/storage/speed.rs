//! How fast a storage is: figures, not verdicts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::StorageCheck;
use super::context::{Context, Stop, content};
use super::multipart::{Upload, part_size, split};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::{ByteRange, PartOrder, Precondition, Storage};

/// Bytes of one put or one part, unless the rules of the store ask for others.
const PIECE: u64 = 8 << 20;
/// Bytes of a small object.
const SMALL: u64 = 1 << 10;
/// Time after which no further small object is put.
const SMALL_TIME: Duration = Duration::from_secs(3);
/// Most small objects of one figure.
const SMALL_COUNT: u32 = 1_000;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What was done: `put`, `get` or `put small objects`.
    pub what: &'static str,
    /// How: `64 MiB in 8 parts`.
    pub how: String,
    /// Calls at once.
    pub at_once: u32,
    /// How many of the unit a second.
    pub rate: f64,
    /// `MiB/s` or `objects/s`.
    pub unit: &'static str,
}

/// Measures puts and gets of [`StorageCheck::large`] bytes with one call at a time and with as many at once as the store
/// asks for, and puts of small objects. Cleans up after itself.
///
/// # Errors
///
/// The first error of a call; what was written is removed then too, as far as that works.
pub async fn measure_storage(storage: Arc<dyn Storage>, check: &StorageCheck) -> Result<Vec<Figure>> {
    let root = format!("siltstone-check-{}/speed/", uuid::Uuid::new_v4());
    let c = Context::new([Arc::clone(&storage), storage], *check, root);
    let measured = measure(&c).await;
    let cleaned = c.clean().await;
    let told = |stop| match stop {
        Stop::Failed(reason) => Error::new(ErrorKind::Internal, "measure", reason),
        Stop::NotApplicable(what) => Error::new(ErrorKind::Unsupported, "measure", what),
    };
    let figures = measured.map_err(told)?;
    cleaned.map_err(told)?;
    Ok(figures)
}

async fn measure(c: &Context) -> Result<Vec<Figure>, Stop> {
    let most = c.capabilities().in_flight.clamp(1, 64);
    let levels = if most == 1 { vec![1] } else { vec![1, most] };
    let mut figures = Vec::new();
    let whole = content(c.check.large, "speed");
    for &at_once in &levels {
        figures.extend(large(c, &whole, at_once).await?);
    }
    for &at_once in &levels {
        figures.push(small(c, at_once).await?);
    }
    Ok(figures)
}

fn mib(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / f64::from(1 << 20) / time.as_secs_f64().max(1e-6)
}

/// A put of the whole in parts or in objects, and a get of it in pieces of the same size.
async fn large(c: &Context, whole: &Bytes, at_once: u32) -> Result<[Figure; 2], Stop> {
    let parts = match c.capabilities().parts.order {
        PartOrder::AnyOrder => true,
        PartOrder::InOrder => at_once == 1,
        PartOrder::None => false,
    };
    let piece = if parts { part_size(c, PIECE)? } else { PIECE.min(c.capabilities().max_put) };
    let pieces: Vec<(u32, Bytes)> = (1..).zip(split(whole, piece)).collect();
    let (count, size) = (pieces.len(), whole.len() >> 20);
    // So many parts as the store does not take fit into no upload.
    let parts = parts && count as u64 <= u64::from(c.capabilities().parts.max_count);
    let how = format!("{size} MiB in {count} {}", if parts { "parts" } else { "objects" });
    let name = |number: u32| if parts { "whole".to_owned() } else { format!("piece-{number}") };

    let began = Instant::now();
    if parts {
        let total = Some(whole.len() as u64);
        let upload = &Upload::start_with(c, "whole", piece, total, Precondition::None).await?;
        let sent = stream::iter(&pieces).map(|(number, piece)| upload.put(*number, piece));
        let mut sent: Vec<_> = sent.buffer_unordered(at_once as usize).try_collect().await?;
        sent.sort_by_key(|(number, _)| *number);
        upload.finish(&sent).await?;
    } else {
        let sent = stream::iter(&pieces)
            .map(|(number, piece)| async move { c.put(&name(*number), piece).await.map(drop) });
        sent.buffer_unordered(at_once as usize).try_collect::<()>().await?;
    }
    let put = began.elapsed();

    let began = Instant::now();
    let got = stream::iter(&pieces).map(|(number, bytes)| async move {
        let offset = if parts { u64::from(number - 1) * piece } else { 0 };
        let range = ByteRange { offset, len: Some(bytes.len() as u64) };
        let found = c.read_range(&name(*number), range, bytes.len() as u64).await?;
        if found == bytes {
            Ok(())
        } else {
            Err(Error::corrupt("get", "the bytes are not those that were put"))
        }
    });
    got.buffer_unordered(at_once as usize).try_collect::<()>().await?;
    let get = began.elapsed();
    let figure =
        |what, time| Figure { what, how: how.clone(), at_once, rate: mib(whole.len(), time), unit: "MiB/s" };
    Ok([figure("put", put), figure("get", get)])
}

async fn small(c: &Context, at_once: u32) -> Result<Figure, Stop> {
    let body = &content(SMALL, "small");
    let began = Instant::now();
    let puts = stream::iter(0..SMALL_COUNT)
        .take_while(|_| std::future::ready(began.elapsed() < SMALL_TIME))
        .map(|number| async move { c.put(&format!("small-{at_once}-{number}"), body).await });
    let done: Vec<_> = puts.buffer_unordered(at_once as usize).try_collect().await?;
    let rate = done.len() as f64 / began.elapsed().as_secs_f64().max(1e-6);
    let how = format!("{} of {SMALL} bytes", done.len());
    Ok(Figure { what: "put small objects", how, at_once, rate, unit: "objects/s" })
}
