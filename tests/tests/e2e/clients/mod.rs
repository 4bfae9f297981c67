//! The official clients against the server: every scenario with every backend, in a process of its own.

mod backend;
mod curl;
mod python_v3;
mod python_v4;
mod typescript_v2;
mod typescript_v3;

use std::time::Duration;

use siltstone_tests::clients::{Client, run};

use self::backend::Backend;
use crate::program::Server;

/// How long a scenario may take; each of them waits for some backups of a second.
const LIMIT: Duration = Duration::from_secs(120);

/// So much of a line is shown when a scenario has failed: an error in a library of Node shows all of it in one.
const SHOWN: usize = 400;

/// The keys of the scenarios about access.
const KEYS: [(&str, &str); 2] = [("ADMIN_KEY", "key-of-the-admin"), ("READER_KEY", "key-of-the-reader")];

/// One test for each scenario of a client and each backend, and one that none is forgotten.
macro_rules! scenarios {
    ($client:ident: $($scenario:ident)+) => {
        $(mod $scenario {
            use crate::clients::{Client, backend::Backend, passes};

            #[test]
            fn passes_with_backups_in_a_folder() {
                passes(Client::$client, stringify!($scenario), Backend::folder);
            }

            #[test]
            fn passes_with_backups_in_s3() {
                passes(Client::$client, stringify!($scenario), Backend::s3);
            }
        })+

        #[test]
        fn every_scenario_is_run() {
            let found = crate::clients::Client::$client.scenarios().unwrap();
            assert_eq!(found, [$(stringify!($scenario)),+]);
        }
    };
}
use scenarios;

/// Runs a scenario against a server of its own: it ends well, in time, has nothing to complain of, and neither has the server.
fn passes(client: Client, scenario: &str, backend: fn(&std::path::Path) -> Backend) {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    let backend = backend(&base);
    let mut variables = backend.variables.clone();
    if scenario == "access" {
        variables.extend(access());
    }
    let server = Server::with(&base, &variables);
    let mut command = client.command(scenario, &base).unwrap();
    command.args([server.url(), server.grpc(), backend.name]).envs(backend.told.clone()).envs(KEYS);
    let done = run(command, &base, LIMIT).unwrap();
    let told = || {
        let (said, complained) = (shortened(&done.said), shortened(&done.complained));
        format!("{client:?} {scenario}: {:?}\n{said}{complained}", done.status)
    };
    let status = done.status.unwrap_or_else(|| panic!("it takes longer than {LIMIT:?}: {}", told()));
    assert!(status.success() && done.complained.is_empty(), "{}", told());
    assert!(done.said.lines().any(|line| line.starts_with("ok: ")), "it has shown nothing: {}", told());
    let logged = server.logged();
    assert!(!logged.lines().any(|line| line.contains(" ERROR ")), "{}", told());
    assert_eq!(server.terminate().code(), Some(0));
}

/// Two users with keys, one of whom may only read, and users in the database.
fn access() -> Vec<(&'static str, String)> {
    let keys = KEYS.map(|(_, key)| key).join(",");
    [
        ("AUTHENTICATION_APIKEY_ENABLED", "true"),
        ("AUTHENTICATION_APIKEY_ALLOWED_KEYS", keys.as_str()),
        ("AUTHENTICATION_APIKEY_USERS", "admin,reader"),
        ("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "false"),
        ("AUTHENTICATION_DB_USERS_ENABLED", "true"),
        ("AUTHORIZATION_ADMINLIST_ENABLED", "true"),
        ("AUTHORIZATION_ADMINLIST_USERS", "admin,dora"),
        ("AUTHORIZATION_ADMINLIST_READONLY_USERS", "reader"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

fn shortened(text: &str) -> String {
    text.lines().map(|line| line.chars().take(SHOWN).chain(['\n']).collect::<String>()).collect()
}
