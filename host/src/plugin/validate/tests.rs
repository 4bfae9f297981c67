//! Each lie that a plugin may tell in an answer, told.

use super::super::io::Taken;
use super::*;

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

fn given(key: &str, size: u64) -> types::ObjectMeta {
    types::ObjectMeta { key: key.to_owned(), size, etag: Some("\"e\"".to_owned()), modified_ms: Some(1) }
}

#[test]
fn metadata_must_be_of_the_object_that_was_asked_for() {
    assert_eq!(meta(given("a/b", 3), &key("a/b")).unwrap().size, 3);
    assert!(meta(given("a/c", 3), &key("a/b")).unwrap_err().contains("a/c"));
    assert!(stored(given("a", 3), &key("a"), 4).unwrap_err().contains("4 bytes"));
    for etag in ["x".repeat(1025), String::new(), "a\nb".to_owned()] {
        let mut lie = given("a", 3);
        lie.etag = Some(etag);
        assert!(meta(lie, &key("a")).is_err());
    }
}

#[test]
fn ids_and_tags_are_bounded() {
    assert!(upload_id("x".repeat(4096)).is_ok());
    assert!(upload_id("x".repeat(4097)).is_err());
    assert!(upload_id(String::new()).is_err());
    assert!(part_tag("x".repeat(1024)).is_ok());
    assert!(part_tag("x".repeat(1025)).is_err());
}

#[test]
fn a_get_must_deliver_what_it_says_and_no_more_than_asked() {
    let taken = |bytes| Taken { bytes, overrun: false };
    assert_eq!(fetched(5, taken(5), Some(5)), Ok(5));
    assert_eq!(fetched(3, taken(3), Some(5)), Ok(3));
    assert_eq!(fetched(9, taken(9), None), Ok(9));
    assert!(fetched(4, taken(5), Some(5)).is_err());
    assert!(fetched(6, taken(5), None).is_err());
    assert!(fetched(5, Taken { bytes: 5, overrun: true }, Some(5)).is_err());
}

#[test]
fn a_delete_answers_only_for_keys_it_was_given() {
    let keys = [key("a"), key("b")];
    assert_eq!(undeleted(vec![("b".to_owned(), 1)], &keys).unwrap(), [(key("b"), 1)]);
    assert!(undeleted(vec![("c".to_owned(), 1)], &keys).is_err());
    assert!(undeleted(vec![("a".to_owned(), 1), ("a".to_owned(), 2)], &keys).is_err());
}

#[test]
fn a_home_is_short_plain_and_without_credentials() {
    let redactor = Redactor::new([("KEY".to_owned(), "hunter2".to_owned())]);
    for good in ["s3://bucket/prefix", "/", "/var/backups", "mem"] {
        assert_eq!(home(good.to_owned(), &redactor).unwrap(), good);
    }
    let long = "x".repeat(2049);
    for bad in ["", "s3://b/", "s3://key:pw@b", "s3://b/hunter2", "a\nb", &long] {
        assert!(home(bad.to_owned(), &redactor).is_err(), "{bad}");
    }
}

fn caps() -> types::Capabilities {
    types::Capabilities {
        max_put: 10,
        max_object: 100,
        parts: types::PartRules {
            order: types::PartOrder::AnyOrder,
            min_size: 5,
            max_size: 10,
            multiple_of: 4,
            max_count: 7,
        },
        preconditions: types::Preconditions::IF_ABSENT,
        digests: types::DigestKinds::MD5 | types::DigestKinds::CRC32C,
        delete_batch: u32::MAX,
        in_flight: 3,
    }
}

#[test]
fn capabilities_that_make_sense_pass_and_are_cut() {
    let out = capabilities(caps()).unwrap();
    assert_eq!((out.delete_batch, out.in_flight, out.parts.max_count), (10_000, 3, 7));
    assert_eq!(out.preconditions, Preconditions { if_absent: true, if_match: false });
    assert_eq!(out.digests, DigestKinds { sha256: false, md5: true, crc32c: true });
}

#[test]
fn capabilities_that_make_no_sense_are_refused() {
    let broken: [fn(&mut types::Capabilities); 9] = [
        |c| c.max_put = 0,
        |c| c.max_object = 9,
        |c| c.delete_batch = 0,
        |c| c.in_flight = 0,
        |c| c.parts.multiple_of = 0,
        |c| c.parts.max_count = 0,
        |c| c.parts.min_size = 11,
        |c| (c.parts.min_size, c.parts.multiple_of) = (9, 6),
        |c| c.parts.order = types::PartOrder::None,
    ];
    for (i, breach) in broken.into_iter().enumerate() {
        let mut caps = caps();
        breach(&mut caps);
        assert!(capabilities(caps).is_err(), "{i}");
    }
}
