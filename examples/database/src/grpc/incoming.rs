//! Objects on their way in: from the wire to what is stored.

use serde_json::{Map, Number, Value};
use siltstone::{Error, Result};
use uuid::Uuid;

use super::wire::base::{NumberArrayProperties, ObjectPropertiesValue};
use super::wire::batch::Properties;
use super::wire::structure::{Kind, Struct};
use crate::objects::Beacon;
use crate::objects::shape::{self, Shape};

/// The largest number up to which every integer has a floating point number of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads the id of an object; without one it gets a new one.
pub(super) fn id(text: &str) -> Result<Uuid> {
    if text.is_empty() {
        return Ok(Uuid::new_v4());
    }
    Uuid::try_parse(text).map_err(|e| {
        invalid(format!("`{}` is not a UUID", text.chars().take(80).collect::<String>().escape_debug()))
            .with_source(e)
    })
}

/// Reads the properties of an object. References that name no class get the one that the schema knows.
pub(super) fn properties(shape: &Shape, properties: Properties) -> Result<Map<String, Value>> {
    let mut all = object(ObjectPropertiesValue {
        non_ref_properties: properties.non_ref_properties,
        number_array_properties: properties.number_array_properties,
        int_array_properties: properties.int_array_properties,
        text_array_properties: properties.text_array_properties,
        boolean_array_properties: properties.boolean_array_properties,
        object_properties: properties.object_properties,
        object_array_properties: properties.object_array_properties,
        empty_list_props: properties.empty_list_props,
    })?;
    for references in properties.single_target_ref_props {
        let class = match shape.get(&references.prop_name).map(|of| &of.kind) {
            Some(shape::Kind::Reference(classes)) if classes.len() == 1 => classes.first(),
            _ => None,
        };
        refer(&mut all, references.prop_name, &references.uuids, class)?;
    }
    for references in properties.multi_target_ref_props {
        let class = Some(&references.target_collection).filter(|class| !class.is_empty());
        refer(&mut all, references.prop_name, &references.uuids, class)?;
    }
    Ok(all)
}

/// Adds references to those that a property has already: to objects of several classes they come one class at a time.
fn refer(all: &mut Map<String, Value>, name: String, ids: &[String], class: Option<&String>) -> Result<()> {
    let mut elements = Vec::with_capacity(ids.len());
    for id in ids {
        let mut beacon = Beacon::named(id).map_err(|e| e.with("property", &name))?;
        beacon.class = beacon.class.or_else(|| class.cloned());
        if beacon.class.is_none() {
            let name = name.escape_debug();
            let message =
                format!("the schema knows no single class that `{name}` refers to: name it in the reference");
            return Err(invalid(message));
        }
        elements.push(beacon.value());
    }
    match all.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(list) => list.extend(elements),
        other => *other = Value::Array(elements),
    }
    Ok(())
}

fn object(value: ObjectPropertiesValue) -> Result<Map<String, Value>> {
    let mut all = structure(value.non_ref_properties.unwrap_or_default())?;
    for list in value.number_array_properties {
        let numbers: Result<Vec<Value>> = doubles(&list)?.into_iter().map(number).collect();
        all.insert(list.prop_name, Value::Array(numbers?));
    }
    for list in value.int_array_properties {
        all.insert(list.prop_name, list.values.into());
    }
    for list in value.text_array_properties {
        all.insert(list.prop_name, list.values.into());
    }
    for list in value.boolean_array_properties {
        all.insert(list.prop_name, list.values.into());
    }
    for nested in value.object_properties {
        all.insert(nested.prop_name, Value::Object(object(nested.value.unwrap_or_default())?));
    }
    for list in value.object_array_properties {
        let objects: Result<Vec<Value>> =
            list.values.into_iter().map(|value| object(value).map(Value::Object)).collect();
        all.insert(list.prop_name, Value::Array(objects?));
    }
    for name in value.empty_list_props {
        all.insert(name, Value::Array(Vec::new()));
    }
    Ok(all)
}

fn doubles(list: &NumberArrayProperties) -> Result<Vec<f64>> {
    let bytes = &list.values_bytes;
    if bytes.is_empty() {
        return Ok(list.values.clone());
    }
    let (numbers, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        let (name, length) = (list.prop_name.escape_debug(), bytes.len());
        return Err(invalid(format!("`{name}` has {length} bytes: they must be 8 for each number")));
    }
    Ok(numbers.iter().map(|n| f64::from_le_bytes(*n)).collect())
}

fn structure(object: Struct) -> Result<Map<String, Value>> {
    object.fields.into_iter().map(|(name, value)| Ok((name, plain(value.kind)?))).collect()
}

fn plain(kind: Option<Kind>) -> Result<Value> {
    Ok(match kind {
        None | Some(Kind::Null(_)) => Value::Null,
        Some(Kind::Number(value)) => number(value)?,
        Some(Kind::Text(text)) => Value::String(text),
        Some(Kind::Boolean(is)) => Value::Bool(is),
        Some(Kind::Object(object)) => Value::Object(structure(object)?),
        Some(Kind::List(list)) => {
            Value::Array(list.values.into_iter().map(|v| plain(v.kind)).collect::<Result<_>>()?)
        }
    })
}

/// A number as JSON: the wire has floating point numbers only, so that one without a fraction is an integer.
#[allow(clippy::cast_possible_truncation, reason = "the number was found to be an integer within range")]
fn number(value: f64) -> Result<Value> {
    if value.fract() == 0.0 && value.abs() <= EXACT && (value != 0.0 || value.is_sign_positive()) {
        return Ok(Value::from(value as i64));
    }
    let finite = Number::from_f64(value);
    finite
        .map(Value::Number)
        .ok_or_else(|| invalid(format!("number {value} cannot be stored: send a finite one")))
}

fn invalid(message: String) -> Error {
    Error::invalid("read object", message)
}

#[cfg(test)]
mod tests;
