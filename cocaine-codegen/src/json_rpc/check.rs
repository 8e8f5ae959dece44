//! What a schema must not contain, since no JSON is like it.

use std::collections::BTreeSet;

use cocaine::schema::{AppSchema, Content, Field, Shape};

use super::{Direction, INPUT, directions::add_names, forms::Forms};
use crate::{error::Problem, naming::shown};

/// Returns the problems of an app: names without a definition, and names that stand twice.
pub(super) fn problems(app: &str, schema: &AppSchema) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |place: String, message: String| {
        problems.push(Problem::App { app: app.to_owned(), place, message });
    };
    for (name, event) in &schema.events {
        let place = || format!("event `{}`", shown(name));
        let types = event.arguments.iter().map(|argument| &argument.ty).chain(&event.input);
        for missing in
            missing(schema, |forms| types.clone().chain([event.output.ty()]).map(|ty| forms.ty(ty)).collect())
        {
            add(place(), format!("the type `{}` is not defined", shown(&missing)));
        }
        if let Some(error) = event.error.as_ref().filter(|error| !schema.errors.contains_key(*error)) {
            add(place(), format!("the errors `{}` are not defined", shown(error)));
        }
        let arguments = event.arguments.iter().map(|argument| &*argument.name);
        let input = event.input.as_ref().map(|_| INPUT);
        for name in repeated(arguments.chain(input)) {
            add(place(), format!("two arguments are called `{}`", shown(name)));
        }
    }
    for (name, definition) in &schema.types {
        let place = || format!("type `{}`", shown(name));
        for missing in missing(schema, |forms| vec![forms.definition(definition)]) {
            add(place(), format!("the type `{}` is not defined", shown(&missing)));
        }
        for field in lists_of_fields(&definition.shape).into_iter().flat_map(repeated_fields) {
            add(place(), format!("two fields are called `{}`", shown(field)));
        }
    }
    problems
}

/// Returns the names that types refer to in either direction, and that are not defined.
fn missing(schema: &AppSchema, types: impl Fn(&Forms<'_>) -> Vec<super::JsonType>) -> BTreeSet<String> {
    let identity = |name: &str| name.to_owned();
    let mut names = Vec::new();
    for direction in [Direction::Sent, Direction::Received] {
        for ty in types(&Forms::new(schema, direction, &identity)) {
            add_names(&ty, &mut names);
        }
    }
    names.into_iter().filter(|name| !schema.types.contains_key(name)).collect()
}

fn lists_of_fields(shape: &Shape) -> Vec<&[Field]> {
    match shape {
        Shape::Struct(definition) => vec![&definition.fields],
        Shape::Enum(definition) => {
            (definition.variants.iter())
                .filter_map(|variant| {
                    if let Content::Struct(fields) = &variant.content { Some(&fields[..]) } else { None }
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

fn repeated_fields(fields: &[Field]) -> Vec<&str> {
    let fields = fields.iter().filter(|field| !field.flatten);
    repeated(fields.flat_map(|field| field.aliases.iter().chain([&field.name]).map(String::as_str)))
}

fn repeated<'t>(names: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut known = BTreeSet::new();
    names.filter(|name| !known.insert(*name)).collect()
}
