//! Backups that an adversary wrote: every hash is right, and yet nothing of them gets further than the staging folder.

use std::path::Path;

use serde_json::{Value, json};
use siltstone::model::{Hash, Location, State};
use siltstone::ops::VerifyDepth;
use siltstone_tests::corrupt::{Forgery, gzip};
use siltstone_tests::folder_db::read_tree;
use siltstone_tests::ops_house::{BACKEND, House, Plan, error_of};
use tempfile::{TempDir, tempdir};

const MIB: u64 = 1 << 20;

async fn house() -> (TempDir, House) {
    let base = tempdir().unwrap();
    let a = Plan::new(base.path(), "a").unwrap().start().await.unwrap();
    (base, a)
}

/// A file line for `data`, all of which is in the one frame at the beginning of the chunk.
fn file(path: &str, data: &[u8], chunk: &str, stored: usize) -> Value {
    json!({
        "kind": "file", "collection": "C", "path": path, "length": data.len(), "mode": 420,
        "blake3": Hash::of(data), "offset": 0, "extents": [{"chunk": chunk, "offset": 0, "frames": [stored]}],
    })
}

/// A sound forgery with one file, whose line `change` may spoil, followed by further lines.
fn forge(location: &Path, id: &str, change: impl FnOnce(&mut Value), more: &[Value]) {
    let data = b"evil content";
    let stored = gzip(data);
    let forgery = Forgery::new(location, id);
    let key = forgery.next_key();
    let mut line = file("f", data, &key, stored.len());
    change(&mut line);
    let mut forgery = forgery.chunk("gzip", data.len() as u64, &stored).collection("C").line(line);
    for line in more {
        forgery = forgery.line(line.clone());
    }
    forgery.write();
}

/// Restores and answers why not; nothing outside the house's own folders may have changed.
async fn refusal(base: &TempDir, a: &House, id: &str) -> String {
    let outside = |tree: siltstone_tests::folder_db::Files| {
        tree.into_iter().filter(|(name, _)| !name.starts_with("a/")).collect::<Vec<_>>()
    };
    let before = outside(read_tree(base.path()).unwrap());
    let text = match a.restore(id).await {
        Ok(status) => {
            assert_eq!(status.state, State::Failed, "{id} was restored");
            error_of(&status).to_owned()
        }
        Err(e) => e.to_string(),
    };
    assert!(a.db.content().unwrap().is_empty(), "{id}: {text}");
    assert!(a.local_leftovers().unwrap().is_empty(), "{id}: {:?}", a.local_leftovers());
    assert!(before == outside(read_tree(base.path()).unwrap()), "{id} wrote outside its staging folder");
    let report = a.host.verify(BACKEND, id, &Location::default(), VerifyDepth::ReadData).await;
    let found = report.map_or_else(|e| e.to_string(), |report| report.problems.join("; "));
    assert!(!found.is_empty(), "verify finds nothing wrong with {id}: {text}");
    text
}

#[tokio::test]
async fn the_forger_can_write_a_sound_backup() {
    let (_base, a) = house().await;
    forge(&a.plan.backups, "sound", |_| {}, &[]);
    let status = a.restore("sound").await.unwrap();
    assert_eq!(status.state, State::Success, "{status:?}");
    assert_eq!(a.db.content().unwrap()["C"]["f"], (b"evil content".to_vec(), 0o644));
}

#[tokio::test]
async fn names_that_leave_the_staging_folder_are_refused() {
    let (base, a) = house().await;
    let absolute = base.path().join("evil").display().to_string();
    let names = [
        absolute.as_str(),
        "../evil",
        "a/../../evil",
        "..",
        ".",
        "",
        "a//b",
        "/",
        "a/",
        "a\\..\\b",
        "a\nb",
        "a\0b",
    ];
    for (n, path) in names.iter().enumerate() {
        let id = format!("path{n}");
        forge(&a.plan.backups, &id, |line| line["path"] = json!(path), &[]);
        let text = refusal(&base, &a, &id).await;
        assert!(text.contains("unsafe file path") || text.contains("damaged"), "{path:?}: {text}");
    }
    for (field, value) in
        [("collection", "../C"), ("collection", ".."), ("tenant", "../T"), ("tenant", "a/b")]
    {
        let id = format!("{field}{}", value.len());
        forge(&a.plan.backups, &id, |line| line[field] = json!(value), &[]);
        refusal(&base, &a, &id).await;
    }
}

#[tokio::test]
async fn lengths_and_places_that_cannot_be_are_refused() {
    let (base, a) = house().await;
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 14] = [
        ("giant-length", |l| l["length"] = json!(u64::MAX)),
        ("big-length", |l| l["length"] = json!(i64::MAX)),
        ("longer", |l| l["length"] = json!(13)),
        ("shorter", |l| l["length"] = json!(11)),
        ("more-frames", |l| l["length"] = json!(2 * MIB)),
        ("negative", |l| l["length"] = json!(-1)),
        ("frame-beyond-chunk", |l| l["extents"][0]["offset"] = json!(1)),
        ("far-offset", |l| l["extents"][0]["offset"] = json!(u64::MAX)),
        ("giant-frame", |l| l["extents"][0]["frames"] = json!([u32::MAX])),
        ("no-frame", |l| l["extents"][0]["frames"] = json!([])),
        ("empty-frame", |l| l["extents"][0]["frames"] = json!([0])),
        ("odd-offset", |l| l["offset"] = json!(1)),
        ("mode", |l| l["mode"] = json!(0o4755)),
        ("hash", |l| l["blake3"] = json!(Hash::of(b"other"))),
    ];
    for (id, change) in changes {
        forge(&a.plan.backups, id, change, &[]);
        refusal(&base, &a, id).await;
    }
    let undeclared = "other/0198f2c4-7d1e-7a3b-9c5d-2e8f6a1b4c7d/forger/chunks/00000001";
    for (id, key) in
        [("undeclared", undeclared), ("no-key", "../../etc/passwd"), ("descriptor", "undeclared/backup.json")]
    {
        forge(&a.plan.backups, id, |l| l["extents"][0]["chunk"] = json!(key), &[]);
        refusal(&base, &a, id).await;
    }
}

#[tokio::test]
async fn files_that_stand_twice_or_below_each_other_are_refused() {
    let (base, a) = house().await;
    let empty = |path: &str, collection: &str| {
        json!({
            "kind": "file", "collection": collection, "path": path, "length": 0, "mode": 420,
            "blake3": Hash::of(b""), "offset": 0, "extents": [],
        })
    };
    for (id, lines) in [
        ("twice", vec![empty("f", "C")]),
        ("below", vec![empty("f/g", "C")]),
        ("above", vec![empty("g/h", "C"), empty("g", "C")]),
        ("no-shard", vec![empty("g", "D")]),
        ("collection-twice", vec![json!({"kind": "collection", "name": "C", "schema": {}})]),
        ("shard-twice", vec![json!({"kind": "shard", "collection": "C", "state": "HOT"})]),
        ("tenant-too", vec![json!({"kind": "shard", "collection": "C", "tenant": "t", "state": "HOT"})]),
        ("header-twice", vec![json!({"kind": "manifest", "format": 1, "requires": []})]),
        ("early-end", vec![json!({"kind": "end", "lines": 5, "blake3": Hash::of(b"")})]),
        ("no-object", vec![json!([1, 2, 3])]),
        (
            "deep",
            vec![(0..200).fold(
                json!({"kind": "skipped"}),
                |inner, _| json!({"kind": "collection", "name": "D", "schema": inner}),
            )],
        ),
    ] {
        forge(&a.plan.backups, id, |_| {}, &lines);
        refusal(&base, &a, id).await;
    }
    let long = "x".repeat(5 << 20);
    forge(&a.plan.backups, "long-line", |_| {}, &[json!({"kind": "skipped", "what": long, "why": ""})]);
    assert!(refusal(&base, &a, "long-line").await.contains("4194304"));
}

#[tokio::test]
async fn a_frame_that_unpacks_to_more_than_its_place_is_stopped() {
    let (base, a) = house().await;
    // One gzip member of 300 MiB of zeros, 300 KiB stored, that claims to be a file of 1 MiB.
    let bomb = gzip(&vec![0; 300 << 20]);
    let claimed = vec![0; 1 << 20];
    let zstd_bomb = zstd_of_zeros();
    for (id, codec, stored) in [("gzip-bomb", "gzip", &bomb), ("zstd-bomb", "zstd", &zstd_bomb)] {
        let forgery = Forgery::new(&a.plan.backups, id);
        let key = forgery.next_key();
        forgery
            .chunk(codec, MIB, stored)
            .collection("C")
            .line(file("f", &claimed, &key, stored.len()))
            .write();
        let text = refusal(&base, &a, id).await;
        assert!(text.contains("more") || text.contains("damaged") || text.contains("raw"), "{id}: {text}");
    }
    // Two members in one frame, and rubbish instead of one.
    let double = [gzip(b"evil "), gzip(b"content")].concat();
    for (id, codec, stored) in [("double", "gzip", double), ("rubbish", "zstd", b"not a frame!".to_vec())] {
        let forgery = Forgery::new(&a.plan.backups, id);
        let key = forgery.next_key();
        forgery
            .chunk(codec, 12, &stored)
            .collection("C")
            .line(file("f", b"evil content", &key, stored.len()))
            .write();
        refusal(&base, &a, id).await;
    }
}

/// A zstd frame of 100 MiB of zeros that states its size, made of RLE blocks: no encoder is needed for that.
fn zstd_of_zeros() -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend_from_slice(&(100_u32 << 20).to_le_bytes());
    let blocks = 100 << 3;
    for block in 0..blocks {
        let last = u32::from(block + 1 == blocks);
        let header = (128_u32 << 10) << 3 | 1 << 1 | last;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

#[tokio::test]
async fn a_descriptor_that_lies_about_its_manifest_is_refused() {
    let (base, a) = house().await;
    forge(&a.plan.backups, "good", |_| {}, &[]);
    let text = std::fs::read_to_string(a.plan.backups.join("good/backup.json")).unwrap();
    let good: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 9] = [
        ("other-manifest", |d| d["nodes"]["forger"]["manifest"] = json!("good/backup.json")),
        ("outside", |d| d["nodes"]["forger"]["manifest"] = json!("../../etc/passwd")),
        ("giant", |d| d["nodes"]["forger"]["manifest_bytes"] = json!(u64::MAX)),
        ("none", |d| d["nodes"]["forger"]["manifest_bytes"] = json!(0)),
        ("hash", |d| d["nodes"]["forger"]["manifest_blake3"] = json!(Hash::of(b"x"))),
        ("no-nodes", |d| d["nodes"] = json!({})),
        ("state", |d| d["state"] = json!("TRANSFERRED")),
        ("attempt", |d| d["attempt"] = json!("0198f2c4-7d1e-7a3b-9c5d-2e8f6a1b4c7e")),
        ("collections", |d| d["selection"]["collections"] = json!(["C", "Lost"])),
    ];
    for (id, change) in changes {
        let mut descriptor = good.clone();
        change(&mut descriptor);
        std::fs::write(
            a.plan.backups.join("good/backup.json"),
            siltstone_tests::corrupt::ended([&descriptor]),
        )
        .unwrap();
        let text = refusal(&base, &a, "good").await;
        assert!(!text.is_empty(), "{id}");
    }
}
