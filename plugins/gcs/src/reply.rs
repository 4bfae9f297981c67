//! Reads what the service answers.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use siltstone_plugin_sdk::cloud::{Prefix, iso_ms};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::{Error, ObjectMeta, Page};

/// What an error document of either API says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The word for it, such as `notFound` or `NoSuchUpload`.
    pub reason: String,
    /// One line for people.
    pub message: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: Refused,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct XmlFault {
    code: String,
    message: String,
}

/// An object as the JSON API describes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Object {
    /// The key in the bucket.
    pub name: String,
    /// Bytes, as text.
    #[serde(default)]
    pub size: String,
    /// Changes with every write; the etag of the contract.
    #[serde(default)]
    pub generation: Option<String>,
    /// The last change.
    #[serde(default)]
    pub updated: Option<String>,
    /// The checksum, in base64.
    #[serde(default)]
    pub crc32c: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    #[serde(default)]
    items: Vec<Object>,
    #[serde(default)]
    prefixes: Vec<String>,
    next_page_token: Option<String>,
}

/// A step of giving an object another key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rewrite {
    /// Whether it is over.
    #[serde(default)]
    pub done: bool,
    /// How to go on.
    #[serde(default)]
    pub rewrite_token: Option<String>,
    /// The object, when it is over.
    #[serde(default)]
    pub resource: Option<Object>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Initiated {
    upload_id: String,
}

/// What a body says of an error, if it says anything.
pub fn fault(body: &[u8]) -> Option<Fault> {
    if let Ok(Refusal { error }) = serde_json::from_slice(body) {
        let reason = error.errors.into_iter().next().map(|reason| reason.reason).unwrap_or_default();
        return Some(Fault { reason, message: error.message });
    }
    let text = std::str::from_utf8(body).ok().filter(|text| text.contains("<Error"))?;
    let fault: XmlFault = quick_xml::de::from_str(text).ok()?;
    Some(Fault { reason: fault.code, message: fault.message })
}

impl Object {
    /// In the terms of the contract, under the key that it was asked for.
    ///
    /// # Errors
    ///
    /// `corrupt` for a size that is no number.
    pub fn meta(&self, key: String) -> Result<ObjectMeta, Error> {
        let size = self.size.parse().map_err(|_| unreadable())?;
        let modified_ms = self.updated.as_deref().and_then(iso_ms);
        Ok(ObjectMeta { key, size, etag: self.generation.clone(), modified_ms })
    }
}

/// A page of a listing, sorted; keys lose the prefix of the location.
///
/// # Errors
///
/// `corrupt` for what is no listing of this location.
pub fn listing(body: &[u8], prefix: &Prefix) -> Result<Page, Error> {
    let listing: Listing = json(body)?;
    let mut objects = Vec::with_capacity(listing.items.len());
    for object in &listing.items {
        objects.push(object.meta(prefix.own(&object.name)?.to_owned())?);
    }
    let prefixes: Result<Vec<_>, Error> =
        listing.prefixes.iter().map(|p| prefix.own(p).map(str::to_owned)).collect();
    Ok(Page { objects, prefixes: prefixes?, next: listing.next_page_token.filter(|t| !t.is_empty()) })
}

/// A document of the JSON API.
///
/// # Errors
///
/// `corrupt` for anything else.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|_| unreadable())
}

/// The id of an upload that was begun.
///
/// # Errors
///
/// `corrupt` for anything else.
pub fn upload_id(body: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
    quick_xml::de::from_str::<Initiated>(text).map(|i| i.upload_id).map_err(|_| unreadable())
}

/// How many bytes a session has, from the `range` of a 308: none when there is no such header.
///
/// # Errors
///
/// `corrupt` for a range that is none.
pub fn persisted(range: Option<&str>) -> Result<u64, Error> {
    match range {
        None => Ok(0),
        Some(range) => {
            let last = range.trim().strip_prefix("bytes=0-").and_then(|last| last.parse::<u64>().ok());
            last.and_then(|last| last.checked_add(1)).ok_or_else(unreadable)
        }
    }
}

fn unreadable() -> Error {
    error::corrupt("the service answered with something that is not its protocol")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_and_loses_the_prefix() {
        let body = br#"{"kind":"storage#objects","nextPageToken":"T","prefixes":["p/d/"],
            "items":[{"name":"p/a","size":"7","generation":"17","updated":"2026-11-21T01:02:03.500Z"}]}"#;
        let page = listing(body, &Prefix::new("X", "p").unwrap()).unwrap();
        assert_eq!((page.objects[0].key.as_str(), page.objects[0].size), ("a", 7));
        assert_eq!(page.objects[0].etag.as_deref(), Some("17"));
        assert_eq!(page.objects[0].modified_ms, Some(1_795_222_923_500));
        assert_eq!((page.prefixes, page.next.as_deref()), (vec!["d/".to_owned()], Some("T")));
        assert!(listing(body, &Prefix::new("X", "q").unwrap()).is_err());
        let empty = listing(br#"{"kind":"storage#objects"}"#, &Prefix::default()).unwrap();
        assert!(empty.objects.is_empty() && empty.prefixes.is_empty() && empty.next.is_none());
        assert!(listing(b"<html>", &Prefix::default()).is_err());
    }

    #[test]
    fn faults_of_both_apis_are_read() {
        let json = br#"{"error":{"code":412,"message":"No.","errors":[{"reason":"conditionNotMet","message":"No."}]}}"#;
        assert_eq!(fault(json).unwrap(), Fault { reason: "conditionNotMet".into(), message: "No.".into() });
        let xml = b"<?xml version='1.0'?><Error><Code>NoSuchUpload</Code><Message>No.</Message></Error>";
        assert_eq!(fault(xml).unwrap().reason, "NoSuchUpload");
        assert!(fault(b"").is_none() && fault(b"<html>").is_none() && fault(b"{}").is_none());
    }

    #[test]
    fn ids_and_ranges_are_read() {
        let body = b"<InitiateMultipartUploadResult><Bucket>b</Bucket><UploadId>U</UploadId></InitiateMultipartUploadResult>";
        assert_eq!(upload_id(body).unwrap(), "U");
        assert_eq!((persisted(None).unwrap(), persisted(Some("bytes=0-262143")).unwrap()), (0, 262_144));
        assert!(persisted(Some("bytes=5-9")).is_err() && persisted(Some("x")).is_err());
    }
}
