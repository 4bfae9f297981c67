//! JSON objects as clients send them: keys match in any case, unknown keys are ignored, null is absent.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::{Failure, Rule};

/// The keys of one object of a body, in lower case, without nulls.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Prefix of the names in errors: empty, or `config.`.
    prefix: &'static str,
    values: BTreeMap<String, Value>,
}

impl Fields {
    /// The object that a body holds.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Failure> {
        let required = || Failure::rule(Rule::Required, "body in body is required");
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(required());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self::fold("", object)),
            Ok(Value::Null) => Err(required()),
            Ok(_) => Err(Failure::malformed("parsing the body failed: it is not a JSON object")),
            Err(e) => Err(Failure::malformed(format!("parsing the body failed: {e}"))),
        }
    }

    fn fold(prefix: &'static str, object: Map<String, Value>) -> Self {
        let values = object
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.to_ascii_lowercase(), value))
            .collect();
        Self { prefix, values }
    }

    /// The object under a key; absent is empty.
    pub(super) fn section(&mut self, name: &str, prefix: &'static str) -> Result<Self, Failure> {
        match self.take(name) {
            None => Ok(Self { prefix, values: BTreeMap::new() }),
            Some(Value::Object(object)) => Ok(Self::fold(prefix, object)),
            Some(other) => Err(self.mismatch(name, "an object", &other)),
        }
    }

    /// A text; absent is empty.
    pub(super) fn text(&mut self, name: &str) -> Result<String, Failure> {
        match self.take(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(self.mismatch(name, "a string", &other)),
        }
    }

    /// A whole number; absent is 0.
    pub(super) fn integer(&mut self, name: &str) -> Result<i64, Failure> {
        match self.take(name) {
            None => Ok(0),
            Some(value) => value.as_i64().ok_or_else(|| self.mismatch(name, "a whole number", &value)),
        }
    }

    /// Yes or no; absent is no.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Failure> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(self.mismatch(name, "true or false", &other)),
        }
    }

    /// A list of texts; absent is empty.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, Failure> {
        const WHAT: &str = "a list of strings";
        let entries = match self.take(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(entries)) => entries,
            Some(other) => return Err(self.mismatch(name, WHAT, &other)),
        };
        let text = |entry| match entry {
            Value::String(text) => Ok(text),
            other => Err(self.mismatch(name, WHAT, &other)),
        };
        entries.into_iter().map(text).collect()
    }

    /// An object of texts; its keys are data and keep their case. Absent is empty.
    pub(super) fn mapping(&mut self, name: &str) -> Result<BTreeMap<String, String>, Failure> {
        const WHAT: &str = "an object of strings";
        let entries = match self.take(name) {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(entries)) => entries,
            Some(other) => return Err(self.mismatch(name, WHAT, &other)),
        };
        let pair = |(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            other => Err(self.mismatch(name, WHAT, &other)),
        };
        entries.into_iter().map(pair).collect()
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(&name.to_ascii_lowercase())
    }

    fn mismatch(&self, name: &str, expected: &str, found: &Value) -> Failure {
        let kind = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        Failure::malformed(format!(
            "parsing the body failed: {}{name} must be {expected}, and is {kind}",
            self.prefix
        ))
    }
}

/// Holds a value to a closed list; empty counts as not given.
pub(super) fn one_of(name: &str, place: &str, value: &str, allowed: &[&str]) -> Result<(), Failure> {
    if value.is_empty() || allowed.contains(&value) {
        return Ok(());
    }
    Err(Failure::rule(Rule::Enum, format!("{name} in {place} should be one of [{}]", allowed.join(" "))))
}
