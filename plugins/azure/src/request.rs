//! Builds the requests of the protocol and signs them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::{Builder, Parts};
use http::{Method, Request};
use reqsign_azure_storage::{Credential, RequestSigner};
use reqsign_core::{Context, SignRequest};
use serde::{Deserialize, Serialize};
use siltstone_plugin_sdk::cloud::now;
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::percent;
use siltstone_plugin_sdk::types::{Error, Precondition};

use crate::config::Config;

/// The version of the protocol, which all accounts have known since 2021.
const VERSION: &str = "2021-08-06";

impl Config {
    /// A request about a blob, or about the container.
    pub fn request(&self, method: Method, key: Option<&str>, query: &[(&str, &str)]) -> Builder {
        let blob = key.map(|key| format!("/{}", percent::path(&self.prefix.full(key)))).unwrap_or_default();
        let query = if query.is_empty() { String::new() } else { format!("?{}", percent::query(query)) };
        let uri = format!("{}/{}{blob}{query}", self.endpoint, self.container);
        Request::builder().method(method).uri(uri).header("x-ms-version", VERSION)
    }
}

/// Puts the credentials in, unless there are none; `length` is that of the body.
///
/// # Errors
///
/// `internal` for a request that cannot be made.
pub fn sign(request: Builder, length: u64, credential: Option<&Credential>) -> Result<Parts, Error> {
    let broken = |e: String| error::internal(format!("cannot sign a request: {e}"));
    // Part of what a shared key signs; it is written again by whoever sends.
    let request = if length > 0 { request.header("content-length", length) } else { request };
    let (mut parts, ()) = request.body(()).map_err(|e| broken(e.to_string()))?.into_parts();
    now(RequestSigner::new().sign_request(&Context::new(), &mut parts, credential, None))
        .ok_or_else(|| broken("it did not end".to_owned()))?
        .map_err(|e| broken(e.to_string()))?;
    parts.headers.remove("content-length");
    Ok(parts)
}

/// Adds the headers of a condition.
pub fn condition(request: Builder, condition: &Precondition) -> Builder {
    match condition {
        Precondition::None => request,
        Precondition::IfAbsent => request.header("if-none-match", "*"),
        Precondition::IfMatch(etag) => request.header("if-match", format!("\"{etag}\"")),
    }
}

/// What a blob is told besides its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties(Vec<(String, String)>);

impl Properties {
    /// Of attributes.
    ///
    /// # Errors
    ///
    /// `unsupported` for one that means nothing here.
    pub fn new(attributes: &[(String, String)]) -> Result<Self, Error> {
        let header = |name: &str| match name {
            "content-type" => Some("x-ms-blob-content-type"),
            "storage-class" => Some("x-ms-access-tier"),
            "attempt" => Some("x-ms-meta-attempt"),
            "tag" => Some("x-ms-meta-tag"),
            _ => None,
        };
        let mut all = Vec::with_capacity(attributes.len());
        for (name, value) in attributes {
            let header = header(name)
                .ok_or_else(|| error::unsupported(format!("attribute {name:?} is not supported by azure")))?;
            all.push((header.to_owned(), value.clone()));
        }
        Ok(Self(all))
    }

    /// Adds their headers.
    pub fn add(&self, request: Builder) -> Builder {
        self.0.iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

/// The id of a block: of one length for all blocks of all uploads, as the service demands.
pub fn block_id(upload: &str, number: u32) -> String {
    STANDARD.encode(format!("{upload}-{number:08}"))
}

/// Whether a block is one of an upload.
pub fn is_block_of(upload: &str, id: &str) -> bool {
    STANDARD
        .decode(id)
        .is_ok_and(|id| id.strip_prefix(upload.as_bytes()).is_some_and(|rest| rest.starts_with(b"-")))
}

/// The body that makes a blob of blocks.
pub fn block_list(upload: &str, count: usize) -> Vec<u8> {
    let mut body = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for number in 1..=count {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        body.push_str(&format!("<Uncommitted>{}</Uncommitted>", block_id(upload, number)));
    }
    body.push_str("</BlockList>");
    body.into_bytes()
}

#[cfg(test)]
mod tests {
    use siltstone_plugin_sdk::cloud::Prefix;

    use super::*;
    use crate::credentials::Source;

    fn config(endpoint: &str) -> Config {
        Config {
            container: "nightly".to_owned(),
            prefix: Prefix::new("X", "p").unwrap(),
            endpoint: endpoint.to_owned(),
            source: Source::Anonymous,
            block: 1,
            in_flight: 1,
        }
    }

    #[test]
    fn a_request_names_container_and_blob_behind_the_endpoint() {
        let uri = |endpoint: &str, key: Option<&str>, query: &[(&str, &str)]| {
            config(endpoint).request(Method::GET, key, query).body(()).unwrap().uri().to_string()
        };
        assert_eq!(uri("https://a.example", Some("k=1"), &[]), "https://a.example/nightly/p/k%3D1");
        assert_eq!(
            uri("http://127.0.0.1:1/dev", None, &[("restype", "container"), ("comp", "list")]),
            "http://127.0.0.1:1/dev/nightly?comp=list&restype=container"
        );
    }

    #[test]
    fn a_shared_key_signs_and_does_not_show() {
        let request = config("https://a.example").request(Method::PUT, Some("k"), &[]);
        let key = Credential::with_shared_key("acme", "aHVzaGh1c2g=");
        let parts = sign(request, 7, Some(&key)).unwrap();
        let text = parts.headers["authorization"].to_str().unwrap();
        assert!(text.starts_with("SharedKey acme:") && !text.contains("aHVzaGh1c2g"), "{text}");
        assert!(parts.headers.contains_key("x-ms-date") && !parts.headers.contains_key("content-length"));
    }

    #[test]
    fn a_signature_goes_into_the_query_and_a_token_into_a_header() {
        let request = || config("https://a.example").request(Method::GET, Some("k"), &[("comp", "block")]);
        let parts = sign(request(), 0, Some(&Credential::with_sas_token("sv=1&sig=a%2Bb"))).unwrap();
        assert_eq!(parts.uri.to_string(), "https://a.example/nightly/p/k?comp=block&sv=1&sig=a%2Bb");
        let parts = sign(request(), 0, Some(&Credential::with_bearer_token("t", None))).unwrap();
        assert_eq!(parts.headers["authorization"], "Bearer t");
        let parts = sign(request(), 0, None).unwrap();
        assert!(!parts.headers.contains_key("authorization"));
    }

    #[test]
    fn block_ids_are_of_one_length_and_know_their_upload() {
        let ids: Vec<_> = [1, 9, 50_000].map(|n| block_id("0123456789abcdef", n)).to_vec();
        assert!(ids.iter().all(|id| id.len() == ids[0].len() && id.len() <= 88), "{ids:?}");
        assert!(is_block_of("0123456789abcdef", &ids[2]) && !is_block_of("0123456789abcde", &ids[2]));
        assert!(!is_block_of("0123456789abcdef", "?"));
        let body = String::from_utf8(block_list("0123456789abcdef", 2)).unwrap();
        assert!(body.ends_with(&format!(
            "<BlockList><Uncommitted>{}</Uncommitted><Uncommitted>{}</Uncommitted></BlockList>",
            ids[0],
            block_id("0123456789abcdef", 2)
        )));
    }

    #[test]
    fn an_attribute_without_meaning_is_named() {
        let one = |name: &str| Properties::new(&[(name.to_owned(), "v".to_owned())]);
        assert!(one("storage-class").is_ok());
        assert!(one("retain-until").unwrap_err().message.contains("retain-until"));
    }
}
