//! Imports into a small database.

use siltstone::model::{TenantName, TenantState};

use super::super::aggregate::aggregate;
use super::super::delete::delete;
use super::super::tenants;
use super::super::vectors::{encode, encode_named};
use super::super::wire::aggregate::AggregateRequest;
use super::super::wire::base::{FilterTarget, Filters, Operator, Target, TestValue, TextArray};
use super::super::wire::delete::BatchDeleteRequest;
use super::super::wire::tenants::{ActivityStatus, TenantsGetRequest};
use super::*;
use crate::Tenancy;
use crate::fixture::{Setup, fast_folder, open};

fn fixture() -> (tempfile::TempDir, Database) {
    let folder = fast_folder();
    let db = open(folder.path(), &Setup::default());
    let multi = CollectionName::new("Multi").unwrap();
    db.create_collection(&CollectionName::new("Book").unwrap(), serde_json::json!({}), Tenancy::Single)
        .unwrap();
    db.create_collection(&multi, serde_json::json!({}), Tenancy::Multi).unwrap();
    let tenant = |name: &str, state| (TenantName::new(name).unwrap(), state);
    let tenants =
        [tenant("a", TenantState::Hot), tenant("b", TenantState::Cold), tenant("c", TenantState::Offloaded)];
    db.add_tenants(&multi, &tenants).unwrap();
    (folder, db)
}

fn object(class: &str, tenant: &str, number: u128) -> BatchObject {
    BatchObject {
        uuid: uuid::Uuid::from_u128(number).to_string(),
        collection: class.to_owned(),
        tenant: tenant.to_owned(),
        ..BatchObject::default()
    }
}

fn count(db: &Database, class: &str, tenant: &str) -> i64 {
    let (collection, tenant) = (class.to_owned(), tenant.to_owned());
    let request = AggregateRequest { collection, tenant, objects_count: true, ..AggregateRequest::default() };
    aggregate(db, request).unwrap().single_result.unwrap().objects_count.unwrap()
}

#[test]
fn each_object_that_is_not_written_has_an_error() {
    let (_folder, db) = fixture();
    let odd = BatchObject { uuid: "nonsense".to_owned(), ..object("Book", "", 0) };
    let broken = BatchObject { vector_bytes: vec![1].into(), ..object("Book", "", 0) };
    let objects = vec![
        object("Book", "", 1),
        object("Other", "", 2),
        object("Book", "a", 3),
        object("Multi", "", 4),
        object("Multi", "a", 5),
        object("Multi", "b", 6),
        object("Multi", "zz", 7),
        odd,
        broken,
        object("Book", "", 8),
    ];
    let reply = super::objects(&db, BatchObjectsRequest { objects }).unwrap();
    let said = |index: i32| reply.errors.iter().find(|e| e.index == index).map(|e| e.error.as_str()).unwrap();
    assert_eq!(reply.errors.iter().map(|e| e.index).collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7, 8]);
    assert!(said(1).contains("`Other`") && said(2).contains("disabled") && said(3).contains("enabled"));
    assert!(said(5).contains("Cold") && said(6).contains("zz") && said(7).contains("nonsense"));
    assert!(said(8).contains("1 bytes"));
    assert_eq!((count(&db, "Book", ""), count(&db, "Multi", "a")), (2, 1));
}

#[test]
fn vectors_of_both_encodings_are_stored() {
    let (_folder, db) = fixture();
    let old = BatchObject { vector: vec![3.0], ..object("Book", "", 2) };
    let new = BatchObject {
        vector_bytes: encode(&[1.0, 2.0]).into(),
        vectors: vec![encode_named("n", &[4.0])],
        ..object("Book", "", 1)
    };
    assert!(write(&db, vec![new, old]).is_empty());
    let shard = db.locate("Book", None, Intent::Access).unwrap();
    let get = |number| db.get(&shard, uuid::Uuid::from_u128(number)).unwrap().unwrap();
    assert_eq!((get(1).vector, get(2).vector), (Some(vec![1.0, 2.0]), Some(vec![3.0])));
    assert_eq!(get(1).named_vectors["n"], [4.0]);
}

#[test]
fn objects_are_deleted_by_id_unless_it_is_only_tried() {
    let (_folder, db) = fixture();
    write(&db, (0..5).map(|n| object("Book", "", n)).collect());
    let ids = [1, 2, 900].map(|n| uuid::Uuid::from_u128(n).to_string()).to_vec();
    let filters = Filters {
        operator: Operator::ContainsAny.into(),
        target: Some(FilterTarget { target: Some(Target::Property("_id".to_owned())) }),
        test_value: Some(TestValue::Texts(TextArray { values: ids })),
        ..Filters::default()
    };
    let request = |dry_run| BatchDeleteRequest {
        collection: "Book".to_owned(),
        filters: Some(filters.clone()),
        verbose: true,
        dry_run,
        tenant: None,
    };
    let tried = delete(&db, request(true)).unwrap();
    assert_eq!((tried.matches, tried.objects.len(), count(&db, "Book", "")), (2, 2, 5));
    let done = delete(&db, request(false)).unwrap();
    assert_eq!((done.successful, done.failed, count(&db, "Book", "")), (2, 0, 3));
    assert!(delete(&db, BatchDeleteRequest { filters: None, ..request(false) }).is_err());
}

#[test]
fn tenants_are_listed_with_their_states() {
    let (_folder, db) = fixture();
    let get = |class: &str, names: Option<&[&str]>| {
        let values = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        let names = names.map(|names| TextArray { values: values(names) });
        let reply = tenants::get(&db, TenantsGetRequest { collection: class.to_owned(), names });
        reply
            .map(|r| r.tenants.into_iter().map(|t| (t.name.clone(), t.activity_status())).collect::<Vec<_>>())
    };
    let all = [("a", ActivityStatus::Hot), ("b", ActivityStatus::Cold), ("c", ActivityStatus::Frozen)];
    assert_eq!(get("Multi", None).unwrap(), all.map(|(name, status)| (name.to_owned(), status)));
    assert_eq!(get("Multi", Some(&["b", "zz"])).unwrap().len(), 1);
    assert!(get("Book", None).unwrap_err().to_string().contains("not enabled"));
}

#[test]
fn only_counts_are_aggregated() {
    let (_folder, db) = fixture();
    let request = || AggregateRequest { collection: "Book".to_owned(), ..AggregateRequest::default() };
    let unread = || super::super::wire::Unread {};
    for request in [
        AggregateRequest { aggregations: vec![unread()], ..request() },
        AggregateRequest { group_by: Some(unread()), ..request() },
        AggregateRequest {
            search: Some(super::super::wire::aggregate::Search::NearText(unread())),
            ..request()
        },
    ] {
        assert_eq!(aggregate(&db, request).unwrap_err().kind(), siltstone::ErrorKind::Unsupported);
    }
}
