//! `Get`: pages of objects with the properties that were asked for.

use serde_json::{Map, Value, json};
use siltstone::model::ShardId;

use super::additional::additional;
use super::document::{Node, Part};
use super::failure::Failure;
use super::narrow;
use crate::objects::reading::Reader;
use crate::objects::shape::Kind;
use crate::objects::{Object, size};

/// What a field takes in memory beside its key and value, in bytes.
const FIELD: u64 = 32;

/// Answers with the objects of a class.
pub(super) fn get(reader: &mut Reader<'_>, class: &Node) -> Result<Value, Failure> {
    let shard = narrow::shard(reader, class, &["tenant", "where", "limit", "offset", "after"])?;
    let page = narrow::page(reader, &shard, class)?;
    if class.parts.is_empty() {
        return Err(Failure::new(format!("ask for a property of `{}`", class.name)));
    }
    let mut objects = Vec::new();
    reader.page(&shard, &page, |reader, object| -> Result<(), Failure> {
        let mut answer = Map::new();
        project(reader, &shard, &object, &class.parts, &mut answer)?;
        objects.push(Value::Object(answer));
        Ok(())
    })?;
    Ok(Value::Array(objects))
}

/// What is asked for of one object.
fn project(
    reader: &mut Reader<'_>,
    shard: &ShardId,
    object: &Object,
    parts: &[Part],
    answer: &mut Map<String, Value>,
) -> Result<(), Failure> {
    for part in parts {
        match part {
            Part::On(class, parts) if class == shard.collection.as_str() => {
                project(reader, shard, object, parts, answer)?;
            }
            Part::On(..) => {}
            Part::Field(field) => {
                let value = value(reader, shard, object, field);
                let value = value.map_err(|failure| failure.below(&field.key).at(field.place))?;
                answer.insert(field.key.clone(), value);
            }
        }
    }
    Ok(())
}

fn value(reader: &mut Reader<'_>, shard: &ShardId, object: &Object, field: &Node) -> Result<Value, Failure> {
    if let Some(argument) = field.arguments.keys().next() {
        return Err(Failure::unsupported(format!("argument `{argument}` of `{}`", field.name)));
    }
    // Also one without a value takes room.
    reader.take(field.key.len() as u64 + FIELD)?;
    let answer = match field.name.as_str() {
        "_additional" => additional(object, field)?,
        "__typename" => json!(shard.collection.as_str()),
        name => {
            let shape = reader.shape(&shard.collection)?;
            let is_listed = matches!(shape.get(name).map(|of| &of.kind), Some(Kind::Reference(_)));
            let stored = object.properties.get(name);
            if is_listed || field.parts.iter().any(|part| matches!(part, Part::On(..))) {
                // What it refers to uses up room while it is read.
                return references(reader, shard, stored, field);
            }
            match stored {
                Some(stored) => nested(stored, &field.parts)?,
                None => Value::Null,
            }
        }
    };
    reader.take(size(&answer))?;
    Ok(answer)
}

/// The objects that a property refers to, each by the fragments on its class; those without one are left out.
fn references(
    reader: &mut Reader<'_>,
    shard: &ShardId,
    stored: Option<&Value>,
    field: &Node,
) -> Result<Value, Failure> {
    if field.parts.is_empty() {
        let message = format!("`{}` refers to objects: ask for `... on Class {{ property }}`", field.name);
        return Err(Failure::new(message));
    }
    let Some(stored) = stored else { return Ok(Value::Null) };
    let mut found = Vec::new();
    reader.follow(shard, &field.name, stored, |reader, shard, object| -> Result<(), Failure> {
        let is_wanted = field.parts.iter().any(|part| match part {
            Part::On(class, _) => class == shard.collection.as_str(),
            Part::Field(_) => true,
        });
        if is_wanted {
            let mut answer = Map::new();
            project(reader, shard, &object, &field.parts, &mut answer)?;
            found.push(Value::Object(answer));
        }
        Ok(())
    })?;
    Ok(Value::Array(found))
}

/// A stored value: all of it, or what is asked for of nested objects.
fn nested(stored: &Value, parts: &[Part]) -> Result<Value, Failure> {
    if parts.is_empty() {
        return Ok(stored.clone());
    }
    match stored {
        Value::Array(items) => items.iter().map(|item| nested(item, parts)).collect(),
        Value::Object(map) => {
            let mut answer = Map::new();
            for part in parts {
                if let Part::Field(field) = part {
                    let value = map.get(&field.name).map_or(Ok(Value::Null), |v| nested(v, &field.parts))?;
                    answer.insert(field.key.clone(), value);
                }
            }
            Ok(Value::Object(answer))
        }
        Value::Null => Ok(Value::Null),
        _ => Err(Failure::new("the value has no properties of its own: ask for it without braces")),
    }
}
