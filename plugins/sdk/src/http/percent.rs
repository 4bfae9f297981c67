//! Percent-encoding as signatures want it: everything but the unreserved characters of RFC 3986.

/// Encodes one segment of a path, or a key or value of a query.
pub fn segment(text: &str) -> String {
    encode(text, false)
}

/// Encodes a path and leaves its slashes.
pub fn path(text: &str) -> String {
    encode(text, true)
}

/// A query of these pairs, sorted by key, without the `?`. A value that is empty keeps its `=`.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let mut encoded: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{}={}", segment(key), segment(value))).collect();
    encoded.sort();
    encoded.join("&")
}

fn encode(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' if keep_slash => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_reserved_is_encoded() {
        assert_eq!(path("a b/ü+c=d"), "a%20b/%C3%BC%2Bc%3Dd");
        assert_eq!(segment("a/b~c"), "a%2Fb~c");
        assert_eq!(
            query(&[("prefix", "a/b"), ("list-type", "2"), ("uploads", "")]),
            "list-type=2&prefix=a%2Fb&uploads="
        );
    }
}
