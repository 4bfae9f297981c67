//! Completing JSON objects: defaults where nothing was given, known names only.

use serde_json::{Map, Value};
use siltstone::Result;

use super::refused;

/// Adds `defaults` wherever the target holds nothing. Objects are completed name by name; where the defaults hold an
/// object the target must too. `at` is the path for the error.
pub(super) fn fill(target: &mut Map<String, Value>, at: &str, defaults: Value) -> Result<()> {
    let Value::Object(defaults) = defaults else { return Ok(()) };
    for (name, default) in defaults {
        match target.get_mut(&name) {
            None => drop(target.insert(name, default)),
            Some(Value::Object(inner)) => fill(inner, &format!("{at}.{name}"), default)?,
            Some(_) if default.is_object() => {
                return Err(refused(format!("`{at}.{name}` must be an object")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The object that something must be.
pub(super) fn object(at: &str, value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(refused(format!("`{at}` must be an object, not `{}`", shown(&other)))),
    }
}

/// The entries with these names.
pub(super) fn known(mut object: Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    object.retain(|name, _| names.contains(&name.as_str()));
    object
}

/// The value without names that hold `null`, at any depth: to say nothing and to say null is the same.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.into_iter().filter(|(_, v)| !v.is_null());
            Value::Object(kept.map(|(name, v)| (name, without_nulls(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// The beginning of a value, for messages.
pub(super) fn shown(value: &Value) -> String {
    value.to_string().chars().take(80).flat_map(char::escape_debug).collect()
}
