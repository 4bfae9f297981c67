//! Why a query has no answer.

use serde_json::{Value, json};
use siltstone::Error;

use crate::objects::filter::unsupported;

/// Longest message in bytes.
const MAX_MESSAGE: usize = 2048;

/// Line and column of the query, from 1.
pub(super) type Place = (usize, usize);

/// An error with the path of the answer that it belongs to.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    /// From the inside out.
    path: Vec<String>,
    place: Option<Place>,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        let mut message = message.into();
        // A parser quotes the line, which may be all of the query.
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        Self { message, path: Vec::new(), place: None }
    }

    /// What this database does not do.
    pub(super) fn unsupported(what: impl std::fmt::Display) -> Self {
        unsupported(what).into()
    }

    /// Adds a step to the path.
    pub(super) fn below(mut self, key: &str) -> Self {
        self.path.push(key.to_owned());
        self
    }

    /// Says where in the query it is; the innermost place stays.
    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = self.place.or(Some(place));
        self
    }

    pub(super) fn on_wire(&self) -> Value {
        let path: Vec<&String> = self.path.iter().rev().collect();
        let places: Vec<Value> =
            self.place.iter().map(|(line, column)| json!({ "line": line, "column": column })).collect();
        json!({ "message": self.message, "path": path, "locations": places })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_path_from_the_root_and_its_innermost_place() {
        let failure = Failure::new("no").at((2, 3)).below("title").at((1, 1)).below("Book").below("Get");
        let expected = json!({
            "message": "no", "path": ["Get", "Book", "title"], "locations": [{ "line": 2, "column": 3 }],
        });
        assert_eq!(failure.on_wire(), expected);
    }
}
