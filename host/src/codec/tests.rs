//! Facts about frames and hashes.

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::model::{Codec, Compression, Hash, Level};

fn all() -> impl Iterator<Item = Compression> {
    Compression::names().map(|name| Compression::from_name(name).unwrap())
}

fn encode(compression: Compression, raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    FrameEncoder::new(compression).encode(raw, &mut out).unwrap();
    out
}

fn decode(codec: Codec, stored: &[u8], raw_len: u64) -> crate::Result<Vec<u8>> {
    let mut out = b"of before".to_vec();
    let done = FrameDecoder::new().decode(codec, stored, raw_len, &mut out);
    assert!(done.is_ok() || out.is_empty());
    done.map(|()| out)
}

/// Bytes that no codec can shrink.
fn noise(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut out);
    out
}

fn text(len: usize) -> Vec<u8> {
    (0_u32..)
        .flat_map(|i| format!("{{\"row\":{i},\"sum\":{}}}\n", i * i % 97).into_bytes())
        .take(len)
        .collect()
}

#[test]
fn data_that_does_not_shrink_stays_within_the_bound() {
    let raw = noise(FRAME_SIZE as usize);
    for compression in all() {
        let stored = encode(compression, &raw).len() as u64;
        assert!(stored <= FRAME_SIZE + 5 * 1024, "{}: {stored}", compression.name());
        assert!(stored <= MAX_STORED_FRAME);
    }
}

#[test]
fn the_bounds_of_the_codecs_are_within_the_bound_of_a_frame() {
    let len = FRAME_SIZE as usize;
    assert!(zstd::zstd_safe::compress_bound(len) as u64 <= MAX_STORED_FRAME);
    for level in libdeflater::CompressionLvl::iter() {
        assert!(libdeflater::Compressor::new(level).gzip_compress_bound(len) as u64 <= MAX_STORED_FRAME);
    }
}

#[test]
fn an_encoder_appends_frames_that_decode_one_by_one() {
    for compression in all() {
        let (mut encoder, mut out, mut ends) = (FrameEncoder::new(compression), Vec::new(), vec![0]);
        let frames = [text(FRAME_SIZE as usize), noise(300_000), text(1), noise(FRAME_SIZE as usize)];
        for raw in &frames {
            encoder.encode(raw, &mut out).unwrap();
            ends.push(out.len());
        }
        let (mut decoder, mut raw) = (FrameDecoder::new(), Vec::new());
        for (frame, at) in frames.iter().zip(ends.windows(2)) {
            decoder.decode(compression.codec, &out[at[0]..at[1]], frame.len() as u64, &mut raw).unwrap();
            assert!(raw == *frame, "{}", compression.name());
            assert!(raw.capacity() as u64 <= FRAME_SIZE);
        }
    }
}

#[test]
fn concatenated_gzip_frames_are_one_gzip_file() {
    let (mut encoder, mut out) = (FrameEncoder::new(Compression::default()), Vec::new());
    let frames = [text(FRAME_SIZE as usize), noise(FRAME_SIZE as usize), text(70_000)];
    for raw in &frames {
        encoder.encode(raw, &mut out).unwrap();
    }
    let mut raw = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&out[..]), &mut raw).unwrap();
    assert!(raw == frames.concat());
}

#[test]
fn dense_data_takes_the_fast_level_and_is_as_small() {
    // Numbers like those of vectors: noise in the low bits, a few patterns in the high ones.
    let mut raw = noise(FRAME_SIZE as usize);
    raw.iter_mut().skip(3).step_by(4).for_each(|b| *b = 0xbd + (*b & 1));
    raw.iter_mut().skip(7).step_by(16).for_each(|b| *b |= 0x0f);
    let text = text(FRAME_SIZE as usize);
    for codec in [Codec::Gzip, Codec::Zstd] {
        let by = |level, raw: &[u8]| encode(Compression { codec, level }, raw);
        assert!(by(Level::Default, &raw) == by(Level::Speed, &raw), "{codec:?}");
        assert!(by(Level::Default, &raw).len() * 99 < by(Level::Best, &raw).len() * 100, "{codec:?}");
        // Text, on the other hand, gets the level that was asked for.
        assert!(by(Level::Default, &text) != by(Level::Speed, &text), "{codec:?}");
    }
}

#[test]
fn frames_of_no_bytes_or_too_many_are_refused() {
    for compression in all() {
        for len in [0, FRAME_SIZE as usize + 1] {
            let mut out = b"x".to_vec();
            let e = FrameEncoder::new(compression).encode(&vec![0; len], &mut out).unwrap_err();
            assert!(e.is(ErrorKind::Internal));
            assert_eq!(out, b"x");
        }
        let stored = encode(compression, &[0]);
        for raw_len in [0, FRAME_SIZE + 1, u64::MAX] {
            assert!(decode(compression.codec, &stored, raw_len).unwrap_err().is(ErrorKind::Corrupt));
        }
        let long = vec![0; MAX_STORED_FRAME as usize + 1];
        assert!(decode(compression.codec, &long, FRAME_SIZE).unwrap_err().is(ErrorKind::Corrupt));
    }
}

#[test]
fn a_frame_that_holds_more_or_less_than_it_should_is_corrupt() {
    for compression in all() {
        let stored = encode(compression, &text(10_000));
        for raw_len in [1, 9_999, 10_001, FRAME_SIZE] {
            let e = decode(compression.codec, &stored, raw_len).unwrap_err();
            assert!(e.is(ErrorKind::Corrupt), "{e}");
        }
    }
}

#[test]
fn bytes_after_a_frame_are_corrupt() {
    for compression in all() {
        let raw = text(10_000);
        let stored = encode(compression, &raw);
        let trailer = &stored[stored.len() - 8..];
        let tails: [&[u8]; 6] =
            [b"\0", b"junk", trailer, &stored, &[b"junk", trailer].concat(), &encode(compression, &text(1))];
        for tail in tails {
            let e = decode(compression.codec, &[&stored[..], tail].concat(), 10_000).unwrap_err();
            assert!(e.is(ErrorKind::Corrupt), "{}: {e}", compression.name());
        }
    }
}

#[test]
fn a_trailer_that_also_occurs_within_its_frame_is_no_reason_to_refuse_it() {
    // Stored blocks keep raw bytes as they are, so the trailer of a frame can be put into its own data: the last four
    // bytes of the raw data are chosen so that its CRC becomes what stands in front.
    let mut raw = noise(5_000);
    raw[..4].copy_from_slice(&0x5117_57e0_u32.to_le_bytes());
    raw[4..8].copy_from_slice(&5_000_u32.to_le_bytes());
    raw.truncate(4_996);
    let forced = crc_suffix(libdeflater::crc32(&raw), 0x5117_57e0);
    raw.extend_from_slice(&forced);
    assert_eq!(libdeflater::crc32(&raw), 0x5117_57e0);
    let stored = encode(Compression::default(), &raw);
    let trailer = &stored[stored.len() - 8..];
    assert_eq!(stored.windows(8).filter(|w| *w == trailer).count(), 2);
    assert!(decode(Codec::Gzip, &stored, 5_000).unwrap() == raw);
    let e = decode(Codec::Gzip, &[&stored[..], trailer].concat(), 5_000).unwrap_err();
    assert!(e.to_string().contains("followed by further bytes"), "{e}");
}

/// The four bytes that take a CRC-32 from one value to another.
fn crc_suffix(from: u32, to: u32) -> [u8; 4] {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut state = !to;
    for _ in 0..32 {
        state = if state >> 31 == 1 { ((state ^ POLYNOMIAL) << 1) | 1 } else { state << 1 };
    }
    (state ^ !from).to_le_bytes()
}

#[test]
fn a_zstd_frame_without_checksum_or_length_is_corrupt() {
    use zstd::zstd_safe::{CCtx, CParameter};
    let raw = text(10_000);
    for (checksum, size) in [(false, true), (true, false)] {
        let (mut context, mut stored) = (CCtx::create(), Vec::with_capacity(20_000));
        context.set_parameter(CParameter::ChecksumFlag(checksum)).unwrap();
        context.set_parameter(CParameter::ContentSizeFlag(size)).unwrap();
        context.compress2(&mut stored, &raw[..]).unwrap();
        assert!(decode(Codec::Zstd, &stored, 10_000).unwrap_err().is(ErrorKind::Corrupt));
    }
}

#[test]
fn every_damaged_bit_and_every_cut_is_noticed_or_harmless() {
    let raw = text(200);
    for compression in all().filter(|c| c.codec != Codec::None) {
        let stored = encode(compression, &raw);
        for cut in 0..stored.len() {
            assert!(decode(compression.codec, &stored[..cut], 200).is_err());
        }
        for bit in 0..stored.len() * 8 {
            let mut bad = stored.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if let Ok(got) = decode(compression.codec, &bad, 200) {
                // The time, the hint about the level and the system in the header of gzip, and spare bits.
                assert!(got == raw, "{} bit {bit}", compression.name());
            }
        }
    }
}

fn tree(raw: &[u8], block: usize) -> Hash {
    let mut tree = TreeHasher::new(block as u64).unwrap();
    let blocks = raw.chunks(block).enumerate();
    for (i, bytes) in blocks {
        let (a, b) = bytes.split_at(bytes.len() / 3);
        tree.push(hash_pieces((i * block) as u64, [a, b]).unwrap()).unwrap();
    }
    tree.finish()
}

#[test]
fn merged_blocks_hash_as_the_whole_at_every_boundary() {
    let raw = noise(40 * 1024 + 1);
    for block in [1024, 2048, 8192] {
        for blocks in 0..=raw.len() / block {
            for len in [(blocks * block).saturating_sub(1), blocks * block, blocks * block + 1] {
                assert_eq!(tree(&raw[..len.min(raw.len())], block), Hash::of(&raw[..len.min(raw.len())]));
            }
        }
    }
    let raw = noise(5 * FRAME_SIZE as usize + 17);
    assert_eq!(tree(&raw, FRAME_SIZE as usize), Hash::of(&raw));
}

#[test]
fn an_empty_input_hashes_with_and_without_a_block() {
    let mut one = TreeHasher::new(1024).unwrap();
    one.push(hash_block(0, b"").unwrap()).unwrap();
    assert_eq!(one.finish(), Hash::of(b""));
    assert_eq!(TreeHasher::new(1024).unwrap().finish(), Hash::of(b""));
}

#[test]
fn blocks_out_of_order_or_of_a_wrong_size_are_refused() {
    let raw = noise(4096);
    assert!(TreeHasher::new(1000).is_err());
    assert!(TreeHasher::new(512).is_err());
    assert!(hash_block(1, &raw).is_err());
    assert!(hash_block(1024, &raw[..1025]).is_err());
    let block = |offset: u64, len: usize| hash_block(offset, &raw[..len]).unwrap();
    let cases: [&[BlockHash]; 6] = [
        &[block(1024, 1024)],
        &[block(0, 1025)],
        &[block(0, 1023), block(1024, 1024)],
        &[block(0, 1024), block(0, 1024)],
        &[block(0, 1024), block(2048, 1024)],
        &[block(0, 1024), block(1024, 0)],
    ];
    for case in cases {
        let mut tree = TreeHasher::new(1024).unwrap();
        let last = case.iter().map(|hash| tree.push(*hash)).last().unwrap();
        assert!(last.unwrap_err().is(ErrorKind::Internal), "{case:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frames_round_trip(
        name in proptest::sample::select(Compression::names().collect::<Vec<_>>()),
        seed in proptest::collection::vec(any::<u8>(), 1..400),
        repeat in 1_usize..300,
    ) {
        let compression = Compression::from_name(name).unwrap();
        let raw = seed.repeat(repeat);
        let stored = encode(compression, &raw);
        prop_assert_eq!(decode(compression.codec, &stored, raw.len() as u64).unwrap(), raw);
    }

    #[test]
    fn any_bytes_decode_to_the_right_length_or_not_at_all(
        codec in proptest::sample::select(vec![Codec::Gzip, Codec::Zstd, Codec::None]),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        raw_len in 0_u64..300,
    ) {
        if let Ok(out) = decode(codec, &bytes, raw_len) {
            prop_assert_eq!(out.len() as u64, raw_len);
        }
    }

    #[test]
    fn merged_blocks_hash_as_the_whole(len in 0_usize..70_000, power in 0_u32..6) {
        let raw = noise(len);
        prop_assert_eq!(tree(&raw, 1024 << power), Hash::of(&raw));
    }
}
