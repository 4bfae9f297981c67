//! A strict stand-in for what hands out credentials of AWS and Azure: metadata services with their headers, the endpoint of a
//! container, token services, and a container of Azure that takes no other token.
//!
//! Rules: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>,
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>,
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::Rclone;

/// A running server.
pub struct FakeIdentities {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Shared {
    fetched: AtomicU64,
    /// When keys of AWS end, as RFC 3339.
    expiration: Mutex<String>,
}

/// What a workload, a container and a client have to show.
pub const WORKLOAD: &str = "token-of-a-workload";
/// The token of a container.
pub const CONTAINER: &str = "Basic token-of-a-container";
/// The secret of a client.
pub const CLIENT_SECRET: &str = "the-secret-of-a-client";
/// What Azure hands out.
const BEARER: &str = "bearer-token-of-azure";
const SESSION: &str = "session-token-of-a-role";
const IMDS: &str = "token-of-the-metadata-service";

impl FakeIdentities {
    /// Starts it. Keys of AWS are those of [`Rclone`], with a session token, and end at this time.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start(expiration: &str) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { expiration: Mutex::new(expiration.to_owned()), ..Shared::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, _task: AbortOnDropHandle::new(task) })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often credentials were handed out.
    pub fn fetched(&self) -> u64 {
        self.shared.fetched.load(Ordering::Relaxed)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    match route(&shared, &parts, &body) {
        Some((is_credential, text)) => {
            shared.fetched.fetch_add(u64::from(is_credential), Ordering::Relaxed);
            Response::new(Body::from(text))
        }
        None => {
            let mut refused =
                Response::new(Body::from(format!("refused: {} {}", parts.method, parts.uri.path())));
            *refused.status_mut() = StatusCode::FORBIDDEN;
            refused
        }
    }
}

/// What is answered, and whether it is a credential; nothing for a request that breaks a rule.
fn route(shared: &Shared, parts: &Parts, body: &Bytes) -> Option<(bool, String)> {
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let form = std::str::from_utf8(body).ok()?;
    let has = |text: &str, name: &str, value: &str| {
        text.split('&').any(|pair| {
            pair.split_once('=').is_some_and(|(key, given)| {
                key == name && percent_decode_str(&given.replace('+', " ")).decode_utf8_lossy() == value
            })
        })
    };
    let expiration = shared.expiration.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (key, secret) = Rclone::KEYS;
    let keys: Value = json!({
        "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": key, "SecretAccessKey": secret, "Token": SESSION,
        "Expiration": expiration, "LastUpdated": "2026-11-21T00:00:00Z",
    });
    match (parts.method.as_str(), parts.uri.path()) {
        ("PUT", "/latest/api/token") => {
            let ttl: u32 = header("x-aws-ec2-metadata-token-ttl-seconds").parse().ok()?;
            (1..=21_600).contains(&ttl).then(|| (false, IMDS.to_owned()))
        }
        ("GET", "/latest/meta-data/iam/security-credentials/") => {
            (header("x-aws-ec2-metadata-token") == IMDS).then(|| (false, "backup-role".to_owned()))
        }
        ("GET", "/latest/meta-data/iam/security-credentials/backup-role") => {
            (header("x-aws-ec2-metadata-token") == IMDS).then(|| (true, keys.to_string()))
        }
        ("GET", "/broker") => (header("authorization") == format!("Bearer {WORKLOAD}")).then(|| {
            let keys = json!({
                "access_key_id": key, "secret_access_key": secret, "session_token": SESSION, "expiration": expiration,
            });
            (true, keys.to_string())
        }),
        ("GET", "/container") => (header("authorization") == CONTAINER).then(|| (true, keys.to_string())),
        ("POST", "/") => {
            let is_right = has(form, "Action", "AssumeRoleWithWebIdentity")
                && has(form, "WebIdentityToken", WORKLOAD)
                && has(form, "RoleArn", "arn:aws:iam::1:role/backup")
                && has(form, "Version", "2011-06-15");
            is_right.then(|| {
                let text = format!(
                    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                     <AssumeRoleWithWebIdentityResult><Credentials><SessionToken>{SESSION}</SessionToken>\
                     <SecretAccessKey>{secret}</SecretAccessKey><Expiration>{expiration}</Expiration>\
                     <AccessKeyId>{key}</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>\
                     </AssumeRoleWithWebIdentityResponse>"
                );
                (true, text)
            })
        }
        ("POST", "/tenant-1/oauth2/v2.0/token") => {
            let assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let shows = has(form, "client_secret", CLIENT_SECRET)
                || (has(form, "client_assertion", WORKLOAD) && has(form, "client_assertion_type", assertion));
            let is_right = shows
                && has(form, "grant_type", "client_credentials")
                && has(form, "client_id", "client-1")
                && has(form, "scope", "https://storage.azure.com/.default");
            let token = json!({ "token_type": "Bearer", "expires_in": 3_599, "access_token": BEARER });
            is_right.then(|| (true, token.to_string()))
        }
        ("GET", "/metadata/identity/oauth2/token") => {
            let is_right = header("metadata") == "true"
                && has(query, "resource", "https://storage.azure.com/")
                && query.contains("api-version=");
            let token = json!({ "access_token": BEARER, "expires_on": "4102444800", "token_type": "Bearer" });
            is_right.then(|| (true, token.to_string()))
        }
        ("GET", "/acme/nightly") if has(query, "comp", "list") => (header("authorization")
            == format!("Bearer {BEARER}"))
        .then(|| (false, "<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>".to_owned())),
        _ => None,
    }
}
