//! `batch.proto`: importing through one call that stays open.

use super::Unread;
use super::batch::{BatchObject, BatchReference};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchStreamRequest {
    #[prost(oneof = "Ask", tags = "1, 2, 3")]
    pub(crate) message: Option<Ask>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Ask {
    /// Comes first.
    #[prost(message, tag = "1")]
    Start(Unread),
    #[prost(message, tag = "2")]
    Data(Data),
    /// Comes last.
    #[prost(message, tag = "3")]
    Stop(Unread),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Data {
    #[prost(message, optional, tag = "1")]
    pub(crate) objects: Option<Objects>,
    #[prost(message, optional, tag = "2")]
    pub(crate) references: Option<References>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Objects {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<BatchObject>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct References {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<BatchReference>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BatchStreamReply {
    #[prost(oneof = "Tell", tags = "1, 2, 4, 6")]
    pub(crate) message: Option<Tell>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Tell {
    #[prost(message, tag = "1")]
    Results(Results),
    /// The server is about to stop: the client ends this call and goes on in another one.
    #[prost(message, tag = "2")]
    ShuttingDown(Unread),
    #[prost(message, tag = "4")]
    Started(Unread),
    /// What has arrived: the client may send more.
    #[prost(message, tag = "6")]
    Acks(Acks),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Acks {
    #[prost(string, repeated, tag = "1")]
    pub(crate) uuids: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) beacons: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Results {
    #[prost(message, repeated, tag = "1")]
    pub(crate) errors: Vec<Failure>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) successes: Vec<Success>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Failure {
    #[prost(string, tag = "1")]
    pub(crate) error: String,
    #[prost(oneof = "Detail", tags = "2, 3")]
    pub(crate) detail: Option<Detail>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Success {
    #[prost(oneof = "Detail", tags = "2, 3")]
    pub(crate) detail: Option<Detail>,
}

/// What was written, in the words of the client.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Detail {
    /// An object.
    #[prost(string, tag = "2")]
    Uuid(String),
    /// A reference, by the property that it was added to.
    #[prost(string, tag = "3")]
    Beacon(String),
}
