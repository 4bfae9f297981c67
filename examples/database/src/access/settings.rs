//! The rules of access from environment variables: strict, because a slip here opens the server or locks it.

use std::collections::{BTreeMap, BTreeSet};

use siltstone::{Error, Result};

use super::{Lists, Rules};

const KEYS_ENABLED: &str = "AUTHENTICATION_APIKEY_ENABLED";
const KEYS: &str = "AUTHENTICATION_APIKEY_ALLOWED_KEYS";
const KEY_USERS: &str = "AUTHENTICATION_APIKEY_USERS";
const ANONYMOUS: &str = "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED";
const DB_USERS: &str = "AUTHENTICATION_DB_USERS_ENABLED";
const LISTS_ENABLED: &str = "AUTHORIZATION_ADMINLIST_ENABLED";
const ADMINS: &str = "AUTHORIZATION_ADMINLIST_USERS";
const READERS: &str = "AUTHORIZATION_ADMINLIST_READONLY_USERS";

/// Weaviate has these and this database has not; to ignore one that is on would open what the user wants closed.
const MISSING: [(&str, &str); 3] = [
    ("AUTHENTICATION_OIDC_ENABLED", KEYS_ENABLED),
    ("AUTHORIZATION_RBAC_ENABLED", LISTS_ENABLED),
    ("AUTHORIZATION_ENABLE_RBAC", LISTS_ENABLED),
];

type Variables = BTreeMap<String, String>;

pub(super) fn read(variables: &Variables) -> Result<Rules> {
    for (name, instead) in MISSING {
        if flag(variables, name)? == Some(true) {
            return Err(refused(format!("{name} is true: this database has not got that; use {instead}")));
        }
    }
    let has_keys = flag(variables, KEYS_ENABLED)? == Some(true);
    let has_db_users = flag(variables, DB_USERS)? == Some(true);
    let anonymous = flag(variables, ANONYMOUS)?;
    if !has_keys && !has_db_users && anonymous == Some(false) {
        return Err(refused(format!(
            "{ANONYMOUS} is false and nobody else is admitted: set {KEYS_ENABLED} or {DB_USERS} to true"
        )));
    }
    let keys = if has_keys { keys(variables)? } else { Vec::new() };
    let has_lists = flag(variables, LISTS_ENABLED)? == Some(true);
    let lists = if has_lists { Some(lists(variables)?) } else { None };
    warn_of_idle(variables, has_keys, &[KEYS, KEY_USERS], KEYS_ENABLED);
    warn_of_idle(variables, has_lists, &[ADMINS, READERS], LISTS_ENABLED);
    Ok(Rules { keys, has_anonymous: anonymous.unwrap_or(!has_keys && !has_db_users), has_db_users, lists })
}

/// One user for all keys, or one for each.
fn keys(variables: &Variables) -> Result<Vec<(blake3::Hash, String)>> {
    let (keys, users) = (list(variables, KEYS)?, list(variables, KEY_USERS)?);
    if keys.is_empty() || users.is_empty() {
        let missing = if keys.is_empty() { KEYS } else { KEY_USERS };
        return Err(refused(format!("{KEYS_ENABLED} is true and {missing} is empty: name at least one")));
    }
    if users.len() != 1 && users.len() != keys.len() {
        return Err(refused(format!(
            "{KEYS} has {} entries and {KEY_USERS} has {}: give one user for all keys, or one for each",
            keys.len(),
            users.len()
        )));
    }
    if keys.iter().collect::<BTreeSet<_>>().len() != keys.len() {
        return Err(refused(format!("{KEYS} holds a key twice: remove one of them")));
    }
    let users = users.iter().cycle();
    Ok(keys.iter().zip(users).map(|(key, user)| (blake3::hash(key.as_bytes()), user.clone())).collect())
}

fn lists(variables: &Variables) -> Result<Lists> {
    let admins: BTreeSet<String> = list(variables, ADMINS)?.into_iter().collect();
    let readers: BTreeSet<String> = list(variables, READERS)?.into_iter().collect();
    if admins.is_empty() && readers.is_empty() {
        return Err(refused(format!(
            "{LISTS_ENABLED} is true and nobody is listed: name users in {ADMINS} or {READERS}"
        )));
    }
    if let Some(both) = admins.intersection(&readers).next() {
        let both = both.escape_debug();
        return Err(refused(format!("user `{both}` is in {ADMINS} and in {READERS}: choose one of them")));
    }
    Ok(Lists { admins, readers })
}

/// A list that nothing reads is worth a word, since it looks as if it protected something.
fn warn_of_idle(variables: &Variables, is_read: bool, names: &[&str], switch: &str) {
    for name in names.iter().filter(|n| !is_read && value(variables, n).is_some()) {
        tracing::warn!(variable = name, "has no effect as long as {switch} is not true");
    }
}

fn flag(variables: &Variables, name: &str) -> Result<Option<bool>> {
    let Some(text) = value(variables, name) else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "enabled" | "1" => Ok(Some(true)),
        "false" | "off" | "disabled" | "0" => Ok(Some(false)),
        _ => {
            let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
            Err(refused(format!("{name} has the value `{shown}`: expected true or false")))
        }
    }
}

/// Entries between commas. Says nothing of their values, which may be keys.
fn list(variables: &Variables, name: &str) -> Result<Vec<String>> {
    let Some(text) = value(variables, name) else { return Ok(Vec::new()) };
    let entries: Vec<String> = text.split(',').map(|e| e.trim().to_owned()).collect();
    match entries.iter().position(String::is_empty) {
        Some(index) => {
            Err(refused(format!("{name} has nothing at place {}: remove the comma", index.saturating_add(1))))
        }
        None => Ok(entries),
    }
}

/// An empty value counts as not set.
fn value<'v>(variables: &'v Variables, name: &str) -> Option<&'v str> {
    variables.get(name).map(|v| v.trim()).filter(|v| !v.is_empty())
}

fn refused(message: String) -> Error {
    Error::invalid("configure access", message)
}
