//! Vectorizers and vector indexes in a definition: recorded for the clients that read them back.

use serde_json::{Map, Value, json};
use siltstone::Result;

use super::fill::{fill, object, shown};
use super::refused;

const DISTANCES: [&str; 5] = ["cosine", "dot", "l2-squared", "hamming", "manhattan"];
/// The vectorizer that does nothing.
const NONE: &str = "none";

/// Checks and completes either the one vector of a class or its named ones.
pub(super) fn complete(schema: &mut Map<String, Value>) -> Result<()> {
    let named = match schema.remove("vectorConfig") {
        Some(given) => object("vectorConfig", given)?,
        None => Map::new(),
    };
    if named.is_empty() {
        fill(schema, "class", json!({ "vectorizer": NONE }))?;
        vectorizer("vectorizer", schema.get("vectorizer").unwrap_or(&Value::Null))?;
        return index(schema);
    }
    for key in ["vectorizer", "vectorIndexType", "vectorIndexConfig"] {
        if let Some(given) = schema.remove(key)
            && given != json!(NONE)
            && given != json!("")
        {
            let message = format!("`{key}` and `vectorConfig` exclude each other: name it for each vector");
            return Err(refused(message));
        }
    }
    let mut complete = Map::new();
    for (name, given) in named {
        let at = format!("vectorConfig.{}", name.escape_debug());
        let mut config = object(&at, given)?;
        let empty = json!({ NONE: {} });
        let given = config.remove("vectorizer").unwrap_or_else(|| empty.clone());
        let chosen = object(&format!("{at}.vectorizer"), given)?;
        for key in chosen.keys() {
            vectorizer(&at, &json!(key))?;
        }
        config.insert("vectorizer".to_owned(), if chosen.is_empty() { empty } else { Value::Object(chosen) });
        index(&mut config)?;
        complete.insert(name, Value::Object(config));
    }
    schema.insert("vectorConfig".to_owned(), Value::Object(complete));
    Ok(())
}

fn vectorizer(at: &str, given: &Value) -> Result<()> {
    if *given == json!(NONE) {
        return Ok(());
    }
    let given = shown(given);
    Err(refused(format!("`{at}` is {given}: this database has no vectorizers; use `none` and bring vectors")))
}

/// Completes `vectorIndexType` and `vectorIndexConfig` of a class or of a named vector.
fn index(config: &mut Map<String, Value>) -> Result<()> {
    fill(config, "class", json!({ "vectorIndexType": "hnsw", "vectorIndexConfig": {} }))?;
    let kind = config.get("vectorIndexType").and_then(Value::as_str).unwrap_or_default();
    let defaults = match kind {
        "hnsw" => hnsw(),
        "flat" => flat(),
        "dynamic" => json!({ "distance": "cosine", "threshold": 10_000, "hnsw": hnsw(), "flat": flat() }),
        "hfresh" => json!({
            "distance": "cosine", "maxPostingSizeKB": 48, "replicas": 4, "searchProbe": 64,
            "rq": { "enabled": true, "bits": 1, "rescoreLimit": 350 },
        }),
        other => {
            let other = other.escape_debug();
            let message = format!("`vectorIndexType` is `{other}`: expected hnsw, flat, dynamic or hfresh");
            return Err(refused(message));
        }
    };
    fill(config, "class", json!({ "vectorIndexConfig": defaults }))?;
    let enabled = config.get("vectorIndexConfig").and_then(|c| c.pointer("/multivector/enabled"));
    if enabled.is_some_and(|e| *e != json!(false)) {
        return Err(refused("`multivector` is enabled: this database keeps one row of numbers per vector"));
    }
    let distance = config.get("vectorIndexConfig").and_then(|c| c.get("distance")).unwrap_or(&Value::Null);
    if !distance.as_str().is_some_and(|d| DISTANCES.contains(&d)) {
        let message = format!("`distance` is {}: expected one of {}", shown(distance), DISTANCES.join(", "));
        return Err(refused(message));
    }
    Ok(())
}

fn hnsw() -> Value {
    json!({
        "skip": false, "cleanupIntervalSeconds": 300, "maxConnections": 32, "efConstruction": 128, "ef": -1,
        "dynamicEfMin": 100, "dynamicEfMax": 500, "dynamicEfFactor": 8, "filterStrategy": "sweeping",
        "vectorCacheMaxObjects": 1_000_000_000_000_u64, "flatSearchCutoff": 40_000, "distance": "cosine",
        "pq": {
            "enabled": false, "bitCompression": false, "segments": 0, "centroids": 256,
            "trainingLimit": 100_000, "encoder": { "type": "kmeans", "distribution": "log-normal" },
        },
        "bq": { "enabled": false },
        "sq": { "enabled": false, "trainingLimit": 100_000, "rescoreLimit": 20 },
        "rq": { "enabled": false, "bits": 8, "rescoreLimit": 20 },
        "multivector": {
            "enabled": false, "aggregation": "maxSim",
            "muvera": { "enabled": false, "ksim": 4, "dprojections": 16, "repetitions": 10 },
        },
    })
}

fn flat() -> Value {
    json!({
        "distance": "cosine", "vectorCacheMaxObjects": 1_000_000_000_000_u64,
        "pq": { "enabled": false }, "sq": { "enabled": false },
        "bq": { "enabled": false, "cache": false, "rescoreLimit": -1 },
        "rq": { "enabled": false, "cache": false, "bits": 8, "rescoreLimit": -1 },
    })
}
