//! Reads the attributes of a put.

use siltstone_plugin_sdk::error;
use siltstone_plugin_sdk::types::Error;

/// Who writes: a token of `[0-9a-z-]`, at most 64 bytes. It names a folder, so nothing else may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt(String);

impl Attempt {
    /// The attempt of writes that name none.
    pub fn none() -> Self {
        Self("none".to_owned())
    }

    /// The token, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len());
        let clean = text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'-');
        (fits && clean).then(|| Self(text.to_owned()))
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who writes, according to the attributes. `content-type` and `tag` have no place in a file and are
/// ignored; every other name is `unsupported`.
pub fn attempt(attributes: &[(String, String)]) -> Result<Attempt, Error> {
    let mut attempt = Attempt::none();
    for (name, value) in attributes {
        match name.as_str() {
            "content-type" | "tag" => {}
            "attempt" => {
                attempt = Attempt::parse(value).ok_or_else(|| {
                    error::internal(format!("attribute attempt must be [0-9a-z-], not {value:?}"))
                })?;
            }
            _ => {
                return Err(error::unsupported(format!("attribute {name:?} is not supported by filesystem")));
            }
        }
    }
    Ok(attempt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use siltstone_plugin_sdk::types::ErrorKind;

    fn of(given: &[(&str, &str)]) -> Result<Attempt, Error> {
        let given: Vec<_> = given.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        attempt(&given)
    }

    #[test]
    fn the_attempt_is_taken_from_the_attributes() {
        assert_eq!(of(&[]).unwrap().as_str(), "none");
        assert_eq!(
            of(&[("content-type", "a/b"), ("attempt", "01-ab"), ("tag", "x")]).unwrap().as_str(),
            "01-ab"
        );
    }

    #[test]
    fn an_attempt_cannot_be_a_path() {
        for value in ["", "..", "a/b", "A", "a.b", &"a".repeat(65)] {
            assert_eq!(of(&[("attempt", value)]).unwrap_err().kind, ErrorKind::Internal, "{value:?}");
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_unsupported_and_named() {
        for name in ["storage-class", "retain-until", "colour"] {
            let error = of(&[(name, "x")]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unsupported);
            assert!(error.message.contains(name), "{}", error.message);
        }
    }
}
