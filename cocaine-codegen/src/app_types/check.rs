//! What no Rust can be made of.

mod definitions;

use cocaine::schema::{AppSchema, Type};

pub(super) use self::definitions::check_definitions;
use super::{
    graph::TypeGraph,
    walk::{for_each_part, for_each_type},
};
use crate::{
    error::{Error, Problem, Result},
    naming::shown,
};

/// The most types that a schema defines.
const MAX_TYPES: usize = 4_096;

/// The most types within all definitions.
const MAX_PARTS: usize = 65_536;

/// The most definitions that contain one another. The compiler has a limit of 128 levels for what it infers.
const MAX_DEPTH: usize = 64;

/// The most types within one another, such as lists of lists.
const MAX_NESTING: usize = 32;

/// The most types of a tuple for which std implements `Debug` and the like.
const MAX_TUPLE: usize = 12;

/// What is found in the schema of an app.
struct AppProblems {
    app: String,
    problems: Vec<Problem>,
}

impl AppProblems {
    fn new(app: &str) -> Self {
        Self { app: app.to_owned(), problems: Vec::new() }
    }

    fn push(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::App {
            app: self.app.clone(),
            place: place.into(),
            message: message.into(),
        });
    }
}

fn type_place(name: &str) -> String {
    format!("type `{}`", shown(name))
}

/// Returns the types of all events, and where they stand.
fn event_types(schema: &AppSchema) -> Vec<(String, &Type)> {
    let mut types = Vec::new();
    for (name, event) in &schema.events {
        let place = format!("event `{}`", shown(name));
        let arguments = event.arguments.iter();
        types.extend(
            arguments
                .map(|argument| (format!("{place}, argument `{}`", shown(&argument.name)), &argument.ty)),
        );
        types.extend(event.input.iter().map(|ty| (format!("{place}, input"), ty)));
        types.push((format!("{place}, output"), event.output.ty()));
    }
    types
}

/// Fails for types that are no types, and for a schema that is too large.
///
/// What follows recurses as deep as this allows.
pub(super) fn check_references(app: &str, schema: &AppSchema, graph: &TypeGraph<'_>) -> Result<()> {
    let mut problems = AppProblems::new(app);
    for (place, ty) in event_types(schema) {
        check_type(schema, ty, &place, &mut problems);
    }
    let mut parts = 0;
    for (name, definition) in &schema.types {
        let place = type_place(name);
        for_each_type(definition, &mut |ty| {
            parts += 1;
            check_type(schema, ty, &place, &mut problems);
        });
    }
    if schema.types.len() > MAX_TYPES || parts > MAX_PARTS {
        let message = format!(
            "there are {} with {parts} fields; code is generated for at most {MAX_TYPES} with {MAX_PARTS} fields",
            schema.types.len()
        );
        problems.push("types", message);
    } else if graph.depth() > MAX_DEPTH {
        let message = format!(
            "they contain one another {} levels deep; code is generated for at most {MAX_DEPTH} levels",
            graph.depth()
        );
        problems.push("types", message);
    }
    Error::check(problems.problems)
}

fn check_type(schema: &AppSchema, ty: &Type, place: &str, problems: &mut AppProblems) {
    let mut open = vec![(ty, 1)];
    while let Some((ty, depth)) = open.pop() {
        if depth > MAX_NESTING {
            problems.push(place, format!("the type is nested more than {MAX_NESTING} levels deep"));
            return;
        }
        match ty {
            Type::Named(name) if !schema.types.contains_key(name) => {
                let message = format!("the type `{}` has no definition: add one to `types`", shown(name));
                problems.push(place, message);
            }
            Type::NonZero(of) if !is_integer(of) => {
                problems.push(place, "`non_zero` is of an integer, such as `{\"non_zero\": \"u32\"}`");
            }
            Type::Tuple(types) if types.len() > MAX_TUPLE => {
                let message = format!(
                    "a tuple of {} types; at most {MAX_TUPLE} are possible: define a struct",
                    types.len()
                );
                problems.push(place, message);
            }
            _ => {}
        }
        for_each_part(ty, &mut |of, _| open.push((of, depth + 1)));
    }
}

fn is_integer(ty: &Type) -> bool {
    use Type::{I8, I16, I32, I64, U8, U16, U32, U64};
    matches!(ty, U8 | U16 | U32 | U64 | I8 | I16 | I32 | I64)
}
