//! The command `copy`: from one location to another, without a server.

use std::time::Instant;

use serde_json::json;

use super::args::CopyArgs;
use super::direct::{LOOK, close, host, open};
use super::nothing::Nothing;
use super::progress::Bar;
use super::render;
use super::report::Report;
use super::signals::Signals;
use crate::Host;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Location;
use crate::ops::{CopyReport, CopyRequest};

/// Copies a backup.
pub(super) async fn copy(args: &CopyArgs) -> Result<Report> {
    let state = open(&args.state)?;
    // By the target: there is what an interrupted copy leaves.
    let claim = state.claim("copy", args.to.as_str(), None)?;
    let host =
        host(&[&args.from, &args.to], &state, claim.data(), Nothing::source(), Nothing::target()).await?;
    let mut request = CopyRequest::new(args.id.to_string(), args.from.to_string(), args.to.to_string());
    request.from_location = Location { bucket: args.from_bucket.clone(), path: args.from_path.clone() };
    request.to_location = Location { bucket: args.to_bucket.clone(), path: args.to_path.clone() };
    let begun = Instant::now();
    let ended = run(&host, request).await;
    close(&host).await;
    let done = ended?;
    let time = begun.elapsed();
    let json = json!({
        "id": args.id,
        "from": done.from,
        "to": done.to,
        "chunks": done.chunks,
        "sentChunks": done.sent_chunks,
        "sentBytes": done.sent_bytes,
        "keptBytes": done.kept_bytes,
        "seconds": time.as_secs_f64(),
    });
    let rate = render::rate(done.sent_bytes, time);
    let mut lines = vec![
        ("chunks", done.chunks.to_string()),
        ("sent", format!("{} ({rate:.0} MB/s)", render::bytes(done.sent_bytes))),
    ];
    if done.kept_bytes > 0 {
        lines.push(("there before", format!("{}, trusted by length", render::bytes(done.kept_bytes))));
    }
    let head = format!("backup `{}` is copied to {}\n", args.id, render::plain(&done.to));
    Ok(Report::fine(head + &render::columns(&lines), json))
}

/// Runs a copy to its end, with a bar; an interrupt cancels it, a second one gives up waiting.
async fn run(host: &Host, request: CopyRequest) -> Result<CopyReport> {
    let bar = Bar::new(format!("copy of `{}`", request.id));
    let mut signals = Signals::listen()?;
    let mut copying = host.copy(request).await?;
    let mut look = tokio::time::interval(LOOK);
    let mut interrupts = 0;
    loop {
        tokio::select! {
            ended = copying.wait() => return ended,
            _ = look.tick() => {
                let now = copying.progress();
                bar.update(now.raw_done, now.raw_total);
            }
            () = signals.next() => {
                interrupts += 1;
                if interrupts > 1 {
                    return Err(Error::cancelled("copy").with("left", "the next run ends what this one began"));
                }
                bar.say("cancelling");
                match copying.cancel() {
                    // Too late: it is at its end.
                    Err(e) if e.is(ErrorKind::Conflict) => {}
                    other => other?,
                }
            }
        }
    }
}
