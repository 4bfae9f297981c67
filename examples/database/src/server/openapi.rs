//! The published description of the whole API: that of the database and that of its backups.

use axum::response::Response;
use serde_json::Value;

use crate::server::reply::ok;

/// The OpenAPI 3.0 description of everything the server answers.
pub(super) async fn openapi() -> Response {
    ok(&description())
}

fn description() -> Value {
    let text = include_str!("openapi.json").replacen("@version@", env!("CARGO_PKG_VERSION"), 1);
    // A test parses the same text.
    let mut all: Value = serde_json::from_str(&text).unwrap_or_default();
    merge(&mut all, siltstone::server::openapi());
    all
}

/// Adds what the first one does not have, object by object.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into @ Value::Null, from) => *into = from,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_has_database_and_backups_and_every_reference_leads_somewhere() {
        let all = description();
        for path in ["/v1/schema/{class}", "/v1/backups/{backend}/{id}/restore"] {
            assert!(all["paths"][path].is_object(), "{path}");
        }
        assert_eq!(all["info"]["title"], "Siltstone's reference database");
        let text = all.to_string();
        for rest in text.split("\"$ref\":\"#").skip(1) {
            let pointer = rest.split('"').next().unwrap();
            assert!(all.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
