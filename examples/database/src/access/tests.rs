//! The settings of access, and what they admit.

use std::collections::BTreeMap;

use super::{Access, Refused, Right};
use crate::fixture::{Setup, fast_folder, open};

fn of(pairs: &[(&str, &str)]) -> siltstone::Result<Access> {
    let variables: BTreeMap<String, String> =
        pairs.iter().map(|(name, value)| (format!("AUTH{name}"), (*value).to_owned())).collect();
    Access::from_env(&variables)
}

const ON: (&str, &str) = ("ENTICATION_APIKEY_ENABLED", "true");
const KEYS: &str = "ENTICATION_APIKEY_ALLOWED_KEYS";
const USERS: &str = "ENTICATION_APIKEY_USERS";
const LIST: (&str, &str) = ("ORIZATION_ADMINLIST_ENABLED", "true");

#[test]
fn a_wrong_setting_is_an_error_that_names_it_and_holds_no_key() {
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let wrong: &[Case<'_>] = &[
        (
            &[("ENTICATION_APIKEY_ENABLED", "maybe")],
            &["AUTHENTICATION_APIKEY_ENABLED", "`maybe`", "true or false"],
        ),
        (&[ON], &["AUTHENTICATION_APIKEY_ALLOWED_KEYS", "name at least one"]),
        (&[ON, (KEYS, "s3cret")], &["AUTHENTICATION_APIKEY_USERS", "name at least one"]),
        (
            &[ON, (KEYS, "s3cret,s3cret2,s3cret3"), (USERS, "a,b")],
            &["ALLOWED_KEYS has 3", "APIKEY_USERS has 2", "one for each"],
        ),
        (&[ON, (KEYS, "s3cret,,s3cret2"), (USERS, "a")], &["ALLOWED_KEYS", "place 2", "remove the comma"]),
        (&[ON, (KEYS, "s3cret,s3cret"), (USERS, "a")], &["ALLOWED_KEYS", "twice"]),
        (
            &[("ENTICATION_ANONYMOUS_ACCESS_ENABLED", "false")],
            &["AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "set "],
        ),
        (&[LIST], &["AUTHORIZATION_ADMINLIST_ENABLED", "nobody is listed"]),
        (
            &[LIST, ("ORIZATION_ADMINLIST_USERS", "a,b"), ("ORIZATION_ADMINLIST_READONLY_USERS", "b")],
            &["`b`", "AUTHORIZATION_ADMINLIST_USERS", "READONLY_USERS"],
        ),
        (&[("ORIZATION_RBAC_ENABLED", "true")], &["AUTHORIZATION_RBAC_ENABLED", "ADMINLIST"]),
        (&[("ENTICATION_OIDC_ENABLED", "on")], &["AUTHENTICATION_OIDC_ENABLED", "APIKEY"]),
    ];
    for (variables, parts) in wrong {
        let error = of(variables).unwrap_err().to_string();
        for part in *parts {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn anonymous_callers_are_admitted_unless_keys_are_asked_for() {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let admitted = |pairs: &[(&str, &str)]| of(pairs).unwrap().admit(&db, None, Right::Write).is_ok();
    let keys = [ON, (KEYS, "k"), (USERS, "u")];
    assert!(admitted(&[]) && admitted(&[("ENTICATION_APIKEY_ENABLED", " ")]));
    assert!(!admitted(&keys) && !admitted(&[("ENTICATION_DB_USERS_ENABLED", "true")]));
    assert!(admitted(&[keys.as_slice(), &[("ENTICATION_ANONYMOUS_ACCESS_ENABLED", "1")]].concat()));
}

#[test]
fn a_key_stands_for_its_user_and_many_may_stand_for_one() {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let name = |users: &str, key: &str| {
        let access = of(&[ON, (KEYS, "k1, k2"), (USERS, users)]).unwrap();
        access.admit(&db, Some(&format!("Bearer {key}")), Right::Write).map(|c| c.name.unwrap())
    };
    assert_eq!((name("a,b", "k1").unwrap(), name("a,b", "k2").unwrap()), ("a".to_owned(), "b".to_owned()));
    assert_eq!((name("a", "k1").unwrap(), name("a", "k2").unwrap()), ("a".to_owned(), "a".to_owned()));
    assert!(matches!(name("a", "k3"), Err(Refused::Unauthenticated(_))));
}

#[test]
fn users_of_the_database_survive_a_restart_and_count_only_where_they_are_enabled() {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let key = db.create_user("ann").unwrap();
    db.close().unwrap();
    let db = open(folder.path(), &Setup::default());
    let bearer = format!("Bearer {key}");
    let with = of(&[("ENTICATION_DB_USERS_ENABLED", "true")]).unwrap();
    assert_eq!(with.admit(&db, Some(&bearer), Right::Write).unwrap().name.as_deref(), Some("ann"));
    assert!(Access::default().admit(&db, Some(&bearer), Right::Read).is_err());
    let catalogue = std::fs::read_to_string(folder.path().join("catalogue.json")).unwrap();
    assert!(catalogue.contains("ann") && !catalogue.contains(&key));
}

#[test]
fn a_user_of_the_environment_shares_a_name_with_nobody() {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let key = db.create_user("carl").unwrap();
    let bearer = format!("Bearer {key}");
    let both = of(&[ON, (KEYS, "s3cret"), (USERS, "carl"), ("ENTICATION_DB_USERS_ENABLED", "true")]).unwrap();
    assert!(both.admit(&db, Some(&bearer), Right::Read).is_err(), "its key is that of the environment");
    assert_eq!(both.admit(&db, Some("Bearer s3cret"), Right::Read).unwrap().name.as_deref(), Some("carl"));
}

#[test]
fn nothing_that_is_shown_of_the_rules_holds_a_key_or_its_hash() {
    let access = of(&[ON, (KEYS, "s3cret"), (USERS, "a")]).unwrap();
    let shown = format!("{access:?}");
    assert!(
        !shown.contains("s3cret") && !shown.contains(blake3::hash(b"s3cret").to_hex().as_str()),
        "{shown}"
    );
}
