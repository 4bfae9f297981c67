//! `aggregate.proto`: counting objects.

use super::Unread;
use super::base::Filters;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AggregateRequest {
    #[prost(string, tag = "1")]
    pub(crate) collection: String,
    #[prost(string, tag = "10")]
    pub(crate) tenant: String,
    #[prost(bool, tag = "20")]
    pub(crate) objects_count: bool,
    #[prost(message, repeated, tag = "21")]
    pub(crate) aggregations: Vec<Unread>,
    #[prost(uint32, optional, tag = "30")]
    pub(crate) object_limit: Option<u32>,
    #[prost(message, optional, tag = "31")]
    pub(crate) group_by: Option<Unread>,
    #[prost(message, optional, tag = "40")]
    pub(crate) filters: Option<Filters>,
    #[prost(oneof = "Search", tags = "41, 42, 43, 44, 45, 46, 47, 48, 49, 50")]
    pub(crate) search: Option<Search>,
}

/// Which search the aggregated objects come from; none of them is served.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Search {
    #[prost(message, tag = "41")]
    Hybrid(Unread),
    #[prost(message, tag = "42")]
    NearVector(Unread),
    #[prost(message, tag = "43")]
    NearObject(Unread),
    #[prost(message, tag = "44")]
    NearText(Unread),
    #[prost(message, tag = "45")]
    NearImage(Unread),
    #[prost(message, tag = "46")]
    NearAudio(Unread),
    #[prost(message, tag = "47")]
    NearVideo(Unread),
    #[prost(message, tag = "48")]
    NearDepth(Unread),
    #[prost(message, tag = "49")]
    NearThermal(Unread),
    #[prost(message, tag = "50")]
    NearImu(Unread),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AggregateReply {
    /// Seconds.
    #[prost(float, tag = "1")]
    pub(crate) took: f32,
    /// One case of a `oneof`; the other, groups, is never written.
    #[prost(message, optional, tag = "2")]
    pub(crate) single_result: Option<Single>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Single {
    #[prost(int64, optional, tag = "1")]
    pub(crate) objects_count: Option<i64>,
}
