//! Where an account is: from its name, from an endpoint, or from a connection string.

use http::Uri;
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;

use crate::config::name;

/// The service of the public cloud.
const SUFFIX: &str = "core.windows.net";
/// What `UseDevelopmentStorage=true` stands for: the emulator with its published key.
const EMULATOR: (&str, &str, &str) = (
    "http://127.0.0.1:10000/devstoreaccount1",
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
);

/// What a connection string says.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// Where the service is.
    pub endpoint: String,
    /// The account, where one is named.
    pub account: Option<String>,
    /// Its key.
    pub key: Option<String>,
    /// A shared access signature, without the `?`.
    pub signature: Option<String>,
}

impl Connection {
    /// Reads `Name=value;Name=value`. Nothing of the text gets into an error but names.
    ///
    /// # Errors
    ///
    /// `invalid-config`, naming the variable and the part of it that is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| error::invalid_config(format!("{}: {why}", name::CONNECTION_STRING));
        let mut found = Self { endpoint: String::new(), account: None, key: None, signature: None };
        let (mut protocol, mut suffix, mut is_emulator) = ("https", SUFFIX, false);
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(wrong("it is no list of Name=value parts with `;` between them"));
            };
            match name.to_ascii_lowercase().as_str() {
                "accountname" => found.account = Some(value.to_owned()),
                "accountkey" => found.key = Some(value.to_owned()),
                "sharedaccesssignature" => {
                    found.signature = Some(value.trim_start_matches('?').to_owned());
                }
                "blobendpoint" => found.endpoint = value.to_owned(),
                "defaultendpointsprotocol" if matches!(value, "http" | "https") => protocol = value,
                "defaultendpointsprotocol" => {
                    return Err(wrong("DefaultEndpointsProtocol must be http or https"));
                }
                "endpointsuffix" => suffix = value,
                "usedevelopmentstorage" => is_emulator = value.eq_ignore_ascii_case("true"),
                // Of other services, or of a secondary location.
                _ => {}
            }
        }
        if is_emulator {
            let (endpoint, account, key) = EMULATOR;
            // Addresses of this machine are reached only where a setting names them.
            if found.endpoint.is_empty() {
                return Err(wrong(&format!(
                    "UseDevelopmentStorage=true needs an address beside it, as BlobEndpoint={endpoint}"
                )));
            }
            if found.signature.is_none() && found.key.is_none() {
                found.account.get_or_insert_with(|| account.to_owned());
                found.key = Some(key.to_owned());
            }
        }
        if found.endpoint.is_empty() {
            let account = found.account.as_deref();
            let account = account.ok_or_else(|| wrong("it has neither AccountName nor BlobEndpoint"))?;
            check_account("AccountName", account)?;
            found.endpoint = format!("{protocol}://{account}.blob.{suffix}");
        }
        if found.key.is_some() && found.account.is_none() {
            return Err(wrong("it has an AccountKey and no AccountName"));
        }
        if found.key.is_none() && found.signature.is_none() {
            return Err(wrong("it has neither AccountKey nor SharedAccessSignature"));
        }
        found.endpoint = endpoint("BlobEndpoint", &found.endpoint)?;
        Ok(found)
    }
}

/// The endpoint of an account of the public cloud.
///
/// # Errors
///
/// `invalid-config` for what is no name of an account.
pub fn public(account: &str) -> Result<String, Error> {
    check_account(name::ACCOUNT, account)?;
    Ok(format!("https://{account}.blob.{SUFFIX}"))
}

/// The endpoint without a slash at its end; a path is that of an emulator.
///
/// # Errors
///
/// `invalid-config`, naming the setting, for what is no URL of a service.
pub fn endpoint(setting: &str, given: &str) -> Result<String, Error> {
    let wrong = |why: &str| error::invalid_config(format!("{setting}: {why}"));
    let uri: Uri = given.parse().map_err(|_| wrong("it must be scheme://host, as https://name.example"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(wrong("it must begin with https:// or http:// and a host"));
    }
    if uri.query().is_some() || uri.authority().is_some_and(|a| a.as_str().contains('@')) {
        return Err(wrong("it must have no `?` and no `@`"));
    }
    Ok(given.trim_end_matches('/').to_owned())
}

fn check_account(setting: &str, account: &str) -> Result<(), Error> {
    let fits = (3..=24).contains(&account.len())
        && account.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if fits {
        return Ok(());
    }
    Err(error::invalid_config(format!("{setting} is {account:?}; an account has 3 to 24 of a-z and 0-9")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_says_where_and_who() {
        let key = Connection::parse(
            "DefaultEndpointsProtocol=https;AccountName=nightly;AccountKey=aGVsbG8=;EndpointSuffix=core.chinacloudapi.cn",
        )
        .unwrap();
        assert_eq!(key.endpoint, "https://nightly.blob.core.chinacloudapi.cn");
        assert_eq!((key.account.as_deref(), key.key.as_deref()), (Some("nightly"), Some("aGVsbG8=")));
        let sas = Connection::parse(
            "BlobEndpoint=https://nightly.blob.core.windows.net/;SharedAccessSignature=?sv=2024&sig=x%3D",
        )
        .unwrap();
        assert_eq!(sas.endpoint, "https://nightly.blob.core.windows.net");
        assert_eq!((sas.signature.as_deref(), sas.key), (Some("sv=2024&sig=x%3D"), None));
        let local = Connection::parse(
            "UseDevelopmentStorage=true;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1",
        )
        .unwrap();
        assert_eq!(local.endpoint, "http://127.0.0.1:10000/devstoreaccount1");
        assert!(local.key.is_some());
    }

    #[test]
    fn a_wrong_connection_string_is_told_without_its_secrets() {
        for (text, word) in [
            ("", "neither AccountName nor BlobEndpoint"),
            ("hushhush", "Name=value"),
            ("UseDevelopmentStorage=true", "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"),
            ("AccountName=nightly", "neither AccountKey nor SharedAccessSignature"),
            ("AccountKey=hushhush;BlobEndpoint=https://x", "no AccountName"),
            ("AccountName=No;AccountKey=hushhush", "3 to 24"),
            ("AccountName=abc;AccountKey=hushhush;BlobEndpoint=abc.example", "BlobEndpoint"),
            ("AccountName=abc;AccountKey=hushhush;DefaultEndpointsProtocol=ftp", "http or https"),
        ] {
            let error = Connection::parse(text).map(|_| ()).unwrap_err();
            assert!(error.message.contains(word) && !error.message.contains("hushhush"), "{}", error.message);
        }
    }
}
