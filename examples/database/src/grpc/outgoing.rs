//! Properties on their way out: from what is stored to the typed values of the wire.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::wire::properties::{
    BoolValues, GeoCoordinate, Kind, List, ListValue, ObjectValues, Packed, PhoneNumber, Properties, Texts,
    Value as Wire,
};
use super::wire::search::ObjectPropertiesRequest;
use crate::objects::shape::{self, Count, Shape, Type};

/// One property. `listed` is its type in the schema; a value that does not fit, or is not listed, is sent as what it is:
/// numbers as floating point numbers, texts as texts. `wanted` picks properties of nested objects.
pub(super) fn value(
    value: Option<&Value>,
    listed: Option<&Type>,
    wanted: Option<&ObjectPropertiesRequest>,
) -> Wire {
    let kind = match (value, listed) {
        (None | Some(Value::Null), _) => Kind::Null(0),
        (Some(Value::Array(items)), _) => {
            let typed = listed.filter(|of| of.count == Count::Many);
            Kind::List(ListValue { kind: Some(list(items, typed.map(|of| &of.kind), wanted)) })
        }
        (Some(value), Some(Type { kind, count: Count::One })) => {
            typed(value, kind, wanted).unwrap_or_else(|| guessed(value, wanted))
        }
        (Some(value), _) => guessed(value, wanted),
    };
    Wire { kind: Some(kind) }
}

/// A nested object: what is wanted of it, all of it if nothing is named.
fn object(map: &Map<String, Value>, shape: &Shape, wanted: Option<&ObjectPropertiesRequest>) -> Properties {
    let mut fields = std::collections::BTreeMap::new();
    let mut add = |name: &str, wanted: Option<&ObjectPropertiesRequest>| {
        fields.insert(name.to_owned(), value(map.get(name), shape.get(name), wanted));
    };
    match wanted {
        None => map.keys().for_each(|name| add(name, None)),
        Some(wanted) => {
            wanted.primitive_properties.iter().for_each(|name| add(name, None));
            wanted.object_properties.iter().for_each(|nested| add(&nested.prop_name, Some(nested)));
        }
    }
    Properties { fields }
}

fn typed(value: &Value, kind: &shape::Kind, wanted: Option<&ObjectPropertiesRequest>) -> Option<Kind> {
    Some(match kind {
        shape::Kind::Text(_) => Kind::Text(value.as_str()?.to_owned()),
        shape::Kind::Int => Kind::Int(integer(value)?),
        shape::Kind::Number => Kind::Number(value.as_f64()?),
        shape::Kind::Boolean => Kind::Boolean(value.as_bool()?),
        shape::Kind::Date => Kind::Date(value.as_str()?.to_owned()),
        shape::Kind::Uuid => Kind::Uuid(uuid(value)?),
        shape::Kind::Blob => Kind::Blob(value.as_str()?.to_owned()),
        shape::Kind::Geo => Kind::Geo(place(value)?),
        shape::Kind::Phone => Kind::Phone(phone(value)?),
        shape::Kind::Object(shape) => Kind::Object(object(value.as_object()?, shape, wanted)),
        shape::Kind::Reference(_) => return None,
    })
}

fn guessed(value: &Value, wanted: Option<&ObjectPropertiesRequest>) -> Kind {
    match value {
        Value::Null => Kind::Null(0),
        Value::Bool(is) => Kind::Boolean(*is),
        Value::Number(number) => Kind::Number(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::Text(text.clone()),
        Value::Array(items) => Kind::List(ListValue { kind: Some(list(items, None, wanted)) }),
        Value::Object(map) => Kind::Object(object(map, &Shape::default(), wanted)),
    }
}

/// A list; the wire has only lists of one type, so that a mixed one becomes texts of JSON.
fn list(items: &[Value], kind: Option<&shape::Kind>, wanted: Option<&ObjectPropertiesRequest>) -> List {
    if let Some(list) = kind.and_then(|kind| typed_list(items, kind, wanted)) {
        return list;
    }
    let guess = match items.first() {
        Some(Value::Bool(_)) => Some(shape::Kind::Boolean),
        Some(Value::Number(_)) => Some(shape::Kind::Number),
        Some(Value::Object(_)) => Some(shape::Kind::Object(Shape::default())),
        _ => None,
    };
    guess.and_then(|kind| typed_list(items, &kind, wanted)).unwrap_or_else(|| {
        let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
        List::Texts(Texts { values: items.iter().map(text).collect() })
    })
}

fn typed_list(items: &[Value], kind: &shape::Kind, wanted: Option<&ObjectPropertiesRequest>) -> Option<List> {
    let texts = |read: fn(&Value) -> Option<String>| -> Option<Texts> {
        Some(Texts { values: items.iter().map(read).collect::<Option<_>>()? })
    };
    let text: fn(&Value) -> Option<String> = |item| item.as_str().map(str::to_owned);
    Some(match kind {
        shape::Kind::Text(_) => List::Texts(texts(text)?),
        shape::Kind::Date => List::Dates(texts(text)?),
        shape::Kind::Uuid => List::Uuids(texts(uuid)?),
        shape::Kind::Int => {
            let numbers: Option<Vec<i64>> = items.iter().map(integer).collect();
            List::Ints(Packed { values: numbers?.iter().flat_map(|n| n.to_le_bytes()).collect() })
        }
        shape::Kind::Number => {
            let numbers: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
            List::Numbers(Packed { values: numbers?.iter().flat_map(|n| n.to_le_bytes()).collect() })
        }
        shape::Kind::Boolean => {
            List::Booleans(BoolValues { values: items.iter().map(Value::as_bool).collect::<Option<_>>()? })
        }
        shape::Kind::Object(shape) => List::Objects(ObjectValues {
            values: items
                .iter()
                .map(|item| item.as_object().map(|map| object(map, shape, wanted)))
                .collect::<Option<_>>()?,
        }),
        shape::Kind::Blob | shape::Kind::Geo | shape::Kind::Phone | shape::Kind::Reference(_) => return None,
    })
}

/// An integer, also one that was written as `3.0`.
#[allow(clippy::cast_possible_truncation, reason = "the number was found to be an integer within range")]
fn integer(value: &Value) -> Option<i64> {
    let whole = |n: &f64| n.fract() == 0.0 && n.abs() < 9.2e18;
    value.as_i64().or_else(|| value.as_f64().filter(whole).map(|n| n as i64))
}

fn uuid(value: &Value) -> Option<String> {
    Uuid::try_parse(value.as_str()?).ok().map(|id| id.to_string())
}

#[allow(clippy::cast_possible_truncation, reason = "the wire has single precision only")]
fn place(value: &Value) -> Option<GeoCoordinate> {
    let part = |name: &str| Some(value.get(name)?.as_f64()? as f32);
    Some(GeoCoordinate { longitude: part("longitude")?, latitude: part("latitude")? })
}

/// A phone number as it was given; this database does not look into it.
fn phone(value: &Value) -> Option<PhoneNumber> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
    value.as_object().map(|_| PhoneNumber {
        country_code: number("countryCode"),
        default_country: text("defaultCountry"),
        input: text("input"),
        international_formatted: text("internationalFormatted"),
        national: number("national"),
        national_formatted: text("nationalFormatted"),
        valid: value.get("valid").and_then(Value::as_bool).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
