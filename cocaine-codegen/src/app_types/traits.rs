//! The traits that types can derive.

use std::collections::{BTreeMap, BTreeSet};

use cocaine::schema::{AppSchema, Shape, Type};

use super::{
    fields::FieldForm,
    graph::InlineCycles,
    std_types::StdType,
    walk::{DefinitionMap, for_each_part, for_each_type},
};

/// The traits of a defined type.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TypeTraits {
    /// Whether it implements `Default`.
    pub(crate) has_default: bool,
    /// Whether it can implement `Ord`.
    pub(super) is_ordered: bool,
    /// Whether a key contains it, so that it has to implement `Ord`.
    pub(crate) is_in_key: bool,
}

/// Returns the traits of each definition.
pub(super) fn find<'s>(
    schema: &'s AppSchema,
    std_types: &BTreeMap<&'s str, StdType>,
    cycles: &InlineCycles<'s>,
) -> BTreeMap<&'s str, TypeTraits> {
    let types = &schema.types;
    let defaults = with_default(types, std_types, cycles);
    let unordered = without_order(types, std_types);
    let in_keys = in_keys(schema, &unordered);
    let traits = types.keys().map(|name| {
        let name = name.as_str();
        let has_default = defaults.contains(name);
        let is_ordered = !unordered.contains(name);
        (name, TypeTraits { has_default, is_ordered, is_in_key: in_keys.contains(name) })
    });
    traits.collect()
}

/// Returns whether values of `ty` have an order; `is_named_ordered` says it of definitions.
pub(super) fn is_ordered(ty: &Type, is_named_ordered: &dyn Fn(&str) -> bool) -> bool {
    match ty {
        Type::Opaque | Type::Any | Type::F32 | Type::F64 => false,
        Type::Named(name) => is_named_ordered(name),
        _ => {
            let mut all = true;
            for_each_part(ty, &mut |of, _| all = all && is_ordered(of, is_named_ordered));
            all
        }
    }
}

/// Returns whether `ty` implements `Default`; `has_named_default` says it of definitions.
pub(super) fn has_default(ty: &Type, has_named_default: &dyn Fn(&str) -> bool) -> bool {
    match ty {
        Type::NonZero(_) => false,
        Type::Named(name) => has_named_default(name),
        Type::Array(of, len) => *len > super::MAX_ARRAY || has_default(of, has_named_default),
        Type::Tuple(types) => types.iter().all(|of| has_default(of, has_named_default)),
        _ => true,
    }
}

/// Returns the definitions that implement `Default`: what does not contain others, and then what contains these only.
///
/// Within a cycle none has one for the sake of another: it would go on without an end.
fn with_default<'s>(
    types: &'s DefinitionMap,
    std_types: &BTreeMap<&'s str, StdType>,
    cycles: &InlineCycles<'s>,
) -> BTreeSet<&'s str> {
    let mut found = BTreeSet::new();
    loop {
        let len = found.len();
        for (name, definition) in types {
            let has_named_default = |of: &str| found.contains(of) && !cycles.are_in_one(name, of);
            let has_default = |ty: &Type| has_default(ty, &has_named_default);
            let is_default = match (std_types.get(name.as_str()), &definition.shape) {
                (Some(std_type), _) => std_type.has_default && std_type.arguments.iter().all(has_default),
                (None, Shape::Enum(_)) => false,
                (None, Shape::Struct(definition)) => definition.fields.iter().all(|field| {
                    let has_default = has_default(&field.ty);
                    let form = FieldForm::of(field, definition.deny_unknown_fields, has_default);
                    has_default || form == FieldForm::Optional
                }),
                (None, _) => {
                    let mut all = true;
                    for_each_type(definition, &mut |ty| all = all && has_default(ty));
                    all
                }
            };
            if is_default {
                found.insert(name.as_str());
            }
        }
        if found.len() == len {
            return found;
        }
    }
}

/// Returns the definitions that have no order: what contains a float or the like, and then what contains these.
fn without_order<'s>(types: &'s DefinitionMap, std_types: &BTreeMap<&'s str, StdType>) -> BTreeSet<&'s str> {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    loop {
        let len = found.len();
        for (name, definition) in types {
            let mut all = std_types.get(name.as_str()).is_none_or(|std_type| std_type.is_ordered);
            for_each_type(definition, &mut |ty| all = all && is_ordered(ty, &|name| !found.contains(name)));
            if !all {
                found.insert(name.as_str());
            }
        }
        if found.len() == len {
            return found;
        }
    }
}

/// Returns the definitions that keys of maps contain.
fn in_keys<'s>(schema: &'s AppSchema, unordered: &BTreeSet<&str>) -> BTreeSet<&'s str> {
    let mut open = Vec::new();
    let events = schema.events.values();
    let roots = events.flat_map(|event| {
        let arguments = event.arguments.iter().map(|argument| &argument.ty);
        arguments.chain(&event.input).chain([event.output.ty()])
    });
    roots.for_each(|ty| push_keys(ty, &mut open));
    for definition in schema.types.values() {
        for_each_type(definition, &mut |ty| push_keys(ty, &mut open));
    }
    open.retain(|key| is_ordered(key, &|name| !unordered.contains(name)));
    let mut found = BTreeSet::new();
    while let Some(ty) = open.pop() {
        if let Type::Named(name) = ty
            && let Some(definition) = schema.types.get(name)
            && found.insert(name.as_str())
        {
            for_each_type(definition, &mut |ty| open.push(ty));
        }
        for_each_part(ty, &mut |of, _| open.push(of));
    }
    found
}

fn push_keys<'s>(ty: &'s Type, keys: &mut Vec<&'s Type>) {
    if let Type::Map(key, _) = ty {
        keys.push(key);
    }
    for_each_part(ty, &mut |of, _| push_keys(of, keys));
}
