//! `batch_delete.proto`: deleting many objects.

use super::base::Filters;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchDeleteRequest {
    #[prost(string, tag = "1")]
    pub(crate) collection: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) filters: Option<Filters>,
    /// Whether the reply names every object.
    #[prost(bool, tag = "3")]
    pub(crate) verbose: bool,
    /// Whether nothing is to be deleted.
    #[prost(bool, tag = "4")]
    pub(crate) dry_run: bool,
    #[prost(string, optional, tag = "6")]
    pub(crate) tenant: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchDeleteReply {
    /// Seconds.
    #[prost(float, tag = "1")]
    pub(crate) took: f32,
    #[prost(int64, tag = "2")]
    pub(crate) failed: i64,
    #[prost(int64, tag = "3")]
    pub(crate) matches: i64,
    #[prost(int64, tag = "4")]
    pub(crate) successful: i64,
    #[prost(message, repeated, tag = "5")]
    pub(crate) objects: Vec<BatchDeleteObject>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchDeleteObject {
    /// Its sixteen bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) uuid: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub(crate) successful: bool,
}
