//! The one table of the host's variables: what is read, what is documented, and what a value must be.

use std::time::Duration;

use super::parse;
use crate::model::NodeName;
use crate::settings::{Cleanup, HostSettings, ProxyUrl, StartCheck, VerifyMode};

/// Name of a node that was not given one.
pub(super) const DEFAULT_NODE: &str = "node1";

/// The longest pause that may be asked for; beyond it, writers are simply stopped.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// An environment variable that the host reads.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The value that counts when it is not set; empty if there is none.
    pub default: &'static str,
    /// What a value must be, as it follows `expected` in an error.
    pub expects: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Whether it does anything.
    pub effect: Effect,
    /// Takes the value over; `None` if it is not what is expected.
    pub(super) apply: fn(&mut Draft, &str) -> Option<()>,
}

/// Whether a variable does anything here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It sets something.
    Sets,
    /// It is checked and otherwise ignored, so that a configuration written for Weaviate can stay as it is.
    None,
}

/// Settings in the making.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) settings: HostSettings,
    pub(super) notes: Vec<Note>,
}

/// Something that is tolerated, and told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// Modules that are no storage backends.
    OtherModules(Vec<String>),
    /// A known variable that does nothing here.
    NoEffect(&'static str),
    /// A variable that looks like one of ours and is none.
    Unknown { name: String, nearest: Option<&'static str> },
}

const SIZE: &str = "bytes, plain or with B, KB, MB, GB, TB, KiB, MiB, GiB or TiB";
const FLAG: &str = "true or false";

/// Every variable that the host itself reads. Plugins have variables of their own.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: "ENABLE_MODULES",
        default: "",
        expects: "names separated by commas, such as `backup-filesystem,backup-s3`",
        doc: "Backends to enable: the names that begin with `backup-`. Others are left alone, so that one list can \
              serve the whole database server.",
        effect: Effect::Sets,
        apply: |draft, value| {
            let (ours, others): (Vec<_>, Vec<_>) =
                parse::list(value).into_iter().partition(|m| m.starts_with("backup-"));
            draft.settings.modules = ours;
            if !others.is_empty() {
                draft.notes.push(Note::OtherModules(others));
            }
            Some(())
        },
    },
    Variable {
        name: "CLUSTER_HOSTNAME",
        default: DEFAULT_NODE,
        expects: "1 to 128 of 0-9, A-Z, a-z, `.`, `_` and `-`",
        doc: "Name of this node; its part of every backup lies under this name.",
        effect: Effect::Sets,
        apply: |draft, value| NodeName::new(value).ok().map(|node| draft.settings.node = node),
    },
    Variable {
        name: "BACKUP_CHUNK_TARGET_SIZE",
        default: "128MiB",
        expects: "a size of 2MiB to 512MiB: bytes, plain or with a unit such as MB or MiB",
        doc: "Raw bytes per chunk when a request has no `ChunkSize`.",
        effect: Effect::Sets,
        apply: |draft, value| {
            let size = parse::size(value).filter(|s| HostSettings::CHUNK_SIZES.contains(s))?;
            draft.settings.chunk_size = size;
            Some(())
        },
    },
    Variable {
        name: "BACKUP_VERIFY",
        default: "list",
        expects: "list, sample or full",
        doc: "What is checked before a backup becomes `SUCCESS`: `list` compares the stored length of every chunk and \
              reads the manifest back; `sample` also re-reads some chunks; `full` re-reads and re-hashes all.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.verify = match value {
                "list" => VerifyMode::List,
                "sample" => VerifyMode::Sample,
                "full" => VerifyMode::Full,
                _ => return None,
            };
            Some(())
        },
    },
    Variable {
        name: "BACKUP_SKIP_ACCESS_CHECK",
        default: "false",
        expects: FLAG,
        doc: "Do not write and delete a small object before a backup begins. For stores that forbid deleting; \
              conditional create then counts as unproven.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.start_check =
                if parse::flag(value)? { StartCheck::Skip } else { StartCheck::Probe };
            Some(())
        },
    },
    Variable {
        name: "ENABLE_CLEANUP_UNFINISHED_BACKUPS",
        default: "true",
        expects: FLAG,
        doc: "At start, end the operations that this server had begun and did not finish: abort uploads, delete what \
              the attempt wrote, record `FAILED`. Touches nothing that another server has begun.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.cleanup = if parse::flag(value)? { Cleanup::OwnJournal } else { Cleanup::Off };
            Some(())
        },
    },
    Variable {
        name: "BACKUP_MAX_PAUSE",
        default: "50ms",
        expects: "a duration of up to 60s with its unit, such as `50ms` or `2s`",
        doc: "How long writers may be held for one instant across all shards. If that does not suffice, collections \
              and then shards get an instant each; the status says which.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.max_pause = parse::duration(value).filter(|d| *d <= LONGEST_PAUSE)?;
            Some(())
        },
    },
    Variable {
        name: "BACKUP_FILESYSTEM_EXTRA_PATHS",
        default: "",
        expects: "absolute paths without `..`, separated by colons",
        doc: "Folders under which the `Path` of a request to the filesystem backend may lie, besides the configured one.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.extra_paths = parse::paths(value)?;
            Some(())
        },
    },
    Variable {
        name: "BACKUP_PLUGIN_PATH",
        default: "",
        expects: "absolute paths without `..`, separated by colons",
        doc: "Folders with further storage plugins: each a `NAME.wasm` with a `NAME.toml` that pins it and says what it may \
              reach. `ENABLE_MODULES` enables one as `backup-NAME`.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.plugin_path = parse::paths(value)?;
            Some(())
        },
    },
    Variable {
        name: "BACKUP_CA_BUNDLE",
        default: "",
        expects: "the absolute path of a file, without `..`",
        doc: "Certificates in PEM of authorities that are trusted besides the system's, for stores behind TLS.",
        effect: Effect::Sets,
        apply: |draft, value| {
            let mut paths = parse::paths(value)?;
            draft.settings.ca_bundle = Some(paths.pop().filter(|_| paths.is_empty())?);
            Some(())
        },
    },
    Variable {
        name: "https_proxy",
        default: "",
        expects: "the URL of a proxy, as `http://host:port`",
        doc: "Proxy for stores and token services behind TLS; not for addresses, this machine and metadata services.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.https_proxy = Some(ProxyUrl(value.to_owned()));
            Some(())
        },
    },
    Variable {
        name: "HTTPS_PROXY",
        default: "",
        expects: "the URL of a proxy, as `http://host:port`",
        doc: "Proxy for stores and token services behind TLS; not for addresses, this machine and metadata services.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.https_proxy = Some(ProxyUrl(value.to_owned()));
            Some(())
        },
    },
    Variable {
        name: "no_proxy",
        default: "",
        expects: "hosts separated by commas",
        doc: "Hosts that are reached without the proxy, each with all names below it; `*` for all.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.no_proxy = value.split(',').map(str::to_owned).collect();
            Some(())
        },
    },
    Variable {
        name: "NO_PROXY",
        default: "",
        expects: "hosts separated by commas",
        doc: "Hosts that are reached without the proxy, each with all names below it; `*` for all.",
        effect: Effect::Sets,
        apply: |draft, value| {
            draft.settings.no_proxy = value.split(',').map(str::to_owned).collect();
            Some(())
        },
    },
    Variable {
        name: "BACKUP_MIN_CHUNK_SIZE",
        default: "",
        expects: SIZE,
        doc: "Weaviate's floor for big files.",
        effect: Effect::None,
        apply: |_, value| parse::size(value).map(drop),
    },
    Variable {
        name: "BACKUP_SPLIT_FILE_SIZE",
        default: "",
        expects: SIZE,
        doc: "Weaviate's limit above which a file is cut. Here every file that is larger than a chunk is.",
        effect: Effect::None,
        apply: |_, value| parse::size(value).map(drop),
    },
    Variable {
        name: "BACKUP_MAX_INDIVIDUAL_FILES",
        default: "",
        expects: "a whole number of at least 1",
        doc: "Weaviate's number of files with a chunk of their own.",
        effect: Effect::None,
        apply: |_, value| parse::number(value).filter(|n| *n > 0).map(drop),
    },
    Variable {
        name: "HALT_FOR_TRANSFER_TIMEOUT",
        default: "",
        expects: "a duration with its unit, such as `1h`",
        doc: "Weaviate's limit for halted compaction. Here compaction is not halted.",
        effect: Effect::None,
        apply: |_, value| parse::duration(value).map(drop),
    },
];
