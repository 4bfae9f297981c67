//! The ways to credentials of S3 and Azure, against a stand-in that keeps their rules.

use std::time::{Duration, SystemTime};

use siltstone::ErrorKind;
use siltstone::storage::ListRequest;
use siltstone_tests::servers::{CLIENT_SECRET, CONTAINER, FakeIdentities, Rclone, WORKLOAD};

use super::component;

const FAR: &str = "2099-01-01T00:00:00Z";

fn list() -> ListRequest {
    ListRequest { limit: 10, ..ListRequest::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_role_of_s3_leads_to_keys_that_all_instances_share() {
    let folder = tempfile::tempdir().unwrap();
    let server = Rclone::start(folder.path(), &["nightly"]).unwrap();
    let endpoint = format!("127.0.0.1:{}", server.port);
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (workload, container) = (file("workload", WORKLOAD), file("container", CONTAINER));
    let identities = FakeIdentities::start(FAR).await.unwrap();
    let (origin, uri) = (identities.origin(), format!("{}/container", identities.origin()));
    let broker = format!("{origin}/broker");
    let ways: [&[(&str, &str)]; 5] = [
        &[
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &workload),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/backup"),
            ("AWS_ENDPOINT_URL_STS", &origin),
            // Not for this service.
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &container),
        ],
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &container),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &workload),
        ],
        &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER)],
        &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &origin)],
        &[
            ("BACKUP_S3_AUTH_PROXY_ENDPOINT", &broker),
            ("AUTH_PROXY_IDENTITY_FILE", &workload),
            ("AWS_ACCESS_KEY_ID", "stale"),
            ("AWS_SECRET_ACCESS_KEY", "stale-and-wrong"),
        ],
    ];
    for (number, way) in (1..).zip(ways) {
        let fixed = [
            ("BACKUP_S3_BUCKET", "nightly"),
            ("BACKUP_S3_ENDPOINT", &endpoint),
            ("BACKUP_S3_USE_SSL", "false"),
        ];
        let storage = component("s3", &[&fixed[..], way].concat()).await.unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let storage = std::sync::Arc::clone(&storage);
            calls.spawn(async move { storage.list(&list()).await });
        }
        while let Some(answer) = calls.join_next().await {
            answer.unwrap().unwrap_or_else(|e| panic!("{way:?}: {e}"));
        }
        assert_eq!(identities.fetched(), number, "{way:?}");
    }
    // A token that the container does not have.
    let wrong = [
        ("BACKUP_S3_BUCKET", "nightly"),
        ("BACKUP_S3_ENDPOINT", &endpoint),
        ("BACKUP_S3_USE_SSL", "false"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong-token-of-a-container"),
    ];
    let error = component("s3", &wrong).await.unwrap().list(&list()).await.unwrap_err();
    let text = error.to_string();
    assert!(error.is(ErrorKind::Unauthenticated), "{text}");
    assert!(text.contains("the role of the container") && !text.contains("wrong-token"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_of_a_role_are_renewed_before_they_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = Rclone::start(folder.path(), &["nightly"]).unwrap();
    let endpoint = format!("127.0.0.1:{}", server.port);
    // Not used in their last minute, so these are good for three seconds.
    let end = SystemTime::now() + Duration::from_secs(63);
    let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let identities = FakeIdentities::start(&rfc3339(end)).await.unwrap();
    let origin = identities.origin();
    let settings = [
        ("BACKUP_S3_BUCKET", "nightly"),
        ("BACKUP_S3_ENDPOINT", endpoint.as_str()),
        ("BACKUP_S3_USE_SSL", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &origin),
    ];
    let storage = component("s3", &settings).await.unwrap();
    storage.list(&list()).await.unwrap();
    assert_eq!(identities.fetched(), 1);
    tokio::time::sleep(Duration::from_secs(4)).await;
    storage.list(&list()).await.unwrap();
    assert!(identities.fetched() > 1);
}

/// Seconds since 1970 as a date; of this century.
fn rfc3339(seconds: u64) -> String {
    let (mut days, of_day) = (seconds / 86_400, seconds % 86_400);
    let is_leap = |year: u64| year.is_multiple_of(4);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hours, minutes) = (of_day / 3_600, of_day % 3_600 / 60);
    format!("{year}-{month:02}-{:02}T{hours:02}:{minutes:02}:{:02}Z", days + 1, of_day % 60)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_identity_of_azure_leads_to_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, WORKLOAD).unwrap();
    let token = token.display().to_string();
    let identities = FakeIdentities::start(FAR).await.unwrap();
    let origin = identities.origin();
    let endpoint = format!("{origin}/acme");
    let client =
        [("AZURE_TENANT_ID", "tenant-1"), ("AZURE_CLIENT_ID", "client-1"), ("AZURE_AUTHORITY_HOST", &origin)];
    let ways = [
        [&client[..], &[("AZURE_CLIENT_SECRET", CLIENT_SECRET)]].concat(),
        [&client[..], &[("AZURE_FEDERATED_TOKEN_FILE", &token)]].concat(),
        vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", origin.as_str())],
    ];
    for (number, way) in (1..).zip(&ways) {
        let fixed = [
            ("BACKUP_AZURE_CONTAINER", "nightly"),
            ("AZURE_STORAGE_ACCOUNT", "acme"),
            ("BACKUP_AZURE_ENDPOINT", &endpoint),
        ];
        let storage = component("azure", &[&fixed[..], way].concat()).await.unwrap();
        storage.list(&list()).await.unwrap_or_else(|e| panic!("{way:?}: {e}"));
        storage.list(&list()).await.unwrap();
        assert_eq!(identities.fetched(), number, "{way:?}");
    }
    let wrong = [&client[..], &[("AZURE_CLIENT_SECRET", "wrong-secret-of-a-client")]].concat();
    let fixed = [
        ("BACKUP_AZURE_CONTAINER", "nightly"),
        ("AZURE_STORAGE_ACCOUNT", "acme"),
        ("BACKUP_AZURE_ENDPOINT", &endpoint),
    ];
    let error =
        component("azure", &[&fixed[..], &wrong].concat()).await.unwrap().list(&list()).await.unwrap_err();
    let text = error.to_string();
    assert!(error.is(ErrorKind::Unauthenticated), "{text}");
    assert!(text.contains("the client client-1") && text.contains("AZURE_CLIENT_SECRET"), "{text}");
    assert!(!text.contains("wrong-secret"), "{text}");
}
