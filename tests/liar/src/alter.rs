//! What lies make of bytes.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "only the component lies"))]

use crate::Lie;

/// The bytes as the lie would have them; as they are, if it is none about bytes alone.
pub(crate) fn bytes(lie: Lie, mut honest: Vec<u8>) -> Vec<u8> {
    let len = honest.len();
    match lie {
        Lie::PutTruncates => honest.truncate(len / 2),
        Lie::GetTruncates | Lie::GetOvercounts => honest.truncate(len.saturating_sub(1)),
        Lie::PutExtends => honest.extend_from_slice(b"and a few more\n"),
        Lie::PutFlips | Lie::IgnoresDigests | Lie::GetFlips => {
            if let Some(byte) = honest.get_mut(len / 2) {
                *byte ^= 1;
            }
        }
        Lie::PutZeroes | Lie::GetZeroes => honest.fill(0),
        Lie::PutEmpties | Lie::GetEmpties => honest.clear(),
        _ => {}
    }
    honest
}

/// An object of parts of this size as the lie would have it; as it is, if it is none about parts.
pub(crate) fn parts(lie: Lie, mut honest: Vec<u8>, part_size: usize) -> Vec<u8> {
    let first = part_size.min(honest.len());
    match lie {
        Lie::PartDropped => drop(honest.drain(..first)),
        Lie::PartsSwapped | Lie::ClaimsAnyOrder => {
            let second = (2 * first).min(honest.len());
            honest[..second].rotate_left(first);
        }
        Lie::PartRepeated => {
            let second = first.min(honest.len() - first);
            honest.copy_within(..second, first);
        }
        Lie::LastPartCut => drop(honest.pop()),
        _ => {}
    }
    honest
}

/// `len` bytes from `offset`, fewer at the end.
pub(crate) fn range(whole: &[u8], offset: u64, len: Option<u64>) -> &[u8] {
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(whole.len());
    let end = len.map_or(whole.len(), |len| at(offset.saturating_add(len)));
    &whole[at(offset)..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_about_bytes_change_them() {
        for (lie, expected) in [
            (Lie::PutTruncates, b"ab".as_slice()),
            (Lie::PutExtends, b"abcdand a few more\n"),
            (Lie::PutFlips, b"abbd"),
            (Lie::PutZeroes, &[0; 4]),
            (Lie::GetEmpties, b""),
            (Lie::GetTruncates, b"abc"),
            (Lie::HeadSize, b"abcd"),
        ] {
            assert_eq!(bytes(lie, b"abcd".to_vec()), expected, "{lie:?}");
        }
        assert_eq!(bytes(Lie::PutFlips, Vec::new()), b"");
    }

    #[test]
    fn lies_about_parts_move_whole_parts() {
        for (lie, expected) in [
            (Lie::PartDropped, b"cde".as_slice()),
            (Lie::PartsSwapped, b"cdabe"),
            (Lie::PartRepeated, b"ababe"),
            (Lie::LastPartCut, b"abcd"),
            (Lie::PutFlips, b"abcde"),
        ] {
            assert_eq!(parts(lie, b"abcde".to_vec(), 2), expected, "{lie:?}");
        }
        assert_eq!(parts(Lie::PartsSwapped, b"abc".to_vec(), 2), b"cab");
        assert_eq!(parts(Lie::PartRepeated, b"abc".to_vec(), 2), b"aba");
    }

    #[test]
    fn a_range_ends_with_the_object() {
        assert_eq!(range(b"abcd", 1, Some(2)), b"bc");
        assert_eq!(range(b"abcd", 1, None), b"bcd");
        assert_eq!(range(b"abcd", 3, Some(9)), b"d");
        assert_eq!(range(b"abcd", u64::MAX, Some(1)), b"");
    }
}
