//! Beacons: how one object names another in a reference.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

/// What comes before class and id.
const PREFIX: &str = "weaviate://localhost/";

/// Names an object: `weaviate://localhost/Class/uuid`, in the form of old without the class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beacon {
    /// The class; without it the only one that the property may refer to.
    pub(crate) class: Option<String>,
    /// The object.
    pub(crate) id: Uuid,
}

impl Beacon {
    /// Reads a beacon; a bare UUID is one, too.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX).unwrap_or(text);
        let (class, id) = match rest.split_once('/') {
            Some((class, id)) if !class.is_empty() => (Some(class.to_owned()), id),
            Some(_) => return None,
            None => (None, rest),
        };
        Uuid::try_parse(id).ok().map(|id| Self { class, id })
    }

    /// The beacons in the value of a reference property: a list of objects with the key `beacon`.
    pub(crate) fn all(value: &Value) -> impl Iterator<Item = Self> + '_ {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| Self::parse(item.get("beacon")?.as_str()?))
    }

    /// As an element of the value of a reference property.
    pub(crate) fn element(&self) -> Value {
        let class = self.class.as_ref().map_or_else(String::new, |class| format!("{class}/"));
        serde_json::json!({ "beacon": self.to_string(), "href": format!("/v1/objects/{class}{}", self.id) })
    }
}

impl fmt::Display for Beacon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.class {
            Some(class) => write!(f, "{PREFIX}{class}/{}", self.id),
            None => write!(f, "{PREFIX}{}", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    #[test]
    fn beacons_name_an_id_with_or_without_a_class() {
        let full = Beacon::parse(&format!("{PREFIX}Book/{ID}")).unwrap();
        assert_eq!((full.class.as_deref(), full.id.to_string().as_str()), (Some("Book"), ID));
        assert_eq!(full.element()["beacon"], format!("{PREFIX}Book/{ID}"));
        assert_eq!(full.element()["href"], format!("/v1/objects/Book/{ID}"));
        for bare in [format!("{PREFIX}{ID}"), ID.to_owned()] {
            assert_eq!(Beacon::parse(&bare).unwrap().class, None);
        }
        for wrong in ["", "Book", &format!("{PREFIX}/{ID}"), &format!("{PREFIX}A/B/{ID}")] {
            assert_eq!(Beacon::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_elements_with_a_beacon_are_references() {
        let value = serde_json::json!([{ "beacon": format!("{PREFIX}{ID}") }, { "other": 1 }, "text"]);
        assert_eq!(Beacon::all(&value).count(), 1);
        assert_eq!(Beacon::all(&serde_json::json!("text")).count(), 0);
    }
}
