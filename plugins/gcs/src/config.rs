//! The settings of this transport, and what follows from them.

use siltstone_plugin_sdk::cloud::{Prefix, origin_need};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::settings::Settings;
use siltstone_plugin_sdk::types::{Error, Info, Location, Needs, Setting, SettingKind};

use crate::credentials::{KeyFile, Source};

/// Environment variables.
pub mod name {
    /// The bucket.
    pub const BUCKET: &str = "BACKUP_GCS_BUCKET";
    /// The prefix of all keys.
    pub const PATH: &str = "BACKUP_GCS_PATH";
    /// Where the service is, unless it is the public one.
    pub const ENDPOINT: &str = "BACKUP_GCS_ENDPOINT";
    /// Whether requests carry a token.
    pub const USE_AUTH: &str = "BACKUP_GCS_USE_AUTH";
    /// A broker that hands out tokens.
    pub const BROKER: &str = "BACKUP_GCS_AUTH_PROXY_ENDPOINT";
    /// The key file.
    pub const CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
    /// Where the metadata service is.
    pub const METADATA_HOST: &str = "GCE_METADATA_HOST";
    /// An emulator.
    pub const EMULATOR: &str = "STORAGE_EMULATOR_HOST";
    /// The protocol.
    pub const TRANSPORT: &str = "GCS_MODULE_TRANSPORT";
    /// Connections of another protocol.
    pub const POOL: &str = "GCS_MODULE_GRPC_CONN_POOL";
}

/// The service.
const SERVICE: &str = "https://storage.googleapis.com";

/// How uploads in parts are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploads {
    /// In parts in any order, by the XML API.
    Parts,
    /// One byte after the other, in a session of the JSON API: what emulators know.
    Session,
}

/// One location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The bucket.
    pub bucket: String,
    /// The prefix of all keys.
    pub prefix: Prefix,
    /// `scheme://host[:port]` of the service.
    pub endpoint: String,
    /// Where tokens come from.
    pub source: Source,
    /// How uploads in parts are made.
    pub uploads: Uploads,
}

impl Config {
    /// Reads the settings; a location replaces bucket and prefix.
    ///
    /// # Errors
    ///
    /// `invalid-config`, naming the variable.
    pub fn read(settings: &[(String, String)], location: &Location) -> Result<Self, Error> {
        let settings = Settings::new(settings);
        let bucket = match &location.bucket {
            Some(bucket) => bucket.clone(),
            None => settings.required(name::BUCKET)?.to_owned(),
        };
        check_bucket(&bucket)?;
        let prefix = location.path.as_deref().or(settings.optional(name::PATH)).unwrap_or_default();
        let prefix = Prefix::new(name::PATH, prefix)?;
        check_unused(&settings)?;
        let emulator = settings.optional(name::EMULATOR);
        let (endpoint, uploads) = match (emulator, settings.optional(name::ENDPOINT)) {
            (Some(_), Some(_)) => {
                return Err(error::invalid_config(format!(
                    "{} and {} are both set; only one can be meant",
                    name::EMULATOR,
                    name::ENDPOINT
                )));
            }
            (Some(given), None) => (endpoint(name::EMULATOR, given)?, Uploads::Session),
            (None, Some(given)) => (endpoint(name::ENDPOINT, given)?, Uploads::Parts),
            (None, None) => (SERVICE.to_owned(), Uploads::Parts),
        };
        let source = Source::read(&settings, emulator.is_some())?;
        Ok(Self { bucket, prefix, endpoint, source, uploads })
    }

    /// The URI for people.
    pub fn home(&self) -> String {
        self.prefix.home(&format!("gs://{}", self.bucket))
    }

    /// The service, and where tokens come from.
    ///
    /// # Errors
    ///
    /// `invalid-config` for an address that is none.
    pub fn needs(&self, key_file: Option<&KeyFile>) -> Result<Needs, Error> {
        let mut origins = vec![origin_need(&self.endpoint, "holds the backups")?];
        for uri in self.source.uris(key_file) {
            let origin = origin_need(&uri, "hands out tokens")?;
            if !origins
                .iter()
                .any(|o| (&o.scheme, &o.host, o.port) == (&origin.scheme, &origin.host, origin.port))
            {
                origins.push(origin);
            }
        }
        let files = key_file.and_then(KeyFile::file).map(str::to_owned).into_iter().collect();
        Ok(Needs { origins, files, folders: Vec::new() })
    }
}

/// Settings of Weaviate that choose a way of transport, of which there is one here.
fn check_unused(settings: &Settings<'_>) -> Result<(), Error> {
    if let Some(transport) = settings.optional(name::TRANSPORT).filter(|t| !matches!(*t, "http" | "grpc")) {
        return Err(error::invalid_config(format!(
            "{} is {transport:?}; it must be http or grpc, both of which mean HTTP here",
            name::TRANSPORT
        )));
    }
    let pool = settings.optional(name::POOL);
    if let Some(pool) = pool.filter(|p| !p.parse().is_ok_and(|n: u32| (1..=64).contains(&n))) {
        return Err(error::invalid_config(format!(
            "{} is {pool:?}; it must be a number from 1 to 64",
            name::POOL
        )));
    }
    Ok(())
}

fn check_bucket(bucket: &str) -> Result<(), Error> {
    let fits =
        (3..=222).contains(&bucket.len()) && bucket.split('.').all(|part| (1..=63).contains(&part.len()));
    let clean = bucket
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if fits && clean && ends(bucket.chars().next()) && ends(bucket.chars().last()) {
        return Ok(());
    }
    Err(error::invalid_config(format!(
        "{} is {bucket:?}; a bucket has 3 to 63 of a-z, 0-9, `-`, `_` and `.`",
        name::BUCKET
    )))
}

/// `host[:port]` or `scheme://host[:port]`, without a path.
fn endpoint(setting: &str, given: &str) -> Result<String, Error> {
    let given = given.trim_end_matches('/');
    let full = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
    let need = origin_need(&full, "").ok();
    // Nothing but scheme, host and port.
    let is_plain = full.split_once("://").is_some_and(|(_, rest)| !rest.contains(['/', '?', '#']));
    match need {
        Some(_) if is_plain => Ok(full.to_ascii_lowercase()),
        _ => Err(error::invalid_config(format!(
            "{setting} is {given:?}; it must be scheme://host or host:port, and nothing else"
        ))),
    }
}

/// What this plugin is.
pub fn describe() -> Info {
    use SettingKind::{File, Origin, Text};
    let setting = |name: &str, kind, doc: &str| Setting {
        name: name.to_owned(),
        kind,
        required: false,
        default: None,
        doc: doc.to_owned(),
    };
    let bucket = setting(name::BUCKET, Text, "Bucket that holds the backups.");
    Info {
        name: "gcs".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: vec![
            Setting { required: true, ..bucket },
            setting(name::PATH, Text, "Prefix of all keys; the root of the bucket if absent."),
            setting(name::USE_AUTH, Text, "Only the word false lets requests go without a token."),
            setting(
                name::CREDENTIALS,
                File,
                "Key of a service account, of a user, or of a workload identity; the metadata service if absent.",
            ),
            setting(name::METADATA_HOST, Text, "Metadata service; metadata.google.internal if absent."),
            setting(name::ENDPOINT, Origin, "Service, where it is not the public one."),
            setting(
                name::EMULATOR,
                Text,
                "Emulator, as host:port or URL; without a token unless BACKUP_GCS_USE_AUTH is true.",
            ),
            setting(
                name::BROKER,
                Text,
                "Token broker; consulted where BACKUP_GCS_USE_AUTH is false, and not supported there.",
            ),
            setting(name::TRANSPORT, Text, "http or grpc, both of which mean HTTP here."),
            setting(name::POOL, Text, "A number from 1 to 64, of no effect."),
        ],
    }
}

#[cfg(test)]
mod tests {
    use siltstone_plugin_sdk::types::ErrorKind;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Config, Error> {
        let settings: Vec<_> = more
            .iter()
            .chain(&[("BACKUP_GCS_BUCKET", "nightly")])
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        Config::read(&settings, &Location { bucket: None, path: None })
    }

    #[test]
    fn the_service_is_the_public_one_unless_something_else_is_named() {
        let config = read(&[]).unwrap();
        assert_eq!((config.endpoint.as_str(), config.uploads), (SERVICE, Uploads::Parts));
        assert_eq!(config.source, Source::Metadata("metadata.google.internal".to_owned()));
        let emulator =
            read(&[("STORAGE_EMULATOR_HOST", "LocalHost:9023/"), ("BACKUP_GCS_PATH", "a/b")]).unwrap();
        assert_eq!(
            (emulator.endpoint.as_str(), emulator.uploads),
            ("http://localhost:9023", Uploads::Session)
        );
        assert_eq!((emulator.source.clone(), emulator.home().as_str()), (Source::Nobody, "gs://nightly/a/b"));
        let own = read(&[("BACKUP_GCS_ENDPOINT", "https://storage.eu.example")]).unwrap();
        assert_eq!((own.endpoint.as_str(), own.uploads), ("https://storage.eu.example", Uploads::Parts));
    }

    #[test]
    fn only_false_turns_tokens_off() {
        assert_eq!(read(&[("BACKUP_GCS_USE_AUTH", "FALSE")]).unwrap().source, Source::Nobody);
        assert_ne!(read(&[("BACKUP_GCS_USE_AUTH", "no")]).unwrap().source, Source::Nobody);
        let checked = read(&[("STORAGE_EMULATOR_HOST", "x:1"), ("BACKUP_GCS_USE_AUTH", "true")]).unwrap();
        assert_ne!(checked.source, Source::Nobody);
        let keyed = read(&[("GOOGLE_APPLICATION_CREDENTIALS", "/k.json")]).unwrap();
        assert_eq!(keyed.source, Source::File);
        // Without effect where tokens are used.
        assert_eq!(
            read(&[("BACKUP_GCS_AUTH_PROXY_ENDPOINT", "x")]).unwrap().source,
            read(&[]).unwrap().source
        );
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_was_found_and_what_is_expected() {
        for (given, words) in [
            (&[("BACKUP_GCS_BUCKET", "No")][..], "3 to 63"),
            (&[("BACKUP_GCS_PATH", "a/../b")], "BACKUP_GCS_PATH"),
            (&[("STORAGE_EMULATOR_HOST", "http://x/y")], "STORAGE_EMULATOR_HOST is \"http://x/y\""),
            (&[("STORAGE_EMULATOR_HOST", "x"), ("BACKUP_GCS_ENDPOINT", "https://y")], "only one"),
            (&[("GCS_MODULE_TRANSPORT", "quic")], "http or grpc"),
            (&[("GCS_MODULE_GRPC_CONN_POOL", "0")], "1 to 64"),
            (
                &[("BACKUP_GCS_AUTH_PROXY_ENDPOINT", "x"), ("BACKUP_GCS_USE_AUTH", "false")],
                "BACKUP_GCS_AUTH_PROXY_ENDPOINT",
            ),
        ] {
            let error = read(given).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidConfig);
            assert!(error.message.contains(words), "{}", error.message);
        }
    }

    #[test]
    fn the_needs_are_the_service_and_where_tokens_come_from() {
        let hosts = |config: &Config, file: Option<&KeyFile>| {
            let needs = config.needs(file).unwrap();
            needs.origins.into_iter().map(|o| format!("{}:{}", o.host, o.port)).collect::<Vec<_>>()
        };
        let service = "storage.googleapis.com:443";
        assert_eq!(hosts(&read(&[("BACKUP_GCS_USE_AUTH", "false")]).unwrap(), None), [service]);
        assert_eq!(hosts(&read(&[]).unwrap(), None), [service, "metadata.google.internal:80"]);
        let workload = KeyFile::parse(
            br#"{"type":"external_account","audience":"a","subject_token_type":"t",
                "token_url":"https://sts.googleapis.com/v1/token",
                "service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/x:generateAccessToken",
                "credential_source":{"file":"/run/token"}}"#,
        )
        .unwrap();
        let keyed = read(&[("GOOGLE_APPLICATION_CREDENTIALS", "/k.json")]).unwrap();
        assert_eq!(
            hosts(&keyed, Some(&workload)),
            [service, "sts.googleapis.com:443", "iamcredentials.googleapis.com:443"]
        );
        assert_eq!(keyed.needs(Some(&workload)).unwrap().files, ["/run/token"]);
    }
}
