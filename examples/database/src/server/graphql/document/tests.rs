//! Queries as what they ask for.

use serde_json::json;

use super::*;

fn roots(query: &str) -> Vec<Node> {
    read(query, &Map::new(), None).unwrap()
}

fn refused(query: &str) -> String {
    read(query, &Map::new(), None).unwrap_err().on_wire()["message"].as_str().unwrap().to_owned()
}

#[test]
fn fields_come_with_alias_arguments_and_parts() {
    let query = r#"{ Get { mine: Book(limit: 2, where: { operator: Equal, path: ["id"], valueText: "x" }) { title } } }"#;
    let roots = roots(query);
    let book = roots[0].fields().next().unwrap();
    assert_eq!((roots[0].name.as_str(), book.key.as_str(), book.name.as_str()), ("Get", "mine", "Book"));
    let expected = json!({ "limit": 2, "where": { "operator": "Equal", "path": ["id"], "valueText": "x" } });
    assert_eq!(Value::Object(book.arguments.clone()), expected);
    assert_eq!(book.fields().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["title"]);
}

#[test]
fn fragments_are_put_in_their_places() {
    let query = "{ Get { Book { ...b ... { n } ... on Author { name } } } } fragment b on Book { title }";
    let roots = roots(query);
    let parts = &roots[0].fields().next().unwrap().parts;
    let names: Vec<String> = parts
        .iter()
        .map(|part| match part {
            Part::Field(node) => node.name.clone(),
            Part::On(class, inner) => format!("{class}:{}", inner.len()),
        })
        .collect();
    assert_eq!(names, ["Book:1", "n", "Author:1"]);
}

#[test]
fn variables_have_values_or_defaults() {
    let query = "query q($limit: Int = 3, $tenant: String, $id: ID!) { Get { Book(limit: $limit, tenant: $tenant, after: $id) { a } } }";
    let given = json!({ "id": "x" }).as_object().unwrap().clone();
    let roots = read(query, &given, None).unwrap();
    let expected = json!({ "limit": 3, "tenant": null, "after": "x" });
    assert_eq!(Value::Object(roots[0].fields().next().unwrap().arguments.clone()), expected);
    assert!(refused(query).contains("$id"));
    assert!(refused("{ Get { Book(limit: $other) { a } } }").contains("$other"));
}

#[test]
fn one_of_several_operations_is_picked_by_name() {
    let query = "query a { Get { A { x } } } query b { Get { B { x } } }";
    assert!(refused(query).contains("operationName"));
    let roots = read(query, &Map::new(), Some("b")).unwrap();
    assert_eq!(roots[0].fields().next().unwrap().name, "B");
}

#[test]
fn what_is_not_read_is_named() {
    assert!(refused("{ Get { ").contains("cannot be read"));
    assert!(refused("mutation { a }").contains("mutation"));
    assert!(refused("{ Get @skip(if: true) { A { x } } }").contains("@skip"));
    assert!(refused("{ Get { A { ...missing } } }").contains("missing"));
}

#[test]
fn deep_circular_and_exploding_queries_end() {
    assert!(refused(&"{a".repeat(100_000)).contains("nested 100000 deep"));
    assert!(refused("{ Get { A { ...a } } } fragment a on A { ...a }").contains("part of itself"));
    let mut bomb = "{ Get { A { ...f0 } } } fragment f20 on A { x }".to_owned();
    for n in 0..20 {
        bomb += &format!(" fragment f{n} on A {{ ...f{m} ...f{m} }}", m = n + 1);
    }
    assert!(refused(&bomb).contains("more than 10000 fields"));
}

#[test]
fn arguments_are_bounded_where_fragments_use_them_again() {
    let long = "x".repeat(700_000);
    let spreads = "...f ".repeat(20);
    let bomb = format!("{{ Get {{ A {{ {spreads} }} }} }} fragment f on A {{ a(b: \"{long}\") }}");
    assert!(refused(&bomb).contains("more than 8388608 bytes"), "{}", refused(&bomb));
    let many: String = (0..17).map(|n| format!("a{n}: 1 ")).collect();
    assert!(refused(&format!("{{ Get {{ A({many}) {{ b }} }} }}")).contains("more than 16 arguments"));
}
