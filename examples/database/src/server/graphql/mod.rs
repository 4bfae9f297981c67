//! GraphQL: reading and counting objects, for the clients of before gRPC.
//!
//! Served are `Get` (pages of objects, by id or by an equal property, with references) and `Aggregate` (`meta { count }`),
//! with aliases, fragments and variables. Everything else is an error that names it.

mod additional;
mod aggregate;
mod document;
mod failure;
mod get;
mod narrow;
mod nesting;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use siltstone::Error;

use crate::Database;
use crate::grpc::MAX_MESSAGE;
use crate::objects::reading::Reader;
use crate::server::Server;
use crate::server::reply::{Answer, ok, on, parse};
use document::Node;
use failure::Failure;

/// Longest query in bytes.
const MAX_QUERY: usize = 1 << 20;
/// Most classes in one query.
const MAX_CLASSES: usize = 32;

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    query: String,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default, rename = "operationName")]
    operation: Option<String>,
}

/// Answers a query: 200 with `data`, or with `errors` and no data.
pub(super) async fn query(State(server): State<Server>, body: Bytes) -> Answer {
    let question: Question = parse(&body)?;
    if question.query.is_empty() || question.query.len() > MAX_QUERY {
        let length = question.query.len();
        let message = format!("`query` has {length} bytes: send one of 1 to {MAX_QUERY}");
        return Err(Error::invalid("query", message).into());
    }
    let answer = on(server, move |db| {
        Ok(match answer(db, &question) {
            Ok(data) => json!({ "data": data }),
            Err(failure) => json!({ "data": null, "errors": [failure.on_wire()] }),
        })
    })
    .await?;
    Ok(ok(&answer))
}

/// Several queries in one request are not served.
pub(super) async fn batch() -> Response {
    let message = "query: batches of GraphQL queries are not supported by this database: send one at a time";
    let body = json!({ "error": [{ "message": message }] }).to_string();
    (StatusCode::NOT_IMPLEMENTED, [(header::CONTENT_TYPE, "application/json")], Body::from(body))
        .into_response()
}

fn answer(db: &Database, question: &Question) -> Result<Value, Failure> {
    let nothing = Map::new();
    let variables = question.variables.as_ref().unwrap_or(&nothing);
    let roots = document::read(&question.query, variables, question.operation.as_deref())?;
    let classes = roots.iter().flat_map(Node::fields).count();
    if classes > MAX_CLASSES {
        return Err(Failure::new(format!(
            "{classes} classes in one query: at most {MAX_CLASSES} are answered"
        )));
    }
    let mut reader = Reader::new(db, MAX_MESSAGE);
    let mut data = Map::new();
    for root in &roots {
        let mut answers = Map::new();
        for class in root.fields() {
            let answer = match root.name.as_str() {
                "Get" => get::get(&mut reader, class),
                "Aggregate" => aggregate::aggregate(&mut reader, class),
                other => Err(Failure::unsupported(format!("`{other}`"))),
            };
            let answer =
                answer.map_err(|failure| failure.below(&class.key).below(&root.key).at(class.place))?;
            answers.insert(class.key.clone(), answer);
        }
        match data.entry(root.key.clone()).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(before) => before.extend(answers),
            other => *other = Value::Object(answers),
        }
    }
    Ok(Value::Object(data))
}

#[cfg(test)]
mod tests;
