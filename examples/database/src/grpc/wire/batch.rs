//! `batch.proto`: writing many objects.

use super::base::{
    BooleanArrayProperties, IntArrayProperties, NumberArrayProperties, ObjectArrayProperties,
    ObjectProperties, TextArrayProperties, Vectors,
};
use super::structure::Struct;

/// Writes objects. The level of consistency is not read: there is one node.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchObjectsRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) objects: Vec<BatchObject>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchObject {
    #[prost(string, tag = "1")]
    pub(crate) uuid: String,
    /// The form of old.
    #[prost(float, repeated, tag = "2")]
    pub(crate) vector: Vec<f32>,
    #[prost(message, optional, tag = "3")]
    pub(crate) properties: Option<Properties>,
    #[prost(string, tag = "4")]
    pub(crate) collection: String,
    #[prost(string, tag = "5")]
    pub(crate) tenant: String,
    /// Floats, little-endian.
    #[prost(bytes = "bytes", tag = "6")]
    pub(crate) vector_bytes: bytes::Bytes,
    #[prost(message, repeated, tag = "23")]
    pub(crate) vectors: Vec<Vectors>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Properties {
    #[prost(message, optional, tag = "1")]
    pub(crate) non_ref_properties: Option<Struct>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) single_target_ref_props: Vec<SingleTargetRefProps>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) multi_target_ref_props: Vec<MultiTargetRefProps>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) number_array_properties: Vec<NumberArrayProperties>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) int_array_properties: Vec<IntArrayProperties>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) text_array_properties: Vec<TextArrayProperties>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) boolean_array_properties: Vec<BooleanArrayProperties>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) object_properties: Vec<ObjectProperties>,
    #[prost(message, repeated, tag = "9")]
    pub(crate) object_array_properties: Vec<ObjectArrayProperties>,
    #[prost(string, repeated, tag = "10")]
    pub(crate) empty_list_props: Vec<String>,
}

/// References to objects of the one class that a property may refer to.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SingleTargetRefProps {
    #[prost(string, repeated, tag = "1")]
    pub(crate) uuids: Vec<String>,
    #[prost(string, tag = "2")]
    pub(crate) prop_name: String,
}

/// References to objects of one of several classes.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MultiTargetRefProps {
    #[prost(string, repeated, tag = "1")]
    pub(crate) uuids: Vec<String>,
    #[prost(string, tag = "2")]
    pub(crate) prop_name: String,
    #[prost(string, tag = "3")]
    pub(crate) target_collection: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchObjectsReply {
    /// Seconds.
    #[prost(float, tag = "1")]
    pub(crate) took: f32,
    #[prost(message, repeated, tag = "2")]
    pub(crate) errors: Vec<BatchError>,
}

/// What became of one object that was not written.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchError {
    /// Its place in the request.
    #[prost(int32, tag = "1")]
    pub(crate) index: i32,
    #[prost(string, tag = "2")]
    pub(crate) error: String,
}

/// Adds references to objects. The level of consistency is not read: there is one node.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchReferencesRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) references: Vec<BatchReference>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchReference {
    /// The property.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) from_collection: String,
    #[prost(string, tag = "3")]
    pub(crate) from_uuid: String,
    /// Without it the only class that the property may refer to.
    #[prost(string, optional, tag = "4")]
    pub(crate) to_collection: Option<String>,
    #[prost(string, tag = "5")]
    pub(crate) to_uuid: String,
    #[prost(string, tag = "6")]
    pub(crate) tenant: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchReferencesReply {
    /// Seconds.
    #[prost(float, tag = "1")]
    pub(crate) took: f32,
    #[prost(message, repeated, tag = "2")]
    pub(crate) errors: Vec<BatchError>,
}
