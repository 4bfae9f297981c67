//! An object as JSON, and the way to and from what is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use siltstone::model::ShardId;
use siltstone::{Error, Result};
use uuid::Uuid;

use crate::objects::capitalized;
use crate::objects::now_ms;
use crate::{Database, Intent, Object};

/// An object on the wire.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::server) struct Wire {
    #[serde(default)]
    pub(in crate::server) class: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::server) id: Option<String>,
    #[serde(default)]
    pub(super) properties: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) vector: Option<Vec<f32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) vectors: Option<BTreeMap<String, Vec<f32>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<String>,
    #[serde(skip_deserializing, rename = "creationTimeUnix")]
    created: u64,
    #[serde(skip_deserializing, rename = "lastUpdateTimeUnix")]
    updated: u64,
}

/// Whether vectors are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Vectors {
    Shown,
    Hidden,
}

impl Vectors {
    /// What a query asks for: `include` is a list of names separated by commas.
    pub(super) fn of(include: Option<&str>) -> Self {
        let mut names = include.unwrap_or_default().split(',');
        if names.any(|n| matches!(n.trim(), "vector" | "vectors")) { Self::Shown } else { Self::Hidden }
    }
}

impl Wire {
    pub(super) fn new(shard: &ShardId, object: Object, vectors: Vectors) -> Self {
        let shown = vectors == Vectors::Shown;
        Self {
            class: shard.collection.to_string(),
            id: Some(object.id.to_string()),
            properties: Some(object.properties),
            vector: object.vector.filter(|_| shown),
            vectors: Some(object.named_vectors).filter(|v| shown && !v.is_empty()),
            tenant: shard.tenant.as_ref().map(ToString::to_string),
            created: object.created_ms,
            updated: object.updated_ms,
        }
    }

    /// The shard it belongs to and the object, with an id and the time. That all vectors of a class have one length is
    /// not checked: this database only keeps them. An insert may create the tenant, but not for a wrong object.
    pub(in crate::server) fn object(&self, db: &Database, intent: Intent) -> Result<(ShardId, Object)> {
        if self.class.is_empty() {
            return Err(Error::invalid("read object", "`class` is missing: the name of the class"));
        }
        let id = self.id.as_deref().map_or_else(|| Ok(Uuid::new_v4()), id)?;
        let mut properties = self.properties.clone().unwrap_or_default();
        db.settle_beacons(&db.resolve(&capitalized(&self.class))?, &mut properties)?;
        let now = now_ms();
        let object = Object {
            id,
            properties,
            vector: self.vector.clone().filter(|v| !v.is_empty()),
            named_vectors: self.vectors.clone().unwrap_or_default(),
            created_ms: now,
            updated_ms: now,
        };
        finite(&object)?;
        Ok((db.locate(&self.class, self.tenant.as_deref(), intent)?, object))
    }
}

/// Refuses numbers that are too large for a vector.
pub(super) fn finite(object: &Object) -> Result<()> {
    let mut all = object.vector.iter().chain(object.named_vectors.values()).flatten();
    match all.find(|f| !f.is_finite()) {
        Some(_) => {
            Err(Error::invalid("read object", "a vector holds a number outside the range of 32-bit floats"))
        }
        None => Ok(()),
    }
}

pub(super) fn id(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|e| {
        let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
        Error::invalid("read id", format!("`{shown}` is not a UUID")).with_source(e)
    })
}

/// How an imported object fared.
pub(in crate::server) fn result(wire: Wire, error: Option<&Error>) -> Value {
    let mut value = serde_json::to_value(wire).unwrap_or_default();
    value["result"] = match error {
        None => json!({ "status": "SUCCESS" }),
        Some(e) => json!({ "status": "FAILED", "errors": { "error": [{ "message": e.to_string() }] } }),
    };
    value
}
