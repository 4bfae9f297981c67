//! Collections (on the wire: classes) and their aliases.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use siltstone::model::CollectionName;
use siltstone::source::SnapshotSource;
use siltstone::{Error, ErrorKind};

use crate::Tenancy;
use crate::server::Server;
use crate::server::reply::{Answer, ok, on, parse};

/// Longest name of a class, in bytes.
const MAX_NAME: usize = 255;

pub(super) async fn list(State(server): State<Server>) -> Response {
    let classes: Vec<Value> = server.db.schemas().into_iter().map(|(_, schema)| schema).collect();
    ok(&json!({ "classes": classes }))
}

/// Creates a class and answers with its definition.
pub(super) async fn create(State(server): State<Server>, body: Bytes) -> Answer {
    let mut schema: Value = parse(&body)?;
    let Some(name) = schema.get("class").and_then(Value::as_str).map(capitalized) else {
        return Err(Error::invalid("create class", "`class` is missing: the name of the class").into());
    };
    let name = class_name(&name)?;
    schema["class"] = json!(name.as_str());
    let tenancy = match schema.pointer("/multiTenancyConfig/enabled") {
        Some(Value::Bool(true)) => Tenancy::Multi,
        _ => Tenancy::Single,
    };
    let answer = ok(&schema);
    on(server, move |db| db.create_collection(&name, schema, tenancy)).await?;
    Ok(answer)
}

pub(super) async fn one(State(server): State<Server>, Path(class): Path<String>) -> Answer {
    let name = server.db.resolve(&class)?;
    let found = server.db.schemas().into_iter().find(|(n, _)| *n == name);
    let (_, schema) =
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "get class", format!("no class `{class}`")))?;
    Ok(ok(&schema))
}

/// Drops a class; one that does not exist is as good as dropped.
pub(super) async fn drop(State(server): State<Server>, Path(class): Path<String>) -> Answer {
    on(server, move |db| match db.drop_collection(&CollectionName::new(class)?) {
        Err(e) if e.is(ErrorKind::NotFound) => Ok(()),
        other => other,
    })
    .await?;
    Ok(ok(&json!({})))
}

#[derive(Deserialize)]
struct Alias {
    alias: String,
    class: String,
}

pub(super) async fn aliases(State(server): State<Server>) -> Answer {
    let collections = server.db.collections()?;
    let of = |c: &siltstone::source::CollectionInfo| {
        let class = c.name.to_string();
        c.aliases.iter().map(move |alias| json!({ "alias": alias, "class": class })).collect::<Vec<_>>()
    };
    let aliases: Vec<Value> = collections.iter().flat_map(of).collect();
    Ok(ok(&json!({ "aliases": aliases })))
}

pub(super) async fn add_alias(State(server): State<Server>, body: Bytes) -> Answer {
    let Alias { alias, class } = parse(&body)?;
    let alias = class_name(&capitalized(&alias))?;
    let answer = ok(&json!({ "alias": alias.as_str(), "class": class }));
    on(server, move |db| db.add_alias(alias.as_str(), &CollectionName::new(class)?)).await?;
    Ok(answer)
}

/// Names of classes begin with a capital letter; a small one is raised, as Weaviate does.
pub(super) fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

fn class_name(name: &str) -> siltstone::Result<CollectionName> {
    let is_plain = name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_plain {
        let message = format!(
            "`{}` is not a valid class name: use a letter, then 0-9, A-Z, a-z and `_`",
            name.escape_debug()
        );
        return Err(Error::invalid("create class", message));
    }
    CollectionName::new(name)
}
