//! The users of the database, for its administrators.

use axum::extract::{Extension, FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use siltstone::{Error, ErrorKind};

use crate::access::{Access, Caller, Refused};
use crate::catalogue::{Activity, Key, User};
use crate::server::Server;
use crate::server::reply::{Answer, Content, Refusal, json_with, message, no_content, ok, on, parse};

/// A caller who may see and change users, and the rules.
pub(super) struct Admin {
    access: Access,
    name: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let access = parts.extensions.get::<Access>().cloned().unwrap_or_default();
        let caller = parts.extensions.get::<Caller>().cloned();
        if !caller.as_ref().is_none_or(|c| c.is_admin) {
            let text = "only an administrator may see and change users".to_owned();
            return Err(Refused::Forbidden(text).into_response());
        }
        if !access.has_db_users() {
            let text = "users of the database are not enabled: set AUTHENTICATION_DB_USERS_ENABLED to true";
            return Err(message(StatusCode::UNPROCESSABLE_ENTITY, text));
        }
        Ok(Self { access, name: caller.and_then(|c| c.name) })
    }
}

impl Admin {
    /// A user with a key in the environment is changed there.
    fn expect_own(&self, name: &str) -> siltstone::Result<()> {
        if !self.access.env_users().contains(name) {
            return Ok(());
        }
        let message =
            format!("user `{name}` has its key in AUTHENTICATION_APIKEY_ALLOWED_KEYS: change it there");
        Err(Error::invalid("change user", message))
    }
}

/// Who the caller is.
pub(super) async fn own(caller: Option<Extension<Caller>>) -> Response {
    match caller.and_then(|Extension(c)| c.name) {
        Some(name) => ok(&json!({ "username": name, "roles": [], "groups": [] })),
        None => Refused::Unauthenticated("the request came without a key".to_owned()).into_response(),
    }
}

pub(super) async fn list(State(server): State<Server>, admin: Admin) -> Response {
    let users = server.db.users();
    let of_env = admin.access.env_users();
    let own = users.iter().filter(|(name, _)| !of_env.contains(name.as_str()));
    let mut all: Vec<Value> = own.map(|(name, user)| shown(name, user)).collect();
    all.extend(of_env.into_iter().map(shown_env));
    ok(&all)
}

pub(super) async fn one(State(server): State<Server>, admin: Admin, Path(name): Path<String>) -> Answer {
    if admin.access.env_users().contains(name.as_str()) {
        return Ok(ok(&shown_env(&name)));
    }
    match server.db.users().get(&name) {
        Some(user) => Ok(ok(&shown(&name, user))),
        None => {
            let name = name.escape_debug();
            Err(Error::new(ErrorKind::NotFound, "get user", format!("no user `{name}`")).into())
        }
    }
}

/// Answers with the key, this once. A body is not read: what it could ask for (keys of old, times) is not supported.
pub(super) async fn create(State(server): State<Server>, admin: Admin, Path(name): Path<String>) -> Answer {
    if admin.access.env_users().contains(name.as_str()) {
        return Ok(message(
            StatusCode::CONFLICT,
            &format!("user `{name}` already exists in the environment"),
        ));
    }
    match on(server, move |db| db.create_user(&name)).await {
        Ok(key) => Ok(json_with(StatusCode::CREATED, &json!({ "apikey": key }))),
        Err(refusal) => conflict(refusal),
    }
}

pub(super) async fn drop(State(server): State<Server>, admin: Admin, Path(name): Path<String>) -> Answer {
    // One of that name may be left in the database, where its key counts for nothing.
    if !server.db.users().contains_key(&name) {
        admin.expect_own(&name)?;
    }
    on(server, move |db| db.drop_user(&name)).await?;
    Ok(no_content())
}

pub(super) async fn rotate(State(server): State<Server>, admin: Admin, Path(name): Path<String>) -> Answer {
    admin.expect_own(&name)?;
    let key = on(server, move |db| db.rotate_key(&name)).await?;
    Ok(ok(&json!({ "apikey": key })))
}

pub(super) async fn activate(State(server): State<Server>, admin: Admin, Path(name): Path<String>) -> Answer {
    admin.expect_own(&name)?;
    match on(server, move |db| db.activate_user(&name)).await {
        Ok(()) => Ok(StatusCode::OK.into_response()),
        Err(refusal) => conflict(refusal),
    }
}

#[derive(Default, Deserialize)]
struct Deactivation {
    #[serde(default, alias = "revokeKey")]
    revoke_key: bool,
}

pub(super) async fn deactivate(
    State(server): State<Server>,
    admin: Admin,
    Path(name): Path<String>,
    Content(body): Content,
) -> Answer {
    admin.expect_own(&name)?;
    if admin.name.as_ref() == Some(&name) {
        let text = "nobody can deactivate the user of the request itself";
        return Err(Error::invalid("deactivate user", text).into());
    }
    let asked: Option<Deactivation> = if body.is_empty() { None } else { parse(&body)? };
    let key = if asked.unwrap_or_default().revoke_key { Key::Revoked } else { Key::Kept };
    match on(server, move |db| db.deactivate_user(&name, key)).await {
        Ok(()) => Ok(StatusCode::OK.into_response()),
        Err(refusal) => conflict(refusal),
    }
}

/// Here what clashes with the state of a user is 409.
fn conflict(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Error(e) if matches!(e.kind(), ErrorKind::AlreadyExists | ErrorKind::Conflict) => {
            Ok(message(StatusCode::CONFLICT, &e.to_string()))
        }
        other => Err(other),
    }
}

fn shown(name: &str, user: &User) -> Value {
    let created = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_millis(user.created_ms));
    let created = created.unwrap_or(std::time::UNIX_EPOCH);
    json!({
        "userId": name,
        "dbUserType": "db_user",
        "roles": [],
        "active": user.activity == Activity::Active,
        "createdAt": humantime::format_rfc3339_millis(created).to_string(),
        "apiKeyFirstLetters": user.letters,
    })
}

fn shown_env(name: &str) -> Value {
    json!({ "userId": name, "dbUserType": "db_env_user", "roles": [], "active": true })
}
