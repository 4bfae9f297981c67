//! The check in front of the routes.

use serde_json::{Value, json};

use super::{Api, message};

const KEYS: [(&str, &str); 3] = [
    ("AUTHENTICATION_APIKEY_ENABLED", "true"),
    ("AUTHENTICATION_APIKEY_ALLOWED_KEYS", "boss-key,guest-key,nobody-key"),
    ("AUTHENTICATION_APIKEY_USERS", "boss,guest,nobody"),
];
const LISTS: [(&str, &str); 3] = [
    ("AUTHORIZATION_ADMINLIST_ENABLED", "true"),
    ("AUTHORIZATION_ADMINLIST_USERS", "boss"),
    ("AUTHORIZATION_ADMINLIST_READONLY_USERS", "guest"),
];

#[test]
fn without_a_key_or_with_a_wrong_one_all_but_the_signs_of_life_is_401() {
    let api = Api::guarded(&KEYS);
    for path in ["/v1/meta", "/v1/schema", "/v1/objects", "/v1/nowhere", "/v1/users/own-info"] {
        let (status, refused) = api.get(path);
        assert_eq!((status, &refused["code"]), (401, &json!(401)), "{path}");
        assert!(refused["message"].as_str().unwrap().contains("API key"), "{refused}");
        assert_eq!(api.by("wrong", "GET", path).0, 401);
    }
    let basic = api.send_with("authorization: Basic boss-key\r\n", "GET", "/v1/meta", "");
    assert_eq!(basic.0, 401);
    assert_eq!(api.get("/v1/.well-known/ready").0, 200);
    assert_eq!(api.get("/v1/.well-known/live").0, 200);
    assert_eq!(api.by("boss-key", "GET", "/v1/meta").0, 200);
    assert_eq!(api.send_with("authorization: bearer boss-key\r\n", "GET", "/v1/meta", "").0, 200);
    assert_eq!(api.by("nobody-key", "DELETE", "/v1/schema/Book").0, 200);
    let own = api.by("guest-key", "GET", "/v1/users/own-info").1;
    assert_eq!(own, json!({ "username": "guest", "roles": [], "groups": [] }));
}

#[test]
fn a_list_divides_those_who_change_from_those_who_look() {
    let api = Api::guarded(&[KEYS, LISTS].concat());
    let class = json!({ "class": "Book" }).to_string();
    let create =
        |key: &str| api.send_with(&format!("authorization: Bearer {key}\r\n"), "POST", "/v1/schema", &class);
    let (status, refused) = create("guest-key");
    assert!(status == 403 && message(&refused).contains("`guest` may only read"), "{refused}");
    assert_eq!(create("boss-key").0, 200);
    assert_eq!(
        (api.by("guest-key", "GET", "/v1/schema").0, api.by("guest-key", "PUT", "/v1/x").0),
        (200, 403)
    );
    // A query passes the check; this one is empty.
    assert_eq!(api.by("guest-key", "POST", "/v1/graphql").0, 400);
    let (status, refused) = api.by("nobody-key", "GET", "/v1/schema");
    assert!(status == 403 && message(&refused).contains("`nobody` is on no list"), "{refused}");
    assert_eq!(api.get("/v1/schema").0, 401);
}

#[test]
fn callers_without_a_key_are_admitted_where_that_is_set_and_stand_in_the_lists_as_anonymous() {
    let anonymous = [("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "true")];
    let api = Api::guarded(&[&KEYS[..], &anonymous].concat());
    assert_eq!((api.get("/v1/meta").0, api.by("wrong", "GET", "/v1/meta").0), (200, 401));
    assert_eq!(api.get("/v1/users/own-info").0, 401);
    let readers = [("AUTHORIZATION_ADMINLIST_READONLY_USERS", "anonymous")];
    let api = Api::guarded(&[&KEYS[..], &anonymous, &LISTS[..2], &readers].concat());
    assert_eq!((api.get("/v1/meta").0, api.call("DELETE", "/v1/schema/Book", Value::Null).0), (200, 403));
}
