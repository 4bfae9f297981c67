//! What a backup takes of the database beside its collections: the users, all or those that are chosen.

use siltstone::model::Pattern;
use siltstone::source::{ExtrasChoice, NamedBlob};
use siltstone::{Error, Result};

use crate::catalogue::Users;

/// Name of the state that holds the users.
pub(crate) const USERS: &str = "users";

/// All users; also none, so that a restore of them leaves none.
pub(super) fn all(users: &Users) -> Result<Vec<NamedBlob>> {
    let content = serde_json::to_vec(users)
        .map_err(|e| Error::internal("capture users", "cannot encode").with_source(e))?;
    Ok(vec![NamedBlob { name: USERS.to_owned(), content: content.into() }])
}

/// The users that a request names, each entry of which must name one.
pub(super) fn chosen(users: &Users, choice: &ExtrasChoice) -> Result<Vec<NamedBlob>> {
    if let Some(role) = choice.roles.first() {
        let role = role.escape_debug();
        let text = format!("includeRoles names `{role}`, and this database has no roles; leave it out");
        return Err(Error::invalid("choose roles", text));
    }
    if choice.users.is_empty() {
        return all(users);
    }
    let wanted = choice.users.iter().map(Pattern::new).collect::<Result<Vec<_>>>()?;
    if let Some(none) = wanted.iter().find(|w| !users.keys().any(|name| w.matches(name))) {
        let text = format!("includeUsers: there is no database user `{}`", none.as_str().escape_debug());
        return Err(Error::invalid("choose users", text));
    }
    let mut users = users.clone();
    users.retain(|name, _| wanted.iter().any(|w| w.matches(name)));
    all(&users)
}

#[cfg(test)]
mod tests {
    use siltstone::source::SnapshotSource;

    use super::*;
    use crate::fixture::{Setup, fast_folder, open};

    #[test]
    fn a_backup_takes_the_users_that_are_named_and_refuses_names_of_nobody() {
        let folder = fast_folder();
        let database = open(folder.path(), &Setup::default());
        for name in ["ada", "alan", "bob"] {
            database.create_user(name).unwrap();
        }
        let names = |users: &[&str]| -> Result<Vec<String>> {
            let users = users.iter().map(ToString::to_string).collect();
            let extras = database.chosen_extras(&ExtrasChoice { users, roles: Vec::new() })?;
            let found: Users = serde_json::from_slice(&extras[0].content).unwrap();
            Ok(found.into_keys().collect())
        };
        assert_eq!(names(&[]).unwrap(), ["ada", "alan", "bob"]);
        assert_eq!(names(&["a*"]).unwrap(), ["ada", "alan"]);
        assert_eq!(names(&["bob", "ad?"]).unwrap(), ["ada", "bob"]);
        for nobody in ["eve", "e*"] {
            let error = names(&["ada", nobody]).unwrap_err().to_string();
            assert!(error.contains("includeUsers") && error.contains(&format!("`{nobody}`")), "{error}");
        }
        let roles = ExtrasChoice { users: Vec::new(), roles: vec!["editor".to_owned()] };
        let error = database.chosen_extras(&roles).unwrap_err().to_string();
        assert!(error.contains("includeRoles") && error.contains("`editor`"), "{error}");
    }
}
