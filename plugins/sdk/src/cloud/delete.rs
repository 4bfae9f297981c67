//! Deletes where the service takes one object with a request.

use crate::types::Error;

/// What the contract answers to a delete of many: the keys that could not be deleted, or an error if that is true of all.
///
/// # Errors
///
/// Of the last key, when none was deleted.
pub fn one_by_one(
    keys: &[String],
    mut remove: impl FnMut(&str) -> Result<(), Error>,
) -> Result<Vec<(String, Error)>, Error> {
    let mut left = Vec::new();
    for key in keys {
        if let Err(error) = remove(key) {
            left.push((key.clone(), error));
        }
    }
    match left.pop() {
        // None is known to be deleted: the reason is one.
        Some((_, error)) if left.len() + 1 == keys.len() => Err(error),
        last => {
            left.extend(last);
            Ok(left)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error;

    #[test]
    fn what_is_left_is_told_by_key_and_all_of_it_by_one_error() {
        let keys = ["a", "b", "c"].map(str::to_owned);
        let refuse = |bad: &'static str| {
            one_by_one(&keys, |key| if bad.contains(key) { Err(error::denied(key)) } else { Ok(()) })
        };
        assert!(refuse("").unwrap().is_empty());
        let left: Vec<_> = refuse("ac").unwrap().into_iter().map(|(key, e)| (key, e.message)).collect();
        assert_eq!(left, [("a".into(), "a".into()), ("c".into(), "c".into())]);
        assert_eq!(refuse("abc").unwrap_err().message, "c");
        assert!(one_by_one(&[], |_| Ok(())).unwrap().is_empty());
    }
}
