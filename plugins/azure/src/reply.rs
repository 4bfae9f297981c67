//! Reads what the service answers.

use serde::Deserialize;
use siltstone_plugin_sdk::cloud::{self, Prefix, http_ms};
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::{Error, ObjectMeta, Page};

/// An error document.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Fault {
    /// The word for it, such as `BlobNotFound`.
    pub code: String,
    /// What it means, with the id and the time of the request in further lines.
    pub message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(default)]
    blobs: Blobs,
    next_marker: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Blobs {
    blob: Vec<Blob>,
    blob_prefix: Vec<BlobPrefix>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Blob {
    name: String,
    properties: Properties,
}

#[derive(Debug, Deserialize)]
struct Properties {
    #[serde(rename = "Last-Modified")]
    last_modified: Option<String>,
    #[serde(rename = "Etag")]
    etag: Option<String>,
    #[serde(rename = "Content-Length")]
    content_length: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BlobPrefix {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BlockLists {
    #[serde(default)]
    uncommitted_blocks: Blocks,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Blocks {
    block: Vec<Block>,
}

/// A block that is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Block {
    /// Its id.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
}

/// The error document of a body, if it is one.
pub fn fault(body: &[u8]) -> Option<Fault> {
    let fault: Fault = quick_xml::de::from_str(text(body).ok()?).ok()?;
    (!fault.code.is_empty()).then_some(fault)
}

/// A page of a listing; keys lose the prefix of the location.
///
/// # Errors
///
/// `corrupt` for what is no listing of this location.
pub fn listing(body: &[u8], prefix: &Prefix) -> Result<Page, Error> {
    let listing: Listing = document(body, "EnumerationResults")?;
    let mut objects = Vec::with_capacity(listing.blobs.blob.len());
    for blob in listing.blobs.blob {
        objects.push(ObjectMeta {
            key: prefix.own(&blob.name)?.to_owned(),
            size: blob.properties.content_length,
            etag: blob.properties.etag.as_deref().and_then(etag),
            modified_ms: blob.properties.last_modified.as_deref().and_then(http_ms),
        });
    }
    let prefixes: Result<_, Error> =
        listing.blobs.blob_prefix.iter().map(|p| prefix.own(&p.name).map(str::to_owned)).collect();
    let next = listing.next_marker.filter(|marker| !marker.is_empty());
    Ok(Page { objects, prefixes: prefixes?, next })
}

/// The blocks of a blob that are part of no content yet.
///
/// # Errors
///
/// `corrupt` for what is no list of blocks.
pub fn uncommitted(body: &[u8]) -> Result<Vec<Block>, Error> {
    document::<BlockLists>(body, "BlockList").map(|lists| lists.uncommitted_blocks.block)
}

/// An etag without its quotes, which listings leave out.
pub fn etag(given: &str) -> Option<String> {
    Some(given.trim_matches('"')).filter(|etag| !etag.is_empty()).map(str::to_owned)
}

/// A document with this root; an error document that came with a success is that error.
fn document<T: serde::de::DeserializeOwned>(body: &[u8], root: &str) -> Result<T, Error> {
    let text = text(body)?;
    if cloud::root(text) != Some(root) {
        return Err(match fault(body) {
            Some(fault) => error::transient(format!("{}: {}", fault.code, fault.message)),
            None => unreadable(),
        });
    }
    quick_xml::de::from_str(text).map_err(|_| unreadable())
}

fn text(body: &[u8]) -> Result<&str, Error> {
    // The service puts a byte order mark in front.
    std::str::from_utf8(body).map(|text| text.trim_start_matches('\u{feff}')).map_err(|_| unreadable())
}

fn unreadable() -> Error {
    error::corrupt("the service answered with something that is not its protocol")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_and_loses_the_prefix() {
        let body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>
            <EnumerationResults ServiceEndpoint=\"https://acme.blob.core.windows.net/\" ContainerName=\"nightly\">
              <Prefix>p/</Prefix><Delimiter>/</Delimiter>
              <Blobs>
                <Blob><Name>p/a</Name><Properties><Last-Modified>Sat, 21 Nov 2026 01:02:03 GMT</Last-Modified>
                  <Etag>0x8D</Etag><Content-Length>7</Content-Length><BlobType>BlockBlob</BlobType></Properties>
                  <OrMetadata /></Blob>
                <BlobPrefix><Name>p/d/</Name></BlobPrefix>
                <Blob><Name>p/e</Name><Properties><Content-Length>0</Content-Length></Properties></Blob>
              </Blobs><NextMarker>2!x</NextMarker></EnumerationResults>";
        let page = listing(body.as_bytes(), &Prefix::new("X", "p").unwrap()).unwrap();
        let keys: Vec<_> = page.objects.iter().map(|o| (o.key.as_str(), o.size)).collect();
        assert_eq!(keys, [("a", 7), ("e", 0)]);
        assert_eq!(page.objects[0].etag.as_deref(), Some("0x8D"));
        assert_eq!(page.objects[0].modified_ms, Some(1_795_222_923_000));
        assert_eq!((page.prefixes, page.next.as_deref()), (vec!["d/".to_owned()], Some("2!x")));
        assert!(listing(body.as_bytes(), &Prefix::new("X", "q").unwrap()).is_err());
    }

    #[test]
    fn an_empty_listing_is_empty_and_other_documents_are_errors() {
        let empty = b"<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>";
        let page = listing(empty, &Prefix::default()).unwrap();
        assert!(page.objects.is_empty() && page.prefixes.is_empty() && page.next.is_none());
        assert!(listing(b"<html>", &Prefix::default()).is_err());
    }

    #[test]
    fn blocks_without_content_are_read() {
        let body = b"<?xml version=\"1.0\"?><BlockList><CommittedBlocks /><UncommittedBlocks>
            <Block><Name>YQ==</Name><Size>4</Size></Block><Block><Name>Yg==</Name><Size>5</Size></Block>
            </UncommittedBlocks></BlockList>";
        let sizes: Vec<_> = uncommitted(body).unwrap().into_iter().map(|b| (b.name, b.size)).collect();
        assert_eq!(sizes, [("YQ==".to_owned(), 4), ("Yg==".to_owned(), 5)]);
        assert!(uncommitted(b"<BlockList><UncommittedBlocks /></BlockList>").unwrap().is_empty());
    }

    #[test]
    fn faults_are_told_from_other_documents() {
        let body =
            "\u{feff}<?xml version=\"1.0\"?><Error><Code>BlobNotFound</Code><Message>No.</Message></Error>";
        assert_eq!(fault(body.as_bytes()).unwrap().code, "BlobNotFound");
        assert!(fault(b"<BlockList />").is_none() && fault(b"").is_none());
    }
}
