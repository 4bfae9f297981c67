//! Values as clients read them.

use serde_json::json;

use super::*;

fn listed(name: &str) -> Type {
    let property = json!({ "properties": [{ "name": "p", "dataType": [name], "nestedProperties": [
        { "name": "n", "dataType": ["int"] },
    ] }] });
    Shape::of(&property).get("p").unwrap().clone()
}

fn sent(given: Value, of: &str) -> Kind {
    value(Some(&given), Some(&listed(of)), None).kind.unwrap()
}

fn sent_list(given: Value, of: &str) -> List {
    match sent(given, of) {
        Kind::List(list) => list.kind.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_value_is_sent_as_the_schema_types_it() {
    let id = "11111111-2222-4333-8444-555555555555";
    assert_eq!(sent(json!("a"), "text"), Kind::Text("a".to_owned()));
    assert_eq!(sent(json!(3), "int"), Kind::Int(3));
    assert_eq!(sent(json!(3.0), "int"), Kind::Int(3));
    assert_eq!(sent(json!(3), "number"), Kind::Number(3.0));
    assert_eq!(sent(json!("2020-01-01T00:00:00Z"), "date"), Kind::Date("2020-01-01T00:00:00Z".to_owned()));
    assert_eq!(sent(json!(id), "uuid"), Kind::Uuid(id.to_owned()));
    assert_eq!(sent(json!("AAAA"), "blob"), Kind::Blob("AAAA".to_owned()));
    assert_eq!(sent(json!(null), "int"), Kind::Null(0));
    let place = GeoCoordinate { longitude: 1.5, latitude: -2.5 };
    assert_eq!(sent(json!({ "longitude": 1.5, "latitude": -2.5 }), "geoCoordinates"), Kind::Geo(place));
    let Kind::Phone(phone) = sent(json!({ "input": "030", "defaultCountry": "de" }), "phoneNumber") else {
        panic!("no phone number")
    };
    assert_eq!((phone.input.as_str(), phone.default_country.as_str()), ("030", "de"));
    let Kind::Object(object) = sent(json!({ "n": 1, "other": 2 }), "object") else { panic!("no object") };
    assert_eq!(object.fields["n"].kind, Some(Kind::Int(1)));
    assert_eq!(object.fields["other"].kind, Some(Kind::Number(2.0)));
}

#[test]
fn lists_are_packed_and_an_empty_one_keeps_its_type() {
    let packed = List::Ints(Packed { values: [1_i64, -2].iter().flat_map(|n| n.to_le_bytes()).collect() });
    assert_eq!(sent_list(json!([1, -2]), "int[]"), packed);
    let packed =
        List::Numbers(Packed { values: [1.0_f64, 0.5].iter().flat_map(|n| n.to_le_bytes()).collect() });
    assert_eq!(sent_list(json!([1, 0.5]), "number[]"), packed);
    assert_eq!(sent_list(json!([true]), "boolean[]"), List::Booleans(BoolValues { values: vec![true] }));
    assert_eq!(sent_list(json!([]), "date[]"), List::Dates(Texts { values: vec![] }));
    let List::Objects(objects) = sent_list(json!([{ "n": 1 }, {}]), "object[]") else { panic!("no objects") };
    assert_eq!(objects.values[0].fields["n"].kind, Some(Kind::Int(1)));
}

#[test]
fn what_the_schema_does_not_fit_is_sent_as_what_it_is() {
    assert_eq!(sent(json!("three"), "int"), Kind::Text("three".to_owned()));
    assert_eq!(sent(json!("no id"), "uuid"), Kind::Text("no id".to_owned()));
    assert_eq!(value(Some(&json!(1)), None, None).kind, Some(Kind::Number(1.0)));
    assert_eq!(value(None, None, None).kind, Some(Kind::Null(0)));
    let texts = List::Texts(Texts { values: vec!["a".to_owned(), "1".to_owned()] });
    assert_eq!(sent_list(json!(["a", 1]), "text[]"), texts);
    let texts = List::Texts(Texts { values: vec!["[1]".to_owned()] });
    assert_eq!(sent_list(json!([[1]]), "int[]"), texts);
}

#[test]
fn only_what_is_wanted_of_a_nested_object_is_sent() {
    let wanted = ObjectPropertiesRequest {
        prop_name: "p".to_owned(),
        primitive_properties: vec!["n".to_owned(), "missing".to_owned()],
        object_properties: vec![ObjectPropertiesRequest {
            prop_name: "inner".to_owned(),
            primitive_properties: vec!["a".to_owned()],
            object_properties: vec![],
        }],
    };
    let given = json!({ "n": 1, "other": 2, "inner": { "a": "b", "c": "d" } });
    let Some(Kind::Object(object)) = value(Some(&given), Some(&listed("object")), Some(&wanted)).kind else {
        panic!("no object")
    };
    assert_eq!(object.fields.keys().collect::<Vec<_>>(), ["inner", "missing", "n"]);
    assert_eq!(object.fields["missing"].kind, Some(Kind::Null(0)));
    let Some(Kind::Object(inner)) = &object.fields["inner"].kind else { panic!("no object") };
    assert_eq!(inner.fields.keys().collect::<Vec<_>>(), ["a"]);
}
