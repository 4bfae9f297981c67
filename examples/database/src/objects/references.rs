//! Adding references to objects, one or many at a time.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};
use siltstone::model::ShardId;
use siltstone::{Error, Result};
use uuid::Uuid;

use crate::database::Database;
use crate::objects::{Beacon, now_ms};

/// Most references in one property; also what one object may cost to read and to write again.
const MAX_REFERENCES: usize = 10_000;

/// A value of a reference: its place in the request, its property, and itself.
type Placed = (usize, String, Value);

/// A reference that shall be added to an object.
pub(crate) struct NewReference {
    pub(crate) shard: ShardId,
    pub(crate) id: Uuid,
    pub(crate) property: String,
    pub(crate) to: Beacon,
}

impl Database {
    /// Adds references, those of one object in one write; answers the errors by their places. One that is there is not
    /// added again. What a reference names need not exist, its property must be one of references.
    pub(crate) fn add_references(&self, all: Vec<Result<NewReference>>) -> BTreeMap<usize, String> {
        let mut errors = BTreeMap::new();
        let mut objects: BTreeMap<(ShardId, Uuid), Vec<Placed>> = BTreeMap::new();
        for (index, reference) in all.into_iter().enumerate() {
            let checked = reference.and_then(|new| {
                self.expect_reference(&new.shard.collection, &new.property)?;
                Ok(new)
            });
            match checked {
                Ok(new) => {
                    let of = objects.entry((new.shard, new.id)).or_default();
                    of.push((index, new.property, new.to.value()));
                }
                Err(e) => drop(errors.insert(index, e.to_string())),
            }
        }
        for ((shard, id), new) in objects {
            let indices: Vec<usize> = new.iter().map(|(index, ..)| *index).collect();
            let added = self.update(&shard, id, |object| {
                let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
                for (_, property, value) in new {
                    values.entry(property).or_default().push(value);
                }
                for (property, values) in values {
                    append(&mut object.properties, &property, values)?;
                }
                object.updated_ms = now_ms();
                Ok(())
            });
            if let Err(e) = added {
                errors.extend(indices.into_iter().map(|index| (index, e.to_string())));
            }
        }
        errors
    }
}

/// Adds references to a property, unless they are there.
pub(crate) fn append(properties: &mut Map<String, Value>, property: &str, values: Vec<Value>) -> Result<()> {
    let mut items = match properties.remove(property) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let mut seen: HashSet<String> = items.iter().map(ToString::to_string).collect();
    items.extend(values.into_iter().filter(|value| seen.insert(value.to_string())));
    let count = items.len();
    properties.insert(property.to_owned(), Value::Array(items));
    if count > MAX_REFERENCES {
        let property: String = property.chars().take(80).flat_map(char::escape_debug).collect();
        let text = format!(
            "property `{property}` would hold {count} references, and {MAX_REFERENCES} are allowed: refer the other way round"
        );
        return Err(Error::invalid("add reference", text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_kept_once_and_bounded() {
        let mut properties = Map::new();
        let beacon = |n: usize| json!({ "beacon": format!("weaviate://localhost/A/{n}") });
        append(&mut properties, "r", vec![beacon(1), beacon(2), beacon(1)]).unwrap();
        append(&mut properties, "r", vec![beacon(2), beacon(3)]).unwrap();
        assert_eq!(properties["r"], json!([beacon(1), beacon(2), beacon(3)]));
        let error = append(&mut properties, "r", (0..=MAX_REFERENCES).map(beacon).collect()).unwrap_err();
        assert!(error.to_string().contains("10000 are allowed"), "{error}");
    }
}
