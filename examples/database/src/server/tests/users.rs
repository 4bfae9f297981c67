//! Users of the database.

use serde_json::{Value, json};

use super::{Api, message};

const USERS: [(&str, &str); 7] = [
    ("AUTHENTICATION_DB_USERS_ENABLED", "true"),
    ("AUTHENTICATION_APIKEY_ENABLED", "true"),
    ("AUTHENTICATION_APIKEY_ALLOWED_KEYS", "boss-key"),
    ("AUTHENTICATION_APIKEY_USERS", "boss"),
    ("AUTHORIZATION_ADMINLIST_ENABLED", "true"),
    ("AUTHORIZATION_ADMINLIST_USERS", "boss"),
    ("AUTHORIZATION_ADMINLIST_READONLY_USERS", "ann"),
];

fn start() -> (Api, String) {
    let api = Api::guarded(&USERS);
    let (status, created) = api.by("boss-key", "POST", "/v1/users/db/ann");
    assert_eq!(status, 201);
    let key = created["apikey"].as_str().unwrap().to_owned();
    (api, key)
}

#[test]
fn a_user_is_created_with_a_key_that_opens_and_is_shown_without_it() {
    let (api, key) = start();
    assert_eq!(key.len(), 64);
    assert_eq!(api.by(&key, "GET", "/v1/users/own-info").1["username"], "ann");
    assert_eq!(api.by("boss-key", "POST", "/v1/users/db/ann").0, 409);
    assert_eq!(api.by("boss-key", "POST", "/v1/users/db/boss").0, 409);
    assert_eq!(api.by("boss-key", "POST", "/v1/users/db/no%20name").0, 422);
    let (status, ann) = api.by("boss-key", "GET", "/v1/users/db/ann?includeLastUsedTime=true");
    assert_eq!((status, &ann["userId"], &ann["active"]), (200, &json!("ann"), &json!(true)));
    assert_eq!((&ann["dbUserType"], &ann["apiKeyFirstLetters"]), (&json!("db_user"), &json!(key[..3])));
    let (_, all) = api.by("boss-key", "GET", "/v1/users/db");
    assert_eq!((&all[0]["userId"], &all[1]["dbUserType"]), (&json!("ann"), &json!("db_env_user")));
    assert!(!all.to_string().contains(&key) && !all.to_string().contains("hash"), "{all}");
    assert_eq!(api.by("boss-key", "GET", "/v1/users/db/bob").0, 404);
}

#[test]
fn a_rotated_a_deactivated_and_a_deleted_key_no_longer_opens() {
    let (api, old) = start();
    let opens = |key: &str| api.by(key, "GET", "/v1/meta").0 == 200;
    let new =
        api.by("boss-key", "POST", "/v1/users/db/ann/rotate-key").1["apikey"].as_str().unwrap().to_owned();
    assert!(opens(&new) && !opens(&old));
    let post = |what: &str| api.by("boss-key", "POST", &format!("/v1/users/db/ann/{what}")).0;
    assert_eq!((post("deactivate"), post("deactivate"), opens(&new)), (200, 409, false));
    assert_eq!((post("activate"), post("activate"), opens(&new)), (200, 409, true));
    let revoke = json!({ "revoke_key": true }).to_string();
    let head = "authorization: Bearer boss-key\r\n";
    assert_eq!(api.send_with(head, "POST", "/v1/users/db/ann/deactivate", &revoke).0, 200);
    assert_eq!((post("activate"), opens(&new)), (200, false));
    let last =
        api.by("boss-key", "POST", "/v1/users/db/ann/rotate-key").1["apikey"].as_str().unwrap().to_owned();
    assert!(opens(&last));
    assert_eq!(api.by("boss-key", "DELETE", "/v1/users/db/ann"), (204, Value::Null));
    assert_eq!((api.by("boss-key", "DELETE", "/v1/users/db/ann").0, opens(&last)), (404, false));
    assert_eq!((post("activate"), post("deactivate"), post("rotate-key")), (404, 404, 404));
}

#[test]
fn users_are_the_affair_of_administrators_and_of_the_environment() {
    let (api, key) = start();
    assert_eq!(api.by(&key, "GET", "/v1/users/db").0, 403);
    assert_eq!(api.by(&key, "POST", "/v1/users/db/eve").0, 403);
    for what in ["rotate-key", "activate", "deactivate"] {
        let (status, refused) = api.by("boss-key", "POST", &format!("/v1/users/db/boss/{what}"));
        assert!(status == 422 && message(&refused).contains("AUTHENTICATION_APIKEY"), "{refused}");
    }
    assert_eq!(api.by("boss-key", "DELETE", "/v1/users/db/boss").0, 422);
    let off = Api::start();
    let (status, refused) = off.get("/v1/users/db");
    assert!(status == 422 && message(&refused).contains("AUTHENTICATION_DB_USERS_ENABLED"), "{refused}");
}
