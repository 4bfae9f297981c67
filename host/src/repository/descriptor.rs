//! The bytes of `backup.json`: one line with the body and one that proves it whole.

use crate::error::{Error, Result};
use crate::model::{Descriptor, Hash, State};
use crate::repository::format::{EndLine, Version, to_line};
use crate::repository::layout::Place;

/// Longest descriptor in bytes.
pub const MAX_DESCRIPTOR: u64 = 1 << 20;

/// The bytes to store. Fails when the descriptor says what no descriptor may, or is longer than [`MAX_DESCRIPTOR`].
pub fn encode(descriptor: &Descriptor) -> Result<Vec<u8>> {
    Version::of(descriptor.format, &descriptor.requires).check("descriptor")?;
    check(descriptor).map_err(|why| Error::internal("write", why).with("backup", &descriptor.id))?;
    let mut bytes = Vec::new();
    to_line(descriptor, &mut bytes)?;
    let end = EndLine::new(1, Hash::of(&bytes));
    to_line(&end, &mut bytes)?;
    if bytes.len() as u64 > MAX_DESCRIPTOR {
        let text = format!(
            "the descriptor would have {} bytes, more than {MAX_DESCRIPTOR}; select fewer collections",
            bytes.len()
        );
        return Err(Error::invalid("write", text).with("backup", &descriptor.id));
    }
    Ok(bytes)
}

/// Reads stored bytes.
///
/// [`crate::ErrorKind::Corrupt`] when they are not exactly what some writer made; [`crate::ErrorKind::Unsupported`]
/// when a newer one made them.
pub fn decode(bytes: &[u8]) -> Result<Descriptor> {
    let corrupt = |why: &str| Error::corrupt("read", format!("the descriptor {why}"));
    if bytes.len() as u64 > MAX_DESCRIPTOR {
        return Err(corrupt(&format!("is longer than {MAX_DESCRIPTOR} bytes")));
    }
    let mut lines = bytes.split_inclusive(|b| *b == b'\n');
    let (Some(body), Some(end), None) = (lines.next(), lines.next(), lines.next()) else {
        return Err(corrupt("is not made of two lines"));
    };
    if !end.ends_with(b"\n") || !body.starts_with(b"{") || !end.starts_with(b"{") {
        return Err(corrupt("is cut short or not made of two objects"));
    }
    let end: EndLine =
        serde_json::from_slice(end).map_err(|e| corrupt("has a damaged end line").with_source(e))?;
    if end.lines != 1 || end.blake3 != Hash::of(body) {
        return Err(corrupt("does not have the hash that its end line states"));
    }
    let unreadable = |e| corrupt("cannot be understood").with_source(e);
    let version: Version = serde_json::from_slice(body).map_err(unreadable)?;
    version.check("descriptor")?;
    let descriptor: Descriptor = serde_json::from_slice(body).map_err(unreadable)?;
    check(&descriptor).map_err(|why| Error::corrupt("read", why))?;
    Ok(descriptor)
}

fn check(descriptor: &Descriptor) -> Result<(), String> {
    match descriptor.state {
        State::Started | State::Success | State::Failed | State::Canceled => {}
        other => return Err(format!("no descriptor has the state {}", other.as_str())),
    }
    if descriptor.state == State::Success && descriptor.nodes.is_empty() {
        return Err("a descriptor with SUCCESS names no node".into());
    }
    for (node, entry) in &descriptor.nodes {
        if !Place::of(&entry.manifest).is_some_and(|place| place.is_manifest()) {
            return Err(format!("`{}` cannot be the manifest of node `{node}`", entry.manifest));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "descriptor_tests.rs"]
mod tests;
