//! A query as what is asked for: fields with aliases, arguments without variables, and fragments in their places.

use std::collections::HashMap;

use async_graphql_parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql_parser::{Error, Pos, Positioned, parse_query};
use serde_json::{Map, Value};

use super::failure::{Failure, Place};
use super::nesting::depth;
use crate::objects::size;

/// Most brackets open at a time.
const MAX_DEPTH: usize = 32;
/// Most fields, counted where fragments are used.
const MAX_FIELDS: usize = 10_000;

/// Most arguments of a field.
const MAX_ARGUMENTS: usize = 16;
/// Most bytes of all arguments, counted where fragments and variables are used.
const MAX_VALUES: u64 = 8 << 20;

/// One field that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The name in the answer.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) parts: Vec<Part>,
    pub(super) place: Place,
}

/// What is asked for below a field.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Field(Node),
    /// Only of objects of this class.
    On(String, Vec<Part>),
}

impl Node {
    /// The fields below this one, those in fragments left out.
    pub(super) fn fields(&self) -> impl Iterator<Item = &Node> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(node) => Some(node),
            Part::On(..) => None,
        })
    }
}

/// Reads a query; `operation` picks one of several.
pub(super) fn read(
    query: &str,
    variables: &Map<String, Value>,
    operation: Option<&str>,
) -> Result<Vec<Node>, Failure> {
    let deep = depth(query);
    if deep > MAX_DEPTH {
        return Err(Failure::new(format!("the query is nested {deep} deep: at most {MAX_DEPTH} are read")));
    }
    let document = parse_query(query).map_err(unreadable)?;
    let operation = pick(&document, operation)?;
    if operation.node.ty != OperationType::Query {
        return Err(Failure::unsupported(format!("a {}", operation.node.ty)).at(place(operation.pos)));
    }
    let mut expander = Expander {
        document: &document,
        variables: values(&operation.node, variables)?,
        fields: 0,
        values: 0,
    };
    let parts = expander.parts(&operation.node.selection_set.node, 0)?;
    let roots = parts.into_iter().map(|part| match part {
        Part::Field(node) => Ok(node),
        Part::On(..) => Err(Failure::unsupported("a fragment at the top of a query")),
    });
    roots.collect()
}

fn unreadable(error: Error) -> Failure {
    let place = error.positions().next().map(place);
    let failure = Failure::new(format!("the query cannot be read: {error}"));
    place.into_iter().fold(failure, Failure::at)
}

fn place(pos: Pos) -> Place {
    (pos.line, pos.column)
}

fn pick<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, Failure> {
    match (&document.operations, name.filter(|name| !name.is_empty())) {
        (DocumentOperations::Single(operation), _) => Ok(operation),
        (DocumentOperations::Multiple(all), None) if all.len() == 1 => {
            all.values().next().ok_or_else(|| Failure::new("the query is empty"))
        }
        (DocumentOperations::Multiple(_), None) => {
            Err(Failure::new("several operations in a query: name one in `operationName`"))
        }
        (DocumentOperations::Multiple(all), Some(name)) => {
            all.get(name).ok_or_else(|| Failure::new(format!("no operation `{}`", name.escape_debug())))
        }
    }
}

/// The values of the variables that an operation defines.
fn values(
    operation: &OperationDefinition,
    given: &Map<String, Value>,
) -> Result<HashMap<String, Value>, Failure> {
    let mut values = HashMap::new();
    for definition in &operation.variable_definitions {
        let name = definition.node.name.node.as_str();
        let value = match (given.get(name), definition.node.default_value()) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => default.clone().into_json().map_err(|e| Failure::new(e.to_string()))?,
            (None, None) => {
                return Err(
                    Failure::new(format!("variable `${name}` has no value")).at(place(definition.pos))
                );
            }
        };
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

struct Expander<'a> {
    document: &'a ExecutableDocument,
    variables: HashMap<String, Value>,
    /// How many there are so far.
    fields: usize,
    /// Bytes of arguments so far.
    values: u64,
}

impl Expander<'_> {
    fn parts(&mut self, set: &SelectionSet, depth: usize) -> Result<Vec<Part>, Failure> {
        // Fragments may name each other in a circle.
        if depth > MAX_DEPTH {
            return Err(Failure::new(format!(
                "fields are nested deeper than {MAX_DEPTH}: is a fragment part of itself?"
            )));
        }
        let mut parts = Vec::new();
        for item in &set.items {
            self.fields += 1;
            if self.fields > MAX_FIELDS {
                return Err(Failure::new(format!("more than {MAX_FIELDS} fields: ask for fewer")));
            }
            if let Some(directive) = item.node.directives().first() {
                let name = directive.node.name.node.as_str();
                return Err(Failure::unsupported(format!("directive `@{name}`")).at(place(directive.pos)));
            }
            match &item.node {
                Selection::Field(field) => parts.push(Part::Field(self.field(field, depth)?)),
                Selection::InlineFragment(fragment) => {
                    let inner = self.parts(&fragment.node.selection_set.node, depth + 1)?;
                    match &fragment.node.type_condition {
                        Some(condition) => parts.push(Part::On(condition.node.on.node.to_string(), inner)),
                        None => parts.extend(inner),
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment =
                        self.document.fragments.get(name).ok_or_else(|| {
                            Failure::new(format!("no fragment `{name}`")).at(place(spread.pos))
                        })?;
                    let inner = self.parts(&fragment.node.selection_set.node, depth + 1)?;
                    parts.push(Part::On(fragment.node.type_condition.node.on.node.to_string(), inner));
                }
            }
        }
        Ok(parts)
    }

    fn field(&mut self, field: &Positioned<Field>, depth: usize) -> Result<Node, Failure> {
        let mut arguments = Map::new();
        if field.node.arguments.len() > MAX_ARGUMENTS {
            let text = format!("more than {MAX_ARGUMENTS} arguments of a field");
            return Err(Failure::new(text).at(place(field.pos)));
        }
        for (name, value) in &field.node.arguments {
            let value = value.node.clone().into_const_with(|variable| {
                let value = self.variables.get(variable.as_str()).cloned();
                let value =
                    value.ok_or_else(|| Failure::new(format!("variable `${variable}` is not defined")))?;
                serde_json::from_value(value).map_err(|e| Failure::new(e.to_string()))
            });
            let value = value.and_then(|v| v.into_json().map_err(|e| Failure::new(e.to_string())));
            let value = value.map_err(|failure| failure.at(place(name.pos)))?;
            self.values += size(&value);
            if self.values > MAX_VALUES {
                let text = format!("the arguments have more than {MAX_VALUES} bytes in all: send less");
                return Err(Failure::new(text).at(place(name.pos)));
            }
            arguments.insert(name.node.to_string(), value);
        }
        Ok(Node {
            key: field.node.response_key().node.to_string(),
            name: field.node.name.node.to_string(),
            arguments,
            parts: self.parts(&field.node.selection_set.node, depth + 1)?,
            place: place(field.pos),
        })
    }
}

#[cfg(test)]
mod tests;
