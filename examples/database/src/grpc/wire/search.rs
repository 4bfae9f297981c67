//! `search_get.proto`: reading objects.

use super::Unread;
use super::base::{Filters, Vectors};
use super::properties::Properties;

/// Reads objects. The level of consistency is not read: there is one node.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SearchRequest {
    #[prost(string, tag = "1")]
    pub(crate) collection: String,
    #[prost(string, tag = "10")]
    pub(crate) tenant: String,
    #[prost(message, optional, tag = "20")]
    pub(crate) properties: Option<PropertiesRequest>,
    #[prost(message, optional, tag = "21")]
    pub(crate) metadata: Option<MetadataRequest>,
    #[prost(message, optional, tag = "22")]
    pub(crate) group_by: Option<Unread>,
    #[prost(uint32, tag = "30")]
    pub(crate) limit: u32,
    #[prost(uint32, tag = "31")]
    pub(crate) offset: u32,
    #[prost(uint32, tag = "32")]
    pub(crate) autocut: u32,
    #[prost(string, tag = "33")]
    pub(crate) after: String,
    #[prost(message, repeated, tag = "34")]
    pub(crate) sort_by: Vec<Unread>,
    #[prost(message, optional, tag = "40")]
    pub(crate) filters: Option<Filters>,
    #[prost(message, optional, tag = "41")]
    pub(crate) hybrid_search: Option<Unread>,
    #[prost(message, optional, tag = "42")]
    pub(crate) bm25_search: Option<Unread>,
    #[prost(message, optional, tag = "43")]
    pub(crate) near_vector: Option<Unread>,
    #[prost(message, optional, tag = "44")]
    pub(crate) near_object: Option<Unread>,
    #[prost(message, optional, tag = "45")]
    pub(crate) near_text: Option<Unread>,
    #[prost(message, optional, tag = "46")]
    pub(crate) near_image: Option<Unread>,
    #[prost(message, optional, tag = "47")]
    pub(crate) near_audio: Option<Unread>,
    #[prost(message, optional, tag = "48")]
    pub(crate) near_video: Option<Unread>,
    #[prost(message, optional, tag = "49")]
    pub(crate) near_depth: Option<Unread>,
    #[prost(message, optional, tag = "50")]
    pub(crate) near_thermal: Option<Unread>,
    #[prost(message, optional, tag = "51")]
    pub(crate) near_imu: Option<Unread>,
    #[prost(message, optional, tag = "60")]
    pub(crate) generative: Option<Unread>,
    #[prost(message, optional, tag = "61")]
    pub(crate) rerank: Option<Unread>,
    #[prost(message, optional, tag = "62")]
    pub(crate) boost: Option<Unread>,
    /// Whether values are wanted in the encoding of version 1.27, which is the only one here.
    #[prost(bool, tag = "102")]
    pub(crate) uses_127_api: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MetadataRequest {
    #[prost(bool, tag = "1")]
    pub(crate) uuid: bool,
    #[prost(bool, tag = "2")]
    pub(crate) vector: bool,
    #[prost(bool, tag = "3")]
    pub(crate) creation_time_unix: bool,
    #[prost(bool, tag = "4")]
    pub(crate) last_update_time_unix: bool,
    #[prost(bool, tag = "9")]
    pub(crate) is_consistent: bool,
    #[prost(string, repeated, tag = "10")]
    pub(crate) vectors: Vec<String>,
    #[prost(bool, tag = "11")]
    pub(crate) query_profile: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PropertiesRequest {
    #[prost(string, repeated, tag = "1")]
    pub(crate) non_ref_properties: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) ref_properties: Vec<RefPropertiesRequest>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) object_properties: Vec<ObjectPropertiesRequest>,
    #[prost(bool, tag = "11")]
    pub(crate) return_all_nonref_properties: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ObjectPropertiesRequest {
    #[prost(string, tag = "1")]
    pub(crate) prop_name: String,
    #[prost(string, repeated, tag = "2")]
    pub(crate) primitive_properties: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) object_properties: Vec<ObjectPropertiesRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RefPropertiesRequest {
    #[prost(string, tag = "1")]
    pub(crate) reference_property: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) properties: Option<PropertiesRequest>,
    #[prost(message, optional, tag = "3")]
    pub(crate) metadata: Option<MetadataRequest>,
    /// Only objects of this class.
    #[prost(string, tag = "4")]
    pub(crate) target_collection: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SearchReply {
    /// Seconds.
    #[prost(float, tag = "1")]
    pub(crate) took: f32,
    #[prost(message, repeated, tag = "2")]
    pub(crate) results: Vec<SearchResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SearchResult {
    #[prost(message, optional, tag = "1")]
    pub(crate) properties: Option<PropertiesResult>,
    #[prost(message, optional, tag = "2")]
    pub(crate) metadata: Option<MetadataResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MetadataResult {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "3")]
    pub(crate) creation_time_unix: i64,
    #[prost(bool, tag = "4")]
    pub(crate) creation_time_unix_present: bool,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "5")]
    pub(crate) last_update_time_unix: i64,
    #[prost(bool, tag = "6")]
    pub(crate) last_update_time_unix_present: bool,
    #[prost(bool, optional, tag = "15")]
    pub(crate) is_consistent: Option<bool>,
    #[prost(bool, tag = "18")]
    pub(crate) is_consistent_present: bool,
    /// The vector without a name: floats, little-endian.
    #[prost(bytes = "vec", tag = "19")]
    pub(crate) vector_bytes: Vec<u8>,
    /// Its sixteen bytes.
    #[prost(bytes = "vec", tag = "20")]
    pub(crate) id_as_bytes: Vec<u8>,
    #[prost(message, repeated, tag = "23")]
    pub(crate) vectors: Vec<Vectors>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PropertiesResult {
    #[prost(message, repeated, tag = "2")]
    pub(crate) ref_props: Vec<RefPropertiesResult>,
    /// The class of the object.
    #[prost(string, tag = "3")]
    pub(crate) target_collection: String,
    /// Of a referenced object only.
    #[prost(message, optional, tag = "4")]
    pub(crate) metadata: Option<MetadataResult>,
    #[prost(message, optional, tag = "11")]
    pub(crate) non_ref_props: Option<Properties>,
    #[prost(bool, tag = "12")]
    pub(crate) ref_props_requested: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RefPropertiesResult {
    #[prost(message, repeated, tag = "1")]
    pub(crate) properties: Vec<PropertiesResult>,
    #[prost(string, tag = "2")]
    pub(crate) prop_name: String,
}
