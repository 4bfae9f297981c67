//! What the sandbox costs a transport: the S3 component against a client of this process that sends the same requests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use rand::RngExt;
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::{Context, SignRequest};
use rustix::time::{ClockId, clock_gettime};
use siltstone::model::ObjectKey;
use siltstone::plugin::{EngineSettings, ExtraRoots, Location, Plugin, PluginEngine, PluginSource};
use siltstone::storage::{Blob, ByteRange, DigestKinds, PutOptions, Sink, Storage};
use siltstone_tests::servers::Rclone;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::Result;
use crate::machine::Machine;
use crate::measure::median;
use crate::report::{Goal, Report, Row, complain};
use crate::run::Work;

/// Uploads in parts, downloads in ranges and small objects, by the component and without it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Parts of 16 MiB of the upload and of the download.
    #[arg(long, default_value_t = 64)]
    parts: u32,
    /// Small objects of 4 KiB.
    #[arg(long, default_value_t = 10_000)]
    small: u32,
    /// Pairs of runs after the warm-up.
    #[arg(long, default_value_t = 3)]
    pairs: usize,
    /// Where the server keeps its data.
    #[arg(long, default_value = "/var/tmp/siltstone-bench")]
    work: PathBuf,
}

const PART: usize = 16 << 20;
const SMALL: usize = 4 << 10;
/// Requests at once: of parts, and of small objects.
const PARTS_AT_ONCE: usize = 4;
const SMALL_AT_ONCE: usize = 8;

/// One run: seconds of wall time and of processor time of this process, and bytes of memory above those before it.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    memory: f64,
}

/// Runs them.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let work = Work::new(&args.work)?;
    let machine = Machine::look(&work.path(""))?;
    let folder = work.path("transport");
    std::fs::create_dir_all(&folder)?;
    let server = Rclone::start(&folder, &["nightly"])?;
    let runtime = Runtime::new()?;
    let sides = runtime.block_on(Sides::new(server.port))?;
    let mut part = vec![0; PART];
    rand::rng().fill(&mut part[..]);
    let (part, small) = (Bytes::from(part.clone()), Bytes::from(part[..SMALL].to_vec()));
    let parts = args.parts;
    let mut rows = Vec::new();
    let row = compare(
        "upload in parts of 16 MiB, component / native",
        args.pairs,
        || cost(&runtime, sides.component.upload(&part, parts)),
        || cost(&runtime, sides.native.upload(&part, parts)),
    )?;
    let most = (PART as f64 + f64::from(12 << 20)) * PARTS_AT_ONCE as f64 / f64::from(1 << 20);
    rows.push(
        row.row
            .goal("CPU, ratio", row.cpu, Some(Goal::AtMost(1.2)))
            .goal("peak memory, MiB", row.memory, Some(Goal::AtMost(most)))
            .figure("MiB/s", f64::from(parts) * 16.0 / row.wall),
    );
    let row = compare(
        "download in ranges of 16 MiB, component / native",
        args.pairs,
        || cost(&runtime, sides.component.download(parts)),
        || cost(&runtime, sides.native.download(parts)),
    )?;
    rows.push(
        row.row
            .goal("rate, ratio", 1.0 / row.ratio, Some(Goal::AtLeast(0.9)))
            .figure("CPU, ratio", row.cpu)
            .figure("MiB/s", f64::from(parts) * 16.0 / row.wall),
    );
    let row = compare(
        "small objects of 4 KiB, component / native",
        args.pairs,
        || cost(&runtime, sides.component.many(&small, args.small)),
        || cost(&runtime, sides.native.many(&small, args.small)),
    )?;
    rows.push(
        row.row
            .goal("rate, ratio", 1.0 / row.ratio, Some(Goal::AtLeast(0.5)))
            .figure("CPU, ratio", row.cpu)
            .figure("objects/s", f64::from(args.small) / row.wall)
            .figure("CPU of an object, us", row.seconds / f64::from(args.small) * 1e6)
            .figure("CPU of one natively, us", row.seconds_native / f64::from(args.small) * 1e6),
    );
    drop(server);
    work.clear("transport")?;
    Ok(Report::new("transport", machine, rows))
}

/// Medians of alternating pairs.
struct Compared {
    row: Row,
    wall: f64,
    ratio: f64,
    cpu: f64,
    seconds: f64,
    seconds_native: f64,
    memory: f64,
}

fn compare(
    name: &str,
    pairs: usize,
    mut component: impl FnMut() -> Result<Cost>,
    mut native: impl FnMut() -> Result<Cost>,
) -> Result<Compared> {
    let mut all = Vec::new();
    for pair in 0..=pairs {
        let (a, b) = if pair % 2 == 0 {
            let a = component()?;
            (a, native()?)
        } else {
            let b = native()?;
            (component()?, b)
        };
        complain(&format!(
            "{name}: pair {pair}: wall {:.2} / {:.2}, CPU {:.2} / {:.2}",
            a.wall, b.wall, a.cpu, b.cpu
        ));
        if pair > 0 {
            all.push((a, b));
        }
    }
    let of = |figure: &dyn Fn(&(Cost, Cost)) -> f64| median(all.iter().map(figure).collect());
    let (wall, ratio) = (of(&|p| p.0.wall), of(&|p| p.0.wall / p.1.wall));
    Ok(Compared {
        row: Row::new(name)
            .figure("wall, ratio", ratio)
            .figure("wall, s", wall)
            .figure("wall of the other, s", of(&|p| p.1.wall)),
        wall,
        ratio,
        cpu: of(&|p| p.0.cpu / p.1.cpu),
        seconds: of(&|p| p.0.cpu),
        seconds_native: of(&|p| p.1.cpu),
        memory: of(&|p| p.0.memory / f64::from(1 << 20)),
    })
}

fn cost(runtime: &Runtime, work: impl Future<Output = Result<()>>) -> Result<Cost> {
    // The peak of the process begins anew with this.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let (before, cpu, begun) = (memory("VmRSS:")?, cpu(), Instant::now());
    runtime.block_on(work)?;
    let (wall, cpu) = (begun.elapsed(), self::cpu() - cpu);
    let memory = (memory("VmHWM:")? - before).max(0.0);
    Ok(Cost { wall: wall.as_secs_f64(), cpu: cpu.as_secs_f64(), memory })
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

fn memory(field: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
}

/// Both clients.
struct Sides {
    component: Component,
    native: Native,
}

impl Sides {
    async fn new(port: u16) -> Result<Self> {
        let endpoint = format!("127.0.0.1:{port}");
        let (key, secret) = Rclone::KEYS;
        let settings = BTreeMap::from([
            ("BACKUP_S3_BUCKET", "nightly"),
            ("BACKUP_S3_ENDPOINT", endpoint.as_str()),
            ("BACKUP_S3_USE_SSL", "false"),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ]);
        let engine = PluginEngine::new(EngineSettings::default())?;
        let bytes = siltstone_plugins::all().iter().find(|p| p.name == "s3").ok_or("no S3 transport")?;
        let plugin = Plugin::load(&engine, bytes.component, PluginSource::Bundled).await?;
        let plugin =
            plugin.configure(&|name| settings.get(name).map(|v| (*v).to_owned()), ExtraRoots::default())?;
        let storage: Arc<dyn Storage> = plugin.open(&Location::default()).await?;
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let native = Native {
            http,
            bucket: format!("http://{endpoint}/nightly"),
            key: Credential {
                access_key_id: key.to_owned(),
                secret_access_key: secret.to_owned(),
                session_token: None,
                expires_in: None,
            },
        };
        Ok(Self { component: Component(storage), native })
    }
}

/// Runs calls for 0 to `count`, so many at once.
async fn each<F>(count: u32, at_once: usize, call: impl Fn(u32) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for number in 0..count {
        if tasks.len() == at_once
            && let Some(ended) = tasks.join_next().await
        {
            ended??;
        }
        tasks.spawn(call(number));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

fn blob(content: &Bytes) -> Blob {
    let digests = DigestKinds { sha256: true, ..DigestKinds::default() };
    Blob::new([content.clone()], digests.of([content]))
}

/// Through the sandbox.
struct Component(Arc<dyn Storage>);

impl Component {
    async fn upload(&self, part: &Bytes, parts: u32) -> Result<()> {
        let key = ObjectKey::new("large")?;
        let id = self.0.multipart_start(&key, PART as u64, None, &PutOptions::default()).await?;
        let (tags, got) = tokio::sync::mpsc::unbounded_channel();
        let mut got = got;
        each(parts, PARTS_AT_ONCE, |number| {
            let (storage, key, id, tags) = (Arc::clone(&self.0), key.clone(), id.clone(), tags.clone());
            let part = part.clone();
            async move {
                let tag = storage.multipart_put(&key, &id, number + 1, &blob(&part)).await?;
                Ok(tags.send((number + 1, tag))?)
            }
        })
        .await?;
        drop(tags);
        let mut all = Vec::new();
        while let Some(tag) = got.recv().await {
            all.push(tag);
        }
        all.sort_by_key(|(number, _)| *number);
        self.0.multipart_finish(&key, &id, &all).await?;
        Ok(())
    }

    async fn download(&self, parts: u32) -> Result<()> {
        let key = ObjectKey::new("large")?;
        each(parts, PARTS_AT_ONCE, |number| {
            let (storage, key) = (Arc::clone(&self.0), key.clone());
            async move {
                let sink = Sink::new(PART as u64);
                let offset = u64::from(number) * PART as u64;
                let got = storage.get(&key, ByteRange { offset, len: Some(PART as u64) }, &sink).await?;
                if got != PART as u64 { Err("a short range".into()) } else { Ok(()) }
            }
        })
        .await
    }

    async fn many(&self, content: &Bytes, count: u32) -> Result<()> {
        each(count, SMALL_AT_ONCE, |number| {
            let (storage, content) = (Arc::clone(&self.0), content.clone());
            async move {
                let key = ObjectKey::new(format!("small/{number}"))?;
                storage.put(&key, &blob(&content), &PutOptions::default()).await?;
                Ok(())
            }
        })
        .await
    }
}

/// The same requests from this process.
#[derive(Clone)]
struct Native {
    http: reqwest::Client,
    bucket: String,
    key: Credential,
}

impl Native {
    async fn ask(
        &self,
        method: Method,
        path: String,
        body: Bytes,
        range: Option<String>,
    ) -> Result<reqwest::Response> {
        let hash = blob(&body).digests().sha256.ok_or("no digest")?;
        let hash: String = hash.iter().map(|b| format!("{b:02x}")).collect();
        let uri = format!("{}/{path}", self.bucket);
        let mut request = http::Request::builder().method(method.clone()).uri(&uri);
        request = request.header("x-amz-content-sha256", hash);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let (mut parts, ()) = request.body(())?.into_parts();
        let (signer, context) = (RequestSigner::new("s3", "us-east-1"), Context::new());
        signer.sign_request(&context, &mut parts, Some(&self.key), None).await?;
        parts.headers.remove("host");
        let response = self.http.request(method, uri).headers(parts.headers).body(body).send().await?;
        Ok(response.error_for_status()?)
    }

    async fn upload(&self, part: &Bytes, parts: u32) -> Result<()> {
        let begun =
            self.ask(Method::POST, "large?uploads=".to_owned(), Bytes::new(), None).await?.text().await?;
        let id = begun.split_once("<UploadId>").and_then(|(_, rest)| rest.split_once("</UploadId>"));
        let id = id.ok_or("no upload id")?.0.to_owned();
        let (tags, got) = tokio::sync::mpsc::unbounded_channel();
        let mut got = got;
        each(parts, PARTS_AT_ONCE, |number| {
            let (client, part, tags) = (self.clone(), part.clone(), tags.clone());
            let path = format!("large?partNumber={}&uploadId={id}", number + 1);
            async move {
                let response = client.ask(Method::PUT, path, part, None).await?;
                let etag = response.headers().get("etag").and_then(|e| e.to_str().ok()).unwrap_or_default();
                Ok(tags.send((number + 1, etag.to_owned()))?)
            }
        })
        .await?;
        drop(tags);
        let mut all = Vec::new();
        while let Some(tag) = got.recv().await {
            all.push(tag);
        }
        all.sort();
        let list: String = all
            .iter()
            .map(|(number, etag)| {
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            })
            .collect();
        let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        self.ask(Method::POST, format!("large?uploadId={id}"), body.into(), None).await?.bytes().await?;
        Ok(())
    }

    async fn download(&self, parts: u32) -> Result<()> {
        each(parts, PARTS_AT_ONCE, |number| {
            let client = self.clone();
            async move {
                let offset = u64::from(number) * PART as u64;
                let range = format!("bytes={offset}-{}", offset + PART as u64 - 1);
                let mut response =
                    client.ask(Method::GET, "large".to_owned(), Bytes::new(), Some(range)).await?;
                let mut kept = Vec::new();
                while let Some(chunk) = response.chunk().await? {
                    kept.push(chunk);
                }
                let got: usize = kept.iter().map(Bytes::len).sum();
                if got != PART { Err("a short range".into()) } else { Ok(()) }
            }
        })
        .await
    }

    async fn many(&self, content: &Bytes, count: u32) -> Result<()> {
        each(count, SMALL_AT_ONCE, |number| {
            let (client, content) = (self.clone(), content.clone());
            async move {
                client.ask(Method::PUT, format!("small/{number}"), content, None).await?.bytes().await?;
                Ok(())
            }
        })
        .await
    }
}
