//! The exchanges that end with a token: OAuth 2.0 grants (RFC 6749, 7523 and 8693), the metadata service, and acting for a
//! service account.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer};
use serde::Deserialize;
use serde_json::json;
use siltstone_plugin_sdk::cloud::{Fetched, iso_ms, now_ms};
use siltstone_plugin_sdk::http::{Body, percent, retry_after_ms, send};
use siltstone_plugin_sdk::types::Error;
use siltstone_plugin_sdk::{error, host};

use super::key_file::{AuthorizedUser, ExternalAccount, ServiceAccount};
use super::{KeyFile, Source, Token};
use crate::config::name;

/// What tokens for the store may do.
const STORE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// What tokens that get other tokens may do.
const IAM: &str = "https://www.googleapis.com/auth/iam";
/// Seconds that a token is asked for.
const LIFETIME: u64 = 3_600;
/// Most bytes of an answer with a token.
const MAX_ANSWER: usize = 64 << 10;

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonation {
    access_token: String,
    expire_time: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: serde_json::Value,
    error_description: Option<String>,
}

impl Source {
    /// A new token.
    pub(super) fn fetch(&self) -> Result<Fetched<Token>, Error> {
        let file = self.key_file()?;
        let principal = file.as_ref().map_or_else(|| self.principal(), KeyFile::principal);
        let granted = match (self, file) {
            (Self::Metadata(host), _) => from_metadata(host),
            (_, Some(file)) => of_file(&file, STORE),
            _ => Err(error::internal("there is nobody to ask for a token")),
        };
        let granted = granted.map_err(|e| Error {
            message: format!("no token for {principal}: {}; look at {}", e.message, name::CREDENTIALS),
            ..e
        })?;
        let lasts_ms = granted.expires_in.map(|seconds| seconds.saturating_mul(1_000));
        Ok(Fetched { value: Token { token: granted.access_token }, lasts_ms })
    }
}

fn of_file(file: &KeyFile, scope: &str) -> Result<Granted, Error> {
    match file {
        KeyFile::ServiceAccount(account) => {
            let assertion = assertion(account, scope, now_ms() / 1_000)?;
            let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
            post_form(&account.token_uri, &[("grant_type", grant), ("assertion", &assertion)])
        }
        KeyFile::AuthorizedUser(user) => refreshed(user),
        KeyFile::ExternalAccount(external) => of_workload(external, scope),
        KeyFile::ImpersonatedServiceAccount(file) => {
            let own = of_file(&file.source_credentials, IAM)?;
            acting(&file.service_account_impersonation_url, &own, &file.delegates, scope)
        }
    }
}

fn refreshed(user: &AuthorizedUser) -> Result<Granted, Error> {
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", &user.client_id),
        ("client_secret", &user.client_secret),
        ("refresh_token", &user.refresh_token),
    ];
    post_form(&user.token_uri, &pairs)
}

fn of_workload(external: &ExternalAccount, scope: &str) -> Result<Granted, Error> {
    let subject = subject(external)?;
    let acts = external.service_account_impersonation_url.as_deref();
    let pairs = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", &external.audience),
        ("subject_token_type", &external.subject_token_type),
        ("subject_token", &subject),
        ("scope", if acts.is_some() { IAM } else { scope }),
    ];
    let own = post_form(&external.token_url, &pairs)?;
    match acts {
        Some(uri) => acting(uri, &own, &[], scope),
        None => Ok(own),
    }
}

/// The token of the other provider.
fn subject(external: &ExternalAccount) -> Result<String, Error> {
    let source = &external.credential_source;
    let content = match (&source.file, &source.url) {
        (Some(file), _) => host::read_file(file)
            .map_err(|e| error::invalid_config(format!("the token file {file:?} cannot be read: {e}")))?,
        (None, Some(uri)) => {
            let request = source.headers.iter().fold(Request::get(uri), |r, (n, v)| r.header(n, v));
            ask(request, &[])?
        }
        (None, None) => return Err(error::internal("a workload without a token")),
    };
    let field = source.format.as_ref().and_then(|format| format.subject_token_field_name.as_deref());
    read_subject(&content, field)
}

fn read_subject(content: &[u8], field: Option<&str>) -> Result<String, Error> {
    let wrong = |why: &str| error::unauthenticated(format!("the token of the workload {why}"));
    let text = std::str::from_utf8(content).map_err(|_| wrong("is no text"))?;
    let token = match field {
        None => text.to_owned(),
        Some(field) => {
            let value: serde_json::Value = serde_json::from_str(text).map_err(|_| wrong("is no JSON"))?;
            let found = value.get(field).and_then(|token| token.as_str());
            found.ok_or_else(|| wrong(&format!("has no field {field:?}")))?.to_owned()
        }
    };
    let token = token.trim();
    if token.is_empty() { Err(wrong("is empty")) } else { Ok(token.to_owned()) }
}

fn acting(uri: &str, own: &Granted, delegates: &[String], scope: &str) -> Result<Granted, Error> {
    let body = json!({ "scope": [scope], "lifetime": format!("{LIFETIME}s"), "delegates": delegates });
    let request = Request::post(uri)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", own.access_token));
    let answer = ask(request, body.to_string().as_bytes())?;
    let found: Impersonation = parse(&answer)?;
    let left = iso_ms(&found.expire_time).map(|at| at.saturating_sub(now_ms()) / 1_000);
    Ok(Granted { access_token: found.access_token, expires_in: left })
}

fn from_metadata(host: &str) -> Result<Granted, Error> {
    let path = "computeMetadata/v1/instance/service-accounts/default/token";
    let uri = format!("http://{host}/{path}?scopes={}", percent::segment(STORE));
    parse(&ask(Request::get(uri).header("metadata-flavor", "Google"), &[])?)
}

fn post_form(uri: &str, pairs: &[(&str, &str)]) -> Result<Granted, Error> {
    let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded");
    parse(&ask(request, percent::query(pairs).as_bytes())?)
}

/// Sends a request for a token; what failed may be tried again where that may help.
fn ask(request: http::request::Builder, body: &[u8]) -> Result<Vec<u8>, Error> {
    let wrong = |e: http::Error| error::invalid_config(format!("a request for a token cannot be made: {e}"));
    let (parts, ()) = request.body(()).map_err(wrong)?.into_parts();
    let from = parts.uri.authority().map(ToString::to_string).unwrap_or_default();
    let body = if parts.method == Method::GET { Body::Empty } else { Body::Bytes(body) };
    // Nothing was asked of the store yet, whatever came of this.
    let response = send(&parts, body)
        .map_err(|e| Error { outcome: siltstone_plugin_sdk::types::Outcome::NoEffect, ..e })?;
    let answer = response.read(MAX_ANSWER)?;
    let status = response.status.as_u16();
    if response.status.is_success() {
        return Ok(answer);
    }
    let refusal: Refusal = serde_json::from_slice(&answer).unwrap_or_default();
    let code = refusal.error.as_str().or_else(|| refusal.error.get("message").and_then(|m| m.as_str()));
    let said =
        [code, refusal.error_description.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let message = match said.as_str() {
        "" => format!("{from} answered HTTP {status}"),
        said => format!("{from} answered HTTP {status}, {said}"),
    };
    let mut made = match status {
        429 | 503 => error::throttled(message),
        500..=599 => error::transient(message),
        _ => error::unauthenticated(message),
    };
    made.http_status = Some(status);
    made.retry_after_ms = retry_after_ms(&response.headers);
    Err(made)
}

fn parse<T: for<'a> Deserialize<'a>>(answer: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(answer).map_err(|_| error::transient("the answer holds no token"))
}

/// A signed statement of a service account that it wants a token (RFC 7523, section 2.1).
fn assertion(account: &ServiceAccount, scope: &str, now: u64) -> Result<String, Error> {
    let wrong = || {
        error::invalid_config(format!("{}: its `private_key` is no RSA key in PKCS #8", name::CREDENTIALS))
    };
    let key = RsaPrivateKey::from_pkcs8_pem(&account.private_key).map_err(|_| wrong())?;
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = &account.private_key_id {
        header["kid"] = json!(id);
    }
    let claims = json!({
        "iss": account.client_email, "scope": scope, "aud": account.token_uri, "iat": now, "exp": now + LIFETIME,
    });
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let signature = SigningKey::<Sha256>::new(key).try_sign(text.as_bytes()).map_err(|_| wrong())?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())))
}

#[cfg(test)]
mod tests {
    use rsa::pkcs1v15::{Signature, VerifyingKey};
    use rsa::pkcs8::{EncodePrivateKey, LineEnding};
    use rsa::rand_core::OsRng;
    use rsa::signature::Verifier;

    use super::*;

    fn account(key: &str) -> ServiceAccount {
        let file = json!({
            "type": "service_account", "client_email": "a@b", "private_key": key, "private_key_id": "k1",
            "token_uri": "https://t.example/token",
        });
        match KeyFile::parse(file.to_string().as_bytes()).unwrap() {
            KeyFile::ServiceAccount(account) => account,
            _ => panic!("another kind"),
        }
    }

    #[test]
    fn an_assertion_is_signed_and_says_who_what_and_how_long() {
        // Short, as it takes long to make one; the length makes no difference here.
        let private = RsaPrivateKey::new(&mut OsRng, 1_024).unwrap();
        let pem = private.to_pkcs8_pem(LineEnding::LF).unwrap();
        let text = assertion(&account(&pem), STORE, 1_000).unwrap();
        let (signed, signature) = text.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let read = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(read(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
        assert_eq!(
            read(claims),
            json!({ "iss": "a@b", "scope": STORE, "aud": "https://t.example/token", "iat": 1_000, "exp": 4_600 })
        );
        let key = private.to_public_key();
        let signature = Signature::try_from(&URL_SAFE_NO_PAD.decode(signature).unwrap()[..]).unwrap();
        VerifyingKey::<Sha256>::new(key).verify(signed.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn a_key_that_is_none_does_not_show() {
        let error = assertion(&account("hushhush"), STORE, 1_000).unwrap_err();
        assert!(
            error.message.contains("private_key") && !error.message.contains("hush"),
            "{}",
            error.message
        );
    }

    #[test]
    fn the_token_of_a_workload_is_text_or_a_field() {
        assert_eq!(read_subject(b" t \n", None).unwrap(), "t");
        assert_eq!(read_subject(br#"{"access_token":"t"}"#, Some("access_token")).unwrap(), "t");
        assert!(
            read_subject(br#"{"x":"t"}"#, Some("access_token")).unwrap_err().message.contains("access_token")
        );
        assert!(read_subject(b"  ", None).unwrap_err().message.contains("empty"));
    }
}
