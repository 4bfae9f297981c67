//! Key files, as `GOOGLE_APPLICATION_CREDENTIALS` names them (<https://google.aip.dev/auth/4110>).

use std::collections::BTreeMap;

use http::Uri;
use serde::Deserialize;
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;

use crate::config::name;

/// Where users and service accounts get tokens, unless the file says otherwise.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// A key file.
#[derive(Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum KeyFile {
    /// A service account with its private key.
    ServiceAccount(ServiceAccount),
    /// A person who has logged in.
    AuthorizedUser(AuthorizedUser),
    /// A workload that another provider vouches for.
    ExternalAccount(Box<ExternalAccount>),
    /// A service account that somebody else acts for.
    ImpersonatedServiceAccount(Impersonated),
}

/// See [`KeyFile::ServiceAccount`].
#[derive(Clone, Deserialize)]
pub struct ServiceAccount {
    pub(super) client_email: String,
    pub(super) private_key: String,
    pub(super) private_key_id: Option<String>,
    #[serde(default = "token_uri")]
    pub(super) token_uri: String,
}

/// See [`KeyFile::AuthorizedUser`].
#[derive(Clone, Deserialize)]
pub struct AuthorizedUser {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) refresh_token: String,
    #[serde(default = "token_uri")]
    pub(super) token_uri: String,
}

/// See [`KeyFile::ExternalAccount`].
#[derive(Clone, Deserialize)]
pub struct ExternalAccount {
    pub(super) audience: String,
    pub(super) subject_token_type: String,
    pub(super) token_url: String,
    pub(super) credential_source: CredentialSource,
    pub(super) service_account_impersonation_url: Option<String>,
}

/// Where the token of another provider is.
#[derive(Clone, Deserialize)]
pub(super) struct CredentialSource {
    pub(super) file: Option<String>,
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) format: Option<Format>,
    environment_id: Option<serde_json::Value>,
    executable: Option<serde_json::Value>,
    certificate: Option<serde_json::Value>,
}

/// How that token is written.
#[derive(Clone, Deserialize)]
pub(super) struct Format {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) subject_token_field_name: Option<String>,
}

/// See [`KeyFile::ImpersonatedServiceAccount`].
#[derive(Clone, Deserialize)]
pub struct Impersonated {
    pub(super) service_account_impersonation_url: String,
    pub(super) source_credentials: Box<KeyFile>,
    #[serde(default)]
    pub(super) delegates: Vec<String>,
}

fn token_uri() -> String {
    TOKEN_URI.to_owned()
}

impl KeyFile {
    /// Reads and checks one.
    ///
    /// # Errors
    ///
    /// `invalid-config`, naming the variable; nothing of the content but names of fields.
    pub fn parse(content: &[u8]) -> Result<Self, Error> {
        let wrong = |why: &str| error::invalid_config(format!("{}: {why}", name::CREDENTIALS));
        let value: serde_json::Value =
            serde_json::from_slice(content).map_err(|_| wrong("the file is no JSON"))?;
        let Some(kind) = value.get("type").and_then(|kind| kind.as_str()) else {
            return Err(wrong("the file has no `type`, so it is no key file"));
        };
        let kind = kind.to_owned();
        let file: Self = serde_json::from_value(value).map_err(|e| {
            // Serde tells fields and kinds; values only in the quotes of an unknown kind.
            let text = e.to_string();
            match text.strip_prefix("missing field ") {
                Some(field) => wrong(&format!("the file of type {kind:?} has no {field}")),
                None if text.starts_with("unknown variant") => wrong(&format!(
                    "the type {kind:?} is not known; use service_account, authorized_user, external_account or \
                     impersonated_service_account"
                )),
                None => wrong(&format!("the file of type {kind:?} has a field of the wrong kind")),
            }
        })?;
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |why: String| error::invalid_config(format!("{}: {why}", name::CREDENTIALS));
        for uri in self.uris() {
            let parsed: Option<Uri> = uri.parse().ok();
            let host = parsed.as_ref().and_then(Uri::host).unwrap_or_default();
            let is_near =
                host == "localhost" || host == "127.0.0.1" || host == "[::1]" || host.starts_with("169.254.");
            match parsed.as_ref().and_then(Uri::scheme_str) {
                Some("https") => {}
                // Only what does not leave the machine goes without TLS.
                Some("http") if is_near => {}
                _ => return Err(wrong(format!("{uri:?} must be an https address"))),
            }
        }
        match self {
            Self::ExternalAccount(external) => {
                let source = &external.credential_source;
                let is_other = source.environment_id.is_some()
                    || source.executable.is_some()
                    || source.certificate.is_some();
                if is_other || source.file.is_some() == source.url.is_some() {
                    return Err(wrong(
                        "its `credential_source` must have either a `file` or a `url`; others are not supported"
                            .to_owned(),
                    ));
                }
                match &source.format {
                    Some(format) if format.kind == "json" && format.subject_token_field_name.is_none() => {
                        Err(wrong("its `credential_source` has no `subject_token_field_name`".to_owned()))
                    }
                    Some(format) if !matches!(format.kind.as_str(), "json" | "text") => {
                        Err(wrong("the format of its `credential_source` must be json or text".to_owned()))
                    }
                    _ => Ok(()),
                }
            }
            Self::ImpersonatedServiceAccount(impersonated) => match &*impersonated.source_credentials {
                Self::ImpersonatedServiceAccount(_) => Err(wrong(
                    "its `source_credentials` impersonate as well, which is not supported".to_owned(),
                )),
                source => source.check(),
            },
            _ => Ok(()),
        }
    }

    /// All URIs that are asked on the way to a token.
    pub fn uris(&self) -> Vec<String> {
        match self {
            Self::ServiceAccount(account) => vec![account.token_uri.clone()],
            Self::AuthorizedUser(user) => vec![user.token_uri.clone()],
            Self::ExternalAccount(external) => {
                let mut all = vec![external.token_url.clone()];
                all.extend(external.credential_source.url.clone());
                all.extend(external.service_account_impersonation_url.clone());
                all
            }
            Self::ImpersonatedServiceAccount(impersonated) => {
                let mut all = impersonated.source_credentials.uris();
                all.push(impersonated.service_account_impersonation_url.clone());
                all
            }
        }
    }

    /// Another file that holds a token.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::ExternalAccount(external) => external.credential_source.file.as_deref(),
            Self::ImpersonatedServiceAccount(impersonated) => impersonated.source_credentials.file(),
            _ => None,
        }
    }

    /// Who the tokens are for, for messages.
    pub fn principal(&self) -> String {
        match self {
            Self::ServiceAccount(account) => format!("the service account {}", account.client_email),
            Self::AuthorizedUser(user) => format!("the user of the client {}", user.client_id),
            Self::ExternalAccount(external) => match &external.service_account_impersonation_url {
                Some(uri) => format!("the service account {} for a workload", impersonated(uri)),
                None => format!("a workload of {}", external.audience),
            },
            Self::ImpersonatedServiceAccount(file) => {
                format!("the service account {}", impersonated(&file.service_account_impersonation_url))
            }
        }
    }
}

/// The account in `.../serviceAccounts/ACCOUNT:generateAccessToken`.
fn impersonated(uri: &str) -> &str {
    let last = uri.rsplit('/').next().unwrap_or(uri);
    last.split(':').next().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_is_read_and_says_who_and_where() {
        for (text, principal, uris) in [
            (
                r#"{"type":"service_account","client_email":"a@b","private_key":"k","project_id":"p"}"#,
                "the service account a@b",
                &["https://oauth2.googleapis.com/token"][..],
            ),
            (
                r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#,
                "the user of the client c",
                &["https://oauth2.googleapis.com/token"],
            ),
            (
                r#"{"type":"external_account","audience":"//iam/x","subject_token_type":"t",
                    "token_url":"https://sts.googleapis.com/v1/token","credential_source":{"url":"http://169.254.169.254/t"}}"#,
                "a workload of //iam/x",
                &["https://sts.googleapis.com/v1/token", "http://169.254.169.254/t"],
            ),
            (
                r#"{"type":"impersonated_service_account",
                    "service_account_impersonation_url":"https://iam.example/v1/serviceAccounts/a@b:generateAccessToken",
                    "source_credentials":{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}}"#,
                "the service account a@b",
                &[
                    "https://oauth2.googleapis.com/token",
                    "https://iam.example/v1/serviceAccounts/a@b:generateAccessToken",
                ],
            ),
        ] {
            let file = KeyFile::parse(text.as_bytes()).unwrap();
            assert_eq!(
                (file.principal().as_str(), &file.uris()[..]),
                (principal, &uris.iter().map(|u| (*u).to_owned()).collect::<Vec<_>>()[..])
            );
        }
    }

    #[test]
    fn a_wrong_file_is_told_without_its_secrets() {
        for (text, words) in [
            ("hushhush", "no JSON"),
            (r#"{"key":"hushhush"}"#, "no `type`"),
            (r#"{"type":"other","key":"hushhush"}"#, "\"other\" is not known"),
            (r#"{"type":"service_account","private_key":"hushhush"}"#, "has no `client_email`"),
            (r#"{"type":"service_account","client_email":7,"private_key":"hushhush"}"#, "wrong kind"),
            (
                r#"{"type":"service_account","client_email":"a","private_key":"hushhush","token_uri":"http://a.b/"}"#,
                "https address",
            ),
            (
                r#"{"type":"external_account","audience":"a","subject_token_type":"t","token_url":"https://a/",
                    "credential_source":{"executable":{"command":"hushhush"}}}"#,
                "either a `file` or a `url`",
            ),
            (
                r#"{"type":"external_account","audience":"a","subject_token_type":"t","token_url":"https://a/",
                    "credential_source":{"environment_id":"aws1","url":"http://169.254.169.254/hushhush"}}"#,
                "others are not supported",
            ),
        ] {
            let error = KeyFile::parse(text.as_bytes()).map(|_| ()).unwrap_err();
            assert!(
                error.message.contains(words) && error.message.contains(name::CREDENTIALS),
                "{}",
                error.message
            );
            assert!(!error.message.contains("hushhush"), "{}", error.message);
        }
    }
}
