//! `properties.proto`: properties of objects on their way out.

use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Properties {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) fields: BTreeMap<String, Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Value {
    #[prost(oneof = "Kind", tags = "1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13")]
    pub(crate) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Kind {
    #[prost(double, tag = "1")]
    Number(f64),
    #[prost(bool, tag = "3")]
    Boolean(bool),
    #[prost(message, tag = "4")]
    Object(Properties),
    #[prost(message, tag = "5")]
    List(ListValue),
    #[prost(string, tag = "6")]
    Date(String),
    #[prost(string, tag = "7")]
    Uuid(String),
    #[prost(int64, tag = "8")]
    Int(i64),
    #[prost(message, tag = "9")]
    Geo(GeoCoordinate),
    #[prost(string, tag = "10")]
    Blob(String),
    #[prost(message, tag = "11")]
    Phone(PhoneNumber),
    /// An enumeration with the one value 0.
    #[prost(int32, tag = "12")]
    Null(i32),
    #[prost(string, tag = "13")]
    Text(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListValue {
    #[prost(oneof = "List", tags = "2, 3, 4, 5, 6, 7, 8")]
    pub(crate) kind: Option<List>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum List {
    #[prost(message, tag = "2")]
    Numbers(Packed),
    #[prost(message, tag = "3")]
    Booleans(BoolValues),
    #[prost(message, tag = "4")]
    Objects(ObjectValues),
    #[prost(message, tag = "5")]
    Dates(Texts),
    #[prost(message, tag = "6")]
    Uuids(Texts),
    #[prost(message, tag = "7")]
    Ints(Packed),
    #[prost(message, tag = "8")]
    Texts(Texts),
}

/// `NumberValues` (doubles) and `IntValues` (64-bit integers), little-endian.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Packed {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) values: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BoolValues {
    #[prost(bool, repeated, tag = "1")]
    pub(crate) values: Vec<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ObjectValues {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<Properties>,
}

/// `TextValues`, `DateValues` and `UuidValues`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Texts {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GeoCoordinate {
    #[prost(float, tag = "1")]
    pub(crate) longitude: f32,
    #[prost(float, tag = "2")]
    pub(crate) latitude: f32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PhoneNumber {
    #[prost(uint64, tag = "1")]
    pub(crate) country_code: u64,
    #[prost(string, tag = "2")]
    pub(crate) default_country: String,
    #[prost(string, tag = "3")]
    pub(crate) input: String,
    #[prost(string, tag = "4")]
    pub(crate) international_formatted: String,
    #[prost(uint64, tag = "5")]
    pub(crate) national: u64,
    #[prost(string, tag = "6")]
    pub(crate) national_formatted: String,
    #[prost(bool, tag = "7")]
    pub(crate) valid: bool,
}
