//! Who may do what: API keys from the environment, keys of database users, and a list of administrators.

mod guard;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use siltstone::Result;

pub use guard::guard;

use crate::Database;

/// Name under which a caller without a key stands in the lists.
const ANONYMOUS: &str = "anonymous";

/// The rules; clones share them.
#[derive(Clone, Debug)]
pub struct Access {
    rules: Arc<Rules>,
}

struct Rules {
    /// Hashes of the keys from the environment, each with its user.
    keys: Vec<(blake3::Hash, String)>,
    has_anonymous: bool,
    has_db_users: bool,
    /// `None`: whoever is known may do everything.
    lists: Option<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    admins: BTreeSet<String>,
    readers: BTreeSet<String>,
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To see.
    Read,
    /// To change something, or to use up room or time of the server.
    Write,
}

/// Why a request is not admitted; the text is for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The caller is not known: 401.
    Unauthenticated(String),
    /// The caller is known and may not: 403.
    Forbidden(String),
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user; `None` for one without a key.
    pub name: Option<String>,
    /// May do everything, users included.
    pub is_admin: bool,
}

impl Access {
    /// The rules that `AUTHENTICATION_…` and `AUTHORIZATION_…` set; the error names variable, value and remedy. Without
    /// any of them everybody may do everything. Values of keys are neither logged nor part of an error.
    pub fn from_env(variables: &BTreeMap<String, String>) -> Result<Self> {
        Ok(Self { rules: Arc::new(settings::read(variables)?) })
    }

    /// Admits a request or tells why not; `authorization` is the value of its header, which may hold `Bearer <key>`.
    ///
    /// A key that nobody has is refused even where callers without a key are admitted.
    pub fn admit(
        &self,
        database: &Database,
        authorization: Option<&str>,
        right: Right,
    ) -> Result<Caller, Refused> {
        let name = match authorization.map(str::trim).filter(|a| !a.is_empty()) {
            Some(authorization) => Some(self.identify(database, authorization)?),
            None if self.rules.has_anonymous => None,
            None => {
                let text =
                    "anonymous access is not enabled: send an API key as `Authorization: Bearer <key>`";
                return Err(Refused::Unauthenticated(text.to_owned()));
            }
        };
        let Some(lists) = &self.rules.lists else { return Ok(Caller { name, is_admin: true }) };
        let listed = name.as_deref().unwrap_or(ANONYMOUS);
        if lists.admins.contains(listed) {
            return Ok(Caller { name, is_admin: true });
        }
        let listed = listed.escape_debug();
        match (lists.readers.contains(name.as_deref().unwrap_or(ANONYMOUS)), right) {
            (true, Right::Read) => Ok(Caller { name, is_admin: false }),
            (true, Right::Write) => Err(Refused::Forbidden(format!("user `{listed}` may only read"))),
            (false, _) => Err(Refused::Forbidden(format!("user `{listed}` is on no list of users"))),
        }
    }

    /// Whether users are kept in the database.
    pub(crate) fn has_db_users(&self) -> bool {
        self.rules.has_db_users
    }

    /// The users whose keys are in the environment.
    pub(crate) fn env_users(&self) -> BTreeSet<&str> {
        self.rules.keys.iter().map(|(_, user)| user.as_str()).collect()
    }

    fn identify(&self, database: &Database, authorization: &str) -> Result<String, Refused> {
        let unknown = |text: &str| Refused::Unauthenticated(format!("unauthorized: {text}"));
        let key = match authorization.split_once(' ') {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
            _ => return Err(unknown("expected `Authorization: Bearer <key>`")),
        };
        // Hashes are compared in constant time, and all of them.
        let hash = blake3::hash(key.as_bytes());
        let keys = self.rules.keys.iter();
        let known = keys.fold(None, |found, (key, user)| if *key == hash { Some(user) } else { found });
        // A name in the environment is that user's alone, whatever a restore or an older configuration left behind.
        let own = |name: &String| !self.env_users().contains(name.as_str());
        let of_database =
            || self.rules.has_db_users.then(|| database.user_of_key(&hash)).flatten().filter(own);
        let found = known.cloned().or_else(of_database);
        found.ok_or_else(|| unknown("the API key is not valid"))
    }
}

/// Everybody may do everything.
impl Default for Access {
    fn default() -> Self {
        let rules = Rules { keys: Vec::new(), has_anonymous: true, has_db_users: false, lists: None };
        Self { rules: Arc::new(rules) }
    }
}

/// Without the hashes.
impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules")
            .field("keys", &self.keys.len())
            .field("has_anonymous", &self.has_anonymous)
            .field("has_db_users", &self.has_db_users)
            .field("lists", &self.lists)
            .finish()
    }
}

#[cfg(test)]
mod tests;
