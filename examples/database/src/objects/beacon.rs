//! Beacons: the values by which an object refers to other objects.

use serde_json::{Map, Value, json};
use siltstone::model::CollectionName;
use siltstone::{Error, Result};
use uuid::Uuid;

use crate::database::Database;
use crate::objects::locate::capitalized;

/// Where a cross-reference points: `weaviate://<host>/<class>/<id>`, the class may be missing. The host means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beacon {
    pub(crate) class: Option<String>,
    pub(crate) id: Uuid,
}

impl Beacon {
    /// Reads the text of a beacon.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let broken = || {
            let shown: String = text.chars().take(200).flat_map(char::escape_debug).collect();
            Error::invalid(
                "read beacon",
                format!("`{shown}` is no beacon: expected `weaviate://localhost/<class>/<id>`"),
            )
        };
        let path = text.strip_prefix("weaviate://").and_then(|rest| rest.split_once('/'));
        let (class, id) = match path.ok_or_else(broken)?.1.split_once('/') {
            Some((class, id)) => (Some(capitalized(class)), id),
            None => (None, path.ok_or_else(broken)?.1),
        };
        let id = Uuid::try_parse(id).map_err(|e| broken().with_source(e))?;
        Ok(Self { class, id })
    }

    /// Reads a beacon, or the bare UUID of an object of whatever class.
    pub(crate) fn named(text: &str) -> Result<Self> {
        match Uuid::try_parse(text) {
            Ok(id) => Ok(Self { class: None, id }),
            Err(_) => Self::parse(text),
        }
    }

    /// The beacons in the value of a reference property: a list of objects with the key `beacon`.
    pub(crate) fn all(value: &Value) -> impl Iterator<Item = Self> + '_ {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| Self::parse(item.get("beacon")?.as_str()?).ok())
    }

    /// The form in which a property holds it: `{"beacon":…,"href":…}`.
    pub(crate) fn value(&self) -> Value {
        let path = match &self.class {
            Some(class) => format!("{class}/{}", self.id),
            None => self.id.to_string(),
        };
        json!({ "beacon": format!("weaviate://localhost/{path}"), "href": format!("/v1/objects/{path}") })
    }
}

impl Database {
    /// Reads the beacon of a reference property; one without a class is of the only class that the property may refer
    /// to, if the schema names just one.
    pub(crate) fn beacon(&self, of: &CollectionName, property: &str, text: &str) -> Result<Beacon> {
        let mut beacon = Beacon::parse(text)?;
        if beacon.class.is_none() {
            let catalogue = self.engine.catalogue.current();
            beacon.class = match targets(&catalogue.collection(of)?.schema, property) {
                Some([Value::String(only)]) => Some(only.clone()),
                _ => None,
            };
        }
        Ok(beacon)
    }

    /// Brings the cross-references among properties into the form in which they are kept.
    pub(crate) fn settle_beacons(
        &self,
        of: &CollectionName,
        properties: &mut Map<String, Value>,
    ) -> Result<()> {
        let catalogue = self.engine.catalogue.current();
        let schema = &catalogue.collection(of)?.schema;
        for (name, value) in properties {
            let Value::Array(items) = value else { continue };
            // Objects may have a key of this name as well.
            if is_listed(schema, name) && targets(schema, name).is_none() {
                continue;
            }
            for item in items {
                if let Some(text) = item.get("beacon").and_then(Value::as_str) {
                    *item = self.beacon(of, name, text)?.value();
                }
            }
        }
        Ok(())
    }

    /// Refuses a property that is no reference in the schema of the collection.
    pub(crate) fn expect_reference(&self, of: &CollectionName, property: &str) -> Result<()> {
        let catalogue = self.engine.catalogue.current();
        match targets(&catalogue.collection(of)?.schema, property) {
            Some(_) => Ok(()),
            None => {
                let property = property.escape_debug();
                let message = format!("class `{of}` has no reference property `{property}`: add it first");
                Err(Error::invalid("change reference", message))
            }
        }
    }
}

fn is_listed(schema: &Value, property: &str) -> bool {
    let properties =
        schema.get("properties").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    properties.iter().any(|p| p.get("name").and_then(Value::as_str) == Some(property))
}

/// The classes that a reference property may refer to; `None` if it is no such property.
fn targets<'s>(schema: &'s Value, property: &str) -> Option<&'s [Value]> {
    let properties = schema.get("properties")?.as_array()?;
    let found = properties.iter().find(|p| p.get("name").and_then(Value::as_str) == Some(property))?;
    let types = found.get("dataType")?.as_array()?;
    let is_reference = |t: &Value| t.as_str().is_some_and(|t| t.starts_with(char::is_uppercase));
    (!types.is_empty() && types.iter().all(is_reference)).then_some(types.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    #[test]
    fn a_beacon_is_read_with_and_without_its_class() {
        let with = Beacon::parse(&format!("weaviate://localhost/author/{ID}")).unwrap();
        assert_eq!(with.class.as_deref(), Some("Author"));
        let without = Beacon::parse(&format!("weaviate://some.host:80/{ID}")).unwrap();
        assert_eq!((without.class.as_deref(), without.id.to_string().as_str()), (None, ID));
        assert_eq!(with.value()["href"], format!("/v1/objects/Author/{ID}"));
        assert_eq!(without.value()["beacon"], format!("weaviate://localhost/{ID}"));
    }

    #[test]
    fn only_elements_with_a_beacon_are_references() {
        let value = json!([{ "beacon": format!("weaviate://localhost/{ID}") }, { "other": 1 }, "text"]);
        assert_eq!(Beacon::all(&value).count(), 1);
        assert_eq!(Beacon::all(&json!("text")).count(), 0);
        assert_eq!(Beacon::named(ID).unwrap().class, None);
        assert!(Beacon::named("Book").is_err());
    }

    #[test]
    fn what_is_no_beacon_is_refused_with_its_text() {
        for text in ["", "weaviate://localhost", "weaviate://localhost/A/no-id", "http://localhost/A", ID] {
            let error = Beacon::parse(text).unwrap_err().to_string();
            assert!(error.contains("beacon"), "{error}");
        }
    }
}
