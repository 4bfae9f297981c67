//! The settings of this transport, and what follows from them.

use siltstone_plugin_sdk::cloud::{Prefix, origin_need};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::settings::Settings;
use siltstone_plugin_sdk::types::{Error, Info, Location, Needs, Setting, SettingKind};

use crate::account::{Connection, endpoint, public};
use crate::credentials::Source;

/// Environment variables.
pub mod name {
    /// The container.
    pub const CONTAINER: &str = "BACKUP_AZURE_CONTAINER";
    /// The prefix of all keys.
    pub const PATH: &str = "BACKUP_AZURE_PATH";
    /// Where the service is, unless it is that of the public cloud.
    pub const ENDPOINT: &str = "BACKUP_AZURE_ENDPOINT";
    /// Whether requests go without credentials.
    pub const ANONYMOUS: &str = "BACKUP_AZURE_ANONYMOUS";
    /// Endpoint and credentials in one.
    pub const CONNECTION_STRING: &str = "AZURE_STORAGE_CONNECTION_STRING";
    /// The account.
    pub const ACCOUNT: &str = "AZURE_STORAGE_ACCOUNT";
    /// Its key.
    pub const KEY: &str = "AZURE_STORAGE_KEY";
    /// Least bytes of a block.
    pub const BLOCK_SIZE: &str = "AZURE_BLOCK_SIZE";
    /// Calls at once.
    pub const CONCURRENCY: &str = "AZURE_CONCURRENCY";
    /// The tenant of an identity.
    pub const TENANT: &str = "AZURE_TENANT_ID";
    /// The identity.
    pub const CLIENT: &str = "AZURE_CLIENT_ID";
    /// Its secret.
    pub const CLIENT_SECRET: &str = "AZURE_CLIENT_SECRET";
    /// The file with the token of a workload.
    pub const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
    /// Where tokens are asked for.
    pub const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
    /// Where a machine's own tokens are asked for.
    pub const IDENTITY_HOST: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
}

/// Calls at once, unless a setting says otherwise, and the most that it may say.
const IN_FLIGHT: (u32, u32) = (8, 64);
/// Bytes of the largest block that the host fills in memory.
const MAX_BLOCK: u64 = 64 << 20;

/// One location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The container.
    pub container: String,
    /// The prefix of all keys.
    pub prefix: Prefix,
    /// The service, with the account in its path if it is an emulator; without a slash at its end.
    pub endpoint: String,
    /// Who asks.
    pub source: Source,
    /// Least bytes of a block.
    pub block: u64,
    /// Calls at once.
    pub in_flight: u32,
}

impl Config {
    /// Reads the settings; a location replaces container and prefix.
    ///
    /// # Errors
    ///
    /// `invalid-config`, naming the variable.
    pub fn read(settings: &[(String, String)], location: &Location) -> Result<Self, Error> {
        let settings = Settings::new(settings);
        let container = match &location.bucket {
            Some(container) => container.clone(),
            None => settings.required(name::CONTAINER)?.to_owned(),
        };
        check_container(&container)?;
        let prefix = location.path.as_deref().or(settings.optional(name::PATH)).unwrap_or_default();
        let prefix = Prefix::new(name::PATH, prefix)?;
        let (endpoint, source) = match settings.optional(name::CONNECTION_STRING) {
            Some(text) => {
                let connection = Connection::parse(text)?;
                (connection.endpoint.clone(), Source::of_connection(connection)?)
            }
            None => {
                let account = settings.optional(name::ACCOUNT).ok_or_else(|| {
                    error::invalid_config(format!(
                        "neither {} nor {} is set; one of them is needed",
                        name::CONNECTION_STRING,
                        name::ACCOUNT
                    ))
                })?;
                let endpoint = match settings.optional(name::ENDPOINT) {
                    Some(given) => endpoint(name::ENDPOINT, given)?,
                    None => public(account)?,
                };
                (endpoint, Source::read(&settings, account)?)
            }
        };
        let block = settings.size(name::BLOCK_SIZE)?.unwrap_or(1);
        if !(1..=MAX_BLOCK).contains(&block) {
            return Err(error::invalid_config(format!(
                "{} is {block}; it must be 1 to {MAX_BLOCK} bytes",
                name::BLOCK_SIZE
            )));
        }
        let in_flight = match settings.optional(name::CONCURRENCY) {
            None => IN_FLIGHT.0,
            Some(text) => {
                let number = text.parse().ok().filter(|n| (1..=IN_FLIGHT.1).contains(n));
                number.ok_or_else(|| {
                    error::invalid_config(format!(
                        "{} is {text:?}; it must be a number from 1 to {}",
                        name::CONCURRENCY,
                        IN_FLIGHT.1
                    ))
                })?
            }
        };
        Ok(Self { container, prefix, endpoint, source, block, in_flight })
    }

    /// The URI for people.
    pub fn home(&self) -> String {
        self.prefix.home(&format!("{}/{}", self.endpoint, self.container))
    }

    /// The service, and where tokens come from.
    ///
    /// # Errors
    ///
    /// `invalid-config` for an address that is none.
    pub fn needs(&self) -> Result<Needs, Error> {
        let mut origins = vec![origin_need(&self.endpoint, "holds the backups")?];
        if let Some(origin) = self.source.origin() {
            origins.push(origin_need(&origin, "hands out credentials")?);
        }
        Ok(Needs { origins, files: Vec::new(), folders: Vec::new() })
    }
}

fn check_container(container: &str) -> Result<(), Error> {
    let fits = (3..=63).contains(&container.len());
    let clean = container.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let edges = ends(container.chars().next()) && ends(container.chars().last());
    if fits && clean && edges && !container.contains("--") {
        return Ok(());
    }
    Err(error::invalid_config(format!(
        "{} is {container:?}; a container has 3 to 63 of a-z, 0-9 and single `-`",
        name::CONTAINER
    )))
}

/// What this plugin is.
pub fn describe() -> Info {
    use SettingKind::{File, Flag, Origin, Secret, Size, Text};
    let setting = |name: &str, kind, doc: &str| Setting {
        name: name.to_owned(),
        kind,
        required: false,
        default: None,
        doc: doc.to_owned(),
    };
    let container = setting(name::CONTAINER, Text, "Container that holds the backups.");
    Info {
        name: "azure".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: vec![
            Setting { required: true, ..container },
            setting(name::PATH, Text, "Prefix of all keys; the root of the container if absent."),
            setting(
                name::CONNECTION_STRING,
                Secret,
                "Account with its key or a shared access signature; wins over all other credentials.",
            ),
            setting(name::ACCOUNT, Text, "Storage account, where there is no connection string."),
            setting(name::KEY, Secret, "Key of the account; wins over identities."),
            setting(name::ENDPOINT, Text, "Service of the account, where it is not the public cloud's."),
            setting(name::TENANT, Text, "Tenant of a workload identity or of a client with a secret."),
            setting(name::CLIENT, Text, "Client that asks; for a managed identity, which one of several."),
            setting(name::CLIENT_SECRET, Secret, "Secret of the client."),
            setting(
                name::TOKEN_FILE,
                File,
                "File with the token of a workload identity; wins over a secret.",
            ),
            setting(
                name::AUTHORITY,
                Origin,
                "Where tokens are asked for; that of the public cloud if absent.",
            ),
            setting(name::IDENTITY_HOST, Origin, "Where a managed identity asks; 169.254.169.254 if absent."),
            setting(name::ANONYMOUS, Flag, "Send requests without credentials, to a public container."),
            setting(name::BLOCK_SIZE, Size, "Least size of a block; 16 MiB if absent, at most 64 MiB."),
            setting(name::CONCURRENCY, Text, "Requests at once; 8 if absent, at most 64."),
        ],
    }
}

#[cfg(test)]
mod tests {
    use siltstone_plugin_sdk::types::ErrorKind;

    use super::*;

    const ACCOUNT: [(&str, &str); 2] =
        [("BACKUP_AZURE_CONTAINER", "nightly"), ("AZURE_STORAGE_ACCOUNT", "acme")];

    fn read(more: &[(&str, &str)]) -> Result<Config, Error> {
        let settings: Vec<_> =
            ACCOUNT.iter().chain(more).rev().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Config::read(&settings, &Location { bucket: None, path: None })
    }

    #[test]
    fn the_connection_string_wins_and_else_the_account_says_where() {
        let plain = read(&[("AZURE_STORAGE_KEY", "a2V5")]).unwrap();
        assert_eq!(plain.endpoint, "https://acme.blob.core.windows.net");
        assert_eq!(plain.source.principal(), "the key of the account acme");
        let both = read(&[
            ("AZURE_STORAGE_KEY", "a2V5"),
            ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=other;AccountKey=a2V5"),
        ])
        .unwrap();
        assert_eq!(both.endpoint, "https://other.blob.core.windows.net");
        let own = read(&[("AZURE_STORAGE_KEY", "a2V5"), ("BACKUP_AZURE_ENDPOINT", "https://blob.example/")]);
        assert_eq!(own.unwrap().endpoint, "https://blob.example");
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_was_found_and_what_is_expected() {
        for (given, words) in [
            (&[("BACKUP_AZURE_CONTAINER", "No")][..], "3 to 63"),
            (&[("BACKUP_AZURE_PATH", "a/../b")], "BACKUP_AZURE_PATH"),
            (&[("AZURE_STORAGE_ACCOUNT", "a_b")], "AZURE_STORAGE_ACCOUNT is \"a_b\""),
            (&[("AZURE_STORAGE_KEY", "not base64!")], "AZURE_STORAGE_KEY"),
            (&[("AZURE_BLOCK_SIZE", "0")], "AZURE_BLOCK_SIZE is 0"),
            (&[("AZURE_CONCURRENCY", "many")], "AZURE_CONCURRENCY is \"many\""),
            (&[("AZURE_CONCURRENCY", "65")], "1 to 64"),
            (&[("AZURE_CLIENT_SECRET", "hush")], "AZURE_TENANT_ID"),
        ] {
            let error = read(given).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidConfig);
            assert!(error.message.contains(words), "{}", error.message);
            assert!(
                !error.message.contains("hush") && !error.message.contains("base64!"),
                "{}",
                error.message
            );
        }
        let nothing = Config::read(&[], &Location { bucket: Some("abc".to_owned()), path: None });
        assert!(nothing.unwrap_err().message.contains("AZURE_STORAGE_CONNECTION_STRING"));
    }

    #[test]
    fn a_location_replaces_container_and_prefix() {
        let settings: Vec<_> = ACCOUNT.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
        let other = Location { bucket: Some("two".to_owned()), path: Some("q/r".to_owned()) };
        assert_eq!(
            Config::read(&settings, &other).unwrap().home(),
            "https://acme.blob.core.windows.net/two/q/r"
        );
    }

    #[test]
    fn the_needs_are_the_service_and_where_tokens_come_from() {
        let origins = |given: &[(&str, &str)]| {
            let needs = read(given).unwrap().needs().unwrap();
            needs.origins.into_iter().map(|o| format!("{}:{}", o.host, o.port)).collect::<Vec<_>>()
        };
        let service = "acme.blob.core.windows.net:443";
        assert_eq!(origins(&[("AZURE_STORAGE_KEY", "a2V5")]), [service]);
        assert_eq!(origins(&[("BACKUP_AZURE_ANONYMOUS", "true")]), [service]);
        assert_eq!(origins(&[]), [service, "169.254.169.254:80"]);
        let client = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "hush")];
        assert_eq!(origins(&client), [service, "login.microsoftonline.com:443"]);
    }
}
