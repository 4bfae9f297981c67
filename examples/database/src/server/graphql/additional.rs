//! `_additional`: what is known of an object beside its properties.

use serde_json::{Map, Value, json};

use super::document::Node;
use super::failure::Failure;
use crate::objects::Object;

/// Answers what is asked for. Times are texts of milliseconds since 1970, as the API has them.
pub(super) fn additional(object: &Object, node: &Node) -> Result<Value, Failure> {
    let mut answer = Map::new();
    for field in node.fields() {
        let value = match field.name.as_str() {
            "id" => json!(object.id),
            "creationTimeUnix" => json!(object.created_ms.to_string()),
            "lastUpdateTimeUnix" => json!(object.updated_ms.to_string()),
            "isConsistent" => json!(true),
            "vector" => json!(object.vector),
            "vectors" => {
                let named = |v: &Node| (v.key.clone(), json!(object.named_vectors.get(&v.name)));
                Value::Object(field.fields().map(named).collect())
            }
            other => {
                let failure = Failure::unsupported(format!("`_additional {{ {other} }}`"));
                return Err(failure.below(&field.key).at(field.place));
            }
        };
        answer.insert(field.key.clone(), value);
    }
    if answer.is_empty() {
        return Err(Failure::new("ask for a part of `_additional`, such as `id`").at(node.place));
    }
    Ok(Value::Object(answer))
}
