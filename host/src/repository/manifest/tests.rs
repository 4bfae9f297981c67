//! Facts about manifests.

use std::io::{Read, Write};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::codec::MAX_STORED_FRAME;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Codec, FileLine, Hash, ManifestLine};
use crate::repository::sample;

fn write(lines: &[ManifestLine]) -> Result<Vec<u8>> {
    let mut writer = ManifestWriter::new(Vec::new(), &sample::header())?;
    lines.iter().try_for_each(|line| writer.write(line))?;
    writer.finish()
}

fn read(bytes: &[u8]) -> Result<Vec<ManifestLine>> {
    ManifestReader::new(bytes)?.collect()
}

fn gzip(raw: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(raw).unwrap();
    out.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut raw).unwrap();
    raw
}

/// The lines with an end line that fits them, whatever they say.
fn sealed(lines: &[Value]) -> Vec<u8> {
    let mut raw = Vec::new();
    for line in lines {
        raw.extend(format!("{line}\n").bytes());
    }
    let end = json!({"kind": "end", "lines": lines.len(), "blake3": Hash::of(&raw)});
    raw.extend(format!("{end}\n").bytes());
    gzip(&raw)
}

fn header() -> Value {
    serde_json::to_value(ManifestLine::Manifest(sample::header())).unwrap()
}

fn values(lines: &[ManifestLine]) -> Vec<Value> {
    std::iter::once(header()).chain(lines.iter().map(|l| serde_json::to_value(l).unwrap())).collect()
}

/// What the reader says about these lines; the writer must refuse them as well.
fn refusal(lines: &[ManifestLine]) -> String {
    assert!(write(lines).unwrap_err().is(ErrorKind::Internal), "{lines:?}");
    let e = read(&sealed(&values(lines))).unwrap_err();
    assert!(e.is(ErrorKind::Corrupt), "{e}");
    e.to_string()
}

/// The first three sample lines: a chunk, a collection and a shard.
fn begun(more: &[ManifestLine]) -> Vec<ManifestLine> {
    [&sample::lines()[..3], more].concat()
}

#[test]
fn what_was_written_is_read_back() {
    let bytes = write(&sample::lines()).unwrap();
    let reader = ManifestReader::new(&bytes[..]).unwrap();
    assert_eq!(*reader.header(), sample::header());
    assert_eq!(reader.collect::<Result<Vec<_>>>().unwrap(), sample::lines());
    let raw = String::from_utf8(gunzip(&bytes)).unwrap();
    let end = raw.trim_end().rfind('\n').unwrap() + 1;
    let hash = Hash::of(&raw.as_bytes()[..end]);
    assert_eq!(raw[end..], format!("{{\"kind\":\"end\",\"lines\":10,\"blake3\":\"{hash}\"}}\n"));
    assert_eq!(raw.lines().count(), 11);
}

#[test]
fn an_empty_manifest_has_a_header_and_an_end() {
    assert_eq!(read(&write(&[]).unwrap()).unwrap(), []);
}

#[test]
fn every_cut_is_noticed() {
    let bytes = write(&sample::lines()).unwrap();
    for cut in 0..bytes.len() {
        assert!(read(&bytes[..cut]).unwrap_err().is(ErrorKind::Corrupt), "cut at {cut}");
    }
    // The same when somebody packed what was cut.
    let raw = gunzip(&bytes);
    for cut in 0..raw.len() {
        assert!(read(&gzip(&raw[..cut])).unwrap_err().is(ErrorKind::Corrupt), "cut at {cut}");
    }
}

#[test]
fn every_damaged_bit_is_noticed_or_harmless() {
    // A version that was hit is refused at the first line, before the end line can tell that it is damage.
    let detected = |e: &Error| matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported);
    let good = sample::lines();
    let bytes = write(&good).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        // Harmless are time, level and system in the header of gzip, and a match that moves to an equal one.
        match read(&bad) {
            Ok(lines) => assert!(lines == good, "bit {bit}"),
            Err(e) => assert!(detected(&e), "bit {bit}: {e}"),
        }
    }
    let raw = gunzip(&bytes);
    for bit in 0..raw.len() * 8 {
        let mut bad = raw.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let e = read(&gzip(&bad)).unwrap_err();
        assert!(detected(&e), "bit {bit}: {e}");
    }
}

#[test]
fn nothing_may_follow_the_end() {
    let bytes = write(&sample::lines()).unwrap();
    for tail in [&b"\0"[..], b"junk", &bytes, &gzip(b"")] {
        let e = read(&[&bytes[..], tail].concat()).unwrap_err();
        assert!(e.to_string().contains("bytes follow its end"), "{e}");
    }
    let raw = [&gunzip(&bytes)[..], b"\n"].concat();
    assert!(read(&gzip(&raw)).unwrap_err().to_string().contains("bytes follow its end"));
}

#[test]
fn a_manifest_at_the_key_of_another_one_is_corrupt() {
    let bytes = write(&[]).unwrap();
    let reader = ManifestReader::new(&bytes[..]).unwrap();
    let own = sample::descriptor().nodes[&sample::node()].manifest.clone();
    reader.expect_key(&own).unwrap();
    let other = crate::model::ObjectKey::new(own.as_str().replace("node1", "node2")).unwrap();
    assert!(reader.expect_key(&other).unwrap_err().is(ErrorKind::Corrupt));
}

#[test]
fn a_reader_ends_after_the_first_error() {
    let bytes = write(&sample::lines()).unwrap();
    let mut reader = ManifestReader::new(&bytes[..bytes.len() - 1]).unwrap();
    assert!(reader.by_ref().any(|line| line.is_err()));
    assert!(reader.next().is_none());
}

#[test]
fn another_format_and_unknown_features_are_unsupported() {
    let mut lines = vec![header()];
    lines[0]["format"] = 7.into();
    lines[0]["cut"] = Value::Null;
    let e = read(&sealed(&lines)).unwrap_err();
    assert!(e.is(ErrorKind::Unsupported) && e.to_string().contains("format 7"), "{e}");
    let mut lines = vec![header()];
    lines[0]["requires"] = json!(["dedup"]);
    let e = read(&sealed(&lines)).unwrap_err();
    assert!(e.is(ErrorKind::Unsupported) && e.to_string().contains("`dedup`"), "{e}");
}

#[test]
fn unknown_kinds_and_fields_are_left_out() {
    let mut lines = values(&sample::lines());
    lines.insert(1, json!({"kind": "weather", "is": "fine"}));
    lines[2]["seal"] = json!({"key": 1});
    assert_eq!(read(&sealed(&lines)).unwrap(), sample::lines());
}

#[test]
fn a_manifest_begins_with_its_header_and_has_no_other() {
    assert!(read(&sealed(&values(&[])[1..])).unwrap_err().is(ErrorKind::Corrupt));
    assert!(read(&sealed(&[json!({"kind": "weather"}), header()])).is_err());
    assert!(refusal(&[ManifestLine::Manifest(sample::header())]).contains("second header"));
    assert!(read(&sealed(&[header(), json!(["skipped", "a", "b"])])).is_err());
}

#[test]
fn lines_stand_in_their_order_and_once() {
    let all = sample::lines();
    let (chunk, collection, shard, file) = (&all[0], &all[1], &all[2], &all[3]);
    let case = |lines: &[&ManifestLine]| refusal(&lines.iter().map(|l| (*l).clone()).collect::<Vec<_>>());
    assert!(case(&[shard]).contains("before its collection"));
    assert!(case(&[collection, chunk, file]).contains("before its shard"));
    assert!(case(&[collection, shard, file]).contains("no line before declares"));
    assert!(case(&[chunk, chunk]).contains("stands twice"));
    assert!(case(&[collection, collection]).contains("stands twice"));
    assert!(case(&[collection, shard, shard]).contains("stands twice"));
    assert!(case(&[chunk, collection, shard, file, file]).contains("stands twice"));
    assert!(case(&[&all[7], &all[7]]).contains("stands twice"));
}

#[test]
fn a_collection_is_one_shard_or_has_tenants() {
    let collection = sample::line(json!({"kind": "collection", "name": "Book", "schema": null}));
    let whole = sample::line(json!({"kind": "shard", "collection": "Book", "state": "HOT"}));
    let cold = sample::line(json!({"kind": "shard", "collection": "Book", "state": "COLD"}));
    let tenant = sample::line(json!({"kind": "shard", "collection": "Book", "tenant": "_", "state": "HOT"}));
    for (a, b) in [(&whole, &tenant), (&tenant, &whole), (&whole, &whole)] {
        assert!(refusal(&[collection.clone(), a.clone(), b.clone()]).contains("does not go with"));
    }
    assert!(refusal(&[collection.clone(), cold]).contains("must be HOT"));
    assert_eq!(read(&write(&[collection.clone(), whole.clone()]).unwrap()).unwrap(), [collection, whole]);
}

#[test]
fn chunks_have_their_keys_and_possible_lengths() {
    assert!(refusal(&[sample::chunk(1, Codec::Gzip, 0, 1)]).contains("impossible lengths"));
    assert!(refusal(&[sample::chunk(1, Codec::Zstd, 1, 0)]).contains("impossible lengths"));
    assert!(refusal(&[sample::chunk(1, Codec::None, 2, 1)]).contains("impossible lengths"));
    let max = u64::MAX;
    let twice = [sample::chunk(1, Codec::Gzip, 1, max), sample::chunk(2, Codec::Gzip, 1, 1)];
    assert!(refusal(&twice).contains("impossibly long"));
    let mut astray = serde_json::to_value(sample::chunk(1, Codec::Gzip, 1, 1)).unwrap();
    astray["key"] = "nightly/backup.json".into();
    assert!(refusal(&[sample::line(astray)]).contains("not a key of a chunk"));
}

#[test]
fn files_are_complete_and_within_their_chunks() {
    const MIB: u64 = 1 << 20;
    let one = |file| refusal(&begun(&[file]));
    assert!(one(sample::file("f", 2 * MIB, 0, 0, &[5])).contains("not complete"));
    assert!(one(sample::file("f", 2 * MIB, 0, 0, &[5, 5, 5])).contains("beyond its end"));
    assert!(one(sample::file("f", 2 * MIB, MIB, 0, &[5])).contains("does not begin"));
    assert!(one(sample::file("f", 2 * MIB, 5, 0, &[5])).contains("off their places"));
    assert!(one(sample::file("f", MIB, u64::MAX - MIB + 1, 0, &[5])).contains("beyond its end"));
    assert!(one(sample::file("f", u64::MAX, 0, 0, &[5])).contains("impossible mode or length"));
    assert!(one(sample::file("f", 1, 0, 0, &[])).contains("too many frames or none"));
    assert!(one(sample::file("f", 0, 0, 0, &[1])).contains("beyond its end"));
    assert!(one(sample::file("f", 1, 0, 0, &[0])).contains("impossible stored length 0"));
    let long = MAX_STORED_FRAME as u32 + 1;
    assert!(one(sample::file("f", 1, 0, 0, &[long])).contains("impossible stored length"));
    assert!(one(sample::file("f", 1, 0, 1_999_999, &[2])).contains("beyond the end of a chunk"));
    assert!(one(sample::file("f", 1, 0, u64::MAX, &[2])).contains("beyond the end of a chunk"));
    let mut mode = serde_json::to_value(sample::file("f", 0, 0, 0, &[])).unwrap();
    mode["mode"] = 0o1000.into();
    assert!(one(sample::line(mode)).contains("impossible mode"));
    let mut empty = serde_json::to_value(sample::file("f", 1, 0, 0, &[1])).unwrap();
    empty["extents"][0]["frames"] = json!([]);
    assert!(one(sample::line(empty)).contains("too many frames or none"));
    // The last byte of a chunk can be a frame.
    let last = begun(&[sample::file("f", 1, 0, 1_999_999, &[1])]);
    assert_eq!(read(&write(&last).unwrap()).unwrap(), last);
}

#[test]
fn frames_of_an_uncompressed_chunk_are_as_long_as_their_raw_bytes() {
    const MIB: u32 = 1 << 20;
    let lines = |frames: &[u32]| {
        let mut lines = begun(&[sample::file("f", u64::from(MIB) + 7, 0, 0, frames)]);
        lines[0] = sample::chunk(1, Codec::None, u64::from(MIB) + 7, u64::from(MIB) + 7);
        lines
    };
    assert!(write(&lines(&[MIB, 7])).is_ok());
    assert!(refusal(&lines(&[MIB - 1, 7])).contains("impossible stored length"));
    assert!(refusal(&lines(&[MIB, 6])).contains("impossible stored length"));
}

#[test]
fn the_lines_of_a_file_stand_in_one_run_and_agree() {
    const MIB: u64 = 1 << 20;
    let (first, second) = (sample::file("f", MIB + 1, 0, 0, &[9]), sample::file("f", MIB + 1, MIB, 9, &[9]));
    let sound = begun(&[first.clone(), second.clone()]);
    assert_eq!(read(&write(&sound).unwrap()).unwrap(), sound);
    let between = [first.clone(), sample::file("g", 1, 0, 0, &[9]), second.clone()];
    assert!(refusal(&begun(&between)).contains("not complete"));
    let skipped = sample::line(json!({"kind": "skipped", "what": "a", "why": "b"}));
    assert!(refusal(&begun(&[first.clone(), skipped])).contains("not complete"));
    for change in [json!({"mode": 0o600}), json!({"length": MIB + 2}), json!({"blake3": Hash::of(b"?")})] {
        let mut other = serde_json::to_value(&second).unwrap();
        other.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert!(refusal(&begun(&[first.clone(), sample::line(other)])).contains("not complete"));
    }
}

#[test]
fn no_file_lies_below_another_one() {
    let file = |path| sample::file(path, 1, 0, 0, &[9]);
    assert!(refusal(&begun(&[file("a"), file("a/b/c")])).contains("below another file"));
    assert!(refusal(&begun(&[file("a/b/c"), file("a/b")])).contains("folder of another"));
    assert!(write(&begun(&[file("a/b"), file("a/c"), file("ab")])).is_ok());
}

#[test]
fn a_shard_that_is_offloaded_has_no_files() {
    let shard = json!({"kind": "shard", "collection": "Article", "tenant": "acme", "state": "OFFLOADED"});
    let mut lines = begun(&[sample::file("f", 1, 0, 0, &[9])]);
    lines[2] = sample::line(shard);
    assert!(refusal(&lines).contains("without data"));
}

#[test]
fn blobs_are_base64_of_bounded_length() {
    let blob =
        |name: &str, content: &str| sample::line(json!({"kind": "blob", "name": name, "content": content}));
    for bad in ["a", "ab=c", "====", "a===", "ab-_", "ab\n="] {
        assert!(refusal(&[blob("b", bad)]).contains("not base64"), "{bad}");
    }
    assert!(refusal(&[blob("", "")]).contains("name"));
    let longest = "A".repeat(MAX_BLOB.div_ceil(3) as usize * 4);
    assert!(write(&[blob("b", &longest), blob("c", "")]).is_ok());
    assert!(refusal(&[blob("b", &(longest + "AAAA"))]).contains("not base64"));
}

#[test]
fn a_line_is_never_longer_than_its_bound() {
    let long = json!({"kind": "skipped", "what": "x".repeat(MAX_LINE as usize), "why": ""});
    assert!(write(&[sample::line(long.clone())]).unwrap_err().is(ErrorKind::Invalid));
    let e = read(&sealed(&[header(), long])).unwrap_err();
    assert!(e.to_string().contains("more than 4194304 bytes"), "{e}");
}

#[test]
fn an_error_of_the_storage_is_passed_on() {
    #[derive(Debug)]
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other(Error::new(ErrorKind::Unavailable, "get", "down")))
        }
    }
    let bytes = write(&sample::lines()).unwrap();
    let mut reader = ManifestReader::new(bytes[..bytes.len() / 2].chain(Broken)).unwrap();
    let e = reader.find_map(Result::err).unwrap();
    assert!(e.is(ErrorKind::Unavailable), "{e}");
    assert!(ManifestReader::new(Broken).unwrap_err().is(ErrorKind::Unavailable));
}

#[test]
fn a_chunk_of_another_backup_may_be_named() {
    let theirs = serde_json::to_string(&sample::lines()[..4]).unwrap().replace("nightly/", "weekly/");
    let lines: Vec<ManifestLine> = serde_json::from_str(&theirs).unwrap();
    assert_eq!(read(&write(&lines).unwrap()).unwrap(), lines);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_split_file_keeps_every_frame_in_its_place(
        runs in proptest::collection::vec(1_usize..9000, 1..6),
        step in 0_u64..3,
    ) {
        let ManifestLine::File(whole) = sample::file("f", 1, 0, 0, &[1]) else { unreachable!() };
        let frames: usize = runs.iter().sum();
        let mut next = 0_u32;
        let extents = runs.iter().map(|run| {
            let frames = (0..*run).map(|_| { next += 1; next }).collect();
            Extent { chunk: whole.extents[0].chunk.clone(), offset: u64::from(next) * 1_000_000 * step, frames }
        }).collect();
        let whole = FileLine { length: frames as u64 * FRAME_SIZE, extents, ..whole };
        let lines = split_file(whole.clone());
        prop_assert_eq!(lines.len(), frames.div_ceil(FRAMES_PER_LINE as usize));
        // Every frame as (its place in the file, its place in the chunk, its stored length).
        let places = |lines: &[FileLine]| {
            let mut out = Vec::new();
            for line in lines {
                let mut at = line.offset;
                for extent in &line.extents {
                    let mut offset = extent.offset;
                    for frame in &extent.frames {
                        out.push((at, offset, *frame));
                        offset += u64::from(*frame);
                        at += FRAME_SIZE;
                    }
                }
            }
            out
        };
        prop_assert_eq!(places(&lines), places(std::slice::from_ref(&whole)));
        for line in &lines {
            let count: usize = line.extents.iter().map(|e| e.frames.len()).sum();
            prop_assert!(count > 0 && count as u64 <= FRAMES_PER_LINE);
            prop_assert!(line.extents.iter().all(|e| !e.frames.is_empty()));
            prop_assert_eq!(line.blake3, whole.blake3);
        }
    }

    #[test]
    fn any_lines_are_read_or_refused(
        edits in proptest::collection::vec((0_usize..10, 0_usize..10), 0..6),
    ) {
        // Lines swapped and repeated at random: whatever the reader takes, the writer takes, and the other way round.
        let mut lines = sample::lines();
        for (a, b) in edits {
            let (a, b) = (a % lines.len(), b % lines.len());
            if a < b { lines.swap(a, b) } else { lines.insert(a, lines[b].clone()) }
        }
        prop_assert_eq!(write(&lines).is_ok(), read(&sealed(&values(&lines))).is_ok());
    }
}
