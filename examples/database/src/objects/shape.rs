//! The shape of a collection: the types of its properties as its schema lists them.

use std::collections::BTreeMap;

use serde_json::Value;

/// The listed properties of a collection or of a nested object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shape {
    properties: BTreeMap<String, Type>,
    /// The vectors that the schema names.
    pub(crate) vectors: Vec<String>,
}

/// The type of a property.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Type {
    pub(crate) kind: Kind,
    pub(crate) count: Count,
}

/// Whether a property holds one value or a list of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    One,
    Many,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Text, with the name of its tokenization.
    Text(String),
    Int,
    Number,
    Boolean,
    Date,
    Uuid,
    Blob,
    Geo,
    Phone,
    Object(Shape),
    /// References to objects of these classes.
    Reference(Vec<String>),
}

impl Shape {
    /// Reads the definition of a class; what it does not understand counts as not listed.
    pub(crate) fn of(schema: &Value) -> Self {
        let vectors = schema.get("vectorConfig").and_then(Value::as_object);
        Self {
            properties: properties(schema.get("properties")),
            vectors: vectors.map(|v| v.keys().cloned().collect()).unwrap_or_default(),
        }
    }

    /// The type of a property, `None` if it is not listed.
    pub(crate) fn get(&self, name: &str) -> Option<&Type> {
        self.properties.get(name)
    }

    /// The listed properties.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.properties.iter().map(|(name, of)| (name.as_str(), of))
    }
}

fn properties(list: Option<&Value>) -> BTreeMap<String, Type> {
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|p| Some((p.get("name")?.as_str()?.to_owned(), Type::of(p)?))).collect()
}

impl Type {
    fn of(property: &Value) -> Option<Self> {
        let names: Vec<&str> = match property.get("dataType")? {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let first = *names.first()?;
        if first.starts_with(char::is_uppercase) {
            let classes = names.into_iter().map(str::to_owned).collect();
            return Some(Self { kind: Kind::Reference(classes), count: Count::Many });
        }
        let (name, count) = match first.strip_suffix("[]") {
            Some(name) => (name, Count::Many),
            None => (first, Count::One),
        };
        let kind = match name {
            "text" | "string" => {
                let by_type = if name == "text" { "word" } else { "field" };
                let tokenization = property.get("tokenization").and_then(Value::as_str).unwrap_or(by_type);
                Kind::Text(tokenization.to_owned())
            }
            "int" => Kind::Int,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            "date" => Kind::Date,
            "uuid" => Kind::Uuid,
            "blob" => Kind::Blob,
            "geoCoordinates" => Kind::Geo,
            "phoneNumber" => Kind::Phone,
            "object" => Kind::Object(Shape {
                properties: properties(property.get("nestedProperties")),
                vectors: Vec::new(),
            }),
            _ => return None,
        };
        Some(Self { kind, count })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_follow_the_schema() {
        let shape = Shape::of(&json!({
            "properties": [
                { "name": "title", "dataType": ["text"], "tokenization": "field" },
                { "name": "scores", "dataType": ["int[]"] },
                { "name": "by", "dataType": ["Author", "Editor"] },
                { "name": "at", "dataType": ["object"], "nestedProperties": [{ "name": "n", "dataType": ["int"] }] },
                { "name": "odd", "dataType": ["colour"] },
            ],
            "vectorConfig": { "first": {}, "second": {} },
        }));
        let kind = |name: &str| shape.get(name).map(|t| t.kind.clone());
        assert_eq!(kind("title"), Some(Kind::Text("field".to_owned())));
        assert_eq!(shape.get("scores"), Some(&Type { kind: Kind::Int, count: Count::Many }));
        assert_eq!(kind("by"), Some(Kind::Reference(vec!["Author".to_owned(), "Editor".to_owned()])));
        assert_eq!(kind("odd"), None);
        let Some(Kind::Object(inner)) = kind("at") else { panic!("no object") };
        assert_eq!(inner.get("n").unwrap().kind, Kind::Int);
        assert_eq!(shape.vectors, ["first", "second"]);
    }
}
