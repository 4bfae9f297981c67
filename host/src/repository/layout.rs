//! Where things are stored: the keys of a location and what a key says.

use crate::error::{Error, Result};
use crate::model::{AttemptId, BackupId, NodeName, ObjectKey};
use crate::storage::probe::PROBES;

/// Highest number of a chunk; numbers begin at 1 and are written with eight digits.
pub const MAX_CHUNK_NUMBER: u32 = 99_999_999;

const DESCRIPTOR: &str = "backup.json";
const MANIFEST: &str = "manifest.jsonl.gz";
const CHUNKS: &str = "chunks";

/// `<backup>/backup.json`
pub fn descriptor_key(backup: &BackupId) -> Result<ObjectKey> {
    ObjectKey::new(format!("{backup}/{DESCRIPTOR}"))
}

/// `<backup>/<attempt>/<node>/manifest.jsonl.gz`
pub fn manifest_key(backup: &BackupId, attempt: AttemptId, node: &NodeName) -> Result<ObjectKey> {
    ObjectKey::new(format!("{}{MANIFEST}", node_prefix(backup, attempt, node)))
}

/// `<backup>/<attempt>/<node>/chunks/<number>`; the number is 1 to [`MAX_CHUNK_NUMBER`].
pub fn chunk_key(backup: &BackupId, attempt: AttemptId, node: &NodeName, number: u32) -> Result<ObjectKey> {
    if !(1..=MAX_CHUNK_NUMBER).contains(&number) {
        let text = format!("no chunk can have the number {number}; choose a larger chunk size");
        return Err(Error::invalid("backup", text));
    }
    ObjectKey::new(format!("{}{number:08}", chunk_prefix(backup, attempt, node)))
}

/// What the keys of everything of a backup begin with: `<backup>/`
#[must_use]
pub fn backup_prefix(backup: &BackupId) -> String {
    format!("{backup}/")
}

/// What the keys of all objects of an attempt begin with: `<backup>/<attempt>/`
#[must_use]
pub fn attempt_prefix(backup: &BackupId, attempt: AttemptId) -> String {
    format!("{backup}/{attempt}/")
}

/// What the keys of one node's objects begin with: `<backup>/<attempt>/<node>/`
#[must_use]
pub fn node_prefix(backup: &BackupId, attempt: AttemptId, node: &NodeName) -> String {
    format!("{backup}/{attempt}/{node}/")
}

/// What the keys of one node's chunks begin with: `<backup>/<attempt>/<node>/chunks/`
#[must_use]
pub fn chunk_prefix(backup: &BackupId, attempt: AttemptId, node: &NodeName) -> String {
    format!("{backup}/{attempt}/{node}/{CHUNKS}/")
}

/// What the keys of an attempt's temporary objects begin with, in stores that have them: `.siltstone-tmp/<attempt>/`
#[must_use]
pub fn temporary_prefix(attempt: AttemptId) -> String {
    format!(".siltstone-tmp/{attempt}/")
}

/// What the keys of the objects begin with by which an attempt finds out what the store can do:
/// `.siltstone-probe/<attempt>/`
#[must_use]
pub fn probe_prefix(attempt: AttemptId) -> String {
    format!("{PROBES}{attempt}/")
}

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The descriptor of a backup.
    Descriptor(BackupId),
    /// What one node stored in one attempt.
    Node {
        /// The backup.
        backup: BackupId,
        /// The attempt.
        attempt: AttemptId,
        /// The node.
        node: NodeName,
        /// Which of its objects.
        object: NodeObject,
    },
}

/// An object of one node in one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeObject {
    /// The manifest.
    Manifest,
    /// The chunk of that number.
    Chunk(u32),
}

impl Place {
    /// Reads a key; `None` for one that this layout never makes. Exactly the keys made here are read.
    #[must_use]
    pub fn of(key: &ObjectKey) -> Option<Self> {
        let segments: Vec<&str> = key.as_str().split('/').collect();
        let (backup, attempt, node, object) = match segments[..] {
            [backup, DESCRIPTOR] => return BackupId::new(backup).ok().map(Self::Descriptor),
            [backup, attempt, node, MANIFEST] => (backup, attempt, node, NodeObject::Manifest),
            [backup, attempt, node, CHUNKS, number] => {
                (backup, attempt, node, NodeObject::Chunk(chunk_number(number)?))
            }
            _ => return None,
        };
        Some(Self::Node {
            backup: BackupId::new(backup).ok()?,
            // The text of an attempt has many spellings, its key one.
            attempt: AttemptId::parse(attempt).ok().filter(|a| a.to_string() == attempt)?,
            node: NodeName::new(node).ok()?,
            object,
        })
    }

    /// The attempt that wrote the object; `None` for a descriptor.
    #[must_use]
    pub fn attempt(&self) -> Option<AttemptId> {
        match self {
            Self::Descriptor(_) => None,
            Self::Node { attempt, .. } => Some(*attempt),
        }
    }

    pub(crate) fn is_manifest(&self) -> bool {
        matches!(self, Self::Node { object: NodeObject::Manifest, .. })
    }

    pub(crate) fn is_chunk(&self) -> bool {
        matches!(self, Self::Node { object: NodeObject::Chunk(_), .. })
    }
}

fn chunk_number(text: &str) -> Option<u32> {
    let number = text.parse().ok().filter(|number| (1..=MAX_CHUNK_NUMBER).contains(number))?;
    (format!("{number:08}") == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT: &str = "0198f2c4-7d1e-7a3b-9c5d-2e8f6a1b4c7d";

    fn place(key: &str) -> Option<Place> {
        Place::of(&ObjectKey::new(key).unwrap())
    }

    #[test]
    fn every_key_is_read_back() {
        let backup = BackupId::new("b".repeat(128)).unwrap();
        let (attempt, node) = (AttemptId::parse(ATTEMPT).unwrap(), NodeName::new("N".repeat(128)).unwrap());
        let of = |object| Place::Node { backup: backup.clone(), attempt, node: node.clone(), object };
        let key = descriptor_key(&backup).unwrap();
        assert_eq!(Place::of(&key), Some(Place::Descriptor(backup.clone())));
        assert_eq!(
            Place::of(&manifest_key(&backup, attempt, &node).unwrap()),
            Some(of(NodeObject::Manifest))
        );
        for number in [1, 42, MAX_CHUNK_NUMBER] {
            let key = chunk_key(&backup, attempt, &node, number).unwrap();
            assert!(key.as_str().starts_with(&attempt_prefix(&backup, attempt)));
            assert!(key.as_str().starts_with(&chunk_prefix(&backup, attempt, &node)));
            assert_eq!(Place::of(&key), Some(of(NodeObject::Chunk(number))));
            assert_eq!(Place::of(&key).unwrap().attempt(), Some(attempt));
        }
    }

    #[test]
    fn no_key_is_longer_than_312_bytes() {
        // The conformance suite has every store keep a key of that length.
        let (backup, node) =
            (BackupId::new("b".repeat(128)).unwrap(), NodeName::new("N".repeat(128)).unwrap());
        let attempt = AttemptId::parse(ATTEMPT).unwrap();
        let chunk = chunk_key(&backup, attempt, &node, MAX_CHUNK_NUMBER).unwrap();
        let keys = [manifest_key(&backup, attempt, &node).unwrap(), descriptor_key(&backup).unwrap(), chunk];
        assert_eq!(keys.iter().map(|key| key.as_str().len()).max(), Some(312));
    }

    #[test]
    fn keys_look_as_the_format_says() {
        let (backup, node) = (BackupId::new("nightly").unwrap(), NodeName::new("node-1").unwrap());
        let attempt = AttemptId::parse(ATTEMPT).unwrap();
        assert_eq!(descriptor_key(&backup).unwrap().as_str(), "nightly/backup.json");
        assert_eq!(
            manifest_key(&backup, attempt, &node).unwrap().as_str(),
            format!("nightly/{ATTEMPT}/node-1/manifest.jsonl.gz")
        );
        assert_eq!(
            chunk_key(&backup, attempt, &node, 7).unwrap().as_str(),
            format!("nightly/{ATTEMPT}/node-1/chunks/00000007")
        );
    }

    #[test]
    fn keys_of_others_are_not_read() {
        let upper = ATTEMPT.to_uppercase();
        for key in [
            "backup.json".into(),
            "UPPER/backup.json".into(),
            "b/other.json".into(),
            ".siltstone-tmp/x".into(),
            format!("b/{ATTEMPT}/n"),
            format!("b/{upper}/n/manifest.jsonl.gz"),
            format!("b/{}/n/manifest.jsonl.gz", ATTEMPT.replace('-', "")),
            "b/attempt/n/manifest.jsonl.gz".into(),
            format!("b/{ATTEMPT}/n/manifest.jsonl"),
            format!("b/{ATTEMPT}/n/chunks/1"),
            format!("b/{ATTEMPT}/n/chunks/00000000"),
            format!("b/{ATTEMPT}/n/chunks/000000001"),
            format!("b/{ATTEMPT}/n/chunks/0000000a"),
            format!("b/{ATTEMPT}/n/chunks/00000001/x"),
        ] {
            assert_eq!(place(&key), None, "{key}");
        }
    }

    #[test]
    fn chunk_numbers_have_eight_digits() {
        let (backup, node) = (BackupId::new("b").unwrap(), NodeName::new("n").unwrap());
        let attempt = AttemptId::parse(ATTEMPT).unwrap();
        assert!(chunk_key(&backup, attempt, &node, 0).is_err());
        assert!(chunk_key(&backup, attempt, &node, MAX_CHUNK_NUMBER + 1).is_err());
    }
}
