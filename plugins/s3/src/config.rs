//! The settings of this transport, and what follows from them.

use siltstone_plugin_sdk::cloud::{Prefix, origin_need, usual_port};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::settings::Settings;
use siltstone_plugin_sdk::types::{Error, Info, Location, Needs, Setting, SettingKind};

use crate::credentials::{Container, Source};

/// Environment variables.
pub mod name {
    /// The bucket.
    pub const BUCKET: &str = "BACKUP_S3_BUCKET";
    /// The prefix of all keys.
    pub const PATH: &str = "BACKUP_S3_PATH";
    /// Host and port of the service.
    pub const ENDPOINT: &str = "BACKUP_S3_ENDPOINT";
    /// Whether the service is spoken to over TLS.
    pub const USE_SSL: &str = "BACKUP_S3_USE_SSL";
    /// Whether requests go without a signature.
    pub const ANONYMOUS: &str = "BACKUP_S3_ANONYMOUS";
    /// A broker that hands out credentials.
    pub const BROKER: &str = "BACKUP_S3_AUTH_PROXY_ENDPOINT";
    /// The region, and its second name.
    pub const REGION: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    /// The access key, and its old name.
    pub const KEY: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"];
    /// The secret key, and its old name.
    pub const SECRET: [&str; 2] = ["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"];
    /// The token of temporary keys.
    pub const SESSION: &str = "AWS_SESSION_TOKEN";
    /// The file with the token of a web identity.
    pub const IDENTITY_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
    /// The role that a web identity takes on.
    pub const ROLE: &str = "AWS_ROLE_ARN";
    /// The name of that session.
    pub const ROLE_SESSION: &str = "AWS_ROLE_SESSION_NAME";
    /// The path of container credentials at the address of ECS.
    pub const CONTAINER_PATH: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    /// The whole URI of container credentials.
    pub const CONTAINER_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    /// The token for it.
    pub const CONTAINER_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    /// A file with the token for it.
    pub const CONTAINER_TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    /// The file with the token for the broker.
    pub const BROKER_TOKEN: &str = "AUTH_PROXY_IDENTITY_FILE";
    /// Where the security token service is.
    pub const STS: &str = "AWS_ENDPOINT_URL_STS";
    /// Where the metadata service of EC2 is.
    pub const METADATA: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    /// Turns the metadata service of EC2 off.
    pub const NO_METADATA: &str = "AWS_EC2_METADATA_DISABLED";
}

/// The service itself; everything else is a store that speaks its protocol.
const AWS: &str = "s3.amazonaws.com";
/// The region of requests to a service that has none.
const DEFAULT_REGION: &str = "us-east-1";

/// How a bucket is named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// In the path.
    Path,
    /// As the first label of the host.
    Host,
}

/// One location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The bucket.
    pub bucket: String,
    /// The prefix of all keys.
    pub prefix: Prefix,
    /// Whether it is spoken to over TLS.
    pub is_secure: bool,
    /// Host and, unless it is the usual one, port.
    pub authority: String,
    /// Where the bucket stands.
    pub style: Style,
    /// The region that requests are signed for.
    pub region: String,
    /// Where keys come from.
    pub source: Source,
}

impl Config {
    /// Reads the settings; a location replaces bucket and prefix.
    pub fn read(settings: &[(String, String)], location: &Location) -> Result<Self, Error> {
        let settings = Settings::new(settings);
        let bucket = match &location.bucket {
            Some(bucket) => bucket.clone(),
            None => settings.required(name::BUCKET)?.to_owned(),
        };
        check_bucket(&bucket)?;
        let prefix = location.path.as_deref().or(settings.optional(name::PATH)).unwrap_or_default();
        let prefix = Prefix::new(name::PATH, prefix)?;
        let is_secure = !settings.optional(name::USE_SSL).is_some_and(|v| v.eq_ignore_ascii_case("false"));
        let endpoint = endpoint(settings.optional(name::ENDPOINT).unwrap_or(AWS))?;
        // HTTP leaves the usual port out of the name of the host, which is signed.
        let usual = format!(":{}", usual_port(if is_secure { "https" } else { "http" }));
        let endpoint = endpoint.strip_suffix(&usual).map(str::to_owned).unwrap_or(endpoint);
        let given = name::REGION.iter().find_map(|name| settings.optional(name));
        let region = given.unwrap_or(DEFAULT_REGION).to_owned();
        if region.is_empty() || !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(error::invalid_config(format!(
                "{} is {region:?}, which is no region",
                name::REGION[0]
            )));
        }
        let is_aws = endpoint == "amazonaws.com" || endpoint.ends_with(".amazonaws.com");
        let host = match endpoint.as_str() {
            AWS if region != DEFAULT_REGION => format!("s3.{region}.amazonaws.com"),
            other => other.to_owned(),
        };
        // A dot in the bucket would not match the certificate of the service.
        let style = if is_aws && !bucket.contains('.') { Style::Host } else { Style::Path };
        let authority = if style == Style::Host { format!("{bucket}.{host}") } else { host };
        let source = Source::read(&settings, &region)?;
        Ok(Self { bucket, prefix, is_secure, authority, style, region, source })
    }

    /// `https://authority` or `http://authority`.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.is_secure { "https" } else { "http" }, self.authority)
    }

    /// The URI for people.
    pub fn home(&self) -> String {
        self.prefix.home(&format!("s3://{}", self.bucket))
    }

    /// The service, and where keys come from.
    pub fn needs(&self) -> Result<Needs, Error> {
        let mut origins = vec![origin_need(&self.origin(), "holds the backups")?];
        if let Some(origin) = self.source.origin() {
            origins.push(origin_need(&origin, "hands out credentials")?);
        }
        Ok(Needs { origins, files: Vec::new(), folders: Vec::new() })
    }
}

fn check_bucket(bucket: &str) -> Result<(), Error> {
    let fits = (3..=63).contains(&bucket.len());
    let clean =
        bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if fits && clean && ends(bucket.chars().next()) && ends(bucket.chars().last()) && !bucket.contains("..") {
        return Ok(());
    }
    Err(error::invalid_config(format!(
        "{} is {bucket:?}; a bucket has 3 to 63 of a-z, 0-9, `-` and `.`",
        name::BUCKET
    )))
}

fn endpoint(given: &str) -> Result<String, Error> {
    let wrong = |why: &str| {
        error::invalid_config(format!(
            "{} is {given:?}; it must be a host, or host:port, {why}",
            name::ENDPOINT
        ))
    };
    if given.contains("://") {
        return Err(wrong("without a scheme; TLS is chosen by BACKUP_S3_USE_SSL"));
    }
    let authority: http::uri::Authority = given.parse().map_err(|_| wrong("and nothing else"))?;
    let port = authority.port().map(|port| format!(":{port}")).unwrap_or_default();
    if format!("{}{port}", authority.host()) != given || authority.host().is_empty() {
        return Err(wrong("and nothing else"));
    }
    Ok(given.to_ascii_lowercase())
}

/// What this plugin is.
pub fn describe() -> Info {
    let setting = |name: &str, kind, doc: &str| Setting {
        name: name.to_owned(),
        kind,
        required: false,
        default: None,
        doc: doc.to_owned(),
    };
    use SettingKind::{File, Flag, Origin, Secret, Text};
    let bucket = Setting { required: true, ..setting(name::BUCKET, Text, "Bucket that holds the backups.") };
    let endpoint = Setting {
        default: Some(AWS.to_owned()),
        ..setting(name::ENDPOINT, Text, "Host, or host:port, of the service; without a scheme.")
    };
    Info {
        name: "s3".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: vec![
            bucket,
            setting(name::PATH, Text, "Prefix of all keys; the root of the bucket if absent."),
            endpoint,
            setting(name::USE_SSL, Text, "Only the word false turns TLS off."),
            setting(
                name::ANONYMOUS,
                Flag,
                "Send requests without a signature, to a bucket that anybody may use.",
            ),
            setting(name::BROKER, Text, "URL of a credential broker; wins over everything else."),
            setting(name::BROKER_TOKEN, File, "File with the token that is shown to the broker."),
            setting(name::REGION[0], Text, "Region that requests are signed for; us-east-1 if absent."),
            setting(name::REGION[1], Text, "The same, where AWS_REGION is not set."),
            setting(name::KEY[0], Text, "Access key; wins over roles."),
            setting(name::KEY[1], Text, "The same, where AWS_ACCESS_KEY_ID is not set."),
            setting(name::SECRET[0], Secret, "Secret key."),
            setting(name::SECRET[1], Secret, "The same, where AWS_SECRET_ACCESS_KEY is not set."),
            setting(name::SESSION, Secret, "Session token of temporary keys."),
            setting(name::STS, Origin, "Security token service; that of the region if absent."),
            setting(name::METADATA, Origin, "Metadata service of EC2; 169.254.169.254 if absent."),
            setting(name::IDENTITY_FILE, File, "File with the token of a web identity (IRSA)."),
            setting(name::ROLE, Text, "Role that the web identity takes on."),
            setting(name::ROLE_SESSION, Text, "Name of that session."),
            setting(name::CONTAINER_PATH, Text, "Path of the container's credentials (ECS)."),
            setting(
                name::CONTAINER_URI,
                Text,
                "URI of the container's credentials (EKS Pod Identity, or loopback).",
            ),
            setting(name::CONTAINER_TOKEN, Secret, "Token for that URI."),
            setting(name::CONTAINER_TOKEN_FILE, File, "File with the token for that URI."),
            setting(name::NO_METADATA, Text, "The word true turns the metadata service of EC2 off."),
        ],
    }
}

/// The container endpoint in the order of the official tools.
pub(crate) fn container(settings: &Settings<'_>) -> Option<Container> {
    let own = |name| settings.optional(name).map(str::to_owned);
    let uri = match settings.optional(name::CONTAINER_PATH) {
        Some(path) => format!("http://169.254.170.2{path}"),
        None => own(name::CONTAINER_URI)?,
    };
    Some(Container { uri, token: own(name::CONTAINER_TOKEN), token_file: own(name::CONTAINER_TOKEN_FILE) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use siltstone_plugin_sdk::types::ErrorKind;

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY", "AK"), ("AWS_SECRET_KEY", "SK")];

    fn read(given: &[(&str, &str)]) -> Result<Config, Error> {
        let settings: Vec<_> =
            KEYS.iter().chain(given).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Config::read(&settings, &Location { bucket: None, path: None })
    }

    #[test]
    fn the_service_is_spoken_to_by_host_and_others_by_path() {
        let aws = read(&[("BACKUP_S3_BUCKET", "nightly")]).unwrap();
        assert_eq!((aws.origin().as_str(), aws.style), ("https://nightly.s3.amazonaws.com", Style::Host));
        let far = read(&[("BACKUP_S3_BUCKET", "nightly"), ("AWS_DEFAULT_REGION", "eu-west-1")]).unwrap();
        assert_eq!(far.origin(), "https://nightly.s3.eu-west-1.amazonaws.com");
        let dotted = read(&[("BACKUP_S3_BUCKET", "a.b.c")]).unwrap();
        assert_eq!((dotted.origin().as_str(), dotted.style), ("https://s3.amazonaws.com", Style::Path));
        let own = read(&[
            ("BACKUP_S3_BUCKET", "nightly"),
            ("BACKUP_S3_ENDPOINT", "localhost:9000"),
            ("BACKUP_S3_USE_SSL", "False"),
            ("BACKUP_S3_PATH", "/a/b/"),
        ])
        .unwrap();
        assert_eq!(
            (own.origin().as_str(), own.home().as_str()),
            ("http://localhost:9000", "s3://nightly/a/b")
        );
        assert!(read(&[("BACKUP_S3_BUCKET", "abc"), ("BACKUP_S3_USE_SSL", "no")]).unwrap().is_secure);
        let origin = |endpoint: &str, tls: &str| {
            read(&[("BACKUP_S3_BUCKET", "abc"), ("BACKUP_S3_ENDPOINT", endpoint), ("BACKUP_S3_USE_SSL", tls)])
                .unwrap()
                .origin()
        };
        assert_eq!(origin("minio.example:443", "true"), "https://minio.example");
        assert_eq!(origin("minio.example:80", "false"), "http://minio.example");
        assert_eq!(origin("minio.example:80", "true"), "https://minio.example:80");
        assert_eq!(origin("s3.amazonaws.com:443", "true"), "https://abc.s3.amazonaws.com");
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_was_found_and_what_is_expected() {
        for (given, words) in [
            (&[][..], "BACKUP_S3_BUCKET is not set"),
            (&[("BACKUP_S3_BUCKET", "No")], "3 to 63"),
            (&[("BACKUP_S3_BUCKET", "abc"), ("BACKUP_S3_ENDPOINT", "http://x")], "without a scheme"),
            (&[("BACKUP_S3_BUCKET", "abc"), ("BACKUP_S3_ENDPOINT", "u@x")], "\"u@x\""),
            (&[("BACKUP_S3_BUCKET", "abc"), ("BACKUP_S3_PATH", "a/../b")], "BACKUP_S3_PATH"),
            (&[("BACKUP_S3_BUCKET", "abc"), ("AWS_REGION", "eu west")], "AWS_REGION"),
            (&[("BACKUP_S3_BUCKET", "abc"), ("BACKUP_S3_AUTH_PROXY_ENDPOINT", "x")], "AUTH_PROXY"),
            (
                &[
                    ("BACKUP_S3_BUCKET", "abc"),
                    ("BACKUP_S3_AUTH_PROXY_ENDPOINT", "https://broker.example/keys"),
                ],
                "AUTH_PROXY_IDENTITY_FILE",
            ),
        ] {
            let error = read(given).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidConfig);
            assert!(error.message.contains(words), "{}", error.message);
        }
    }

    #[test]
    fn a_location_replaces_bucket_and_prefix() {
        let settings: Vec<_> = [("BACKUP_S3_BUCKET", "one"), ("BACKUP_S3_PATH", "p"), KEYS[0], KEYS[1]]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .to_vec();
        let other = Location { bucket: Some("two".to_owned()), path: Some("q/r".to_owned()) };
        assert_eq!(Config::read(&settings, &other).unwrap().home(), "s3://two/q/r");
    }

    #[test]
    fn the_needs_are_the_service_and_where_keys_come_from() {
        let hosts = |given: &[(&str, &str)]| {
            let settings: Vec<_> = [("BACKUP_S3_BUCKET", "abc")]
                .iter()
                .chain(given)
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect();
            let config = Config::read(&settings, &Location { bucket: None, path: None }).unwrap();
            config
                .needs()
                .unwrap()
                .origins
                .into_iter()
                .skip(1)
                .map(|o| format!("{}:{}", o.host, o.port))
                .collect::<Vec<_>>()
        };
        assert!(hosts(&KEYS).is_empty());
        assert!(hosts(&[("BACKUP_S3_ANONYMOUS", "true")]).is_empty());
        assert_eq!(hosts(&[]), ["169.254.169.254:80"]);
        assert_eq!(hosts(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x")]), ["169.254.170.2:80"]);
        assert_eq!(
            hosts(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:7000/x")]),
            ["127.0.0.1:7000"]
        );
        assert_eq!(
            hosts(&[
                ("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/token"),
                ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
                ("AWS_REGION", "eu-west-1")
            ]),
            ["sts.eu-west-1.amazonaws.com:443"]
        );
    }
}
