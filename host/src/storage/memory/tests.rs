//! The reference storage is as strict as the contract.

use super::*;
use crate::model::AttemptId;
use crate::storage::{Depth, Digests};

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

fn in_order() -> Memory {
    let mut capabilities = Memory::full();
    capabilities.parts.order = PartOrder::InOrder;
    capabilities.parts.min_size = 4;
    capabilities.parts.multiple_of = 4;
    Memory::new(capabilities)
}

async fn put_part(memory: &Memory, id: &UploadId, number: u32, body: &[u8]) -> Result<PartTag> {
    memory.multipart_put(&key("k"), id, number, &body.to_vec().into()).await
}

#[tokio::test]
async fn part_sizes_outside_the_rules_are_refused() {
    let memory = in_order();
    for bad in [0, 2, 6, (64 << 20) + 4] {
        let e = memory.multipart_start(&key("k"), bad, None, &PutOptions::default()).await.unwrap_err();
        assert!(e.is(ErrorKind::Invalid), "{bad}: {e}");
    }
    let id = memory.multipart_start(&key("k"), 4, Some(7), &PutOptions::default()).await.unwrap();
    assert!(put_part(&memory, &id, 1, b"12345").await.is_err(), "too long");
    assert!(put_part(&memory, &id, 2, b"1234").await.is_err(), "out of order");
    let first = put_part(&memory, &id, 1, b"1234").await.unwrap();
    let last = put_part(&memory, &id, 2, b"56").await.unwrap();
    assert!(put_part(&memory, &id, 3, b"7").await.is_err(), "after the last");
    let parts = [(1, first), (2, last)];
    assert!(memory.multipart_finish(&key("k"), &id, &parts).await.is_err(), "total is 7");
    let last = put_part(&memory, &id, 2, b"567").await.unwrap();
    assert!(memory.multipart_finish(&key("k"), &id, &parts).await.is_err(), "an old tag");
    let parts = [parts[0].clone(), (2, last)];
    assert!(memory.multipart_finish(&key("k"), &id, &parts[1..]).await.is_err(), "a gap");
    assert!(memory.multipart_finish(&key("k"), &id, &parts[..1]).await.is_err(), "not all");
    assert_eq!(memory.multipart_finish(&key("k"), &id, &parts).await.unwrap().size, 7);
    assert_eq!(memory.keys(), ["k"]);
}

#[tokio::test]
async fn parts_lie_hidden_under_the_attempt_and_can_be_deleted_there() {
    let memory = in_order();
    let attempt = AttemptId::generate();
    let options = PutOptions { attempt: Some(attempt), ..PutOptions::default() };
    let id = memory.multipart_start(&key("k"), 4, None, &options).await.unwrap();
    let tag = put_part(&memory, &id, 1, b"1234").await.unwrap();
    for depth in [Depth::All, Depth::OneLevel] {
        let request = ListRequest { depth, limit: 10, ..ListRequest::default() };
        assert_eq!(memory.list(&request).await.unwrap(), ListPage::default());
    }
    let prefix = format!("{TEMPORARY}{attempt}/");
    let request = ListRequest { prefix, limit: 10, ..ListRequest::default() };
    let found: Vec<_> = memory.list(&request).await.unwrap().objects.into_iter().map(|o| o.key).collect();
    assert_eq!(found.len(), 1);
    memory.delete(&found).await.unwrap();
    let e = memory.multipart_finish(&key("k"), &id, &[(1, tag)]).await.unwrap_err();
    assert!(e.is(ErrorKind::NotFound), "{e}");
    memory.multipart_abort(&key("k"), &id).await.unwrap();
    assert_eq!((memory.open_uploads(), memory.keys().len()), (0, 0));
}

#[tokio::test]
async fn what_the_capabilities_lack_is_unsupported() {
    let mut capabilities = Memory::full();
    capabilities.preconditions = Preconditions::default();
    capabilities.parts.order = PartOrder::None;
    let memory = Memory::new(capabilities);
    for condition in [Precondition::IfAbsent, Precondition::IfMatch("e1".to_owned())] {
        let options = PutOptions { condition, ..PutOptions::default() };
        let e = memory.put(&key("k"), &Blob::default(), &options).await.unwrap_err();
        assert!(e.is(ErrorKind::Unsupported), "{e}");
    }
    let e = memory.multipart_start(&key("k"), 1 << 20, None, &PutOptions::default()).await.unwrap_err();
    assert!(e.is(ErrorKind::Unsupported), "{e}");
}

#[tokio::test]
async fn digests_are_demanded_and_checked() {
    let mut capabilities = Memory::full();
    capabilities.digests.crc32c = true;
    let memory = Memory::new(capabilities);
    let blob = |crc32c| Blob::new(["abc".into()], Digests { crc32c, ..Digests::default() });
    let put = async |body| memory.put(&key("k"), &body, &PutOptions::default()).await.map_err(|e| e.kind());
    assert_eq!(put(blob(None)).await.unwrap_err(), ErrorKind::Invalid);
    assert_eq!(put(blob(Some(1))).await.unwrap_err(), ErrorKind::Corrupt);
    assert_eq!(put(blob(Some(crc32c::crc32c(b"abc")))).await.unwrap().size, 3);
}

#[tokio::test]
async fn batches_limits_and_foreign_tokens_are_refused() {
    let memory = Memory::new(Capabilities { delete_batch: 1, max_put: 2, ..Memory::full() });
    assert!(memory.delete(&[key("a"), key("b")]).await.is_err());
    assert!(memory.put(&key("a"), &vec![0; 3].into(), &PutOptions::default()).await.is_err());
    assert!(memory.put(&key(".siltstone-tmp/a"), &Blob::default(), &PutOptions::default()).await.is_err());
    for name in ["a", "b"] {
        memory.put(&key(name), &Blob::default(), &PutOptions::default()).await.unwrap();
    }
    assert!(memory.list(&ListRequest::default()).await.is_err(), "limit 0");
    let first = memory.list(&ListRequest { limit: 1, ..ListRequest::default() }).await.unwrap();
    let other = ListRequest { limit: 1, prefix: "a".to_owned(), token: first.next, ..ListRequest::default() };
    assert!(memory.list(&other).await.is_err());
}
