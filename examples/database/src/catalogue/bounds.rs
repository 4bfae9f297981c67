//! What a definition may be, so that the catalogue and every backup that hold it can be read again.

use serde_json::Value;
use siltstone::{Error, Result};

/// Deepest nesting. The catalogue and manifests put a few levels round it, and JSON is read to 128.
const MAX_DEPTH: usize = 64;
/// Longest text, in bytes: a manifest says everything of a collection in one line of at most 4 MiB.
const MAX_BYTES: usize = 1 << 20;

/// Refuses a definition that is too deep or too long.
pub(crate) fn expect_fits(name: &str, schema: &Value) -> Result<()> {
    let refused = |what: String| {
        let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        Err(Error::invalid("define collection", format!("the definition of `{name}` {what}")))
    };
    if !is_within(schema, MAX_DEPTH) {
        return refused(format!("is nested deeper than {MAX_DEPTH} levels: make it flatter"));
    }
    let bytes = serde_json::to_vec(schema)
        .map_err(|e| Error::internal("define collection", "cannot encode").with_source(e))?
        .len();
    if bytes > MAX_BYTES {
        return refused(format!("has {bytes} bytes, and {MAX_BYTES} are allowed: make it shorter"));
    }
    Ok(())
}

fn is_within(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => depth > 0 && items.iter().all(|v| is_within(v, depth - 1)),
        Value::Object(fields) => depth > 0 && fields.values().all(|v| is_within(v, depth - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn definitions_are_bounded_in_depth_and_length() {
        let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert!(expect_fits("A", &nested(MAX_DEPTH)).is_ok());
        let deep = expect_fits("A", &nested(MAX_DEPTH + 1)).unwrap_err().to_string();
        assert!(deep.contains("`A`") && deep.contains("64 levels"), "{deep}");
        let long =
            expect_fits("A", &json!({ "description": "d".repeat(MAX_BYTES) })).unwrap_err().to_string();
        assert!(long.contains("1048576 are allowed"), "{long}");
    }
}
