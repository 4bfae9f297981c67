//! What a store can do.

/// Whether and how an upload may be made of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartOrder {
    /// No multipart upload.
    None,
    /// Part n+1 after part n has been accepted.
    InOrder,
    /// In any order and at the same time.
    AnyOrder,
}

/// The rules of multipart uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRules {
    /// See [`PartOrder`].
    pub order: PartOrder,
    /// Smallest size in bytes of a part that is not the last.
    pub min_size: u64,
    /// Largest size in bytes of a part.
    pub max_size: u64,
    /// Every part but the last is a multiple of this many bytes.
    pub multiple_of: u64,
    /// Most parts of one upload.
    pub max_count: u32,
}

/// Conditions that the store checks atomically.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// [`super::Precondition::IfAbsent`] works.
    pub if_absent: bool,
    /// [`super::Precondition::IfMatch`] works.
    pub if_match: bool,
}

/// Digests that the store wants with every blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DigestKinds {
    /// SHA-256.
    pub sha256: bool,
    /// MD5.
    pub md5: bool,
    /// CRC-32C.
    pub crc32c: bool,
}

/// What the store of one location can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Largest object of one `put`, bytes.
    pub max_put: u64,
    /// Largest object by whatever means, bytes.
    pub max_object: u64,
    /// Multipart rules.
    pub parts: PartRules,
    /// Atomic conditions.
    pub preconditions: Preconditions,
    /// Digests that the store uses; the host computes these and no others.
    pub digests: DigestKinds,
    /// Most keys of one `delete`, at least 1.
    pub delete_batch: u32,
    /// How many calls at once serve this store best, at least 1.
    pub in_flight: u32,
}
