//! Properties as clients send them.

use serde_json::json;

use super::super::wire::base::{
    BooleanArrayProperties, IntArrayProperties, ObjectArrayProperties, ObjectProperties, TextArrayProperties,
};
use super::super::wire::batch::{MultiTargetRefProps, SingleTargetRefProps};
use super::super::wire::structure;
use super::*;

const ID: &str = "11111111-2222-4333-8444-555555555555";

fn fields(pairs: &[(&str, Kind)]) -> Option<Struct> {
    let value = |kind: &Kind| structure::Value { kind: Some(kind.clone()) };
    Some(Struct { fields: pairs.iter().map(|(name, kind)| ((*name).to_owned(), value(kind))).collect() })
}

fn shape() -> Shape {
    Shape::of(&json!({ "properties": [
        { "name": "by", "dataType": ["Author"] },
        { "name": "about", "dataType": ["Author", "Book"] },
    ] }))
}

#[test]
fn values_become_the_json_that_they_stand_for() {
    let nested = || ObjectPropertiesValue {
        non_ref_properties: fields(&[("city", Kind::Text("Rome".to_owned()))]),
        ..ObjectPropertiesValue::default()
    };
    let bytes: Vec<u8> = [0.5_f64, 2.0].iter().flat_map(|n| n.to_le_bytes()).collect();
    let sent = Properties {
        non_ref_properties: fields(&[
            ("count", Kind::Number(3.0)),
            ("ratio", Kind::Number(0.25)),
            ("none", Kind::Null(0)),
            ("done", Kind::Boolean(true)),
        ]),
        number_array_properties: vec![NumberArrayProperties {
            prop_name: "numbers".to_owned(),
            values_bytes: bytes.into(),
            values: Vec::new(),
        }],
        int_array_properties: vec![IntArrayProperties {
            prop_name: "ints".to_owned(),
            values: vec![i64::MAX],
        }],
        text_array_properties: vec![TextArrayProperties {
            prop_name: "texts".to_owned(),
            values: vec!["a".to_owned()],
        }],
        boolean_array_properties: vec![BooleanArrayProperties {
            prop_name: "flags".to_owned(),
            values: vec![true],
        }],
        object_properties: vec![ObjectProperties { prop_name: "at".to_owned(), value: Some(nested()) }],
        object_array_properties: vec![ObjectArrayProperties {
            prop_name: "places".to_owned(),
            values: vec![nested(), nested()],
        }],
        empty_list_props: vec!["empty".to_owned()],
        ..Properties::default()
    };
    let expected = json!({
        "count": 3, "ratio": 0.25, "none": null, "done": true, "numbers": [0.5, 2], "ints": [i64::MAX],
        "texts": ["a"], "flags": [true], "at": { "city": "Rome" }, "places": [{ "city": "Rome" }, { "city": "Rome" }],
        "empty": [],
    });
    assert_eq!(Value::Object(properties(&Shape::default(), sent).unwrap()), expected);
}

#[test]
fn references_name_their_class() {
    let single = |name: &str, id: &str| SingleTargetRefProps {
        uuids: vec![id.to_owned()],
        prop_name: name.to_owned(),
    };
    let multi = |class: &str| MultiTargetRefProps {
        uuids: vec![ID.to_owned()],
        prop_name: "about".to_owned(),
        target_collection: class.to_owned(),
    };
    let sent = Properties {
        single_target_ref_props: vec![single("by", ID), single("by", &format!("weaviate://localhost/{ID}"))],
        multi_target_ref_props: vec![multi("Book"), multi("Author")],
        ..Properties::default()
    };
    let all = properties(&shape(), sent).unwrap();
    let beacons = |name: &str| Beacon::all(&all[name]).map(|b| b.class.unwrap()).collect::<Vec<_>>();
    assert_eq!(
        (beacons("by"), beacons("about")),
        (vec!["Author".into(); 2], vec!["Book".into(), "Author".into()])
    );
    for (name, id) in [("about", ID), ("other", ID), ("by", "nonsense")] {
        let sent = Properties { single_target_ref_props: vec![single(name, id)], ..Properties::default() };
        assert!(properties(&shape(), sent).unwrap_err().to_string().contains(name));
    }
}

#[test]
fn numbers_that_json_has_not_are_refused() {
    let sent =
        Properties { non_ref_properties: fields(&[("n", Kind::Number(f64::NAN))]), ..Properties::default() };
    assert!(properties(&Shape::default(), sent).is_err());
    let odd = NumberArrayProperties {
        prop_name: "n".to_owned(),
        values: Vec::new(),
        values_bytes: vec![0; 7].into(),
    };
    let sent = Properties { number_array_properties: vec![odd], ..Properties::default() };
    assert!(properties(&Shape::default(), sent).unwrap_err().to_string().contains("7 bytes"));
}
