//! The ids of uploads in parts, which carry what was said at the start to the finish.

use serde::{Deserialize, Serialize};

use crate::error;
use crate::types::{Error, Precondition};

/// An upload: what the transport must know about it, and the condition that its object is made under.
#[derive(Clone, Debug)]
pub struct Upload<T> {
    /// The transport's own.
    pub state: T,
    /// Checked at the finish.
    pub condition: Precondition,
}

#[derive(Serialize, Deserialize)]
struct Text<T> {
    s: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<Condition>,
}

#[derive(Serialize, Deserialize)]
enum Condition {
    Absent,
    Match(String),
}

impl<T: Serialize + for<'a> Deserialize<'a>> Upload<T> {
    /// The id that the host keeps.
    ///
    /// # Errors
    ///
    /// `internal`, should the state be none that JSON can hold.
    pub fn token(self) -> Result<String, Error> {
        let c = match self.condition {
            Precondition::None => None,
            Precondition::IfAbsent => Some(Condition::Absent),
            Precondition::IfMatch(etag) => Some(Condition::Match(etag)),
        };
        serde_json::to_string(&Text { s: self.state, c }).map_err(|e| error::internal(e.to_string()))
    }

    /// The upload of an id, unless it is none of ours.
    pub fn parse(token: &str) -> Option<Self> {
        let text: Text<T> = serde_json::from_str(token).ok()?;
        let condition = match text.c {
            None => Precondition::None,
            Some(Condition::Absent) => Precondition::IfAbsent,
            Some(Condition::Match(etag)) => Precondition::IfMatch(etag),
        };
        Some(Self { state: text.s, condition })
    }

    /// The same, where an id that is none of ours is an error.
    ///
    /// # Errors
    ///
    /// `not-found`, naming the key.
    pub fn known(key: &str, token: &str) -> Result<Self, Error> {
        Self::parse(token).ok_or_else(|| error::not_found(format!("the upload of {key} does not exist")))
    }
}

/// Whether the tags are those of all parts from 1 without a gap; a service would make an object of what there is.
///
/// # Errors
///
/// `internal`, naming the first part that is missing.
pub fn without_gap(key: &str, tags: &[(u32, String)]) -> Result<(), Error> {
    if tags.is_empty() {
        return Err(error::internal(format!("the upload of {key} has no parts")));
    }
    match (1..).zip(tags).find(|(expected, (number, _))| expected != number) {
        None => Ok(()),
        Some((expected, (number, _))) => {
            Err(error::internal(format!("part {expected} of {key} is missing or part {number} misplaced")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_with_its_condition() {
        for condition in
            [Precondition::None, Precondition::IfAbsent, Precondition::IfMatch("\"a:b%\"".to_owned())]
        {
            let upload = Upload { state: "VXBsb2Fk:x".to_owned(), condition };
            let parsed = Upload::<String>::parse(&upload.clone().token().unwrap()).unwrap();
            assert_eq!(format!("{parsed:?}"), format!("{upload:?}"));
        }
        for bad in ["", "any", "{}", "{\"s\":1}", "{\"s\":\"x\",\"c\":\"Other\"}"] {
            assert!(Upload::<String>::parse(bad).is_none(), "{bad}");
        }
        assert!(Upload::<String>::known("k", "").unwrap_err().message.contains('k'));
    }

    #[test]
    fn a_gap_is_told() {
        let tags = |numbers: &[u32]| numbers.iter().map(|n| (*n, String::new())).collect::<Vec<_>>();
        assert!(without_gap("k", &tags(&[1, 2, 3])).is_ok());
        for bad in [&[][..], &[2], &[1, 3], &[1, 1], &[2, 1]] {
            assert!(without_gap("k", &tags(bad)).unwrap_err().message.contains('k'), "{bad:?}");
        }
    }
}
