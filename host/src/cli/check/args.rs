//! The arguments of `plugin check`, and what its help says.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::StateArgs;

pub(in crate::cli) const HELP: &str = "\
First one small object is put, read, listed and deleted; a plugin that fails there is told so at once. Then comes the suite that
every storage must pass, as far as the plugin claims the ability concerned, and last the speed, which is no part of the verdict.
Everything is written below `siltstone-check-<uuid>/` at the location and removed again. It is sent through memory: 64 MiB objects
take about 200 MiB, with --thorough more. One more object is written and removed at another path, `siltstone-check-<12 hex>`, which
takes the place of the configured one; a store of collections keeps the empty one.

The plugin's answers `throttled` and `transient` are the service's, not its fault: such a call is made again up to 6 times within
20 s. More than one in ten such answers (and more than 20 in all), and any fault (a trap, a time-out, a broken contract), fails
the certificate.

Keys are put until a listing goes on on a second page: 1001 at least and 5001 at most, or --keys. When none came, the certificate
says so; that is no failure, and no proof either.

check.toml holds what NAME.toml holds (settings, origins, files, folders, limits); `sha256` may be left out, and values of
settings may be given there instead of in this process's environment:

  settings = [\"BACKUP_ACME_URL\", \"BACKUP_ACME_TOKEN\"]
  origins  = [\"https://objects.acme.example\"]

  [environment]
  BACKUP_ACME_URL   = \"https://objects.acme.example\"
  BACKUP_ACME_TOKEN = \"...\"

  [wrong]
  BACKUP_ACME_TOKEN = \"one that the service refuses\"

[wrong] replaces settings once more: with them every call must fail as unauthenticated, denied or invalid-config. Without the table
that stays not shown.

For a plugin that comes with this build it may hold [environment] and [wrong] only, and may be left out.

Examples:
  siltstone plugin check acme.wasm --config check.toml
  siltstone plugin check s3 --config check.toml --bucket scratch --thorough

Exit codes:
  0    passed
  1    failed
  2    wrong usage: nothing was tried
  130  interrupted; objects below siltstone-check-... may be left";

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// A component, or the name of a plugin that comes with this build.
    #[arg(value_name = "FILE.wasm|NAME")]
    pub(in crate::cli) plugin: PathBuf,
    /// What the plugin is granted, as in its manifest, and `[environment]` and `[wrong]` with values of its settings.
    #[arg(long, value_name = "check.toml")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// Bucket or container instead of the configured one.
    #[arg(long)]
    pub(in crate::cli) bucket: Option<String>,
    /// Path or key prefix instead of the configured one.
    #[arg(long)]
    pub(in crate::cli) path: Option<String>,
    /// 10000 keys, objects of 256 MiB, and more rounds of what needs luck to go wrong.
    #[arg(long)]
    pub(in crate::cli) thorough: bool,
    /// Keys of the longest listing: more than fit on one page of the store [default: 1001, and 5001 where those fit on one page;
    /// with --thorough 10000].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(in crate::cli) keys: Option<u32>,
    /// Rounds of what needs luck to go wrong, such as races [default: 3, with --thorough 20].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(in crate::cli) rounds: Option<u32>,
    #[command(flatten)]
    pub(in crate::cli) state: StateArgs,
}
