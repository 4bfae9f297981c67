//! `base.proto`: properties of objects on their way in, vectors and filters.

use super::Unread;
use super::structure::Struct;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NumberArrayProperties {
    /// The form of old.
    #[prost(double, repeated, tag = "1")]
    pub(crate) values: Vec<f64>,
    #[prost(string, tag = "2")]
    pub(crate) prop_name: String,
    /// Doubles, little-endian.
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) values_bytes: bytes::Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct IntArrayProperties {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) values: Vec<i64>,
    #[prost(string, tag = "2")]
    pub(crate) prop_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TextArrayProperties {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
    #[prost(string, tag = "2")]
    pub(crate) prop_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BooleanArrayProperties {
    #[prost(bool, repeated, tag = "1")]
    pub(crate) values: Vec<bool>,
    #[prost(string, tag = "2")]
    pub(crate) prop_name: String,
}

/// A nested object; the same as [`super::batch::Properties`] but for its numbers and without references.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ObjectPropertiesValue {
    #[prost(message, optional, tag = "1")]
    pub(crate) non_ref_properties: Option<Struct>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) number_array_properties: Vec<NumberArrayProperties>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) int_array_properties: Vec<IntArrayProperties>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) text_array_properties: Vec<TextArrayProperties>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) boolean_array_properties: Vec<BooleanArrayProperties>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) object_properties: Vec<ObjectProperties>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) object_array_properties: Vec<ObjectArrayProperties>,
    #[prost(string, repeated, tag = "10")]
    pub(crate) empty_list_props: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ObjectArrayProperties {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<ObjectPropertiesValue>,
    #[prost(string, tag = "2")]
    pub(crate) prop_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ObjectProperties {
    #[prost(message, optional, tag = "1")]
    pub(crate) value: Option<ObjectPropertiesValue>,
    #[prost(string, tag = "2")]
    pub(crate) prop_name: String,
}

/// A named vector.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Vectors {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Which of several vectors of one name, in the form of old.
    #[prost(uint64, tag = "2")]
    pub(crate) index: u64,
    /// Floats, little-endian.
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) vector_bytes: bytes::Bytes,
    #[prost(enumeration = "VectorType", tag = "4")]
    pub(crate) r#type: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum VectorType {
    Unspecified = 0,
    SingleFp32 = 1,
    MultiFp32 = 2,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TextArray {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Filters {
    #[prost(enumeration = "Operator", tag = "1")]
    pub(crate) operator: i32,
    /// The path in the form of old.
    #[prost(string, repeated, tag = "2")]
    pub(crate) on: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) filters: Vec<Filters>,
    #[prost(oneof = "TestValue", tags = "4, 5, 6, 7, 9, 10, 11, 12, 13")]
    pub(crate) test_value: Option<TestValue>,
    #[prost(message, optional, tag = "20")]
    pub(crate) target: Option<FilterTarget>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum TestValue {
    #[prost(string, tag = "4")]
    Text(String),
    #[prost(int64, tag = "5")]
    Int(i64),
    #[prost(bool, tag = "6")]
    Boolean(bool),
    #[prost(double, tag = "7")]
    Number(f64),
    #[prost(message, tag = "9")]
    Texts(TextArray),
    #[prost(message, tag = "10")]
    Ints(Unread),
    #[prost(message, tag = "11")]
    Booleans(Unread),
    #[prost(message, tag = "12")]
    Numbers(Unread),
    #[prost(message, tag = "13")]
    Geo(Unread),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Operator {
    Unspecified = 0,
    Equal = 1,
    NotEqual = 2,
    GreaterThan = 3,
    GreaterThanEqual = 4,
    LessThan = 5,
    LessThanEqual = 6,
    And = 7,
    Or = 8,
    WithinGeoRange = 9,
    Like = 10,
    IsNull = 11,
    ContainsAny = 12,
    ContainsAll = 13,
    ContainsNone = 14,
    Not = 15,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FilterTarget {
    #[prost(oneof = "Target", tags = "1, 2, 3, 4")]
    pub(crate) target: Option<Target>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Target {
    #[prost(string, tag = "1")]
    Property(String),
    #[prost(message, tag = "2")]
    Single(Unread),
    #[prost(message, tag = "3")]
    Multi(Unread),
    #[prost(message, tag = "4")]
    Count(Unread),
}
