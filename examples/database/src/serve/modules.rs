//! The enabled backends as `GET /v1/meta` shows them: where their backups go, never how they get there.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use siltstone::Host;

use super::environment::value;

type Variables = BTreeMap<String, String>;

/// One entry for each enabled backend, under the name of its module.
pub(super) fn modules(host: &Host, variables: &Variables) -> Map<String, Value> {
    host.backends()
        .iter()
        .map(|b| (format!("backup-{}", b.name), about(b.name.as_str(), variables)))
        .collect()
}

fn about(backend: &str, variables: &Variables) -> Value {
    let shown: &[(&str, &str)] = match backend {
        "filesystem" => &[("backupsPath", "BACKUP_FILESYSTEM_PATH")],
        "s3" => &[
            ("bucketName", "BACKUP_S3_BUCKET"),
            ("endpoint", "BACKUP_S3_ENDPOINT"),
            ("rootName", "BACKUP_S3_PATH"),
        ],
        "gcs" => &[("bucketName", "BACKUP_GCS_BUCKET"), ("rootName", "BACKUP_GCS_PATH")],
        "azure" => &[("containerName", "BACKUP_AZURE_CONTAINER"), ("rootName", "BACKUP_AZURE_PATH")],
        _ => &[],
    };
    let set = shown.iter().filter_map(|(name, variable)| Some((*name, value(variables, variable)?)));
    let mut about: Map<String, Value> = set.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    if backend == "s3" {
        let is_plain = value(variables, "BACKUP_S3_USE_SSL").is_some_and(|v| v.eq_ignore_ascii_case("false"));
        about.insert("useSSL".to_owned(), json!(!is_plain));
    }
    Value::Object(about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_shows_where_it_stores_and_no_credentials() {
        let variables = [
            ("BACKUP_S3_BUCKET", "backups"),
            ("BACKUP_S3_PATH", "db"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("BACKUP_FILESYSTEM_PATH", "/backups"),
        ];
        let variables = variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let s3 = json!({ "bucketName": "backups", "rootName": "db", "useSSL": true });
        assert_eq!(about("s3", &variables), s3);
        assert_eq!(about("filesystem", &variables), json!({ "backupsPath": "/backups" }));
        assert_eq!(about("other", &variables), json!({}));
    }
}
