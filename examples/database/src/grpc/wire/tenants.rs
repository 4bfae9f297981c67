//! `tenants.proto`: listing the tenants of a class.

use super::base::TextArray;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TenantsGetRequest {
    #[prost(string, tag = "1")]
    pub(crate) collection: String,
    /// Only these; the one case of a `oneof`.
    #[prost(message, optional, tag = "2")]
    pub(crate) names: Option<TextArray>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TenantsGetReply {
    /// Seconds.
    #[prost(float, tag = "1")]
    pub(crate) took: f32,
    #[prost(message, repeated, tag = "2")]
    pub(crate) tenants: Vec<Tenant>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Tenant {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(enumeration = "ActivityStatus", tag = "2")]
    pub(crate) activity_status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ActivityStatus {
    Unspecified = 0,
    Hot = 1,
    Cold = 2,
    Frozen = 4,
}
