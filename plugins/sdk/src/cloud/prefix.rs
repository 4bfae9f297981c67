//! The prefix of a location in a bucket.

use crate::error;
use crate::types::Error;

/// What stands in front of every key, without slashes at its ends; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Of a setting or of the path of a location.
    ///
    /// # Errors
    ///
    /// `invalid-config`, naming the setting, for one with empty parts, `.` or `..` in it.
    pub fn new(setting: &str, given: &str) -> Result<Self, Error> {
        let prefix = given.trim_matches('/');
        if prefix.split('/').any(|part| part == "." || part == "..") || prefix.contains("//") {
            return Err(error::invalid_config(format!(
                "{setting}: a prefix has no empty parts, no `.` and no `..` in it, unlike {prefix:?}"
            )));
        }
        Ok(Self(prefix.to_owned()))
    }

    /// The key in the bucket. With an empty one, what all keys of the location begin with.
    pub fn full(&self, key: &str) -> String {
        if self.0.is_empty() { key.to_owned() } else { format!("{}/{key}", self.0) }
    }

    /// The key in the location; `corrupt` for one of another location.
    ///
    /// # Errors
    ///
    /// `corrupt`: the store listed what it was not asked for.
    pub fn own<'a>(&self, full: &'a str) -> Result<&'a str, Error> {
        let own = match self.0.as_str() {
            "" => Some(full),
            prefix => full.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')),
        };
        own.ok_or_else(|| error::corrupt(format!("a listing holds the foreign key {full:?}")))
    }

    /// The URI of a location for people, behind the one of its bucket.
    pub fn home(&self, bucket: &str) -> String {
        if self.0.is_empty() { bucket.to_owned() } else { format!("{bucket}/{}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_put_in_front_and_taken_away() {
        let prefix = Prefix::new("X_PATH", "/a/b/").unwrap();
        assert_eq!((prefix.full("k").as_str(), prefix.full("").as_str()), ("a/b/k", "a/b/"));
        assert_eq!(prefix.own("a/b/k").unwrap(), "k");
        assert!(prefix.own("a/bk").is_err() && prefix.own("k").is_err());
        assert_eq!(prefix.home("s3://x"), "s3://x/a/b");
        let none = Prefix::new("X_PATH", "/").unwrap();
        assert_eq!((none.full("k").as_str(), none.full("").as_str(), none.own("k").unwrap()), ("k", "", "k"));
        for bad in ["a//b", "a/../b", "./a"] {
            assert!(Prefix::new("X_PATH", bad).unwrap_err().message.contains("X_PATH"));
        }
    }
}
