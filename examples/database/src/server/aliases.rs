//! Aliases: further names of classes.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::json;
use siltstone::model::CollectionName;
use siltstone::{Error, ErrorKind};

use crate::Database;
use crate::objects::capitalized;
use crate::server::Server;
use crate::server::definition::class_name;
use crate::server::reply::{Answer, Content, Params, no_content, ok, on, parse};

#[derive(Serialize, Deserialize)]
struct Alias {
    alias: String,
    class: String,
}

#[derive(Deserialize)]
pub(super) struct Of {
    class: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    class: String,
}

/// All aliases, or those of one class.
pub(super) async fn list(State(server): State<Server>, Params(of): Params<Of>) -> Answer {
    let wanted = of.class.filter(|c| !c.is_empty()).map(|c| capitalized(&c));
    let all = server.db.aliases().into_iter();
    let aliases: Vec<Alias> = all
        .filter(|(_, class)| wanted.as_ref().is_none_or(|w| w == class.as_str()))
        .map(|(alias, class)| Alias { alias, class: class.to_string() })
        .collect();
    Ok(ok(&json!({ "aliases": aliases })))
}

pub(super) async fn create(State(server): State<Server>, Content(body): Content) -> Answer {
    let Alias { alias, class } = parse(&body)?;
    let alias = class_name(&capitalized(&alias))?.to_string();
    let made = on(server, move |db| {
        let class = existing(db, &class)?;
        db.add_alias(&alias, &class)?;
        Ok(Alias { alias, class: class.to_string() })
    })
    .await?;
    Ok(ok(&made))
}

pub(super) async fn one(State(server): State<Server>, Path(alias): Path<String>) -> Answer {
    let alias = capitalized(&alias);
    match server.db.aliases().remove(&alias) {
        Some(class) => Ok(ok(&Alias { alias, class: class.to_string() })),
        None => {
            let message = format!("no alias `{}`", alias.escape_debug());
            Err(Error::new(ErrorKind::NotFound, "get alias", message).into())
        }
    }
}

/// Makes an alias stand for another class.
pub(super) async fn update(
    State(server): State<Server>,
    Path(alias): Path<String>,
    Content(body): Content,
) -> Answer {
    let Target { class } = parse(&body)?;
    let alias = capitalized(&alias);
    let moved = on(server, move |db| {
        let class = existing(db, &class)?;
        db.move_alias(&alias, &class)?;
        Ok(Alias { alias, class: class.to_string() })
    })
    .await?;
    Ok(ok(&moved))
}

pub(super) async fn drop(State(server): State<Server>, Path(alias): Path<String>) -> Answer {
    on(server, move |db| db.drop_alias(&capitalized(&alias))).await?;
    Ok(no_content())
}

/// The class of this very name: an alias of an alias there is not.
fn existing(db: &Database, class: &str) -> siltstone::Result<CollectionName> {
    let class = class_name(&capitalized(class))?;
    match db.schema(&class) {
        Ok(_) => Ok(class),
        Err(_) => Err(Error::invalid("set alias", format!("no class `{class}`: create it first"))),
    }
}
