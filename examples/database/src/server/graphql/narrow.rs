//! Which objects of a class are meant: shard, page and filter from the arguments of a field.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use siltstone::model::ShardId;

use super::document::Node;
use super::failure::Failure;
use crate::objects::filter::{Filter, unsupported};
use crate::objects::reading::{Page, Reader};
use crate::objects::shape::Shape;

/// Objects in an answer when nothing else is asked for.
const DEFAULT_LIMIT: u64 = 100;
/// There is one node, which always agrees with itself.
const IGNORED: &str = "consistencyLevel";

/// The shard that a field means; an argument that is not `known` is refused.
pub(super) fn shard(reader: &Reader<'_>, class: &Node, known: &[&str]) -> Result<ShardId, Failure> {
    for (name, value) in &class.arguments {
        if !known.contains(&name.as_str()) && name != IGNORED && !value.is_null() {
            return Err(Failure::unsupported(format!("argument `{name}`")));
        }
    }
    Ok(reader.shard(&class.name, text(class, "tenant")?)?)
}

/// The page that a field means.
pub(super) fn page(reader: &mut Reader<'_>, shard: &ShardId, class: &Node) -> Result<Page, Failure> {
    let filter = filter(reader, shard, class)?;
    let after = text(class, "after")?;
    let offset = number(class, "offset")?.unwrap_or_default();
    Ok(Page::new(filter, after, offset, number(class, "limit")?, DEFAULT_LIMIT)?)
}

/// The filter that a field means.
pub(super) fn filter(
    reader: &mut Reader<'_>,
    shard: &ShardId,
    class: &Node,
) -> Result<Option<Filter>, Failure> {
    match class.arguments.get("where") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(condition)) => Ok(Some(read(&*reader.shape(&shard.collection)?, condition)?)),
        Some(_) => Err(Failure::new("`where` must be an object")),
    }
}

fn text<'a>(class: &'a Node, name: &str) -> Result<Option<&'a str>, Failure> {
    match class.arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Failure::new(format!("`{name}` is {other}: it must be a text"))),
    }
}

fn number(class: &Node, name: &str) -> Result<Option<u64>, Failure> {
    match class.arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => Err(Failure::new(format!("`{name}` is {value}: it must be a number from 0"))),
        },
    }
}

/// Equality of the id or of a property, one of several ids, or a choice of such filters on the id.
fn read(shape: &Shape, condition: &Map<String, Value>) -> Result<Filter, Failure> {
    let operator = condition.get("operator").and_then(Value::as_str).unwrap_or_default();
    if operator == "Or" {
        let operands = condition.get("operands").and_then(Value::as_array).map(Vec::as_slice);
        let mut ids = BTreeSet::new();
        for operand in operands.unwrap_or_default() {
            match operand.as_object().map(|operand| read(shape, operand)).transpose()? {
                Some(Filter::Ids(more)) => ids.extend(more),
                _ => return Err(unsupported("a filter with Or of properties").into()),
            }
        }
        return Ok(Filter::Ids(ids));
    }
    let property = match condition.get("path") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(path)) if path.len() == 1 => path[0].as_str().unwrap_or_default(),
        Some(_) => return Err(unsupported("a filter by a path through references").into()),
        None => return Err(unsupported(format!("a filter with `{operator}`")).into()),
    };
    let mut values = condition.iter().filter(|(name, _)| name.starts_with("value"));
    let (Some((_, value)), None) = (values.next(), values.next()) else {
        return Err(Failure::new("`where` must have one value, such as `valueText`"));
    };
    let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    match operator {
        "Equal" | "ContainsAny" if Filter::is_id(property) && (operator != "Equal" || !value.is_array()) => {
            let texts: Option<Vec<&str>> = several.iter().map(Value::as_str).collect();
            Ok(Filter::ids(texts.ok_or_else(|| Failure::new("an id must be a text"))?)?)
        }
        "Equal" if !Filter::is_id(property) => Ok(Filter::equal(shape, property, value)?),
        _ => Err(unsupported(format!("a filter with `{operator}` on `{}`", property.escape_debug())).into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    fn tried(condition: Value) -> Result<Filter, String> {
        let shape = Shape::of(&json!({ "properties": [{ "name": "n", "dataType": ["int"] }] }));
        let read = read(&shape, condition.as_object().unwrap());
        read.map_err(|failure| failure.on_wire()["message"].as_str().unwrap().to_owned())
    }

    #[test]
    fn ids_and_equal_properties_are_found() {
        let one = Filter::ids([ID]).unwrap();
        let equal = json!({ "operator": "Equal", "path": ["id"], "valueText": ID });
        assert_eq!(tried(equal.clone()).unwrap(), one);
        assert_eq!(tried(json!({ "operator": "Or", "operands": [equal] })).unwrap(), one);
        let any = json!({ "operator": "ContainsAny", "path": "id", "valueText": [ID, ID] });
        assert_eq!(tried(any).unwrap(), one);
        let property = json!({ "operator": "Equal", "path": ["n"], "valueInt": 3 });
        assert!(matches!(tried(property), Ok(Filter::Equal(_))));
    }

    #[test]
    fn other_filters_are_refused_by_name() {
        let refused = |condition: Value| tried(condition).unwrap_err();
        assert!(refused(json!({ "operator": "And", "operands": [] })).contains("And"));
        assert!(
            refused(json!({ "operator": "LessThan", "path": ["n"], "valueInt": 3 })).contains("LessThan")
        );
        assert!(
            refused(json!({ "operator": "Equal", "path": ["by", "A", "n"], "valueInt": 3 }))
                .contains("references")
        );
        assert!(refused(json!({ "operator": "Equal", "path": ["n"] })).contains("one value"));
        assert!(refused(json!({ "operator": "Equal", "path": ["id"], "valueText": "x" })).contains("UUID"));
    }
}
