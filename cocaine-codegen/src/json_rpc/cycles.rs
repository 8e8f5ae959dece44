//! Definitions that contain themselves without anything around: `struct Chain(Option<Box<Chain>>)` is null in JSON, however
//! long the chain is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Alternative, JsonDefinition, JsonType, ObjectType};

/// Replaces each definition that is directly one of its own alternatives by the alternatives that are not.
///
/// All definitions of such a circle are equal, since each is among the alternatives of the next.
pub(super) fn resolve(definitions: &mut [JsonDefinition]) {
    let direct: BTreeMap<String, Vec<String>> = (definitions.iter())
        .map(|definition| (definition.name.clone(), direct_names(&definition.ty)))
        .collect();
    for circle in circles(&direct) {
        let members = definitions.iter().filter(|definition| circle.contains(&definition.name));
        let mut alternatives = Vec::new();
        members.for_each(|definition| add_alternatives(&[], &definition.ty, &circle, &mut alternatives));
        let ty = match <[Alternative; 1]>::try_from(alternatives) {
            Ok([only]) => only.ty,
            Err(several) => JsonType::Union(several),
        };
        for definition in definitions.iter_mut().filter(|definition| circle.contains(&definition.name)) {
            definition.ty = ty.clone();
        }
    }
}

/// Returns the names of the definitions that a value of this type may be a value of, as it is or with further properties.
fn direct_names(ty: &JsonType) -> Vec<String> {
    let (mut names, mut types) = (Vec::new(), vec![ty]);
    while let Some(ty) = types.pop() {
        match ty {
            JsonType::Named(name) => names.push(name.clone()),
            JsonType::Nullable(of) => types.push(of),
            JsonType::Union(alternatives) => {
                types.extend(alternatives.iter().map(|alternative| &alternative.ty));
            }
            JsonType::Object(object) => types.extend(object.parts.iter().map(|part| &part.ty)),
            _ => {}
        }
    }
    names
}

/// Returns the sets of definitions that contain one another directly.
fn circles(direct: &BTreeMap<String, Vec<String>>) -> Vec<BTreeSet<String>> {
    // Those that lead to no other that is left are in no circle.
    let mut open: BTreeMap<&String, usize> = direct.iter().map(|(name, next)| (name, next.len())).collect();
    let mut users: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (name, next) in direct {
        for next in next {
            users.entry(next).or_default().push(name);
        }
    }
    let mut ends: Vec<_> = open.iter().filter(|(_, next)| **next == 0).map(|(name, _)| *name).collect();
    while let Some(end) = ends.pop() {
        open.remove(end);
        for user in users.get(end).into_iter().flatten() {
            if let Some(next) = open.get_mut(*user) {
                *next -= 1;
                if *next == 0 {
                    ends.push(user);
                }
            }
        }
    }
    let reachable: BTreeMap<_, _> = open.keys().map(|name| (*name, reachable(direct, name))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (name, reached) in &reachable {
        if reached.contains(*name) && !circles.iter().any(|circle| circle.contains(*name)) {
            let is_member = |other: &&String| reachable.get(*other).is_some_and(|back| back.contains(*name));
            circles.push(reached.iter().filter(is_member).cloned().collect());
        }
    }
    circles
}

fn reachable(direct: &BTreeMap<String, Vec<String>>, from: &String) -> BTreeSet<String> {
    let mut names = direct[from].clone();
    let mut reached = BTreeSet::new();
    while let Some(name) = names.pop() {
        if let Some(next) = direct.get(&name).filter(|_| !reached.contains(&name)) {
            names.extend(next.iter().cloned());
            reached.insert(name);
        }
    }
    reached
}

/// Adds the alternatives of a type that are not in the circle.
fn add_alternatives(docs: &[String], ty: &JsonType, circle: &BTreeSet<String>, known: &mut Vec<Alternative>) {
    let ty = match ty {
        JsonType::Named(name) if circle.contains(name) => return,
        JsonType::Nullable(of) => {
            add_alternatives(docs, of, circle, known);
            JsonType::Null
        }
        JsonType::Union(alternatives) => {
            return alternatives
                .iter()
                .for_each(|Alternative { docs, ty }| add_alternatives(docs, ty, circle, known));
        }
        JsonType::Object(object) => without_parts(object.clone(), circle).into(),
        other => other.clone(),
    };
    if !known.iter().any(|known| known.ty == ty) {
        known.push(Alternative { docs: docs.to_vec(), ty });
    }
}

/// Returns an object that has any properties in the place of those of the circle, which have no end.
fn without_parts(mut object: ObjectType, circle: &BTreeSet<String>) -> ObjectType {
    let count = object.parts.len();
    object.parts.retain(|part| !matches!(&part.ty, JsonType::Named(name) if circle.contains(name)));
    if object.parts.len() < count {
        object.rest = Some(Box::new(JsonType::Value));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_rpc::{Direction, Part, Property};

    fn resolved(definitions: &[(&str, JsonType)]) -> Vec<JsonType> {
        let definition = |(name, ty): &(&str, JsonType)| JsonDefinition {
            name: (*name).to_owned(),
            origin: String::new(),
            docs: Vec::new(),
            ty: ty.clone(),
            direction: Direction::Received,
            numbers: Vec::new(),
        };
        let mut definitions: Vec<_> = definitions.iter().map(definition).collect();
        resolve(&mut definitions);
        definitions.into_iter().map(|definition| definition.ty).collect()
    }

    fn named(name: &str) -> JsonType {
        JsonType::Named(name.to_owned())
    }

    #[test]
    fn circles_are_their_other_alternatives() {
        let chain = named("Chain").or_null();
        let (a, b) = (JsonType::any_of([named("B"), JsonType::Text]), named("A").or_null());
        let user = named("A").or_null();
        let both = JsonType::any_of([JsonType::Text, JsonType::Null]);
        let definitions = [("Chain", chain), ("A", a), ("B", b), ("C", user.clone()), ("D", named("D"))];
        let expected = [JsonType::Null, both.clone(), both, user, JsonType::any_of([])];
        assert_eq!(resolved(&definitions), expected);
    }

    #[test]
    fn lists_and_objects_end_a_circle() {
        let tree = JsonType::List(Box::new(named("Tree")));
        let node =
            ObjectType { properties: vec![Property::new("next", named("Node"))], ..ObjectType::default() };
        let definitions = [("Tree", tree.clone()), ("Node", node.clone().into())];
        assert_eq!(resolved(&definitions), [tree, node.into()]);
    }

    #[test]
    fn object_beside_itself_has_any_properties() {
        let part = Part { ty: named("A"), is_optional: false };
        let object = ObjectType { parts: vec![part], ..ObjectType::default() };
        let any = ObjectType { rest: Some(Box::new(JsonType::Value)), ..ObjectType::default() };
        assert_eq!(resolved(&[("A", object.into())]), [any.into()]);
    }

    #[test]
    fn long_chain_of_names_is_no_circle() {
        let names: Vec<_> = (0..2_000).map(|index| format!("N{index:04}")).collect();
        let chain: Vec<_> = names.windows(2).map(|pair| (&*pair[0], named(&pair[1]))).collect();
        assert!(resolved(&chain).iter().all(|ty| matches!(ty, JsonType::Named(_))));
    }
}
