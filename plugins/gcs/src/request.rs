//! Builds the requests of the JSON API and of the XML API.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::{Builder, Parts};
use http::{Method, Request};
use serde::{Deserialize, Serialize};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::http::percent;
use siltstone_plugin_sdk::types::{Error, Precondition};

use crate::config::Config;

/// The fields of an object that are asked for.
pub const FIELDS: &str = "name,size,generation,updated,crc32c";

impl Config {
    /// A request of the JSON API about an object by its key, or about all of the bucket's.
    pub fn object(&self, method: Method, key: Option<&str>, query: &[(&str, &str)]) -> Builder {
        let object =
            key.map(|key| format!("/{}", percent::segment(&self.prefix.full(key)))).unwrap_or_default();
        self.json(method, &format!("storage/v1/b/{}/o{object}", self.bucket), query)
    }

    /// One that makes an object.
    pub fn upload(&self, query: &[(&str, &str)]) -> Builder {
        self.json(Method::POST, &format!("upload/storage/v1/b/{}/o", self.bucket), query)
    }

    /// One that gives the content of an object another key.
    pub fn rewrite(&self, from: &str, to: &str, query: &[(&str, &str)]) -> Builder {
        let (from, to) = (self.prefix.full(from), self.prefix.full(to));
        let path = format!(
            "storage/v1/b/{0}/o/{1}/rewriteTo/b/{0}/o/{2}",
            self.bucket,
            percent::segment(&from),
            percent::segment(&to)
        );
        self.json(Method::POST, &path, query)
    }

    /// One of the XML API about an object.
    pub fn xml(&self, method: Method, key: &str, query: &[(&str, &str)]) -> Builder {
        let path = format!("{}/{}", self.bucket, percent::path(&self.prefix.full(key)));
        self.json(method, &path, query)
    }

    fn json(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Builder {
        let query = if query.is_empty() { String::new() } else { format!("?{}", percent::query(query)) };
        Request::builder().method(method).uri(format!("{}/{path}{query}", self.endpoint))
    }
}

/// The head of a request, with the token if there is one.
///
/// # Errors
///
/// `internal` for a request that cannot be made.
pub fn finish(request: Builder, token: Option<&str>) -> Result<Parts, Error> {
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    let made = request.body(()).map_err(|e| error::internal(format!("cannot make a request: {e}")))?;
    Ok(made.into_parts().0)
}

/// A condition in the terms of the JSON API. Etags are generations.
///
/// # Errors
///
/// `precondition-failed` for an etag that no object can have.
pub fn condition(condition: &Precondition) -> Result<Option<(&'static str, String)>, Error> {
    match condition {
        Precondition::None => Ok(None),
        Precondition::IfAbsent => Ok(Some(("ifGenerationMatch", "0".to_owned()))),
        Precondition::IfMatch(etag) if etag.parse::<u64>().is_ok_and(|generation| generation > 0) => {
            Ok(Some(("ifGenerationMatch", etag.clone())))
        }
        Precondition::IfMatch(etag) => {
            Err(error::precondition_failed(format!("no object has the etag {etag:?}")))
        }
    }
}

/// What an object is told besides its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Properties {
    /// The media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The storage class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Whatever else, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, String)>,
}

impl Properties {
    /// Of attributes.
    ///
    /// # Errors
    ///
    /// `unsupported` for one that means nothing here.
    pub fn new(attributes: &[(String, String)]) -> Result<Self, Error> {
        let mut all = Self::default();
        for (name, value) in attributes {
            match name.as_str() {
                "content-type" => all.content_type = Some(value.clone()),
                "storage-class" => all.storage_class = Some(value.clone()),
                "attempt" | "tag" => all.metadata.push((name.clone(), value.clone())),
                _ => return Err(error::unsupported(format!("attribute {name:?} is not supported by gcs"))),
            }
        }
        Ok(all)
    }

    /// As the JSON API wants them: an object resource for a key in the bucket.
    pub fn resource(&self, full: &str, crc32c: Option<&str>) -> Vec<u8> {
        let mut resource = serde_json::json!({ "name": full });
        let mut set = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                resource[name] = value.into();
            }
        };
        set("contentType", Some(self.content_type.as_deref().unwrap_or("application/octet-stream")));
        set("storageClass", self.storage_class.as_deref());
        set("crc32c", crc32c);
        for (name, value) in &self.metadata {
            resource["metadata"][name] = value.as_str().into();
        }
        resource.to_string().into_bytes()
    }

    /// As the XML API wants them: headers.
    pub fn add(&self, mut request: Builder) -> Builder {
        let media = self.content_type.as_deref().unwrap_or("application/octet-stream");
        request = request.header("content-type", media);
        if let Some(class) = &self.storage_class {
            request = request.header("x-goog-storage-class", class);
        }
        self.metadata.iter().fold(request, |r, (name, value)| r.header(format!("x-goog-meta-{name}"), value))
    }
}

/// A CRC-32C as the service writes it: base64 of its four bytes, the highest first.
pub fn crc32c(digest: u32) -> String {
    STANDARD.encode(digest.to_be_bytes())
}

/// What goes around the content in an upload of one piece (RFC 2387).
pub fn frame(boundary: &str, resource: &[u8], media: &str) -> (Vec<u8>, Vec<u8>) {
    let mut before =
        format!("--{boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n").into_bytes();
    before.extend_from_slice(resource);
    before.extend_from_slice(format!("\r\n--{boundary}\r\ncontent-type: {media}\r\n\r\n").as_bytes());
    (before, format!("\r\n--{boundary}--\r\n").into_bytes())
}

/// The body that ends an upload in parts: numbers and etags in ascending order.
pub fn complete_body<'a>(parts: impl IntoIterator<Item = (u32, &'a str)>) -> Vec<u8> {
    let mut body = String::from("<CompleteMultipartUpload>");
    for (number, etag) in parts {
        let etag = quick_xml::escape::escape(etag);
        body.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    }
    body.push_str("</CompleteMultipartUpload>");
    body.into_bytes()
}

#[cfg(test)]
mod tests {
    use siltstone_plugin_sdk::cloud::Prefix;

    use super::*;
    use crate::config::Uploads;
    use crate::credentials::Source;

    fn config() -> Config {
        Config {
            bucket: "nightly".to_owned(),
            prefix: Prefix::new("X", "p/q").unwrap(),
            endpoint: "https://s.example".to_owned(),
            source: Source::Nobody,
            uploads: Uploads::Parts,
        }
    }

    #[test]
    fn a_request_names_bucket_and_object_in_the_way_of_its_api() {
        let uri = |r: Builder| r.body(()).unwrap().uri().to_string();
        let config = config();
        assert_eq!(
            uri(config.object(Method::GET, Some("a/b"), &[("alt", "media")])),
            "https://s.example/storage/v1/b/nightly/o/p%2Fq%2Fa%2Fb?alt=media"
        );
        assert_eq!(uri(config.object(Method::GET, None, &[])), "https://s.example/storage/v1/b/nightly/o");
        assert_eq!(
            uri(config.upload(&[("uploadType", "multipart")])),
            "https://s.example/upload/storage/v1/b/nightly/o?uploadType=multipart"
        );
        assert_eq!(
            uri(config.rewrite("t", "k", &[])),
            "https://s.example/storage/v1/b/nightly/o/p%2Fq%2Ft/rewriteTo/b/nightly/o/p%2Fq%2Fk"
        );
        assert_eq!(
            uri(config.xml(Method::POST, "a b", &[("uploads", "")])),
            "https://s.example/nightly/p/q/a%20b?uploads="
        );
        let parts = finish(config.object(Method::GET, None, &[]), Some("t")).unwrap();
        assert_eq!(parts.headers["authorization"], "Bearer t");
    }

    #[test]
    fn a_resource_holds_what_was_said_and_a_frame_the_resource() {
        let of = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let all =
            [of("content-type", "a/b"), of("storage-class", "NEARLINE"), of("attempt", "x"), of("tag", "y")];
        let properties = Properties::new(&all).unwrap();
        let resource = properties.resource("p/k", Some("AAAAAA=="));
        let value: serde_json::Value = serde_json::from_slice(&resource).unwrap();
        assert_eq!(
            value,
            serde_json::json!({ "name": "p/k", "contentType": "a/b", "storageClass": "NEARLINE",
                "crc32c": "AAAAAA==", "metadata": { "attempt": "x", "tag": "y" } })
        );
        let (before, after) = frame("B", b"{}", "a/b");
        assert_eq!(
            String::from_utf8([before, b"data".to_vec(), after].concat()).unwrap(),
            "--B\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{}\r\n--B\r\ncontent-type: a/b\r\n\r\ndata\r\n--B--\r\n"
        );
        assert!(Properties::new(&[of("retain-until", "x")]).unwrap_err().message.contains("retain-until"));
    }

    #[test]
    fn conditions_are_generations() {
        assert!(condition(&Precondition::None).unwrap().is_none());
        assert_eq!(condition(&Precondition::IfAbsent).unwrap().unwrap().1, "0");
        assert_eq!(condition(&Precondition::IfMatch("17".to_owned())).unwrap().unwrap().1, "17");
        // An etag of 0 would mean that there is no object.
        assert!(condition(&Precondition::IfMatch("0".to_owned())).is_err());
    }
}
