//! Builds the requests of the protocol and signs them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::{Builder, Parts};
use http::{Method, Request};
use md5::Md5;
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::{Context, SignRequest};
use sha2::{Digest, Sha256};
use siltstone_plugin_sdk::cloud::now;
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::percent;
use siltstone_plugin_sdk::types::{Error, Precondition};

use crate::config::{Config, Style};

/// The hash of the body, which the service checks.
pub const PAYLOAD: &str = "x-amz-content-sha256";

impl Config {
    /// A request about an object, or about the bucket.
    pub fn request(&self, method: Method, key: Option<&str>, query: &[(&str, &str)]) -> Builder {
        let bucket = match self.style {
            Style::Path => format!("/{}", self.bucket),
            Style::Host => String::new(),
        };
        let path = match key {
            Some(key) => format!("{bucket}/{}", percent::path(&self.prefix.full(key))),
            None => format!("{bucket}/"),
        };
        let query = if query.is_empty() { String::new() } else { format!("?{}", percent::query(query)) };
        Request::builder().method(method).uri(format!("{}{path}{query}", self.origin()))
    }

    /// Puts the signature in, unless there are no keys.
    pub fn sign(&self, request: Builder, keys: Option<&Credential>) -> Result<Parts, Error> {
        let broken = |e: String| error::internal(format!("cannot sign a request: {e}"));
        let (mut parts, ()) = request.body(()).map_err(|e| broken(e.to_string()))?.into_parts();
        if keys.is_some() {
            let signer = RequestSigner::new("s3", &self.region);
            now(signer.sign_request(&Context::new(), &mut parts, keys, None))
                .ok_or_else(|| broken("it did not end".to_owned()))?
                .map_err(|e| broken(e.to_string()))?;
        }
        Ok(parts)
    }
}

/// Adds the headers of a condition.
pub fn condition(request: Builder, condition: &Precondition) -> Builder {
    match condition {
        Precondition::None => request,
        Precondition::IfAbsent => request.header("if-none-match", "*"),
        Precondition::IfMatch(etag) => request.header("if-match", format!("\"{etag}\"")),
    }
}

/// Adds the headers of attributes; one that means nothing here is `unsupported`.
pub fn attributes(mut request: Builder, attributes: &[(String, String)]) -> Result<Builder, Error> {
    for (name, value) in attributes {
        request = match name.as_str() {
            "content-type" => request.header("content-type", value),
            "storage-class" => request.header("x-amz-storage-class", value),
            "attempt" => request.header("x-amz-meta-attempt", value),
            "tag" => request.header("x-amz-meta-tag", value),
            _ => return Err(error::unsupported(format!("attribute {name:?} is not supported by s3"))),
        };
    }
    Ok(request)
}

/// The hexadecimal SHA-256 of a body.
pub fn sha256(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The `content-md5` of a body, which some services want with a delete of many.
pub fn md5(body: &[u8]) -> String {
    STANDARD.encode(Md5::digest(body))
}

/// The body of a delete of many objects.
pub fn delete_body(keys: &[String]) -> Vec<u8> {
    let mut body =
        String::from("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for key in keys {
        body.push_str("<Object><Key>");
        body.push_str(&quick_xml::escape::escape(key.as_str()));
        body.push_str("</Key></Object>");
    }
    body.push_str("</Delete>");
    body.into_bytes()
}

/// The body that ends an upload in parts: numbers and etags in ascending order.
pub fn complete_body(parts: &[(u32, String)]) -> Vec<u8> {
    let mut body =
        String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (number, etag) in parts {
        let etag = quick_xml::escape::escape(etag.as_str());
        body.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    }
    body.push_str("</CompleteMultipartUpload>");
    body.into_bytes()
}

#[cfg(test)]
mod tests {
    use siltstone_plugin_sdk::cloud::Prefix;

    use super::*;
    use crate::credentials::{Keys, Source};

    fn config(style: Style) -> Config {
        Config {
            bucket: "examplebucket".to_owned(),
            prefix: Prefix::default(),
            is_secure: true,
            authority: if style == Style::Host { "examplebucket.s3.amazonaws.com" } else { "s3.example.com" }
                .to_owned(),
            style,
            region: "us-east-1".to_owned(),
            source: Source::Static(Keys { key: String::new(), secret: String::new(), token: None }),
        }
    }

    #[test]
    fn a_request_names_bucket_and_key_where_the_style_says() {
        let uri = |c: &Config, key: Option<&str>, query: &[(&str, &str)]| {
            c.request(Method::GET, key, query).body(()).unwrap().uri().to_string()
        };
        let host = config(Style::Host);
        assert_eq!(uri(&host, Some("a b/ü"), &[]), "https://examplebucket.s3.amazonaws.com/a%20b/%C3%BC");
        let path = Config { prefix: Prefix::new("X", "p/q").unwrap(), ..config(Style::Path) };
        assert_eq!(
            uri(&path, Some("k"), &[("uploadId", "a/b+c"), ("partNumber", "7")]),
            "https://s3.example.com/examplebucket/p/q/k?partNumber=7&uploadId=a%2Fb%2Bc"
        );
        assert_eq!(uri(&path, None, &[("delete", "")]), "https://s3.example.com/examplebucket/?delete=");
    }

    #[test]
    fn a_signature_covers_host_payload_and_token() {
        let keys = Credential {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: Some("token".to_owned()),
            expires_in: None,
        };
        let config = config(Style::Host);
        let request = config.request(Method::GET, Some("test.txt"), &[]).header(PAYLOAD, sha256(b""));
        let parts = config.sign(request, Some(&keys)).unwrap();
        let text = parts.headers["authorization"].to_str().unwrap();
        assert!(text.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"), "{text}");
        assert!(text.contains("/us-east-1/s3/aws4_request"), "{text}");
        assert!(
            text.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token"),
            "{text}"
        );
        assert!(!text.contains("wJalr"));
        assert_eq!(parts.headers[PAYLOAD], sha256(b""));
        let unsigned = config.request(Method::GET, Some("x"), &[]);
        assert!(config.sign(unsigned, None).unwrap().headers.get("authorization").is_none());
    }

    #[test]
    fn bodies_escape_what_xml_would_misread() {
        let body = String::from_utf8(delete_body(&["a&<b>".to_owned()])).unwrap();
        assert!(body.contains("<Key>a&amp;&lt;b&gt;</Key>"), "{body}");
        let body = String::from_utf8(complete_body(&[(1, "\"x\"".to_owned()), (2, "y".to_owned())])).unwrap();
        assert!(body.contains("<PartNumber>1</PartNumber><ETag>&quot;x&quot;</ETag>"), "{body}");
    }

    #[test]
    fn an_attribute_without_meaning_is_named() {
        let one = |name: &str| attributes(Request::builder(), &[(name.to_owned(), "v".to_owned())]);
        assert!(one("storage-class").is_ok());
        assert!(one("retain-until").unwrap_err().message.contains("retain-until"));
    }
}
