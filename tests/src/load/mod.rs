//! Much of everything at once against a real server: collections, tenants, requests, and requests that nobody should send.

mod abuse;
mod server;
mod traffic;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use server::Served;
use traffic::{Latencies, Traffic};

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Collections with objects.
    pub collections: u32,
    /// Tenants of one more collection.
    pub tenants: u32,
    /// Objects in each collection.
    pub objects: u32,
    /// Requests for a status in a second.
    pub polls: u32,
    /// Creates that are sent at once.
    pub creates: u32,
    /// How long reads and writes are measured without a backup.
    pub calm: Duration,
}

/// What went against a promise, in words.
pub type Checked<T> = Result<T, String>;

/// Collections that readers and writers use; fewer than a server keeps open.
const BUSY: u32 = 40;
/// Objects in a busy collection.
const BUSY_OBJECTS: u32 = 400;
/// Longest that a backup may add to the slowest of a thousand requests.
const ALLOWED: Duration = Duration::from_millis(100);

/// Fills a server, measures reads and writes with and without a backup, and abuses it; answers a report. `program` is the
/// server's binary.
///
/// # Errors
///
/// The first promise that was broken.
pub async fn run(base: &Path, program: &Path, size: Size, mut say: impl FnMut(&str)) -> Checked<String> {
    let server = Served::start(program, &base.join("one"), &base.join("backups")).await?;
    let begun = Instant::now();
    fill(&server, size).await?;
    say(&format!(
        "load: {} collections and {} tenants filled in {:.1} s",
        size.collections,
        size.tenants,
        begun.elapsed().as_secs_f64()
    ));

    let traffic = Traffic::new(&server, BUSY.min(size.collections), BUSY_OBJECTS);
    let calm = traffic.during(tokio::time::sleep(size.calm)).await?.1;
    let backup = async {
        one_wins(&server, size.creates).await?;
        polled(&server, "/v1/backups/filesystem/load0", size.polls).await
    };
    let (polled, busy) = traffic.during(backup).await?;
    let (status, polls) = polled?;
    say(&format!("load: backup {}", shown(&status)));
    say(&format!("load: reads   without backup {}", calm.reads));
    say(&format!("load: reads   with backup    {}", busy.reads));
    say(&format!("load: writes  without backup {}", calm.writes));
    say(&format!("load: writes  with backup    {}", busy.writes));
    say(&format!("load: polls   during backup  {polls}"));
    for (what, calm, busy) in [("reads", &calm.reads, &busy.reads), ("writes", &calm.writes, &busy.writes)] {
        let (before, during) = (calm.at(0.999), busy.at(0.999));
        if during > before + ALLOWED {
            return Err(format!(
                "of a thousand {what} the slowest took {before:?} without and {during:?} with a backup"
            ));
        }
    }
    abuse::all(&server).await?;
    say("load: large, deep, broken and slow bodies were refused, and the server went on");
    restored(base, program, &server, size).await?;
    Ok(format!("load: restored and counted everything; server memory at most {} MiB", server.peak_mib()?))
}

async fn fill(server: &Served, size: Size) -> Checked<()> {
    let class =
        |n: u32| json!({"class": format!("C{n}"), "properties": [{"name": "text", "dataType": ["text"]}]});
    each(0..size.collections, async |n| server.ok("POST", "/v1/schema", class(n)).await.map(drop)).await?;
    each(0..size.collections, async |n| {
        let count = if n < BUSY { BUSY_OBJECTS } else { size.objects };
        let objects: Vec<Value> = (0..count).map(|o| traffic::object(n, o, 0)).collect();
        server.ok("POST", "/v1/batch/objects", json!({"objects": objects})).await.map(drop)
    })
    .await?;
    let many = json!({"class": "Many", "multiTenancyConfig": {"enabled": true}});
    server.ok("POST", "/v1/schema", many).await?;
    let tenants: Vec<Value> = (0..size.tenants).map(|t| json!({"name": format!("t{t}")})).collect();
    for some in tenants.chunks(500) {
        server.ok("POST", "/v1/schema/Many/tenants", json!(some)).await?;
    }
    each(0..size.tenants, async |t| {
        let object =
            json!({"class": "Many", "tenant": format!("t{t}"), "properties": {"text": format!("of {t}")}});
        server.ok("POST", "/v1/objects", object).await.map(drop)
    })
    .await
}

/// Does something for each number, a few at a time.
async fn each(numbers: std::ops::Range<u32>, what: impl AsyncFn(u32) -> Checked<()>) -> Checked<()> {
    let results: Vec<Checked<()>> =
        stream::iter(numbers).map(|n| what(n)).buffer_unordered(4).collect().await;
    results.into_iter().collect()
}

/// Of many creates at once, one is taken and each other one is told why not.
async fn one_wins(server: &Served, creates: u32) -> Checked<()> {
    let one = async |n: u32| {
        server.call("POST", "/v1/backups/filesystem", Some(json!({"id": format!("load{n}")}))).await
    };
    let answers: Vec<_> = futures_util::future::join_all((0..creates).map(one)).await;
    let mut taken = Vec::new();
    for (n, answer) in answers.into_iter().enumerate() {
        match answer? {
            (200, _) => taken.push(n),
            (422, body) if body.to_string().contains("already in progress") => {}
            (code, body) => return Err(format!("create {n} was answered {code}: {body}")),
        }
    }
    match taken[..] {
        [0] => Ok(()),
        // The first one to arrive need not be the first one sent.
        [other] => {
            server.ended(&format!("/v1/backups/filesystem/load{other}")).await?;
            server.ok("POST", "/v1/backups/filesystem", json!({"id": "load0"})).await.map(drop)
        }
        _ => Err(format!("of {creates} creates at once {taken:?} were taken")),
    }
}

/// Asks for a status many times a second until it is terminal.
async fn polled(server: &Served, path: &str, polls: u32) -> Checked<(Value, Latencies)> {
    let all = Arc::new(Mutex::new(Vec::new()));
    let is_over = AtomicBool::new(false);
    let ticks =
        stream::unfold(tokio::time::interval(Duration::from_secs(1) / polls), async |mut interval| {
            interval.tick().await;
            Some(((), interval))
        });
    let last = Mutex::new(Value::Null);
    let asked = ticks.take_while(|()| std::future::ready(!is_over.load(Ordering::Relaxed))).map(|()| async {
        let begun = Instant::now();
        let status = server.ok("GET", path, Value::Null).await?;
        if let Ok(mut all) = all.lock() {
            all.push(begun.elapsed());
        }
        if matches!(status["status"].as_str(), Some("SUCCESS" | "FAILED" | "CANCELED")) {
            is_over.store(true, Ordering::Relaxed);
            if let Ok(mut last) = last.lock() {
                *last = status;
            }
        }
        Ok(())
    });
    let results: Vec<Checked<()>> = std::pin::pin!(asked.buffer_unordered(64)).collect().await;
    results.into_iter().collect::<Checked<()>>()?;
    let last = last.into_inner().unwrap_or_default();
    let all = all.lock().map(|all| all.clone()).unwrap_or_default();
    Ok((last, Latencies::new(all)))
}

fn shown(status: &Value) -> String {
    let details = &status["details"];
    format!(
        "{}: {} files, {} stored bytes, scope {}, longest pause {} ms",
        status["status"], details["files"], details["storedBytes"], details["scope"], details["pauseMs"]
    )
}

/// Brings the backup to a second server and counts.
async fn restored(base: &Path, program: &Path, one: &Served, size: Size) -> Checked<()> {
    let status = one.ended("/v1/backups/filesystem/load0").await?;
    if status["status"] != "SUCCESS" || !status["details"]["skipped"].as_array().is_some_and(Vec::is_empty) {
        return Err(format!("the backup ended as {status}"));
    }
    let two = Served::start(program, &base.join("two"), &base.join("backups")).await?;
    two.ok("POST", "/v1/backups/filesystem/load0/restore", json!({})).await?;
    let status = two.ended("/v1/backups/filesystem/load0/restore").await?;
    if status["status"] != "SUCCESS" {
        return Err(format!("the restore ended as {status}"));
    }
    let classes = two.ok("GET", "/v1/schema", Value::Null).await?;
    let (found, wanted) = (classes["classes"].as_array().map_or(0, Vec::len), size.collections as usize + 1);
    if found != wanted {
        return Err(format!("{found} of {wanted} collections came back"));
    }
    each(0..size.collections, async |n| {
        let wanted = if n < BUSY { BUSY_OBJECTS } else { size.objects } as usize;
        two.counted(&format!("/v1/objects?class=C{n}&limit=10000"), wanted).await
    })
    .await?;
    each(0..size.tenants, async |t| {
        two.counted(&format!("/v1/objects?class=Many&tenant=t{t}&limit=10"), 1).await
    })
    .await
}
