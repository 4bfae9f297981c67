//! `Aggregate`: how many objects a class has.

use serde_json::{Map, Value, json};

use super::document::Node;
use super::failure::Failure;
use super::narrow;
use crate::objects::reading::Reader;

/// Answers with a list of one result, as the API has it.
pub(super) fn aggregate(reader: &mut Reader<'_>, class: &Node) -> Result<Value, Failure> {
    let shard = narrow::shard(reader, class, &["tenant", "where"])?;
    let filter = narrow::filter(reader, &shard, class)?;
    if class.fields().count() != class.parts.len() || class.parts.is_empty() {
        return Err(Failure::new("ask for `meta { count }`"));
    }
    let mut result = Map::new();
    let mut count = None;
    for field in class.fields() {
        let mut values = Map::new();
        for value in field.fields() {
            if (field.name.as_str(), value.name.as_str()) != ("meta", "count") {
                let failure = Failure::unsupported(format!("`{} {{ {} }}`", field.name, value.name));
                return Err(failure.below(&field.key).at(value.place));
            }
            let count = match count {
                Some(count) => count,
                None => *count.insert(reader.count(&shard, filter.clone())?),
            };
            values.insert(value.key.clone(), json!(count));
        }
        if values.is_empty() {
            return Err(Failure::new("ask for `meta { count }`").below(&field.key).at(field.place));
        }
        result.insert(field.key.clone(), Value::Object(values));
    }
    Ok(json!([result]))
}
