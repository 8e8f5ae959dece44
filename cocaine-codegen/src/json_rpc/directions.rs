//! Which way the values of each type travel, and which types look different on either way.
//!
//! A field with a default may be missing in what a caller sends, and is there in what it receives; one that is skipped now
//! and then may be missing in what a caller receives. A type that travels both ways and looks different has two
//! definitions.

use std::collections::{BTreeMap, BTreeSet};

use cocaine::schema::AppSchema;

use super::{Direction, JsonType, ObjectType, forms::Forms};

/// How a defined type is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// In one direction, or in both in the same form.
    One(Direction),
    /// In both directions, in a form for each.
    Two,
}

/// Returns how each type is used that the events of an app refer to, by its name in the schema.
pub(super) fn usages(schema: &AppSchema) -> BTreeMap<&str, Usage> {
    let sent = References::new(schema, Direction::Sent);
    let received = References::new(schema, Direction::Received);
    let different = different(&sent, &received);
    let names: BTreeSet<_> = sent.reachable.union(&received.reachable).copied().collect();
    let usage = |name: &str| match (sent.reachable.contains(name), received.reachable.contains(name)) {
        (true, true) if different.contains(name) => Usage::Two,
        (true, false) => Usage::One(Direction::Sent),
        _ => Usage::One(Direction::Received),
    };
    names.into_iter().map(|name| (name, usage(name))).collect()
}

/// The definitions in one direction.
struct References<'a> {
    definitions: BTreeMap<&'a str, JsonType>,
    /// The names that the events refer to, and those that these refer to.
    reachable: BTreeSet<&'a str>,
}

impl<'a> References<'a> {
    fn new(schema: &'a AppSchema, direction: Direction) -> Self {
        let name = |name: &str| name.to_owned();
        let forms = Forms::new(schema, direction, &name);
        let definition =
            |(name, definition): (&'a String, _)| (name.as_str(), open(forms.definition(definition)));
        let definitions: BTreeMap<_, _> = schema.types.iter().map(definition).collect();
        let mut names = Vec::new();
        for event in schema.events.values() {
            let types: Vec<_> = match direction {
                Direction::Sent => {
                    event.arguments.iter().map(|argument| &argument.ty).chain(&event.input).collect()
                }
                Direction::Received => vec![event.output.ty()],
            };
            for ty in types {
                add_names(&forms.ty(ty), &mut names);
            }
        }
        let mut reachable = BTreeSet::new();
        while let Some(name) = names.pop() {
            let Some((name, definition)) = definitions.get_key_value(&*name) else { continue };
            if reachable.insert(*name) {
                add_names(definition, &mut names);
            }
        }
        Self { definitions, reachable }
    }
}

/// Returns the names of the definitions that differ, or refer to one that does.
fn different<'a>(sent: &References<'a>, received: &References<'a>) -> BTreeSet<&'a str> {
    let mut users: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut differing = Vec::new();
    for (name, definition) in &sent.definitions {
        if received.definitions.get(name) != Some(definition) {
            differing.push(*name);
        }
        let mut names = Vec::new();
        add_names(definition, &mut names);
        for used in names {
            users.entry(used).or_default().push(*name);
        }
    }
    let mut different = BTreeSet::new();
    while let Some(name) = differing.pop() {
        if different.insert(name) {
            differing.extend(users.get(name).into_iter().flatten());
        }
    }
    different
}

/// Returns a type that does not care for unknown properties: that alone makes no difference to a caller.
fn open(ty: JsonType) -> JsonType {
    match ty {
        JsonType::Object(object) => ObjectType { is_closed: false, ..object }.into(),
        other => other,
    }
}

/// Adds the names of definitions in a type.
pub(super) fn add_names(ty: &JsonType, names: &mut Vec<String>) {
    if let JsonType::Named(name) = ty {
        names.push(name.clone());
    }
    ty.for_each_part(&mut |part| add_names(part, names));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_differ_have_two_forms() {
        let schema: AppSchema = serde_json::from_str(
            r#"{"schema": 1, "events": {"put": {
                "arguments": [{"name": "page", "type": {"named": "Page"}}, {"name": "id", "type": {"named": "Id"}},
                              {"name": "only", "type": {"named": "Query"}}],
                "output": {"reply": {"tuple": [{"named": "Page"}, {"named": "Id"}, {"named": "Nobody"}]}}
            }}, "types": {
                "Page": {"shape": {"struct": {"fields": [{"name": "links", "type": {"list": {"named": "Link"}}}]}}},
                "Link": {"shape": {"struct": {"fields": [{"name": "ttl", "type": "u8", "read": "sometimes"}]}}},
                "Id": {"shape": {"newtype": "u8"}},
                "Query": {"shape": {"struct": {"fields": [{"name": "page", "type": {"named": "Page"}}]}}},
                "Unused": {"shape": "unit_struct"}
            }}"#,
        )
        .unwrap();
        let (sent, received) = (Usage::One(Direction::Sent), Usage::One(Direction::Received));
        let expected = [("Id", received), ("Link", Usage::Two), ("Page", Usage::Two), ("Query", sent)];
        assert_eq!(usages(&schema).into_iter().collect::<Vec<_>>(), expected);
    }
}
