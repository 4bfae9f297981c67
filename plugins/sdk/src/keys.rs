//! The grammar of keys, for transports that turn keys into paths or URLs.

use crate::error;
use crate::types::Error;

/// The contract's bound on a key, in bytes.
pub const MAX_KEY: usize = 1024;

/// Whether this is one segment of a key: `[0-9A-Za-z._=-]`, not empty, neither `.` nor `..`.
pub fn is_segment(text: &str) -> bool {
    !text.is_empty()
        && text != "."
        && text != ".."
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._=-".contains(&b))
}

/// The segments of a key, at least one; `internal` when it is not a key, because only the host makes them.
pub fn segments(key: &str) -> Result<Vec<&str>, Error> {
    let parts: Vec<&str> = key.split('/').collect();
    if key.len() > MAX_KEY || !parts.iter().all(|part| is_segment(part)) {
        return Err(error::internal(format!("{key:?} is not a key")));
    }
    Ok(parts)
}

/// The segments of the folder of a key, which may be none, and its last segment.
pub fn split(key: &str) -> Result<(Vec<&str>, &str), Error> {
    let mut parts = segments(key)?;
    let last = parts.pop().unwrap_or_default();
    Ok((parts, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ErrorKind;

    #[test]
    fn a_key_falls_into_its_segments() {
        assert_eq!(segments("a/B-1/c_d.e=f").unwrap(), ["a", "B-1", "c_d.e=f"]);
        assert_eq!(split("a/b/c").unwrap(), (vec!["a", "b"], "c"));
        assert_eq!(split("c").unwrap(), (vec![], "c"));
        assert_eq!(segments(&"k".repeat(MAX_KEY)).unwrap().len(), 1);
    }

    #[test]
    fn what_could_leave_the_location_is_not_a_key() {
        let long = "k".repeat(MAX_KEY + 1);
        for key in
            ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a b", "a\\b", "a\0", "ä", &long]
        {
            assert_eq!(segments(key).unwrap_err().kind, ErrorKind::Internal, "{key:?}");
        }
    }
}
