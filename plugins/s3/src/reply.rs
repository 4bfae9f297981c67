//! Reads what the service answers.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use siltstone_plugin_sdk::cloud::{self, Prefix, iso_ms};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::{Error, ObjectMeta, Page};

/// An error document.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Fault {
    /// The word for it, such as `NoSuchKey`.
    pub code: String,
    /// One line for people.
    pub message: String,
    /// The key, in an answer to a delete of many.
    pub key: Option<String>,
    /// The region that the bucket is in, when it was asked for in another one.
    pub region: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(default)]
    contents: Vec<Content>,
    #[serde(default)]
    common_prefixes: Vec<CommonPrefix>,
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
    encoding_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    key: String,
    size: u64,
    e_tag: Option<String>,
    last_modified: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CommonPrefix {
    prefix: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Initiated {
    upload_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Completed {
    e_tag: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Deleted {
    #[serde(default)]
    error: Vec<Fault>,
}

/// The error document of a body, if it is one.
pub fn fault(body: &[u8]) -> Option<Fault> {
    let text = std::str::from_utf8(body).ok()?;
    if !text.contains("<Error") {
        return None;
    }
    quick_xml::de::from_str(text).ok()
}

/// A page of a listing; keys lose the prefix of the location.
pub fn listing(body: &[u8], prefix: &Prefix) -> Result<Page, Error> {
    let listing: Listing = document(body, |root| root == "ListBucketResult")?;
    let is_encoded = listing.encoding_type.as_deref() == Some("url");
    let own = |text: &str| -> Result<String, Error> {
        let full = if is_encoded {
            // In the way of forms, where a plus is a space.
            percent_decode_str(&text.replace('+', " ")).decode_utf8().map_err(|_| unreadable())?.into_owned()
        } else {
            text.to_owned()
        };
        prefix.own(&full).map(str::to_owned)
    };
    let mut objects = Vec::with_capacity(listing.contents.len());
    for content in &listing.contents {
        objects.push(ObjectMeta {
            key: own(&content.key)?,
            size: content.size,
            etag: content.e_tag.as_deref().and_then(etag),
            modified_ms: content.last_modified.as_deref().and_then(iso_ms),
        });
    }
    let prefixes = listing.common_prefixes.iter().map(|p| own(&p.prefix)).collect::<Result<_, _>>()?;
    let next = match (listing.is_truncated, listing.next_continuation_token) {
        (false, _) => None,
        (true, Some(token)) => Some(token),
        (true, None) => return Err(error::corrupt("a listing that goes on does not say where")),
    };
    Ok(Page { objects, prefixes, next })
}

/// The id of an upload that was begun.
pub fn upload_id(body: &[u8]) -> Result<String, Error> {
    document::<Initiated>(body, |_| true).map(|initiated| initiated.upload_id)
}

/// The etag of an object that was made of parts.
pub fn completed(body: &[u8]) -> Result<Option<String>, Error> {
    document::<Completed>(body, |root| root.starts_with("CompleteMultipartUpload"))
        .map(|completed| completed.e_tag)
}

/// The objects that could not be deleted.
pub fn deleted(body: &[u8]) -> Result<Vec<Fault>, Error> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    document::<Deleted>(body, |root| root == "DeleteResult").map(|deleted| deleted.error)
}

/// An etag without its quotes, which some services leave out in some places.
pub fn etag(given: &str) -> Option<String> {
    Some(given.trim_matches('"')).filter(|etag| !etag.is_empty()).map(str::to_owned)
}

/// A document with a root that is good; an error document that came with a success is that error.
fn document<T: serde::de::DeserializeOwned>(body: &[u8], is_good: fn(&str) -> bool) -> Result<T, Error> {
    let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
    if !cloud::root(text).is_some_and(|root| root != "Error" && is_good(root)) {
        return Err(match fault(body) {
            Some(fault) => error::transient(format!("{}: {}", fault.code, fault.message)),
            None => unreadable(),
        });
    }
    quick_xml::de::from_str(text).map_err(|_| unreadable())
}

fn unreadable() -> Error {
    error::corrupt("the service answered with something that is not its protocol")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_with_its_encoding_and_loses_the_prefix() {
        let body = br#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Name>b</Name><Prefix>p%2Fq%2F</Prefix><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys>
              <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
              <Contents><Key>p/q/a+b%2Bc%C3%BC</Key><LastModified>2026-11-21T01:02:03.500Z</LastModified>
                <ETag>&quot;x&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>
              <NextContinuationToken>t/1</NextContinuationToken>
              <CommonPrefixes><Prefix>p/q/d/</Prefix></CommonPrefixes>
            </ListBucketResult>"#;
        let page = listing(body, &Prefix::new("X", "p/q").unwrap()).unwrap();
        assert_eq!(page.objects[0].key, "a b+c\u{fc}");
        assert_eq!((page.objects[0].size, page.objects[0].etag.as_deref()), (7, Some("x")));
        assert_eq!(page.objects[0].modified_ms, Some(1_795_222_923_500));
        assert_eq!((page.prefixes, page.next.as_deref()), (vec!["d/".to_owned()], Some("t/1")));
        assert!(
            listing(body, &Prefix::new("X", "other").unwrap()).unwrap_err().message.contains("foreign key")
        );
    }

    #[test]
    fn an_empty_listing_is_empty_and_one_that_breaks_off_is_an_error() {
        let empty = listing(
            b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
            &Prefix::default(),
        )
        .unwrap();
        assert!(empty.objects.is_empty() && empty.prefixes.is_empty() && empty.next.is_none());
        assert!(
            listing(
                b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
                &Prefix::default()
            )
            .is_err()
        );
        assert!(listing(b"<html>", &Prefix::default()).is_err());
        // What came with a success and is none.
        for (body, words) in [
            (&b"<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>"[..], "InternalError"),
            (b"<html><body>Log in to the network</body></html>", "not its protocol"),
        ] {
            assert!(listing(body, &Prefix::default()).unwrap_err().message.contains(words));
            assert!(deleted(body).unwrap_err().message.contains(words));
        }
    }

    #[test]
    fn faults_are_told_from_other_documents() {
        let body =
            b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>No.</Message><Key>k</Key></Error>";
        assert_eq!(fault(body).unwrap().code, "NoSuchKey");
        assert!(
            fault(b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>").is_none()
        );
        assert!(fault(b"").is_none());
        let body = b"<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>m</Message></Error></DeleteResult>";
        assert_eq!(deleted(body).unwrap()[0].key.as_deref(), Some("a"));
        assert!(deleted(b"<DeleteResult/>").unwrap().is_empty());
    }
}
