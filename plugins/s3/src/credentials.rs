//! Where the keys of requests come from.
//!
//! Static keys win, then a web identity, then what the container or the machine is given; requests without a signature are
//! sent only when they are asked for. Temporary keys are fetched by one instance and shared through the host's cache.

use std::collections::HashMap;
use std::fmt;

use reqsign_aws_v4::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider, IMDSv2CredentialProvider,
};
use reqsign_core::{Context, ProvideCredential, StaticEnv};
use serde::{Deserialize, Serialize};
use siltstone_plugin_sdk::cloud::{
    Fetched, SettingFile, Wire, iso_ms, left_ms, now, now_ms, origin_need, renew, shared,
};
use siltstone_plugin_sdk::http::{Body, retry_after_ms, send};
use siltstone_plugin_sdk::settings::Settings;
use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::{error, host};

use crate::config::{container, name};

/// Where keys come from.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// A broker, at this URL.
    Broker(String),
    /// Settings.
    Static(Keys),
    /// Nowhere: requests are not signed.
    Anonymous,
    /// The security token service, for a web identity.
    Identity {
        /// The role to take on.
        role: String,
        /// The file of the token.
        file: String,
        /// The name of the session, if one is wanted.
        session: Option<String>,
        /// The region whose service is asked.
        region: String,
        /// Another service that is asked.
        service: Option<String>,
    },
    /// The container's endpoint.
    Container(Container),
    /// The machine's metadata service, here.
    Metadata(String),
}

/// A key with its secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// The access key.
    pub key: String,
    /// The secret key.
    pub secret: String,
    /// The token of temporary keys.
    pub token: Option<String>,
}

/// An endpoint that hands out keys to a container.
#[derive(Clone, PartialEq, Eq)]
pub struct Container {
    /// Where it is.
    pub uri: String,
    /// What to show there.
    pub token: Option<String>,
    /// A file that holds what to show there.
    pub token_file: Option<String>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.principal())
    }
}

/// The metadata service of EC2.
const METADATA: &str = "http://169.254.169.254";
/// Most bytes of an answer of a broker.
const MAX_ANSWER: usize = 64 << 10;
/// The key under which temporary keys are shared.
const CACHED: &str = "s3-keys";
impl Source {
    /// Called when the service does not accept these credentials: whether other ones will be there for the next call.
    pub fn renew(&self, used: Option<&Credential>) -> bool {
        let (Some(_), Some(used)) = (self.origin(), used) else { return false };
        renew(
            CACHED,
            |kept: &Keys| kept.secret == used.secret_access_key && kept.token == used.session_token,
            || self.fetch_any(),
        )
    }

    /// What the settings say.
    pub(crate) fn read(settings: &Settings<'_>, region: &str) -> Result<Self, Error> {
        let first =
            |names: [&str; 2]| names.into_iter().find_map(|name| settings.optional(name)).map(str::to_owned);
        if let Some(uri) = settings.optional(name::BROKER) {
            if origin_need(uri, "").is_err() {
                return Err(error::invalid_config(format!(
                    "{} is {uri:?}; it must be a URL, as https://host/path",
                    name::BROKER
                )));
            }
            if settings.optional(name::BROKER_TOKEN).is_none() {
                return Err(error::invalid_config(format!(
                    "{} is set and {} is not; the broker wants a token",
                    name::BROKER,
                    name::BROKER_TOKEN
                )));
            }
            return Ok(Self::Broker(uri.to_owned()));
        }
        if settings.flag(name::ANONYMOUS)? == Some(true) {
            return Ok(Self::Anonymous);
        }
        match (first(name::KEY), first(name::SECRET)) {
            (Some(key), Some(secret)) => {
                let token = settings.optional(name::SESSION).map(str::to_owned);
                return Ok(Self::Static(Keys { key, secret, token }));
            }
            (None, None) => {}
            (key, _) => {
                let (set, missing) =
                    if key.is_some() { (name::KEY, name::SECRET) } else { (name::SECRET, name::KEY) };
                return Err(error::invalid_config(format!("{} is set and {} is not", set[0], missing[0])));
            }
        }
        let identity = (settings.optional(name::IDENTITY_FILE), settings.optional(name::ROLE));
        if let (Some(file), Some(role)) = identity {
            let session = settings.optional(name::ROLE_SESSION).map(str::to_owned);
            return Ok(Self::Identity {
                role: role.to_owned(),
                file: file.to_owned(),
                session,
                region: region.to_owned(),
                service: settings.optional(name::STS).map(str::to_owned),
            });
        }
        if let Some(container) = container(settings) {
            return Ok(Self::Container(container));
        }
        if settings.optional(name::NO_METADATA).is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            return Err(error::invalid_config(format!(
                "there are no credentials: set {} and {}, a role, or {}=true",
                name::KEY[0],
                name::SECRET[0],
                name::ANONYMOUS
            )));
        }
        Ok(Self::Metadata(settings.optional(name::METADATA).unwrap_or(METADATA).to_owned()))
    }

    /// Who requests are made by, for messages; never a secret.
    pub fn principal(&self) -> String {
        match self {
            Self::Static(keys) => format!("access key {}", keys.key),
            Self::Anonymous => "nobody (anonymous)".to_owned(),
            Self::Identity { role, .. } => format!("role {role}"),
            Self::Broker(_) => "whoever the broker names".to_owned(),
            Self::Container(_) => "the role of the container".to_owned(),
            Self::Metadata(_) => "the role of the machine".to_owned(),
        }
    }

    /// The origin that is asked for keys, if one is.
    pub fn origin(&self) -> Option<String> {
        match self {
            Self::Static(_) | Self::Anonymous => None,
            Self::Identity { service: Some(service), .. } => Some(service.clone()),
            Self::Identity { region, .. } => Some(format!("https://sts.{region}.amazonaws.com")),
            Self::Broker(uri) => Some(uri.clone()),
            Self::Container(container) => Some(container.uri.clone()),
            Self::Metadata(endpoint) => Some(endpoint.clone()),
        }
    }

    /// The keys of a request made now; `None` for one without a signature.
    pub fn keys(&self) -> Result<Option<Credential>, Error> {
        match self {
            Self::Static(keys) => Ok(Some(credential(keys.clone()))),
            Self::Anonymous => Ok(None),
            _ => shared(CACHED, || self.fetch_any()).map(|keys| Some(credential(keys))),
        }
    }

    /// The setting that names the file of this source, and no other: what is in it is for one service only.
    fn file(&self) -> &'static str {
        if matches!(self, Self::Identity { .. }) { name::IDENTITY_FILE } else { name::CONTAINER_TOKEN_FILE }
    }

    /// New keys, from wherever they come.
    fn fetch_any(&self) -> Result<Fetched<Keys>, Error> {
        match self {
            Self::Broker(uri) => broker(uri),
            _ => self.fetch(),
        }
    }

    /// New keys of a role.
    fn fetch(&self) -> Result<Fetched<Keys>, Error> {
        let wire = match self {
            Self::Identity { service: Some(service), .. } => Wire::instead(service)?,
            _ => Wire::default(),
        };
        let context = Context::new().with_http_send(wire.clone()).with_file_read(SettingFile(self.file()));
        let found = match self {
            Self::Identity { role, file, session, region, .. } => {
                let provider =
                    AssumeRoleWithWebIdentityCredentialProvider::with_config(role.clone(), file.into())
                        .with_region(region.clone())
                        .with_regional_sts_endpoint();
                let provider = match session {
                    Some(session) => provider.with_role_session_name(session.clone()),
                    None => provider,
                };
                now(provider.provide_credential(&context))
            }
            Self::Container(container) => {
                let provider = ECSCredentialProvider::new().with_endpoint(container.uri.clone());
                let provider = match (&container.token_file, &container.token) {
                    (Some(file), _) => provider.with_auth_token_file(file.clone()),
                    (None, Some(token)) => provider.with_auth_token(token.clone()),
                    (None, None) => provider,
                };
                now(provider.provide_credential(&context))
            }
            _ => {
                let environment = StaticEnv { home_dir: None, envs: HashMap::new() };
                let provider =
                    IMDSv2CredentialProvider::new().with_endpoint(self.origin().unwrap_or_default());
                now(provider.provide_credential(&context.with_env(environment)))
            }
        };
        let found = wire.outcome(&self.origin().unwrap_or_default(), &self.principal(), found)?;
        let lasts_ms = found.expires_in.map(left_ms);
        let value =
            Keys { key: found.access_key_id, secret: found.secret_access_key, token: found.session_token };
        Ok(Fetched { value, lasts_ms })
    }
}

/// What a broker answers.
#[derive(Deserialize)]
struct Brokered {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// Keys of a broker: a GET that shows the token of the identity file.
fn broker(uri: &str) -> Result<Fetched<Keys>, Error> {
    let failed = |why: String| error::unauthenticated(format!("{uri} gave no credentials: {why}"));
    let token = host::read_file(name::BROKER_TOKEN)
        .map_err(|e| error::invalid_config(format!("{}: {e}", name::BROKER_TOKEN)))?;
    let token = String::from_utf8(token)
        .map_err(|_| error::invalid_config(format!("{} holds no text", name::BROKER_TOKEN)))?;
    let request = http::Request::get(uri).header("authorization", format!("Bearer {}", token.trim()));
    let (parts, ()) = request.body(()).map_err(|e| failed(e.to_string()))?.into_parts();
    let response = send(&parts, Body::Empty)?;
    let status = response.status.as_u16();
    let answer = response.read(MAX_ANSWER)?;
    if status != 200 {
        let mut error = match status {
            429 | 503 => error::throttled(format!("{uri} answered HTTP {status}")),
            500..=599 => error::transient(format!("{uri} answered HTTP {status}")),
            _ => failed(format!("HTTP {status}; look at {}", name::BROKER_TOKEN)),
        };
        error.http_status = Some(status);
        error.retry_after_ms = retry_after_ms(&response.headers);
        return Err(error);
    }
    let found: Brokered =
        serde_json::from_slice(&answer).map_err(|_| failed("its answer is not its protocol".to_owned()))?;
    let lasts_ms = found.expiration.as_deref().and_then(iso_ms).map(|end| end.saturating_sub(now_ms()));
    let value =
        Keys { key: found.access_key_id, secret: found.secret_access_key, token: found.session_token };
    Ok(Fetched { value, lasts_ms })
}

fn credential(keys: Keys) -> Credential {
    Credential {
        access_key_id: keys.key,
        secret_access_key: keys.secret,
        session_token: keys.token,
        expires_in: None,
    }
}
