//! Filters of a request as the database has them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use siltstone::{Error, Result};

use super::wire::base::{FilterTarget, Filters, Operator, Target, TestValue};
use crate::objects::filter::{Filter, unsupported};
use crate::objects::shape::Shape;

/// Reads a filter: equality of the id or of a property, one of several ids, or a choice of such filters on the id.
pub(super) fn read(shape: &Shape, filters: &Filters) -> Result<Filter> {
    let operator = filters.operator();
    if operator == Operator::Or {
        let mut ids = BTreeSet::new();
        for part in &filters.filters {
            match read(shape, part)? {
                Filter::Ids(more) => ids.extend(more),
                Filter::Equal(_) => return Err(unsupported("a filter with Or of properties")),
            }
        }
        return Ok(Filter::Ids(ids));
    }
    let property = property(filters)?;
    match (operator, &filters.test_value) {
        (Operator::Equal, Some(TestValue::Text(id))) if Filter::is_id(property) => Filter::ids([id.as_str()]),
        (Operator::Equal | Operator::ContainsAny, Some(TestValue::Texts(ids))) if Filter::is_id(property) => {
            Filter::ids(ids.values.iter().map(String::as_str))
        }
        (Operator::Equal, Some(value)) if !Filter::is_id(property) => {
            Filter::equal(shape, property, &plain(value)?)
        }
        _ => Err(unsupported(format!("a filter with {operator:?} on `{}`", property.escape_debug()))),
    }
}

/// The property that is looked at.
fn property(filters: &Filters) -> Result<&str> {
    match (&filters.target, filters.on.as_slice()) {
        (Some(FilterTarget { target: Some(Target::Property(name)) }), _) => Ok(name),
        (Some(_), _) => Err(unsupported("a filter by what a reference names")),
        (None, [name]) => Ok(name),
        (None, []) if !filters.filters.is_empty() => {
            Err(unsupported(format!("a filter with {:?}", filters.operator())))
        }
        (None, []) => Err(Error::invalid("read filter", "the property is missing: name one in `target`")),
        (None, _) => Err(unsupported("a filter by a path through references")),
    }
}

fn plain(value: &TestValue) -> Result<Value> {
    Ok(match value {
        TestValue::Text(text) => json!(text),
        TestValue::Int(number) => json!(number),
        TestValue::Boolean(is) => json!(is),
        TestValue::Number(number) => json!(number),
        TestValue::Texts(_)
        | TestValue::Ints(_)
        | TestValue::Booleans(_)
        | TestValue::Numbers(_)
        | TestValue::Geo(_) => return Err(unsupported("a filter by a list or a place")),
    })
}

#[cfg(test)]
mod tests {
    use siltstone::ErrorKind;

    use super::super::wire::Unread;
    use super::super::wire::base::TextArray;
    use super::*;

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    fn on(property: &str, operator: Operator, value: TestValue) -> Filters {
        let target = Some(FilterTarget { target: Some(Target::Property(property.to_owned())) });
        Filters { operator: operator.into(), target, test_value: Some(value), ..Filters::default() }
    }

    fn shape() -> Shape {
        Shape::of(&json!({ "properties": [{ "name": "count", "dataType": ["int"] }] }))
    }

    #[test]
    fn ids_are_found_by_every_form_that_clients_send() {
        let one = Filter::ids([ID]).unwrap();
        let text = || TestValue::Text(ID.to_owned());
        let equal = on("_id", Operator::Equal, text());
        assert_eq!(read(&shape(), &equal).unwrap(), one);
        let texts = TextArray { values: vec![ID.to_owned(), ID.to_owned()] };
        assert_eq!(read(&shape(), &on("_id", Operator::ContainsAny, TestValue::Texts(texts))).unwrap(), one);
        let old = Filters { target: None, on: vec!["id".to_owned()], ..equal.clone() };
        assert_eq!(read(&shape(), &old).unwrap(), one);
        let or = Filters {
            operator: Operator::Or.into(),
            filters: vec![equal.clone(), equal],
            ..Filters::default()
        };
        assert_eq!(read(&shape(), &or).unwrap(), one);
    }

    #[test]
    fn other_filters_are_refused_by_name() {
        let kind = |filters: &Filters| read(&shape(), filters).unwrap_err().kind();
        assert!(matches!(
            read(&shape(), &on("count", Operator::Equal, TestValue::Int(1))),
            Ok(Filter::Equal(_))
        ));
        assert_eq!(kind(&on("count", Operator::LessThan, TestValue::Int(1))), ErrorKind::Unsupported);
        assert_eq!(kind(&on("count", Operator::Equal, TestValue::Ints(Unread {}))), ErrorKind::Unsupported);
        assert_eq!(
            kind(&on("_id", Operator::NotEqual, TestValue::Text(ID.to_owned()))),
            ErrorKind::Unsupported
        );
        let and = Filters {
            operator: Operator::And.into(),
            filters: vec![on("count", Operator::Equal, TestValue::Int(1))],
            ..Filters::default()
        };
        assert_eq!(kind(&and), ErrorKind::Unsupported);
        assert_eq!(kind(&Filters::default()), ErrorKind::Invalid);
    }
}
