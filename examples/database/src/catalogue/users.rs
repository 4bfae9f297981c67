//! Users of the database: a name, the hash of a key, and whether the key is accepted.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use siltstone::{Error, ErrorKind, Result};

use crate::database::Database;

/// Most users, so that all of them fit into the state that a backup takes along.
const MAX_USERS: usize = 2000;
/// Longest name, in bytes.
const MAX_NAME: usize = 128;
/// Letters of a key by which its owner tells it from others.
const SHOWN: usize = 3;

/// The users by their names.
pub(crate) type Users = BTreeMap<String, User>;

/// One user. Keys are random, so a fast hash keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    /// BLAKE3 of the key in hexadecimal; `None` once it was revoked.
    hash: Option<String>,
    /// The first letters of the key.
    pub(crate) letters: String,
    pub(crate) activity: Activity,
    /// Milliseconds since 1970.
    pub(crate) created_ms: u64,
}

/// Whether the key of a user is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Activity {
    Active,
    Inactive,
}

/// What happens to the key of a user who is deactivated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Kept,
    /// Never accepted again; activated, the user needs a new one.
    Revoked,
}

impl User {
    /// Gives the user a new key, which is returned and not kept.
    fn renew(&mut self) -> String {
        let key = blake3::Hash::from_bytes(rand::random()).to_hex().to_string();
        self.hash = Some(blake3::hash(key.as_bytes()).to_hex().to_string());
        self.letters = key.chars().take(SHOWN).collect();
        key
    }

    /// Compares in constant time.
    fn has(&self, key: &blake3::Hash) -> bool {
        let known = self.hash.as_deref().and_then(|h| blake3::Hash::from_hex(h).ok());
        known.is_some_and(|known| known == *key)
    }
}

impl Database {
    /// All users.
    pub(crate) fn users(&self) -> Users {
        self.engine.catalogue.current().users.clone()
    }

    /// The active user whose key has this hash.
    pub(crate) fn user_of_key(&self, key: &blake3::Hash) -> Option<String> {
        let catalogue = self.engine.catalogue.current();
        // All are compared, so that the time tells nothing of who it is.
        let found =
            catalogue.users.iter().fold(None, |found, one| if one.1.has(key) { Some(one) } else { found });
        found.filter(|(_, user)| user.activity == Activity::Active).map(|(name, _)| name.clone())
    }

    /// Creates a user and returns the key, which nobody can find out later.
    pub(crate) fn create_user(&self, name: &str) -> Result<String> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@');
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_plain) {
            let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
            let message =
                format!("`{shown}` is no user: use 1 to {MAX_NAME} of 0-9, A-Z, a-z, `-`, `_`, `.`, `@`");
            return Err(Error::invalid("create user", message));
        }
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut user = User {
            hash: None,
            letters: String::new(),
            activity: Activity::Active,
            created_ms: u64::try_from(created.as_millis()).unwrap_or(u64::MAX),
        };
        let key = user.renew();
        self.engine.catalogue.change(|c| {
            if c.users.contains_key(name) {
                let message = format!("user `{name}` already exists");
                return Err(Error::new(ErrorKind::AlreadyExists, "create user", message));
            }
            if c.users.len() >= MAX_USERS {
                let message = format!("there are {MAX_USERS} users: delete one first");
                return Err(Error::invalid("create user", message));
            }
            c.users.insert(name.to_owned(), user);
            Ok(())
        })?;
        Ok(key)
    }

    /// Replaces the key of a user and returns the new one.
    pub(crate) fn rotate_key(&self, name: &str) -> Result<String> {
        self.engine.catalogue.change(|c| Ok(find(&mut c.users, name)?.renew()))
    }

    /// Accepts the key of a user again. It is [`ErrorKind::Conflict`] if it is accepted.
    pub(crate) fn activate_user(&self, name: &str) -> Result<()> {
        self.set_activity(name, Activity::Active, Key::Kept)
    }

    /// Accepts the key of a user no longer. It is [`ErrorKind::Conflict`] if it is not accepted.
    pub(crate) fn deactivate_user(&self, name: &str, key: Key) -> Result<()> {
        self.set_activity(name, Activity::Inactive, key)
    }

    /// Removes a user.
    pub(crate) fn drop_user(&self, name: &str) -> Result<()> {
        self.engine.catalogue.change(|c| c.users.remove(name).map(drop).ok_or_else(|| no_user(name)))
    }

    fn set_activity(&self, name: &str, activity: Activity, key: Key) -> Result<()> {
        self.engine.catalogue.change(|c| {
            let user = find(&mut c.users, name)?;
            if user.activity == activity {
                let message = format!("user `{name}` is {activity:?} already");
                return Err(Error::new(ErrorKind::Conflict, "change user", message));
            }
            user.activity = activity;
            if key == Key::Revoked {
                user.hash = None;
            }
            Ok(())
        })
    }
}

fn find<'u>(users: &'u mut Users, name: &str) -> Result<&'u mut User> {
    users.get_mut(name).ok_or_else(|| no_user(name))
}

fn no_user(name: &str) -> Error {
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::NotFound, "find user", format!("no user `{shown}`"))
}
