//! Who requests are made by.
//!
//! A connection string wins, then the key of the account, then a workload identity, then a client with a secret, then the
//! identity of the machine; requests without credentials are sent only when they are asked for. Tokens are fetched by one
//! instance and shared through the host's cache.

use std::collections::HashMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqsign_azure_storage::{
    ClientSecretCredentialProvider, Credential, ImdsCredentialProvider, WorkloadIdentityCredentialProvider,
};
use reqsign_core::{Context, ProvideCredential, StaticEnv};
use serde::{Deserialize, Serialize};
use siltstone_plugin_sdk::cloud::{Fetched, SettingFile, Wire, left_ms, now, renew, shared};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::settings::Settings;
use siltstone_plugin_sdk::types::Error;

use crate::account::{Connection, endpoint};
use crate::config::name;

/// Where the public cloud hands out tokens.
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// Where a machine's own tokens come from.
const IDENTITY_HOST: &str = "http://169.254.169.254";
/// The key under which tokens are shared.
const CACHED: &str = "azure-token";

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// Whoever has the key of the account.
    Key {
        /// The account.
        account: String,
        /// The key, in base64.
        key: String,
    },
    /// Whoever has a shared access signature.
    Signature(String),
    /// Nobody: requests are not signed.
    Anonymous,
    /// An identity that Entra knows.
    Client {
        /// Its tenant.
        tenant: String,
        /// Its id.
        client: String,
        /// What it shows.
        proof: Proof,
        /// Where tokens are asked for.
        authority: String,
    },
    /// The identity of the machine.
    Machine {
        /// Which one, where it has several.
        client: Option<String>,
        /// Where tokens are asked for.
        host: String,
    },
}

/// What a client shows to get a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// A secret.
    Secret(String),
    /// The token of a workload, in this file.
    File(String),
}

#[derive(Serialize, Deserialize)]
struct Token {
    token: String,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.principal())
    }
}

impl Source {
    /// Called when the service does not accept these credentials: whether other ones will be there for the next call.
    pub fn renew(&self, used: Option<&Credential>) -> bool {
        let (Some(_), Some(used)) = (self.origin(), used) else { return false };
        renew(
            CACHED,
            |kept: &Token| matches!(used, Credential::BearerToken { token, .. } if *token == kept.token),
            || self.fetch(),
        )
    }

    /// What a connection string says.
    pub(crate) fn of_connection(connection: Connection) -> Result<Self, Error> {
        match (connection.signature, connection.key, connection.account) {
            (Some(signature), ..) => Ok(Self::Signature(signature)),
            (None, Some(key), Some(account)) => Self::of_key(name::CONNECTION_STRING, account, key),
            _ => Err(error::internal("a connection string without credentials")),
        }
    }

    /// What the other settings say.
    pub(crate) fn read(settings: &Settings<'_>, account: &str) -> Result<Self, Error> {
        let text = |name: &str| settings.optional(name).map(str::to_owned);
        if settings.flag(name::ANONYMOUS)? == Some(true) {
            return Ok(Self::Anonymous);
        }
        if let Some(key) = text(name::KEY) {
            return Self::of_key(name::KEY, account.to_owned(), key);
        }
        let client = text(name::CLIENT);
        let proof =
            text(name::TOKEN_FILE).map(Proof::File).or_else(|| text(name::CLIENT_SECRET).map(Proof::Secret));
        let Some(proof) = proof else {
            let host = match settings.optional(name::IDENTITY_HOST) {
                Some(given) => endpoint(name::IDENTITY_HOST, given)?,
                None => IDENTITY_HOST.to_owned(),
            };
            return Ok(Self::Machine { client, host });
        };
        let needed = |name: &str, value: Option<String>| {
            value.ok_or_else(|| {
                error::invalid_config(format!(
                    "{name} is not set, and {} or {} is; all three are needed",
                    name::TOKEN_FILE,
                    name::CLIENT_SECRET
                ))
            })
        };
        let authority = match settings.optional(name::AUTHORITY) {
            Some(given) => endpoint(name::AUTHORITY, given)?,
            None => AUTHORITY.to_owned(),
        };
        let tenant = needed(name::TENANT, text(name::TENANT))?;
        Ok(Self::Client { tenant, client: needed(name::CLIENT, client)?, proof, authority })
    }

    fn of_key(setting: &str, account: String, key: String) -> Result<Self, Error> {
        if STANDARD.decode(&key).is_err() {
            return Err(error::invalid_config(format!("{setting}: the key of the account is not base64")));
        }
        Ok(Self::Key { account, key })
    }

    /// Who requests are made by, for messages; never a secret.
    pub fn principal(&self) -> String {
        match self {
            Self::Key { account, .. } => format!("the key of the account {account}"),
            Self::Signature(_) => "a shared access signature".to_owned(),
            Self::Anonymous => "nobody (anonymous)".to_owned(),
            Self::Client { client, proof: Proof::Secret(_), .. } => format!("the client {client}"),
            Self::Client { client, proof: Proof::File(_), .. } => format!("the workload identity {client}"),
            Self::Machine { client: Some(client), .. } => format!("the managed identity {client}"),
            Self::Machine { client: None, .. } => "the managed identity of the machine".to_owned(),
        }
    }

    fn told(&self) -> String {
        format!("{} (see {})", self.principal(), self.variable())
    }

    /// The variables that decide who asks.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::Key { .. } => name::KEY,
            Self::Signature(_) => name::CONNECTION_STRING,
            Self::Anonymous => name::ANONYMOUS,
            Self::Client { proof: Proof::Secret(_), .. } => name::CLIENT_SECRET,
            Self::Client { proof: Proof::File(_), .. } => name::TOKEN_FILE,
            Self::Machine { .. } => name::CLIENT,
        }
    }

    /// The origin that is asked for tokens, if one is.
    pub fn origin(&self) -> Option<String> {
        match self {
            Self::Key { .. } | Self::Signature(_) | Self::Anonymous => None,
            Self::Client { authority, .. } => Some(authority.clone()),
            Self::Machine { host, .. } => Some(host.clone()),
        }
    }

    /// The credentials of a request made now; `None` for one without.
    ///
    /// # Errors
    ///
    /// `unauthenticated` when there is no token to be had, saying from where and for whom.
    pub fn credential(&self) -> Result<Option<Credential>, Error> {
        match self {
            Self::Key { account, key } => Ok(Some(Credential::with_shared_key(account, key))),
            Self::Signature(signature) => Ok(Some(Credential::with_sas_token(signature))),
            Self::Anonymous => Ok(None),
            Self::Client { .. } | Self::Machine { .. } => {
                let Token { token } = shared(CACHED, || self.fetch())?;
                Ok(Some(Credential::with_bearer_token(&token, None)))
            }
        }
    }

    /// A new token.
    fn fetch(&self) -> Result<Fetched<Token>, Error> {
        let mut variables = HashMap::new();
        if let Self::Machine { client: Some(client), .. } = self {
            variables.insert(name::CLIENT.to_owned(), client.clone());
        }
        let wire = Wire::default();
        let context = Context::new()
            .with_http_send(wire.clone())
            .with_file_read(SettingFile(name::TOKEN_FILE))
            .with_env(StaticEnv { home_dir: None, envs: variables });
        let found = match self {
            Self::Client { tenant, client, proof: Proof::Secret(secret), authority } => {
                now(ClientSecretCredentialProvider::new()
                    .with_tenant_id(tenant)
                    .with_client_id(client)
                    .with_client_secret(secret)
                    .with_authority_host(authority)
                    .provide_credential(&context))
            }
            Self::Client { tenant, client, proof: Proof::File(file), authority } => {
                now(WorkloadIdentityCredentialProvider::new()
                    .with_tenant_id(tenant)
                    .with_client_id(client)
                    .with_federated_token_file(file)
                    .with_authority_host(authority)
                    .provide_credential(&context))
            }
            Self::Machine { host, .. } => now(ImdsCredentialProvider::new()
                .with_endpoint(format!("{host}/metadata/identity/oauth2/token"))
                .provide_credential(&context)),
            _ => return Err(error::internal("this needs no token")),
        };
        let found = wire.outcome(&self.origin().unwrap_or_default(), &self.told(), found)?;
        match found {
            Credential::BearerToken { token, expires_in } => {
                let lasts_ms = expires_in.map(left_ms);
                Ok(Fetched { value: Token { token }, lasts_ms })
            }
            _ => Err(error::internal("credentials that are no token")),
        }
    }
}
