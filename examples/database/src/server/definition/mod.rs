//! The definition of a class: what may stand in it, and what Weaviate fills in where the user said nothing.

mod fill;
mod properties;
mod vectors;

use serde_json::{Map, Value, json};
use siltstone::model::CollectionName;
use siltstone::{Error, Result};

use crate::Tenancy;
use crate::objects::capitalized;
use crate::server::definition::fill::{fill, known, object, without_nulls};

/// Longest name of a class, in bytes.
const MAX_NAME: usize = 255;

/// What a definition may hold; anything else is dropped.
const KEYS: [&str; 13] = [
    "class",
    "description",
    "invertedIndexConfig",
    "moduleConfig",
    "multiTenancyConfig",
    "objectTtlConfig",
    "properties",
    "replicationConfig",
    "shardingConfig",
    "vectorConfig",
    "vectorIndexConfig",
    "vectorIndexType",
    "vectorizer",
];

/// A definition that is complete.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: CollectionName,
    pub(super) tenancy: Tenancy,
    /// In the form in which it is kept and shown.
    pub(super) schema: Value,
}

impl Definition {
    /// Checks and completes what a user gave.
    pub(super) fn new(given: Value) -> Result<Self> {
        let mut schema = known(object("class", without_nulls(given))?, &KEYS);
        let name = match schema.get("class") {
            Some(Value::String(name)) => class_name(&capitalized(name))?,
            _ => return Err(refused("`class` is missing: the name of the class, a text")),
        };
        schema.insert("class".to_owned(), json!(name.as_str()));
        let tenancy = tenancy(&schema)?;
        fill(&mut schema, "class", defaults(tenancy))?;
        replication(&schema)?;
        vectors::complete(&mut schema)?;
        properties::complete(&mut schema)?;
        Ok(Self { name, tenancy, schema: Value::Object(schema) })
    }

    /// Checks and completes the definition by which a user wants to replace `old`. The name, whether there are tenants,
    /// and the properties are not changed this way; without `properties` they stay.
    pub(super) fn replacing(old: &Value, given: Value) -> Result<Self> {
        let mut given = object("class", without_nulls(given))?;
        for kept in ["class", "properties"] {
            if let (false, Some(value)) = (given.contains_key(kept), old.get(kept)) {
                given.insert(kept.to_owned(), value.clone());
            }
        }
        let new = Self::new(Value::Object(given))?;
        let old_name = old.get("class").and_then(Value::as_str).unwrap_or_default();
        if new.name.as_str() != old_name {
            let message =
                format!("class `{old_name}` cannot be renamed to `{}`: create a new class", new.name);
            return Err(refused(message));
        }
        let was_multi = old.pointer("/multiTenancyConfig/enabled") == Some(&Value::Bool(true));
        if was_multi != (new.tenancy == Tenancy::Multi) {
            let message =
                format!("multi-tenancy of class `{old_name}` cannot be switched: create a new class");
            return Err(refused(message));
        }
        properties::expect_same(old, &new.schema)?;
        Ok(new)
    }
}

/// Adds a property to a definition; returns the property, completed.
pub(super) fn add_property(schema: &mut Value, given: Value) -> Result<Value> {
    properties::add(schema, given)
}

/// Validates the name of a class or alias.
pub(super) fn class_name(name: &str) -> Result<CollectionName> {
    let is_plain = name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_plain {
        let message = format!(
            "`{}` is not a valid class name: use a letter, then 0-9, A-Z, a-z and `_`",
            name.chars().take(80).flat_map(char::escape_debug).collect::<String>()
        );
        return Err(refused(message));
    }
    CollectionName::new(name)
}

fn tenancy(schema: &Map<String, Value>) -> Result<Tenancy> {
    let Some(config) = schema.get("multiTenancyConfig") else { return Ok(Tenancy::Single) };
    for flag in ["enabled", "autoTenantCreation", "autoTenantActivation"] {
        if config.get(flag).is_some_and(|v| !v.is_boolean()) {
            return Err(refused(format!("`multiTenancyConfig.{flag}` must be true or false")));
        }
    }
    match config.get("enabled") {
        Some(Value::Bool(true)) => Ok(Tenancy::Multi),
        _ => Ok(Tenancy::Single),
    }
}

/// There is one node, so nothing can be replicated.
fn replication(schema: &Map<String, Value>) -> Result<()> {
    match schema.get("replicationConfig").and_then(|c| c.get("factor")) {
        Some(factor) if factor.as_u64() != Some(1) => Err(refused(format!(
            "`replicationConfig.factor` is {factor}: there is one node, so it must be 1"
        ))),
        _ => Ok(()),
    }
}

fn defaults(tenancy: Tenancy) -> Value {
    // A class with tenants is not sharded in any other way.
    let sharding = match tenancy {
        Tenancy::Single => json!({
            "virtualPerPhysical": 128, "desiredCount": 1, "actualCount": 1, "desiredVirtualCount": 128,
            "actualVirtualCount": 128, "key": "_id", "strategy": "hash", "function": "murmur3",
        }),
        Tenancy::Multi => json!({
            "virtualPerPhysical": 0, "desiredCount": 0, "actualCount": 0, "desiredVirtualCount": 0,
            "actualVirtualCount": 0, "key": "", "strategy": "", "function": "",
        }),
    };
    json!({
        "invertedIndexConfig": {
            "bm25": { "b": 0.75, "k1": 1.2 },
            "cleanupIntervalSeconds": 60,
            "stopwords": { "preset": "en", "additions": null, "removals": null },
        },
        "multiTenancyConfig": {
            "enabled": false, "autoTenantCreation": false, "autoTenantActivation": false,
        },
        "properties": [],
        "replicationConfig": {
            "factor": 1, "asyncEnabled": false, "deletionStrategy": "NoAutomatedResolution",
        },
        "shardingConfig": sharding,
    })
}

fn refused(message: impl Into<String>) -> Error {
    Error::invalid("read definition", message)
}

#[cfg(test)]
mod tests;
