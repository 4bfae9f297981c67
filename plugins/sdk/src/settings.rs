//! Looks settings up by name, with errors that name the variable.

use crate::error;
use crate::types::Error;

/// The settings that the host hands to `needs` and `open`.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a>(&'a [(String, String)]);

impl<'a> Settings<'a> {
    /// Wraps what the host gave.
    pub fn new(given: &'a [(String, String)]) -> Self {
        Self(given)
    }

    /// The value, if there is one.
    pub fn optional(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value; `invalid-config` when there is none.
    pub fn required(&self, name: &str) -> Result<&'a str, Error> {
        self.optional(name).ok_or_else(|| error::invalid_config(format!("{name} is not set")))
    }

    /// The value of a `flag` setting; `invalid-config` unless it is `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        self.parsed(name, "true or false")
    }

    /// The value of a `size` setting in bytes; `invalid-config` unless it is a whole number.
    pub fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        self.parsed(name, "a whole number of bytes")
    }

    /// The value itself stays out of the error: only the host knows which ones are secret.
    fn parsed<T: std::str::FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Error> {
        self.optional(name)
            .map(|value| {
                value.parse().map_err(|_| error::invalid_config(format!("{name} must be {expected}")))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ErrorKind;

    fn given() -> Vec<(String, String)> {
        [("A_TEXT", "x"), ("A_FLAG", "true"), ("A_SIZE", "1048576")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    #[test]
    fn values_are_found_by_name_and_read_by_kind() {
        let given = given();
        let settings = Settings::new(&given);
        assert_eq!(settings.required("A_TEXT").unwrap(), "x");
        assert_eq!(settings.flag("A_FLAG").unwrap(), Some(true));
        assert_eq!(settings.size("A_SIZE").unwrap(), Some(1 << 20));
        assert_eq!(settings.optional("ABSENT"), None);
        assert_eq!(settings.flag("ABSENT").unwrap(), None);
        assert_eq!(settings.size("ABSENT").unwrap(), None);
    }

    #[test]
    fn a_wrong_value_is_invalid_config_and_names_the_variable() {
        let given = given();
        let settings = Settings::new(&given);
        let errors = [
            settings.required("ABSENT").unwrap_err(),
            settings.flag("A_TEXT").unwrap_err(),
            settings.size("A_FLAG").unwrap_err(),
        ];
        let texts =
            ["ABSENT is not set", "A_TEXT must be true or false", "A_FLAG must be a whole number of bytes"];
        for (error, text) in errors.iter().zip(texts) {
            assert_eq!(error.kind, ErrorKind::InvalidConfig);
            assert_eq!(error.message, text);
        }
    }
}
