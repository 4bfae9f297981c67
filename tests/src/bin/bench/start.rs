//! What enabling transports costs a start.

use std::path::PathBuf;
use std::time::Instant;

use siltstone_tests::ops_house::Plan;

use crate::Result;
use crate::machine::Machine;
use crate::measure::median;
use crate::report::{Goal, Report, Row};
use crate::run::Work;

/// Starts a host over and over, with all transports and with none; the components are compiled before.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Starts of each kind after the first.
    #[arg(long, default_value_t = 10)]
    starts: usize,
    /// Where the hosts keep their data.
    #[arg(long, default_value = "/var/tmp/siltstone-bench")]
    work: PathBuf,
}

/// Settings of all of them; nothing is asked of their servers.
const ALL: [(&str, &[(&str, &str)]); 3] = [
    (
        "s3",
        &[
            ("BACKUP_S3_BUCKET", "nightly"),
            ("AWS_ACCESS_KEY_ID", "AKTESTKEY"),
            ("AWS_SECRET_ACCESS_KEY", "secretsecret123"),
        ],
    ),
    ("gcs", &[("BACKUP_GCS_BUCKET", "nightly"), ("BACKUP_GCS_USE_AUTH", "false")]),
    (
        "azure",
        &[
            ("BACKUP_AZURE_CONTAINER", "nightly"),
            ("AZURE_STORAGE_ACCOUNT", "acme"),
            ("AZURE_STORAGE_KEY", "c29tZSBrZXkgb2YgYW4gYWNjb3VudCBmb3IgdGVzdHM="),
        ],
    ),
];

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let work = Work::new(&args.work)?;
    let machine = Machine::look(&work.path(""))?;
    let base = work.path("start");
    std::fs::create_dir_all(&base)?;
    let mut none = Plan::new(&base, "none")?;
    none.settings.modules.clear();
    let mut all = Plan::new(&base, "all")?;
    for (name, variables) in ALL {
        all = all.with_plugin(name, variables);
    }
    let cache = base.join("compiled");
    (none.settings.compile_cache, all.settings.compile_cache) = (Some(cache.clone()), Some(cache));
    let runtime = tokio::runtime::Runtime::new()?;
    let start = |plan: &Plan| -> Result<f64> {
        runtime.block_on(async {
            let begun = Instant::now();
            let house = plan.start().await?;
            let ready = begun.elapsed().as_secs_f64() * 1e3;
            house.stop().await;
            Ok(ready)
        })
    };
    let first = start(&all)?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..args.starts {
        without.push(start(&none)?);
        with.push(start(&all)?);
    }
    let (without, with) = (median(without), median(with));
    let row = Row::new("ready, all transports and none")
        .goal("later with all, ms", with - without, Some(Goal::AtMost(100.0)))
        .figure("all, ms", with)
        .figure("none, ms", without)
        .figure("all, first start, ms", first);
    work.clear("start")?;
    Ok(Report::new("start", machine, vec![row]))
}
