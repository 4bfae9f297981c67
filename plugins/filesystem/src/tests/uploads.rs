//! Multipart uploads.

use super::*;
use crate::folder::Code;

fn start(place: &Place, part_size: u64, total: Option<u64>, condition: &Precondition) -> String {
    let attributes = [("attempt".to_owned(), "018f".to_owned())];
    place.store.start("a/k", part_size, total, condition, &attributes).unwrap()
}

fn part(place: &Place, id: &str, number: u32, body: &[u8]) -> (u32, String) {
    (number, place.another().put_part("a/k", id, number, body).unwrap())
}

#[test]
fn parts_in_any_order_from_any_instance_make_the_object() {
    let place = place();
    let id = start(&place, 4, Some(10), &Precondition::None);
    let third = part(&place, &id, 3, b"ij");
    let first = part(&place, &id, 1, b"abcd");
    let second = part(&place, &id, 2, b"efgh");
    assert_eq!(place.keys(""), [""; 0], "an unfinished upload is no object");
    let made = place.another().finish("a/k", &id, &[first, second, third]).unwrap();
    assert_eq!((made.size, place.get("a/k").unwrap().as_slice()), (10, b"abcdefghij".as_slice()));
    assert_eq!(made.etag, place.store.head("a/k").unwrap().etag);
    assert_eq!(place.names(), ["a", "a/k"]);
}

#[test]
fn a_part_that_is_sent_again_replaces_the_first() {
    let place = place();
    let id = start(&place, 4, None, &Precondition::None);
    part(&place, &id, 1, b"xxxx");
    part(&place, &id, 2, b"yyy");
    let first = part(&place, &id, 1, b"abcd");
    let second = part(&place, &id, 2, b"e");
    place.store.finish("a/k", &id, &[first, second]).unwrap();
    assert_eq!(place.get("a/k").unwrap(), b"abcde");
}

#[test]
fn an_upload_of_no_bytes_makes_an_empty_object() {
    let place = place();
    let id = start(&place, 4, Some(0), &Precondition::IfAbsent);
    let first = part(&place, &id, 1, b"");
    place.store.finish("a/k", &id, &[first]).unwrap();
    assert_eq!(place.get("a/k").unwrap(), b"");
}

#[test]
fn the_condition_is_checked_at_the_end_and_the_parts_are_kept() {
    let place = place();
    let id = start(&place, 4, None, &Precondition::IfAbsent);
    let tags = [part(&place, &id, 1, b"abcd")];
    place.put("a/k", b"other").unwrap();
    let error = place.store.finish("a/k", &id, &tags).unwrap_err();
    assert_eq!(said(&error), (ErrorKind::AlreadyExists, Outcome::NoEffect));
    assert_eq!(place.get("a/k").unwrap(), b"other");
    place.delete(&["a/k"]);
    place.store.finish("a/k", &id, &tags).unwrap();
    assert_eq!(place.get("a/k").unwrap(), b"abcd");
    assert_eq!(place.names(), ["a", "a/k"]);
}

#[test]
fn parts_that_do_not_fit_together_make_nothing() {
    let place = place();
    let id = start(&place, 4, None, &Precondition::None);
    let first = part(&place, &id, 1, b"abcd");
    let second = part(&place, &id, 2, b"ef");
    assert_eq!(
        place.store.finish("a/k", &id, std::slice::from_ref(&second)).unwrap_err().kind,
        ErrorKind::Internal
    );
    assert_eq!(
        place.store.finish("a/k", &id, std::slice::from_ref(&first)).unwrap_err().kind,
        ErrorKind::Corrupt
    );
    let error = place.store.put_part("a/k", &id, 3, b"too long".as_slice()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(place.store.head("a/k").unwrap_err().kind, ErrorKind::NotFound);
    place.store.finish("a/k", &id, &[first, second]).unwrap();
}

#[test]
fn an_aborted_upload_is_gone_and_may_be_aborted_again() {
    let place = place();
    let id = start(&place, 4, None, &Precondition::None);
    let first = part(&place, &id, 1, b"abcd");
    place.store.abort("a/k", &id).unwrap();
    assert!(place.names().is_empty());
    place.store.abort("a/k", &id).unwrap();
    place.store.abort("a/k", "never heard of").unwrap();
    for error in [
        place.store.put_part("a/k", &id, 1, b"abcd".as_slice()).unwrap_err(),
        place.store.finish("a/k", &id, &[first]).unwrap_err(),
        place.store.put_part("a/k", "never heard of", 1, b"abcd".as_slice()).unwrap_err(),
    ] {
        assert_eq!(said(&error), (ErrorKind::NotFound, Outcome::NoEffect));
    }
}

#[test]
fn what_a_dead_writer_left_can_be_found_and_deleted_by_its_attempt() {
    let place = place();
    let id = start(&place, 4, None, &Precondition::None);
    part(&place, &id, 1, b"abcd");
    let left = place.keys(".siltstone-tmp/018f/");
    assert_eq!(left.len(), 1);
    assert!(left[0].ends_with(".parts"), "{left:?}");
    assert!(place.delete(&[&left[0]]).is_empty());
    assert!(place.names().is_empty());
}

#[test]
fn a_part_is_durable_before_its_tag_is_given() {
    let place = place();
    let id = start(&place, 4, None, &Precondition::None);
    place.hooks.fail("sync-data", Code::Io);
    let error = place.store.put_part("a/k", &id, 1, b"abcd".as_slice()).unwrap_err();
    assert_eq!(said(&error), (ErrorKind::Transient, Outcome::NoEffect));
}

#[test]
fn a_part_size_that_no_file_could_hold_is_unsupported() {
    let place = place();
    for (part_size, total) in [(0, None), (u64::MAX, None), (4, Some(u64::MAX))] {
        let error = place.store.start("k", part_size, total, &Precondition::None, &[]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
    }
    assert!(place.names().is_empty());
}
