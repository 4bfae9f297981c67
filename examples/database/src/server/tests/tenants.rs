//! Tenants: their states, and what happens by itself.

use serde_json::{Value, json};

use super::{Api, ID, message};

fn with(flags: Value) -> Api {
    let api = Api::start();
    assert_eq!(
        api.call("POST", "/v1/schema", json!({ "class": "Multi", "multiTenancyConfig": flags })).0,
        200
    );
    api
}

const TENANTS: &str = "/v1/schema/Multi/tenants";

#[test]
fn a_tenant_is_read_and_found_by_its_name() {
    let api = with(json!({ "enabled": true }));
    let tenant = json!({ "name": "a", "activityStatus": "HOT" });
    assert_eq!(api.call("POST", TENANTS, json!([{ "name": "a" }])), (200, json!([tenant])));
    assert_eq!(api.get("/v1/schema/Multi/tenants/a"), (200, tenant));
    assert_eq!(api.get("/v1/schema/Multi/tenants/b").0, 404);
    assert_eq!(api.call("HEAD", "/v1/schema/Multi/tenants/a", Value::Null).0, 200);
    assert_eq!(api.call("HEAD", "/v1/schema/Multi/tenants/b", Value::Null).0, 404);
    assert_eq!(api.call("DELETE", TENANTS, json!(["a", "b", "a"])).0, 200);
    assert_eq!(api.get(TENANTS).1, json!([]));
    api.call("POST", "/v1/schema", json!({ "class": "Single" }));
    assert_eq!(api.get("/v1/schema/Single/tenants").0, 422);
}

#[test]
fn an_offloaded_tenant_serves_nothing_and_comes_back_whole() {
    let api = with(json!({ "enabled": true }));
    assert_eq!(api.call("POST", TENANTS, json!([{ "name": "a", "activityStatus": "FROZEN" }])).0, 422);
    api.call("POST", TENANTS, json!([{ "name": "a", "activityStatus": "ACTIVE" }]));
    api.call("POST", "/v1/objects", json!({ "class": "Multi", "id": ID, "tenant": "a", "properties": {} }));
    let path = format!("/v1/objects/Multi/{ID}?tenant=a");
    for name in ["FROZEN", "OFFLOADED"] {
        let (status, set) = api.call("PUT", TENANTS, json!([{ "name": "a", "activityStatus": name }]));
        assert_eq!((status, &set[0]["activityStatus"]), (200, &json!("OFFLOADED")));
        let (status, refused) = api.get(&path);
        assert!(status == 422 && message(&refused).contains("Offloaded"), "{refused}");
        assert_eq!(api.call("PUT", TENANTS, json!([{ "name": "a", "activityStatus": "ACTIVE" }])).0, 200);
        assert_eq!(api.get(&path).0, 200);
    }
}

#[test]
fn an_insert_creates_its_tenant_and_an_access_activates_it_if_the_class_says_so() {
    let api = with(json!({ "enabled": true, "autoTenantCreation": true, "autoTenantActivation": true }));
    let object = json!({ "class": "Multi", "id": ID, "tenant": "new", "properties": {} });
    assert_eq!(api.call("POST", "/v1/objects", object.clone()).0, 200);
    assert_eq!(api.get("/v1/schema/Multi/tenants/new").1["activityStatus"], "HOT");
    assert_eq!(api.get(&format!("/v1/objects/Multi/{ID}?tenant=other")).0, 404);
    assert_eq!(api.get("/v1/schema/Multi/tenants/other").0, 404);
    api.call("PUT", TENANTS, json!([{ "name": "new", "activityStatus": "INACTIVE" }]));
    assert_eq!(api.get(&format!("/v1/objects/Multi/{ID}?tenant=new")).0, 200);
    assert_eq!(api.get("/v1/schema/Multi/tenants/new").1["activityStatus"], "HOT");
    let batch = json!({ "objects": [{ "class": "Multi", "tenant": "third", "properties": {} }] });
    assert_eq!(api.call("POST", "/v1/batch/objects", batch).1[0]["result"]["status"], "SUCCESS");

    let wrong = json!({ "class": "Multi", "tenant": "fourth", "id": "no-uuid" });
    assert_eq!(api.call("POST", "/v1/objects", wrong).0, 422);
    let right = json!({ "class": "Multi", "tenant": "fourth", "properties": {} });
    assert_eq!(api.call("POST", "/v1/objects/validate", right).0, 200);
    assert_eq!(api.get("/v1/schema/Multi/tenants/fourth").0, 404);

    let strict = with(json!({ "enabled": true }));
    assert_eq!(strict.call("POST", "/v1/objects", object).0, 422);
    assert_eq!(strict.get(TENANTS).1, json!([]));
}
