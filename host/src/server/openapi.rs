//! The published description of the API.

use serde_json::Value;

/// The OpenAPI 3.0 description of everything that [`super::router`] answers, as it is also served at
/// `GET /v1/backups/openapi.json`. A server that merges the routes merges `paths` and `components` into its own.
#[must_use]
pub fn openapi() -> Value {
    let text = include_str!("openapi.json").replacen("@version@", env!("CARGO_PKG_VERSION"), 1);
    // A test parses the same text.
    serde_json::from_str(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Compression, Scope, State};

    #[test]
    fn the_description_is_sound_and_every_reference_leads_somewhere() {
        let all = openapi();
        assert_eq!(all["info"]["version"], env!("CARGO_PKG_VERSION"));
        let text = all.to_string();
        let mut references = 0;
        for rest in text.split("\"$ref\":\"#").skip(1) {
            let pointer = rest.split('"').next().unwrap();
            assert!(all.pointer(pointer).is_some(), "{pointer}");
            references += 1;
        }
        assert!(references > 30, "{references}");
    }

    #[test]
    fn the_values_it_lists_are_those_there_are() {
        let all = openapi();
        let listed = |pointer: &str| -> Vec<String> {
            let found = all.pointer(pointer).and_then(Value::as_array).unwrap();
            found.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        let schemas = "/components/schemas";
        let levels = format!("{schemas}/CreateRequest/properties/config/properties/CompressionLevel/enum");
        assert_eq!(listed(&levels), Compression::names().collect::<Vec<_>>());
        for state in listed(&format!("{schemas}/State/enum")) {
            let read: State = serde_json::from_value(state.clone().into()).unwrap();
            assert_eq!(read.as_str(), state);
        }
        for scope in listed(&format!("{schemas}/BackupDetails/properties/scope/enum")) {
            serde_json::from_value::<Scope>(scope.into()).unwrap();
        }
    }
}
