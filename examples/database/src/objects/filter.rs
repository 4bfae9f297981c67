//! Filters: which objects of a shard are meant, by id or by the value of one property.

use std::collections::BTreeSet;

use serde_json::{Number, Value};
use siltstone::{Error, ErrorKind, Result};
use uuid::Uuid;

use crate::objects::Object;
use crate::objects::shape::{Kind, Shape};

/// Which objects are meant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// Those with these ids.
    Ids(BTreeSet<Uuid>),
    /// Those whose property has a value, or has it among its values.
    Equal(Equal),
}

/// A comparison that has been checked against the type of the property.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Equal {
    property: String,
    value: Wanted,
}

#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    /// All these words, as the tokenization of the property cuts them.
    Words(Vec<String>, Cut),
    Number(Number),
    Boolean(bool),
    Id(Uuid),
}

/// How text is cut into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Word,
    Lowercase,
    Whitespace,
    Field,
}

impl Filter {
    /// Whether a property name stands for the id of the object.
    pub(crate) fn is_id(property: &str) -> bool {
        property == "_id" || property == "id"
    }

    /// Equality of a listed property with a value of its type: a text is equal if it holds all the words asked for, as its
    /// tokenization cuts them. Dates, objects and texts of other tokenizations are [`ErrorKind::Unsupported`].
    pub(crate) fn equal(shape: &Shape, property: &str, value: &Value) -> Result<Self> {
        let quoted = property.escape_debug();
        let listed = shape.get(property).ok_or_else(|| {
            invalid(format!("no property `{quoted}` in the schema: name one that it lists"))
        })?;
        let mismatch =
            || invalid(format!("property `{quoted}` cannot equal {value}: its type is another one"));
        let value = match &listed.kind {
            Kind::Text(tokenization) => {
                let cut = Cut::named(tokenization).ok_or_else(|| {
                    unsupported(format!("filtering `{quoted}` with tokenization `{tokenization}`"))
                })?;
                Wanted::Words(cut.words(value.as_str().ok_or_else(mismatch)?), cut)
            }
            Kind::Int | Kind::Number => Wanted::Number(value.as_number().cloned().ok_or_else(mismatch)?),
            Kind::Boolean => Wanted::Boolean(value.as_bool().ok_or_else(mismatch)?),
            Kind::Uuid => {
                let id = value.as_str().and_then(|text| Uuid::try_parse(text).ok());
                Wanted::Id(id.ok_or_else(mismatch)?)
            }
            _ => return Err(unsupported(format!("filtering by property `{quoted}` of this type"))),
        };
        Ok(Self::Equal(Equal { property: property.to_owned(), value }))
    }

    /// From the texts of ids.
    pub(crate) fn ids<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let parse = |text: &str| {
            Uuid::try_parse(text)
                .map_err(|e| invalid(format!("id `{}` is not a UUID", text.escape_debug())).with_source(e))
        };
        texts.into_iter().map(parse).collect::<Result<_>>().map(Self::Ids)
    }
}

impl Equal {
    /// Whether an object is meant.
    pub(crate) fn matches(&self, object: &Object) -> bool {
        let Some(value) = object.properties.get(&self.property) else { return false };
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        match &self.value {
            Wanted::Words(wanted, cut) => {
                let words: BTreeSet<String> =
                    values.iter().filter_map(Value::as_str).flat_map(|text| cut.words(text)).collect();
                !wanted.is_empty() && wanted.iter().all(|word| words.contains(word))
            }
            Wanted::Number(wanted) => {
                values.iter().filter_map(Value::as_number).any(|found| is_same(found, wanted))
            }
            Wanted::Boolean(wanted) => values.iter().any(|v| v.as_bool() == Some(*wanted)),
            Wanted::Id(wanted) => {
                values.iter().any(|v| v.as_str().and_then(|t| Uuid::try_parse(t).ok()) == Some(*wanted))
            }
        }
    }
}

/// Whole numbers are compared as such: many of them have no floating point number of their own.
fn is_same(one: &Number, other: &Number) -> bool {
    let whole = |n: &Number| n.as_i64().map(i128::from).or(n.as_u64().map(i128::from));
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.as_f64() == other.as_f64(),
    }
}

impl Cut {
    fn named(tokenization: &str) -> Option<Self> {
        Some(match tokenization {
            "word" => Self::Word,
            "lowercase" => Self::Lowercase,
            "whitespace" => Self::Whitespace,
            "field" => Self::Field,
            _ => return None,
        })
    }

    fn words(self, text: &str) -> Vec<String> {
        match self {
            Self::Word => text
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase)
                .collect(),
            Self::Lowercase => text.split_whitespace().map(str::to_lowercase).collect(),
            Self::Whitespace => text.split_whitespace().map(str::to_owned).collect(),
            Self::Field => vec![text.trim().to_owned()],
        }
    }
}

fn invalid(message: String) -> Error {
    Error::invalid("read filter", message)
}

/// An error that names what this database does not do.
pub(crate) fn unsupported(what: impl std::fmt::Display) -> Error {
    let message = format!(
        "{what} is not supported by this database: it reads pages of objects, by id or by an equal property"
    );
    Error::new(ErrorKind::Unsupported, "query", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape() -> Shape {
        let property = |name: &str, of: &str| json!({ "name": name, "dataType": [of] });
        Shape::of(&json!({ "properties": [
            property("title", "text"),
            property("code", "string"),
            property("counts", "int[]"),
            property("done", "boolean"),
            property("key", "uuid"),
            property("at", "date"),
            { "name": "odd", "dataType": ["text"], "tokenization": "trigram" },
        ] }))
    }

    #[test]
    fn whole_numbers_are_equal_only_if_all_their_digits_are() {
        let large = json!({ "counts": [9_007_199_254_740_993_i64] });
        let mut found = object();
        found.properties = large.as_object().unwrap().clone();
        for (wanted, is_found) in
            [(json!(9_007_199_254_740_993_i64), true), (json!(9_007_199_254_740_992_i64), false)]
        {
            let Filter::Equal(equal) = Filter::equal(&shape(), "counts", &wanted).unwrap() else { panic!() };
            assert_eq!(equal.matches(&found), is_found, "{wanted}");
        }
        found.properties = json!({ "counts": [2.0] }).as_object().unwrap().clone();
        let Filter::Equal(equal) = Filter::equal(&shape(), "counts", &json!(2)).unwrap() else { panic!() };
        assert!(equal.matches(&found));
    }

    fn object() -> Object {
        let properties = json!({ "title": "The Old-Man, and the sea", "code": "A b", "counts": [1, 2], "done": true,
            "key": "11111111-2222-4333-8444-555555555555" });
        Object {
            id: Uuid::nil(),
            properties: properties.as_object().unwrap().clone(),
            vector: None,
            named_vectors: Default::default(),
            created_ms: 0,
            updated_ms: 0,
        }
    }

    #[test]
    fn a_value_matches_as_the_type_of_the_property_says() {
        let found = |name: &str, value: Value| match Filter::equal(&shape(), name, &value).unwrap() {
            Filter::Equal(equal) => equal.matches(&object()),
            Filter::Ids(_) => panic!("not by id"),
        };
        assert!(found("title", json!("old sea")) && !found("title", json!("old lake")));
        assert!(!found("title", json!("...")), "no word matches nothing");
        assert!(found("code", json!("A b")) && !found("code", json!("A")));
        assert!(found("counts", json!(2.0)) && !found("counts", json!(3)));
        assert!(found("done", json!(true)) && !found("done", json!(false)));
        assert!(found("key", json!("11111111222243338444555555555555")));
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let kind = |name: &str, value: Value| Filter::equal(&shape(), name, &value).unwrap_err().kind();
        assert_eq!(kind("missing", json!(1)), ErrorKind::Invalid);
        assert_eq!(kind("counts", json!("1")), ErrorKind::Invalid);
        assert_eq!(kind("at", json!("2020-01-01T00:00:00Z")), ErrorKind::Unsupported);
        assert_eq!(kind("odd", json!("a")), ErrorKind::Unsupported);
        assert_eq!(Filter::ids(["nonsense"]).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
