//! Small descriptors and manifests for the tests of this module.

use std::collections::BTreeMap;

use crate::model::{
    AttemptId, BackupId, Codec, CollectionName, Descriptor, FORMAT, Hash, ManifestHeader, ManifestLine,
    NodeEntry, NodeName, Scope, Selected, SkippedItem, State, Timestamp,
};
use crate::repository::layout::{chunk_key, manifest_key};

pub(super) fn backup() -> BackupId {
    BackupId::new("nightly").unwrap()
}

pub(super) fn attempt() -> AttemptId {
    AttemptId::parse("0198f2c4-7d1e-7a3b-9c5d-2e8f6a1b4c7d").unwrap()
}

pub(super) fn node() -> NodeName {
    NodeName::new("node1").unwrap()
}

pub(super) fn time(text: &str) -> Timestamp {
    serde_json::from_value(text.into()).unwrap()
}

pub(super) fn descriptor() -> Descriptor {
    let entry = NodeEntry {
        manifest: manifest_key(&backup(), attempt(), &node()).unwrap(),
        manifest_blake3: Hash::of(b"manifest"),
        manifest_bytes: 8,
        raw_bytes: 12,
        stored_bytes: 34,
        new_bytes: 34,
        reused_bytes: 0,
        files: 2,
        scope: Scope::Node,
        pause_us: 1250,
        skipped: vec![SkippedItem { what: "Old".into(), why: "dropped before its cut".into() }],
    };
    Descriptor {
        format: FORMAT,
        requires: vec![],
        id: backup(),
        attempt: attempt(),
        state: State::Success,
        started_at: time("2026-08-21T03:00:14.201Z"),
        completed_at: time("2026-08-21T03:00:15.730Z"),
        selection: Selected {
            collections: vec![CollectionName::new("Article").unwrap()],
            compression: "DefaultCompression".into(),
            chunk_size: 128 << 20,
        },
        nodes: BTreeMap::from([(node(), entry)]),
        base: None,
        base_attempt: None,
        error: None,
        host_version: "0.1.0".into(),
        other: serde_json::Map::new(),
    }
}

pub(super) fn header() -> ManifestHeader {
    serde_json::from_value(serde_json::json!({
        "format": FORMAT, "requires": [], "backup": backup(), "attempt": attempt(), "node": node(),
        "engine": {"name": "fjall", "version": "3"}, "host_version": "0.1.0",
        "cut": {"at": "2026-08-21T03:00:14.201Z", "scope": "node", "pause_us": 1250},
    }))
    .unwrap()
}

/// A line as it is written, or one that nobody would write.
pub(super) fn line(json: serde_json::Value) -> ManifestLine {
    serde_json::from_value(json).unwrap()
}

pub(super) fn chunk(number: u32, codec: Codec, raw: u64, stored: u64) -> ManifestLine {
    line(serde_json::json!({
        "kind": "chunk", "key": chunk_key(&backup(), attempt(), &node(), number).unwrap(), "codec": codec,
        "raw": raw, "stored": stored, "blake3": Hash::of(b"chunk"),
    }))
}

/// A file of the shard `Article/acme`, all in the first chunk.
pub(super) fn file(path: &str, length: u64, offset: u64, chunk_offset: u64, frames: &[u32]) -> ManifestLine {
    let key = chunk_key(&backup(), attempt(), &node(), 1).unwrap();
    let extents = if frames.is_empty() {
        serde_json::json!([])
    } else {
        serde_json::json!([{"chunk": key, "offset": chunk_offset, "frames": frames}])
    };
    line(serde_json::json!({
        "kind": "file", "collection": "Article", "tenant": "acme", "path": path, "length": length, "mode": 0o644,
        "blake3": Hash::of(path.as_bytes()), "offset": offset, "extents": extents,
    }))
}

/// One line of each kind, in a sound order.
pub(super) fn lines() -> Vec<ManifestLine> {
    use serde_json::json;
    vec![
        chunk(1, Codec::Gzip, 3_000_000, 2_000_000),
        line(json!({"kind": "collection", "name": "Article", "schema": {"class": "Article", "n": 1},
                    "aliases": ["News"]})),
        line(json!({"kind": "shard", "collection": "Article", "tenant": "acme", "state": "COLD"})),
        file("tables/1", 2_500_000, 0, 0, &[500_000, 500_000, 300_000]),
        file("empty", 0, 0, 0, &[]),
        chunk(2, Codec::None, 7, 7),
        line(json!({"kind": "shard", "collection": "Article", "tenant": "ümlaut", "state": "OFFLOADED"})),
        line(json!({"kind": "blob", "name": "users", "content": "eyJhIjoxfQ=="})),
        line(json!({"kind": "skipped", "what": "Old", "why": "dropped before its cut"})),
    ]
}
