//! The arguments of every command.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::check::args::{CheckArgs, HELP};
use crate::model::{BackendName, BackupId, CollectionName, Compression, Location};
use crate::ops::Order;

const TOP: &str = "\
Examples:
  Back up the database behind a server, and wait for the end:
    siltstone backup --id nightly --wait
  Bring it back:
    siltstone restore --id nightly --wait
  Back up a folder of immutable files without any server:
    BACKUP_FILESYSTEM_PATH=/var/backups siltstone backup --dir /srv/segments --id nightly
  Read every stored byte and check it:
    BACKUP_FILESYSTEM_PATH=/var/backups siltstone verify nightly --read-data

Exit codes:
  0    done
  1    failed
  2    wrong usage, or a request that was refused: a bad value, an id that is taken, something in the way
  3    no such backup
  4    stored data is damaged
  130  cancelled or interrupted

Without a server, backends are configured by environment variables (BACKUP_FILESYSTEM_PATH, ...), as a server's are.
SILTSTONE_LOG (default: warn, without what ends an operation) says what is logged to standard error, in the syntax of RUST_LOG.";

const COPY: &str = "\
The copy has the same id and the same keys, holds every chunk that the backup needs, also those of its base, and can be
restored without the source. Reading the source is enough there. Every object is hashed on its way. Run the same command
again after an interruption: chunks that are at the target with the right length are not sent again. They are trusted;
`siltstone verify ID --read-data` at the target reads them all.

Examples:
  From one backend to another:
    siltstone copy nightly --from s3 --to azure
  Within a backend, to another bucket, below another prefix:
    siltstone copy nightly --from s3 --to s3 --to-bucket offsite --to-path db1";

/// Online backups of LSM databases through sandboxed storage plugins.
#[derive(Debug, Parser)]
#[command(name = "siltstone", version, after_help = TOP, max_term_width = 110)]
pub(super) struct Cli {
    /// Print one JSON value instead of text; errors too.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Back up a server's database, or with --dir a folder of immutable files.
    Backup(BackupArgs),
    /// Restore into a server's database, or with --to into a folder.
    Restore(RestoreArgs),
    /// Show how far a backup, or with --restore a restore, of a server is.
    Status(TargetArgs),
    /// Cancel a running backup, or with --restore a running restore, of a server; stored backups stay.
    Cancel(TargetArgs),
    /// List backups.
    List(ListArgs),
    /// Check a stored backup, without a server.
    Verify(VerifyArgs),
    /// Copy a stored backup to another location, without a server.
    #[command(after_help = COPY)]
    Copy(CopyArgs),
    /// Delete a stored backup that has ended, without a server.
    Forget(ForgetArgs),
    /// List transport plugins, show what a plugin file is, or check one.
    #[command(subcommand)]
    Plugin(PluginCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// List the plugins that come with this build and those in the folders of BACKUP_PLUGIN_PATH.
    List(StateArgs),
    /// Show what a plugin exports, imports, takes as settings, and would need to reach.
    Inspect(InspectArgs),
    /// Try a plugin against its real store, and print a certificate.
    #[command(after_help = HELP)]
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A component, or the name of a plugin that comes with this build.
    #[arg(value_name = "FILE.wasm|NAME")]
    pub(super) file: PathBuf,
    /// A variable whose value it may see, to say what it would need; may be repeated. The manifest beside a component names
    /// some as well. A plugin that comes with this build sees its own.
    #[arg(long, value_name = "NAME")]
    pub(super) setting: Vec<String>,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Folder of immutable files to back up without a server, as one collection.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["server", "wait", "include", "exclude"])]
    pub(super) dir: Option<PathBuf>,
    /// Name of the collection that the folder becomes [default: the folder's name].
    #[arg(long, value_name = "NAME", requires = "dir")]
    pub(super) collection: Option<CollectionName>,
    #[command(flatten)]
    pub(super) what: BackupWhat,
    /// Stay until the backup has ended, and show how far it is.
    #[arg(long)]
    pub(super) wait: bool,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

#[derive(Debug, Args)]
pub(super) struct BackupWhat {
    /// Id of the new backup: a-z, 0-9, `_`, `-`.
    #[arg(long)]
    pub(super) id: BackupId,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    /// Store only content that this backup of the same place does not have; it must be a SUCCESS.
    #[arg(long, value_name = "ID")]
    pub(super) base: Option<BackupId>,
    /// How to compress.
    #[arg(long, value_name = "LEVEL", default_value = "DefaultCompression", value_parser = compression())]
    pub(super) compression: Compression,
    #[command(flatten)]
    pub(super) cpu: CpuArgs,
    /// MiB of raw data per stored chunk, 2 to 512 [default: the server's or BACKUP_CHUNK_TARGET_SIZE, 128].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(2..=512))]
    pub(super) chunk_size: Option<u64>,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Folder to restore into without a server; must be missing or empty.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["server", "wait"])]
    pub(super) to: Option<PathBuf>,
    #[command(flatten)]
    pub(super) what: RestoreWhat,
    /// Stay until the restore has ended, and show how far it is.
    #[arg(long)]
    pub(super) wait: bool,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

#[derive(Debug, Args)]
pub(super) struct RestoreWhat {
    /// Id of the backup.
    #[arg(long)]
    pub(super) id: BackupId,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    pub(super) cpu: CpuArgs,
    /// A node of the backup, and the one that takes its data now; may be repeated.
    #[arg(long, value_name = "OLD=NEW", value_parser = mapping)]
    pub(super) map_node: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// Id of the backup.
    #[arg(long)]
    pub(super) id: BackupId,
    /// Of its restore, not of its making.
    #[arg(long)]
    pub(super) restore: bool,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Ask the backend itself, without a server.
    #[arg(long, conflicts_with = "server")]
    pub(super) local: bool,
    /// Order by start time.
    #[arg(long, value_enum, default_value_t = OrderArg::Desc)]
    pub(super) order: OrderArg,
    /// Backend, by its name.
    #[arg(long, default_value = "filesystem")]
    pub(super) backend: BackendName,
    /// Bucket or container to list instead of the configured one.
    #[arg(long, requires = "local")]
    pub(super) bucket: Option<String>,
    /// Path or key prefix to list instead of the configured one.
    #[arg(long, requires = "local")]
    pub(super) path: Option<String>,
    #[command(flatten)]
    pub(super) server: ServerArgs,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Id of the backup.
    pub(super) id: BackupId,
    /// Also read every chunk, decompress it, and check the hash of every file.
    #[arg(long)]
    pub(super) read_data: bool,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

#[derive(Debug, Args)]
pub(super) struct CopyArgs {
    /// Id of the backup.
    pub(super) id: BackupId,
    /// Backend that has it, by its name.
    #[arg(long, value_name = "BACKEND")]
    pub(super) from: BackendName,
    /// Bucket or container to read instead of the configured one.
    #[arg(long, value_name = "BUCKET")]
    pub(super) from_bucket: Option<String>,
    /// Path or key prefix to read instead of the configured one.
    #[arg(long, value_name = "PATH")]
    pub(super) from_path: Option<String>,
    /// Backend that shall have it, by its name; may be the same.
    #[arg(long, value_name = "BACKEND")]
    pub(super) to: BackendName,
    /// Bucket or container to write instead of the configured one.
    #[arg(long, value_name = "BUCKET")]
    pub(super) to_bucket: Option<String>,
    /// Path or key prefix to write instead of the configured one.
    #[arg(long, value_name = "PATH")]
    pub(super) to_path: Option<String>,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

#[derive(Debug, Args)]
pub(super) struct ForgetArgs {
    /// Id of the backup.
    pub(super) id: BackupId,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    /// Address of the server [env: SILTSTONE_SERVER] [default: http://127.0.0.1:8080].
    #[arg(long, value_name = "URL")]
    pub(super) server: Option<String>,
    /// Key to show to the server; better given by the variable than on the command line.
    #[arg(long, value_name = "KEY", env = "SILTSTONE_API_KEY", hide_env_values = true)]
    pub(super) api_key: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// Backend, by its name.
    #[arg(long, default_value = "filesystem")]
    pub(super) backend: BackendName,
    /// Bucket or container instead of the configured one.
    #[arg(long)]
    pub(super) bucket: Option<String>,
    /// Path or key prefix instead of the configured one.
    #[arg(long)]
    pub(super) path: Option<String>,
}

impl PlaceArgs {
    pub(super) fn location(&self) -> Location {
        Location { bucket: self.bucket.clone(), path: self.path.clone() }
    }
}

#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// Only these collections: names or patterns with `*` and `?`, separated by commas; may be repeated.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "exclude")]
    pub(super) include: Vec<String>,
    /// All collections but these.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) exclude: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct CpuArgs {
    /// Share of the cores that may compress and hash, per cent, 1 to 80.
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=80))]
    pub(super) cpu_percentage: u8,
}

#[derive(Debug, Args)]
pub(super) struct StateArgs {
    /// Where commands without a server keep their journal and compiled plugins
    /// [default: $XDG_STATE_HOME/siltstone or ~/.local/state/siltstone].
    #[arg(long, value_name = "FOLDER", env = "SILTSTONE_STATE_DIR")]
    pub(super) state_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OrderArg {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

impl From<OrderArg> for Order {
    fn from(order: OrderArg) -> Self {
        match order {
            OrderArg::Asc => Self::Ascending,
            OrderArg::Desc => Self::Descending,
        }
    }
}

fn compression() -> impl TypedValueParser<Value = Compression> {
    PossibleValuesParser::new(Compression::names())
        .map(|name| Compression::from_name(&name).unwrap_or_default())
}

fn mapping(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("expected OLD=NEW, such as `node1=node2`".to_owned()),
    }
}
