//! What is known of an object beside its properties.

use siltstone::Result;

use super::vectors::{encode, encode_named};
use super::wire::base::Vectors;
use super::wire::search::{MetadataRequest, MetadataResult};
use crate::objects::Object;
use crate::objects::filter::unsupported;
use crate::objects::shape::Shape;

/// The name of a vector without one, where it has to have one.
const DEFAULT: &str = "default";

/// Refuses what this database cannot say. Distances and scores are sent as absent: nothing was searched.
pub(super) fn check(wanted: &MetadataRequest) -> Result<()> {
    if wanted.query_profile { Err(unsupported("a query profile")) } else { Ok(()) }
}

/// What is wanted of an object.
pub(super) fn metadata(object: &Object, shape: &Shape, wanted: &MetadataRequest) -> MetadataResult {
    let mut result = MetadataResult::default();
    if wanted.uuid {
        result.id = object.id.to_string();
        result.id_as_bytes = object.id.into_bytes().to_vec();
    }
    if wanted.creation_time_unix {
        result.creation_time_unix = i64::try_from(object.created_ms).unwrap_or(i64::MAX);
        result.creation_time_unix_present = true;
    }
    if wanted.last_update_time_unix {
        result.last_update_time_unix = i64::try_from(object.updated_ms).unwrap_or(i64::MAX);
        result.last_update_time_unix_present = true;
    }
    if wanted.is_consistent {
        // One node always agrees with itself.
        result.is_consistent = Some(true);
        result.is_consistent_present = true;
    }
    // Clients send the vector of a class with one named vector without its name.
    let own = match shape.vectors.as_slice() {
        [only] => Some(only.as_str()),
        _ => None,
    };
    if wanted.vector {
        result.vectors = object.named_vectors.iter().map(|(name, v)| encode_named(name, v)).collect();
        if let Some(vector) = &object.vector {
            if own.is_none() && result.vectors.is_empty() {
                result.vector_bytes = encode(vector);
            } else {
                add(&mut result.vectors, own.unwrap_or(DEFAULT), vector);
            }
        }
    }
    for name in &wanted.vectors {
        if let Some(vector) = object.named_vectors.get(name) {
            add(&mut result.vectors, name, vector);
        } else if let Some(vector) = &object.vector
            && name == own.unwrap_or(DEFAULT)
        {
            add(&mut result.vectors, name, vector);
        }
    }
    result
}

/// Adds a vector unless there is one of its name.
fn add(vectors: &mut Vec<Vectors>, name: &str, vector: &[f32]) {
    if vectors.iter().all(|v| v.name != name) {
        vectors.push(encode_named(name, vector));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn object(vector: Option<Vec<f32>>, named: &[&str]) -> Object {
        Object {
            id: Uuid::from_u128(7),
            properties: Default::default(),
            vector,
            named_vectors: named.iter().map(|name| ((*name).to_owned(), vec![2.0])).collect(),
            created_ms: 5,
            updated_ms: 6,
        }
    }

    fn names(result: &MetadataResult) -> Vec<&str> {
        result.vectors.iter().map(|v| v.name.as_str()).collect()
    }

    #[test]
    fn only_what_is_wanted_is_told() {
        let object = object(Some(vec![1.0]), &["a"]);
        let nothing = metadata(&object, &Shape::default(), &MetadataRequest::default());
        assert_eq!(nothing, MetadataResult::default());
        let wanted = MetadataRequest {
            uuid: true,
            creation_time_unix: true,
            last_update_time_unix: true,
            ..MetadataRequest::default()
        };
        let told = metadata(&object, &Shape::default(), &wanted);
        assert_eq!((told.id.as_str(), told.id_as_bytes[15]), ("00000000-0000-0000-0000-000000000007", 7));
        assert_eq!((told.creation_time_unix, told.last_update_time_unix), (5, 6));
        assert!(check(&MetadataRequest { query_profile: true, ..MetadataRequest::default() }).is_err());
    }

    #[test]
    fn a_vector_is_found_under_its_name() {
        let all = MetadataRequest { vector: true, ..MetadataRequest::default() };
        let some = |names: &[&str]| MetadataRequest {
            vectors: names.iter().map(|n| (*n).to_owned()).collect(),
            ..MetadataRequest::default()
        };
        let one = Shape::of(&json!({ "vectorConfig": { "only": {} } }));
        let plain = object(Some(vec![1.0]), &[]);
        assert_eq!(metadata(&plain, &Shape::default(), &all).vector_bytes, encode(&[1.0]));
        assert_eq!(names(&metadata(&plain, &one, &all)), ["only"]);
        assert_eq!(names(&metadata(&plain, &one, &some(&["only", "other"]))), ["only"]);
        assert_eq!(names(&metadata(&plain, &Shape::default(), &some(&["default"]))), ["default"]);
        let both = object(Some(vec![1.0]), &["a", "b"]);
        assert_eq!(names(&metadata(&both, &Shape::default(), &all)), ["a", "b", "default"]);
        assert_eq!(names(&metadata(&both, &Shape::default(), &some(&["b", "b"]))), ["b"]);
    }
}
