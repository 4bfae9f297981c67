//! Reads the answer to a `PROPFIND`, however long it is, and whatever a server or somebody between makes of it.
//!
//! It is taken as it comes: nothing is held but the entry that is being read, so a collection of any size fits. What a
//! document may be is bounded by `MAX_DOCUMENT`, `MAX_EVENT` and `MAX_DEPTH`.

use std::io::{self, BufRead, BufReader, Read};

use http::StatusCode;
use quick_xml::NsReader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};
use siltstone_plugin_sdk::cloud::http_ms;
use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;

/// The body of a request for the properties that are read here.
pub const ASK: &[u8] = b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\
<propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/><getlastmodified/></prop></propfind>";

/// Most bytes of a document: some hundred thousand entries.
const MAX_DOCUMENT: u64 = 256 << 20;
/// Most bytes of a tag or of a run of text.
const MAX_EVENT: u64 = 64 << 10;
/// Most elements within each other.
const MAX_DEPTH: usize = 64;
/// Most bytes of a value.
const MAX_VALUE: usize = 8 << 10;

/// What a server tells of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The reference to it, as it was written.
    pub href: String,
    /// Whether it is a collection.
    pub is_collection: bool,
    /// Its length in bytes.
    pub size: Option<u64>,
    /// Its last change, milliseconds since 1970.
    pub modified_ms: Option<u64>,
}

/// Hands every entry of the document to `each`; one with a status of its own that is no success is left out.
///
/// # Errors
///
/// Those of `each`; `corrupt` when the document is no multistatus or beyond its bounds, `transient` when it ends early, which
/// is also what words after its end mean.
pub fn read(body: impl Read, each: &mut dyn FnMut(Entry) -> Result<(), Error>) -> Result<(), Error> {
    let mut reader = NsReader::from_reader(Metered::new(BufReader::with_capacity(64 << 10, body)));
    reader.config_mut().expand_empty_elements = true;
    let mut reading = Reading::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().begin_event();
        let (namespace, event) = match reader.read_resolved_event_into(&mut buffer) {
            Ok(read) => read,
            Err(quick_xml::Error::Io(e)) if e.kind() == io::ErrorKind::FileTooLarge => return Err(beyond()),
            // Of what is begun in a document, nothing but its end can be amiss in its syntax.
            Err(quick_xml::Error::Io(_)) => return Err(ended_early()),
            Err(quick_xml::Error::Syntax(_)) if reading.has_begun => return Err(ended_early()),
            Err(_) => return Err(unreadable()),
        };
        match event {
            Event::Start(start) => {
                let is_dav = namespace == ResolveResult::Bound(Namespace("DAV:"));
                reading.open(if is_dav { Tag::of(start.local_name().as_ref()) } else { Tag::Other })?;
            }
            Event::End(_) => {
                if let Some(entry) = reading.close() {
                    each(entry)?;
                }
            }
            Event::Text(text) => reading.text(&text.xml10_content())?,
            Event::CData(text) => reading.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let mut utf8 = [0; 4];
                let text = match reference.resolve_char_ref() {
                    Ok(Some(character)) => &*character.encode_utf8(&mut utf8),
                    Ok(None) => resolve_predefined_entity(&reference).ok_or_else(unreadable)?,
                    Err(_) => return Err(unreadable()),
                };
                reading.text(text)?;
            }
            // Entities of its own are a way to make much of little, and no server needs any.
            Event::DocType(_) if reading.is_whole() => return Err(ended_early()),
            Event::DocType(_) => return Err(unreadable()),
            Event::Eof if reading.is_whole() => return Ok(()),
            Event::Eof if reading.has_begun => return Err(ended_early()),
            Event::Eof => return Err(unreadable()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Empty(_) => {}
        }
    }
}

fn unreadable() -> Error {
    error::corrupt("the server answered with something that is no WebDAV multistatus")
}

fn beyond() -> Error {
    error::corrupt("the server answered with a document beyond all bounds")
}

fn ended_early() -> Error {
    error::transient("the answer of the server ended early")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Multistatus,
    Response,
    Href,
    Propstat,
    Prop,
    Status,
    ResourceType,
    Collection,
    Length,
    Modified,
    Other,
}

impl Tag {
    fn of(name: &str) -> Self {
        match name {
            "multistatus" => Self::Multistatus,
            "response" => Self::Response,
            "href" => Self::Href,
            "propstat" => Self::Propstat,
            "prop" => Self::Prop,
            "status" => Self::Status,
            "resourcetype" => Self::ResourceType,
            "collection" => Self::Collection,
            "getcontentlength" => Self::Length,
            "getlastmodified" => Self::Modified,
            _ => Self::Other,
        }
    }
}

/// Where in the document we are, and what is known of the entry there.
#[derive(Debug, Default)]
struct Reading {
    path: Vec<Tag>,
    has_begun: bool,
    value: String,
    entry: Entry,
    is_refused: bool,
    /// What one `propstat` says; its status comes after its values.
    found: Entry,
    is_missing: bool,
}

impl Reading {
    fn open(&mut self, tag: Tag) -> Result<(), Error> {
        if self.is_whole() {
            return Err(ended_early());
        }
        if self.path.is_empty() && tag != Tag::Multistatus {
            return Err(unreadable());
        }
        if self.path.len() == MAX_DEPTH {
            return Err(beyond());
        }
        self.has_begun = true;
        self.path.push(tag);
        self.value.clear();
        match self.path[..] {
            [_, Tag::Response] => {
                self.entry = Entry::default();
                self.is_refused = false;
            }
            [_, Tag::Response, Tag::Propstat] => {
                self.found = Entry::default();
                self.is_missing = false;
            }
            [_, Tag::Response, Tag::Propstat, Tag::Prop, Tag::ResourceType, Tag::Collection] => {
                self.found.is_collection = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        if self.path.is_empty() && !text.trim().is_empty() {
            // A server that fails after it has begun to answer may still close every element. What it says then is all that
            // tells half of a collection from the whole.
            return Err(if self.has_begun { ended_early() } else { unreadable() });
        }
        let is_value =
            matches!(self.path.last(), Some(Tag::Href | Tag::Status | Tag::Length | Tag::Modified));
        if !is_value {
            return Ok(());
        }
        if self.value.len() + text.len() > MAX_VALUE {
            return Err(beyond());
        }
        self.value.push_str(text);
        Ok(())
    }

    /// Ends the element, and with it perhaps an entry.
    fn close(&mut self) -> Option<Entry> {
        let value = self.value.trim();
        let mut whole = None;
        match self.path[..] {
            [_, Tag::Response, Tag::Href] => value.clone_into(&mut self.entry.href),
            [_, Tag::Response, Tag::Status] => self.is_refused = !is_success(value),
            [_, Tag::Response, Tag::Propstat, Tag::Status] => self.is_missing = !is_success(value),
            [_, Tag::Response, Tag::Propstat, Tag::Prop, Tag::Length] => self.found.size = value.parse().ok(),
            [_, Tag::Response, Tag::Propstat, Tag::Prop, Tag::Modified] => {
                self.found.modified_ms = http_ms(value);
            }
            [_, Tag::Response, Tag::Propstat] if !self.is_missing => {
                self.entry.is_collection |= self.found.is_collection;
                self.entry.size = self.entry.size.or(self.found.size);
                self.entry.modified_ms = self.entry.modified_ms.or(self.found.modified_ms);
            }
            [_, Tag::Response] if !self.is_refused && !self.entry.href.is_empty() => {
                whole = Some(std::mem::take(&mut self.entry));
            }
            _ => {}
        }
        self.value.clear();
        self.path.pop();
        whole
    }

    fn is_whole(&self) -> bool {
        self.has_begun && self.path.is_empty()
    }
}

/// Of `HTTP/1.1 200 OK`.
fn is_success(line: &str) -> bool {
    let code =
        line.split_ascii_whitespace().nth(1).and_then(|code| StatusCode::from_bytes(code.as_bytes()).ok());
    code.is_some_and(|code| code.is_success())
}

/// Counts what is taken, in all and for one event.
struct Metered<R> {
    inner: R,
    left: u64,
    left_of_event: u64,
}

impl<R> Metered<R> {
    fn new(inner: R) -> Self {
        Self { inner, left: MAX_DOCUMENT, left_of_event: MAX_EVENT }
    }

    fn begin_event(&mut self) {
        self.left_of_event = MAX_EVENT;
    }
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.fill_buf()?.read(buffer)?;
        self.consume(taken);
        Ok(taken)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 || self.left_of_event == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, taken: usize) {
        self.left = self.left.saturating_sub(taken as u64);
        self.left_of_event = self.left_of_event.saturating_sub(taken as u64);
        self.inner.consume(taken);
    }
}

#[cfg(test)]
mod tests;
