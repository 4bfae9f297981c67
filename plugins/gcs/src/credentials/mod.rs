//! Where the tokens of requests come from: a key file, the metadata service, or nowhere.
//!
//! A token is fetched by one instance and shared through the host's cache. The exchanges are written here, since the Google
//! package of reqsign does not build for WebAssembly.

mod exchange;
mod key_file;

use std::fmt;

use serde::{Deserialize, Serialize};
use siltstone_plugin_sdk::cloud::{renew, shared};
use siltstone_plugin_sdk::settings::Settings;
use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::{error, host};

use crate::config::name;
pub use key_file::KeyFile;

/// The metadata service of every machine of the provider.
const METADATA: &str = "metadata.google.internal";
/// The key under which tokens are shared.
const CACHED: &str = "gcs-token";

/// Where tokens come from.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: requests carry none.
    Nobody,
    /// From whoever the key file names.
    File,
    /// From the metadata service at this host.
    Metadata(String),
}

#[derive(Serialize, Deserialize)]
struct Token {
    token: String,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::File => "File",
            Self::Metadata(_) => "Metadata",
        })
    }
}

impl Source {
    /// What the settings say.
    pub(crate) fn read(settings: &Settings<'_>, is_emulator: bool) -> Result<Self, Error> {
        let use_auth = settings.optional(name::USE_AUTH);
        let is_off = use_auth.is_some_and(|v| v.eq_ignore_ascii_case("false"));
        if is_off && settings.optional(name::BROKER).is_some() {
            return Err(error::invalid_config(format!(
                "{} is set and {} is false, and token brokers are not supported; use {}",
                name::BROKER,
                name::USE_AUTH,
                name::CREDENTIALS
            )));
        }
        if is_off || (is_emulator && use_auth.is_none()) {
            return Ok(Self::Nobody);
        }
        if settings.optional(name::CREDENTIALS).is_some() {
            return Ok(Self::File);
        }
        Ok(Self::Metadata(settings.optional(name::METADATA_HOST).unwrap_or(METADATA).to_owned()))
    }

    /// The key file as it is now, if one is used.
    ///
    /// # Errors
    ///
    /// `invalid-config`, naming the variable, for one that cannot be read or is none.
    pub fn key_file(&self) -> Result<Option<KeyFile>, Error> {
        if *self != Self::File {
            return Ok(None);
        }
        let wrong = |why: String| error::invalid_config(format!("{}: {why}", name::CREDENTIALS));
        let content = host::read_file(name::CREDENTIALS).map_err(wrong)?;
        KeyFile::parse(&content).map(Some)
    }

    /// The URIs that are asked for tokens.
    pub(crate) fn uris(&self, key_file: Option<&KeyFile>) -> Vec<String> {
        match self {
            Self::Nobody => Vec::new(),
            Self::Metadata(host) => vec![format!("http://{host}")],
            Self::File => key_file.map(KeyFile::uris).unwrap_or_default(),
        }
    }

    /// The token of a request made now; `None` for one without.
    ///
    /// # Errors
    ///
    /// `unauthenticated` when there is none to be had, saying from where and for whom; `transient` when that may pass.
    pub fn token(&self) -> Result<Option<String>, Error> {
        if *self == Self::Nobody {
            return Ok(None);
        }
        shared(CACHED, || self.fetch()).map(|token: Token| Some(token.token))
    }

    /// Called when the service does not accept this token: whether another one will be there for the next call.
    pub fn renew(&self, used: Option<&str>) -> bool {
        used.is_some_and(|used| renew(CACHED, |kept: &Token| kept.token == used, || self.fetch()))
    }

    /// Who requests are made by, for messages; never a secret.
    pub fn principal(&self) -> String {
        match self {
            Self::Nobody => "nobody (without a token)".to_owned(),
            Self::Metadata(_) => "the service account of the machine".to_owned(),
            // The file says.
            Self::File => match self.key_file() {
                Ok(Some(file)) => file.principal(),
                _ => "nobody known".to_owned(),
            },
        }
    }
}
