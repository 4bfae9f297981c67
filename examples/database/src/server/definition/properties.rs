//! Properties of a class: their types, what is filled in, and what makes two definitions clash.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use siltstone::{Error, ErrorKind, Result};

use super::fill::{fill, known, object, shown, without_nulls};
use super::refused;

/// Deepest nesting of objects in objects.
const MAX_DEPTH: usize = 16;
/// Longest name of a property, in bytes.
const MAX_NAME: usize = 231;
/// Names that mean something else in queries.
const RESERVED: [&str; 3] = ["id", "_id", "_additional"];

const TYPES: [&str; 18] = [
    "text",
    "text[]",
    "int",
    "int[]",
    "number",
    "number[]",
    "boolean",
    "boolean[]",
    "date",
    "date[]",
    "uuid",
    "uuid[]",
    "blob",
    "blobHash",
    "geoCoordinates",
    "phoneNumber",
    "object",
    "object[]",
];

const KEYS: [&str; 11] = [
    "name",
    "dataType",
    "description",
    "indexFilterable",
    "indexInverted",
    "indexRangeFilters",
    "indexSearchable",
    "moduleConfig",
    "nestedProperties",
    "textAnalyzer",
    "tokenization",
];

/// Checks and completes the properties of a class.
pub(super) fn complete(schema: &mut Map<String, Value>) -> Result<()> {
    let given = schema.remove("properties").unwrap_or_else(|| json!([]));
    schema.insert("properties".to_owned(), list("properties", given, 0)?);
    Ok(())
}

/// Adds one to a definition, unless it has one of that name in any case.
pub(super) fn add(schema: &mut Value, given: Value) -> Result<Value> {
    let property = one("property", without_nulls(given), 0)?;
    let name = name_of(&property).to_lowercase();
    let Some(existing) = schema.get_mut("properties").and_then(Value::as_array_mut) else {
        schema["properties"] = json!([property]);
        return Ok(property);
    };
    if let Some(same) = existing.iter().find(|p| name_of(p).to_lowercase() == name) {
        let message = format!("property `{}` already exists", name_of(same));
        return Err(Error::new(ErrorKind::AlreadyExists, "add property", message));
    }
    existing.push(property.clone());
    Ok(property)
}

/// Refuses a definition whose properties are not those of the old one; descriptions and the like may change.
pub(super) fn expect_same(old: &Value, new: &Value) -> Result<()> {
    let signature = |schema: &Value| -> BTreeSet<(String, String)> {
        let properties = schema.get("properties").and_then(Value::as_array);
        let of = |p: &Value| (name_of(p).to_owned(), p["dataType"].to_string());
        properties.map(|all| all.iter().map(of).collect()).unwrap_or_default()
    };
    if signature(old) != signature(new) {
        let message = "properties are not added, removed or retyped by an update: post a new one to \
                       /v1/schema/{class}/properties";
        return Err(refused(message));
    }
    Ok(())
}

fn list(at: &str, given: Value, depth: usize) -> Result<Value> {
    let Value::Array(items) = given else {
        return Err(refused(format!("`{at}` must be a list, not `{}`", shown(&given))));
    };
    let mut names = BTreeSet::new();
    let mut complete = Vec::with_capacity(items.len());
    for item in items {
        let property = one(at, item, depth)?;
        if !names.insert(name_of(&property).to_lowercase()) {
            return Err(refused(format!("property `{}` stands twice in `{at}`", name_of(&property))));
        }
        complete.push(property);
    }
    Ok(Value::Array(complete))
}

fn one(at: &str, given: Value, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err(refused(format!("`{at}` is nested deeper than {MAX_DEPTH}")));
    }
    let mut property = known(object(at, given)?, &KEYS);
    let name = match property.get("name") {
        Some(Value::String(name)) => plain_name(name)?.to_owned(),
        _ => return Err(refused(format!("a property in `{at}` has no `name`"))),
    };
    let is_text = match data_type(&name, &mut property)? {
        Kind::Reference => false,
        Kind::Value { is_text } => is_text,
        Kind::Object => {
            let at = format!("{name}.nestedProperties");
            let nested = property.remove("nestedProperties").ok_or_else(|| {
                refused(format!("property `{name}` is an object and has no `nestedProperties`"))
            })?;
            property.insert("nestedProperties".to_owned(), list(&at, nested, depth + 1)?);
            false
        }
    };
    // The old switch for both.
    let inverted = property.remove("indexInverted").and_then(|v| v.as_bool()).unwrap_or(true);
    let defaults = json!({
        "indexFilterable": inverted,
        "indexSearchable": inverted && is_text,
        "indexRangeFilters": false,
    });
    fill(&mut property, &name, defaults)?;
    if is_text {
        fill(&mut property, &name, json!({ "tokenization": "word" }))?;
    }
    Ok(Value::Object(property))
}

enum Kind {
    Value { is_text: bool },
    Object,
    Reference,
}

/// One type from the list, or the names of the classes to which a reference may lead. `string` of old is a text of
/// which the words are told apart by spaces.
fn data_type(name: &str, property: &mut Map<String, Value>) -> Result<Kind> {
    let wrong = |given: &Value| {
        refused(format!(
            "property `{name}` has the dataType `{}`: expected a list with one type ({}) or with names of classes",
            shown(given),
            TYPES.join(", ")
        ))
    };
    let Some(given) = property.get("dataType") else { return Err(wrong(&Value::Null)) };
    let types = given.as_array().filter(|t| !t.is_empty()).ok_or_else(|| wrong(given))?;
    let names: Option<Vec<&str>> = types.iter().map(Value::as_str).collect();
    let names = names.ok_or_else(|| wrong(given))?;
    if names.iter().all(|n| super::class_name(n).is_ok()) {
        return Ok(Kind::Reference);
    }
    let &[one] = names.as_slice() else { return Err(wrong(given)) };
    let text = match one {
        "string" => "text",
        "string[]" => "text[]",
        other => other,
    };
    if !TYPES.contains(&text) {
        return Err(wrong(given));
    }
    let text = text.to_owned();
    if one != text {
        let by = if property.get("tokenization") == Some(&json!("field")) { "field" } else { "whitespace" };
        property.insert("tokenization".to_owned(), json!(by));
        property.insert("dataType".to_owned(), json!([text]));
    }
    Ok(match text.as_str() {
        "object" | "object[]" => Kind::Object,
        "text" | "text[]" => Kind::Value { is_text: true },
        _ => Kind::Value { is_text: false },
    })
}

fn plain_name(name: &str) -> Result<&str> {
    let is_plain = name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_plain || RESERVED.contains(&name) {
        return Err(refused(format!(
            "`{}` is not a valid property name: use a letter or `_`, then 0-9, A-Z, a-z and `_`, but not {}",
            name.escape_debug(),
            RESERVED.join(", ")
        )));
    }
    Ok(name)
}

fn name_of(property: &Value) -> &str {
    property.get("name").and_then(Value::as_str).unwrap_or_default()
}
