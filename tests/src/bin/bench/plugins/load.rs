//! Loading a component with an empty cache of compiled ones and with a filled one, and making an instance of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use siltstone::Host;
use siltstone::plugin::{EngineSettings, ExtraRoots, Location, Plugin, PluginEngine, PluginSource};

use crate::Result;
use crate::measure::median;
use crate::report::{Goal, Row, complain};
use crate::run::Work;

/// The size that the goals are about.
const SIZE: f64 = 500.0 * 1024.0;
/// Instances that are made.
const INSTANCES: usize = 300;

/// Every setting that a bundled transport cannot do without; nothing is asked of their servers.
const VARIABLES: [(&str, &str); 8] = [
    ("BACKUP_S3_BUCKET", "nightly"),
    ("AWS_ACCESS_KEY_ID", "AKTESTKEY"),
    ("AWS_SECRET_ACCESS_KEY", "secretsecret123"),
    ("BACKUP_GCS_BUCKET", "nightly"),
    ("BACKUP_GCS_USE_AUTH", "false"),
    ("BACKUP_AZURE_CONTAINER", "nightly"),
    ("AZURE_STORAGE_ACCOUNT", "acme"),
    ("AZURE_STORAGE_KEY", "c29tZSBrZXkgb2YgYW4gYWNjb3VudCBmb3IgdGVzdHM="),
];

/// Runs them, one row for each component.
pub(super) fn run(host: &Host, work: &Work, paths: &[PathBuf], loads: usize) -> Result<Vec<Row>> {
    let given = paths.iter().map(|path| Ok((path.display().to_string(), std::fs::read(path)?)));
    let mut components = given.collect::<Result<Vec<_>>>()?;
    if components.is_empty() {
        let bundled = siltstone_plugins::all().iter();
        components = bundled.map(|p| (p.name.to_owned(), p.component.to_vec())).collect();
    }
    components.into_iter().map(|(name, bytes)| row(host, work, &name, bytes, loads)).collect()
}

fn row(host: &Host, work: &Work, name: &str, bytes: Vec<u8>, loads: usize) -> Result<Row> {
    let bytes: Arc<[u8]> = bytes.into();
    let cache = work.path("compiled");
    let (mut cold, mut cached) = (Vec::new(), Vec::new());
    for load in 0..loads.max(1) {
        work.clear("compiled")?;
        for (kind, times) in [("cold", &mut cold), ("cached", &mut cached)] {
            // A new engine, as after a start: nothing of the one before is in memory.
            let engine = PluginEngine::new(EngineSettings {
                cache_dir: Some(cache.clone()),
                ..EngineSettings::default()
            })?;
            let seconds = time(host, load_one(engine, Arc::clone(&bytes)))?.1;
            complain(&format!("load of {name}: {kind} {load}: {:.1} ms", seconds * 1e3));
            times.push(seconds);
        }
    }
    let (cold, cached) = (median(cold), median(cached));
    let engine = PluginEngine::new(EngineSettings { cache_dir: Some(cache), ..EngineSettings::default() })?;
    let plugin = time(host, load_one(engine, Arc::clone(&bytes)))?.0;
    let size = bytes.len() as f64;
    let row = Row::new(format!("loading {name}"))
        .figure("size, KiB", size / 1024.0)
        .figure("cold, s", cold)
        .goal("cold for 500 KiB, s", cold * SIZE / size, Some(Goal::AtMost(1.0)))
        .figure("cached, ms", cached * 1e3)
        .goal("cached for 500 KiB, ms", cached * 1e3 * SIZE / size, Some(Goal::AtMost(10.0)));
    let filesystem = work.path("loaded").display().to_string();
    let env = |name: &str| match VARIABLES.iter().find(|(variable, _)| *variable == name) {
        Some((_, value)) => Some((*value).to_owned()),
        None => (name == "BACKUP_FILESYSTEM_PATH").then(|| filesystem.clone()),
    };
    // A component of somebody else's may need settings that nobody knows here.
    match plugin.configure(&env, ExtraRoots::default()) {
        Ok(configured) => {
            let (times, _) = time(host, async move {
                let mut times = Vec::new();
                for _ in 0..INSTANCES {
                    let begun = Instant::now();
                    configured.needs(&Location::default()).await?;
                    times.push(begun.elapsed().as_secs_f64());
                }
                Ok(times)
            })?;
            Ok(row.goal("new instance and a call, ms", median(times) * 1e3, Some(Goal::AtMost(1.0))))
        }
        Err(_) => Ok(row),
    }
}

async fn load_one(engine: Arc<PluginEngine>, bytes: Arc<[u8]>) -> Result<Plugin> {
    Ok(Plugin::load(&engine, &bytes, PluginSource::Bundled).await?)
}

/// Runs something on the runtime of plugins and answers how many seconds it took.
fn time<T: Send + 'static>(
    host: &Host,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<(T, f64)> {
    let begun = Instant::now();
    let (send, receive) = std::sync::mpsc::channel();
    host.runtime().spawn(async move {
        let done = work.await;
        // Whoever waits has gone only when the bench has failed.
        let _ = send.send((done, begun.elapsed()));
    });
    let (done, taken) = receive.recv()?;
    Ok((done?, taken.as_secs_f64()))
}
