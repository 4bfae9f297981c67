//! Facts about the bytes of a descriptor.

use super::*;
use crate::error::ErrorKind;
use crate::repository::sample;

fn sealed(body: &str) -> Vec<u8> {
    let body = format!("{body}\n");
    let hash = Hash::of(body.as_bytes());
    format!("{body}{{\"kind\":\"end\",\"lines\":1,\"blake3\":\"{hash}\"}}\n").into_bytes()
}

fn body_of(descriptor: &Descriptor) -> serde_json::Value {
    serde_json::to_value(descriptor).unwrap()
}

#[test]
fn a_descriptor_is_two_lines_and_is_read_back() {
    let descriptor = sample::descriptor();
    let bytes = encode(&descriptor).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(text.matches('\n').count(), 2);
    assert_eq!(bytes, sealed(text.lines().next().unwrap()));
    assert_eq!(decode(&bytes).unwrap(), descriptor);
}

#[test]
fn unknown_fields_survive_a_rewrite_and_may_stand_in_the_end_line() {
    let mut body = body_of(&sample::descriptor());
    body["colour"] = serde_json::json!({"of": ["the", 1, null]});
    let bytes = sealed(&body.to_string());
    let again = decode(&encode(&decode(&bytes).unwrap()).unwrap()).unwrap();
    assert_eq!(again.other["colour"], body["colour"]);
    let with_mac =
        String::from_utf8(bytes).unwrap().replace("\"kind\":\"end\"", "\"kind\":\"end\",\"mac\":\"x\"");
    assert_eq!(decode(with_mac.as_bytes()).unwrap(), again);
}

#[test]
fn another_format_and_unknown_features_are_unsupported_and_named() {
    let mut body = body_of(&sample::descriptor());
    body["format"] = 2.into();
    // Whatever else a newer format changes, it is refused by its number.
    body["state"] = "NEW".into();
    let e = decode(&sealed(&body.to_string())).unwrap_err();
    assert!(e.is(ErrorKind::Unsupported));
    assert!(e.to_string().contains("format 2") && e.to_string().contains("format 1"), "{e}");
    body["format"] = 1.into();
    body["requires"] = serde_json::json!(["seal\n1"]);
    let e = decode(&sealed(&body.to_string())).unwrap_err();
    assert!(e.is(ErrorKind::Unsupported) && e.to_string().contains("`seal\\n1`"), "{e}");
}

#[test]
fn every_cut_and_every_damaged_bit_is_corrupt() {
    let bytes = encode(&sample::descriptor()).unwrap();
    for cut in 0..bytes.len() {
        assert!(decode(&bytes[..cut]).unwrap_err().is(ErrorKind::Corrupt), "cut at {cut}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&bad).unwrap_err().is(ErrorKind::Corrupt), "bit {bit}");
    }
}

#[test]
fn what_no_descriptor_says_is_neither_written_nor_read() {
    let good = sample::descriptor();
    let mut cases = vec![good.clone(); 3];
    cases[0].state = State::Transferring;
    cases[1].nodes.clear();
    for entry in cases[2].nodes.values_mut() {
        entry.manifest = crate::model::ObjectKey::new("nightly/backup.json").unwrap();
    }
    for bad in &cases {
        assert!(encode(bad).unwrap_err().is(ErrorKind::Internal));
        assert!(decode(&sealed(&body_of(bad).to_string())).unwrap_err().is(ErrorKind::Corrupt));
    }
    let third = [&encode(&good).unwrap()[..], b"{}\n"].concat();
    assert!(decode(&third).unwrap_err().is(ErrorKind::Corrupt));
    let list = "[1,[]]";
    assert!(decode(&sealed(list)).unwrap_err().is(ErrorKind::Corrupt));
}

#[test]
fn a_descriptor_has_at_most_a_mebibyte() {
    let mut long = sample::descriptor();
    long.error = Some("x".repeat(MAX_DESCRIPTOR as usize));
    assert!(encode(&long).unwrap_err().is(ErrorKind::Invalid));
    let bytes = sealed(&body_of(&long).to_string());
    assert!(decode(&bytes).unwrap_err().to_string().contains("longer than 1048576"));
}
