//! Who hands out tokens, and who wants to see them.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::OsRng;
use rsa::sha2::Sha256;
use rsa::signature::Verifier;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};

use super::state::{State, ok, pairs, refuse, take};
use super::{Answer, Asked};

/// What a workload shows.
pub(super) const SUBJECT: &str = "subject-token-of-a-workload";
const REFRESH: &str = "refresh-token-of-a-user";
const ACCOUNT: &str = "backup@project.iam.gserviceaccount.com";
const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q";
const STORE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

/// The kinds of key files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A service account.
    ServiceAccount,
    /// A service account with a key that the service does not know.
    WrongKey,
    /// A person.
    User,
    /// A workload that shows a token from this URL of the server, and acts for a service account.
    Workload,
    /// A person who acts for a service account.
    Impersonated,
}

/// The keys of the service account: the right one, and another.
pub(super) struct Keys {
    public: RsaPublicKey,
    right: String,
    wrong: String,
}

impl Keys {
    pub(super) fn new() -> Result<Self, String> {
        // Short, as it takes long to make one; the length makes no difference here.
        let make = || RsaPrivateKey::new(&mut OsRng, 1_024).map_err(|e| e.to_string());
        let pem = |key: &RsaPrivateKey| {
            key.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(|e| e.to_string())
        };
        let (right, wrong) = (make()?, make()?);
        Ok(Self { public: right.to_public_key(), right: pem(&right)?, wrong: pem(&wrong)? })
    }
}

impl State {
    pub(super) fn key_file(&self, kind: KeyKind) -> String {
        let at = |path: &str| format!("http://{}/{path}", self.address);
        let acts = at(&format!("iam/{ACCOUNT}:generateAccessToken"));
        let user = json!({
            "type": "authorized_user", "client_id": "client-1", "client_secret": "the-secret-of-a-client",
            "refresh_token": REFRESH, "token_uri": at("token"),
        });
        let account = |key: &str| {
            json!({
                "type": "service_account", "client_email": ACCOUNT, "private_key_id": "k1", "private_key": key,
                "token_uri": at("token"),
            })
        };
        let file = match kind {
            KeyKind::ServiceAccount => account(&self.keys.right),
            KeyKind::WrongKey => account(&self.keys.wrong),
            KeyKind::User => user,
            KeyKind::Workload => json!({
                "type": "external_account", "audience": AUDIENCE, "token_url": at("sts"),
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "service_account_impersonation_url": acts,
                "credential_source": { "url": at("subject"), "headers": { "x-machine": "yes" },
                    "format": { "type": "json", "subject_token_field_name": "token" } },
            }),
            KeyKind::Impersonated => json!({
                "type": "impersonated_service_account", "service_account_impersonation_url": acts,
                "source_credentials": user,
            }),
        };
        file.to_string()
    }

    fn hand_out(&mut self, kind: &str) -> String {
        let token = format!("{kind}-token-{:016}", self.unique());
        self.tokens.insert(token.clone(), true);
        token
    }
}

fn bearer(asked: &Asked) -> Option<&str> {
    asked.header("authorization")?.strip_prefix("Bearer ")
}

/// Whether a request to the store carries a token for it that is accepted.
pub(super) fn check(state: &State, asked: &Asked) -> Result<(), Response> {
    let token = bearer(asked).filter(|token| token.starts_with("store-"));
    match token.and_then(|token| state.tokens.get(token)) {
        Some(true) => Ok(()),
        _ => Err(refuse(401, "authError", "Invalid Credentials")),
    }
}

fn invalid(why: &str) -> Response {
    let mut answer = refuse(400, "", "");
    let text = json!({ "error": "invalid_grant", "error_description": why }).to_string();
    *answer.body_mut() = text.into();
    answer
}

/// Answers `/token`, `/sts` and `/subject`.
pub(super) fn grant(state: &mut State, endpoint: &str, asked: &Asked) -> Answer {
    take(&mut state.token_trouble)?;
    if endpoint == "subject" {
        let is_machine = asked.header("x-machine") == Some("yes");
        return if is_machine { ok(&json!({ "token": SUBJECT })) } else { Err(invalid("no header")) };
    }
    let form = pairs(std::str::from_utf8(&asked.body).map_err(|_| invalid("no form"))?);
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let scope = match (endpoint, field("grant_type")) {
        ("token", "urn:ietf:params:oauth:grant-type:jwt-bearer") => verified(state, field("assertion"))?,
        ("token", "refresh_token") => {
            let is_right =
                field("refresh_token") == REFRESH && field("client_secret") == "the-secret-of-a-client";
            if !is_right {
                return Err(invalid("Bad Request"));
            }
            STORE.to_owned()
        }
        ("sts", "urn:ietf:params:oauth:grant-type:token-exchange") => {
            let is_right = field("audience") == AUDIENCE
                && field("subject_token") == SUBJECT
                && field("subject_token_type") == "urn:ietf:params:oauth:token-type:jwt"
                && field("requested_token_type") == "urn:ietf:params:oauth:token-type:access_token";
            if !is_right {
                return Err(invalid("wrong subject token"));
            }
            field("scope").to_owned()
        }
        (_, other) => return Err(invalid(&format!("unsupported_grant_type {other}"))),
    };
    let kind = if scope == STORE { "store" } else { "iam" };
    let token = state.hand_out(kind);
    ok(&json!({ "access_token": token, "expires_in": 3_600, "token_type": "Bearer" }))
}

/// The scope of an assertion, after every check that the real service makes.
fn verified(state: &State, assertion: &str) -> Result<String, Response> {
    let bad = |why: &str| invalid(&format!("Invalid JWT {why}"));
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(|| bad("form"))?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| bad("encoding"));
    let read = |part: &str| -> Result<Value, Response> {
        serde_json::from_slice(&decode(part)?).map_err(|_| bad("JSON"))
    };
    let (header, claims) = signed.split_once('.').ok_or_else(|| bad("form"))?;
    let (header, claims) = (read(header)?, read(claims)?);
    let signature = Signature::try_from(&decode(signature)?[..]).map_err(|_| bad("Signature"))?;
    let key = VerifyingKey::<Sha256>::new(state.keys.public.clone());
    key.verify(signed.as_bytes(), &signature).map_err(|_| bad("Signature"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let time = |name: &str| claims[name].as_u64().unwrap_or_default();
    let is_timely = time("iat") <= now + 5
        && time("iat") + 300 > now
        && time("exp") > now
        && time("exp") <= time("iat") + 3_600;
    let is_right = header["alg"] == "RS256"
        && header["kid"] == "k1"
        && claims["iss"] == ACCOUNT
        && claims["aud"] == format!("http://{}/token", state.address);
    match claims["scope"].as_str() {
        Some(scope) if is_timely && is_right => Ok(scope.to_owned()),
        _ => Err(bad("claims")),
    }
}

/// Acts for a service account.
pub(super) fn impersonate(state: &mut State, account: &str, asked: &Asked) -> Answer {
    take(&mut state.token_trouble)?;
    let is_known = bearer(asked).is_some_and(|token| state.tokens.get(token) == Some(&true));
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    if !is_known || account != format!("{ACCOUNT}:generateAccessToken") || body["scope"] != json!([STORE]) {
        return Err(refuse(403, "forbidden", "no right to act for this account"));
    }
    let token = state.hand_out("store");
    ok(&json!({ "accessToken": token, "expireTime": "2099-01-01T00:00:00Z" }))
}

/// The metadata service, which wants its header.
pub(super) fn metadata(state: &mut State, asked: &Asked) -> Answer {
    take(&mut state.token_trouble)?;
    let path = asked.parts.uri.path();
    if asked.header("metadata-flavor") != Some("Google") {
        return Err(refuse(403, "", "no Metadata-Flavor"));
    }
    if path != "/computeMetadata/v1/instance/service-accounts/default/token" {
        return Err(refuse(404, "", "nothing there"));
    }
    let token = state.hand_out("store");
    ok(&json!({ "access_token": token, "expires_in": 3_600, "token_type": "Bearer" }))
}
