//! Definitions that neither serde nor the compiler takes.

use std::collections::BTreeSet;

use cocaine::schema::{AppSchema, Content, EnumDefinition, Field, Shape, Tagging, Variant};

use super::{
    super::{
        kinds::{self, KindTable},
        size::{self, Sizes},
    },
    AppProblems, event_types, type_place,
};
use crate::{
    error::{Error, Result},
    naming::shown,
};

/// The largest value, in bytes, which the compiler puts on a stack.
const MAX_SIZE: usize = 1 << 20;

/// Fails for definitions of which no Rust can be made.
pub(in super::super) fn check_definitions<'s>(
    app: &str,
    schema: &'s AppSchema,
    sizes: &Sizes<'_>,
    kinds: &mut KindTable<'s>,
) -> Result<()> {
    let types = &schema.types;
    let mut problems = AppProblems::new(app);
    check_values(schema, sizes, &mut problems);
    for (name, definition) in types {
        let mut check = DefinitionCheck { name, kinds, problems: &mut problems };
        match &definition.shape {
            Shape::Struct(definition) => check.fields(None, &definition.fields),
            Shape::Enum(definition) => check.enumeration(definition),
            _ => {}
        }
    }
    Error::check(problems.problems)
}

/// Reports types without values, and types whose values are too large.
fn check_values(schema: &AppSchema, sizes: &Sizes<'_>, problems: &mut AppProblems) {
    for name in size::infinite(&schema.types) {
        problems.push(
            type_place(name),
            "each value would contain another, without an end: make one of the fields an `option` or a `list`",
        );
    }
    let types = schema.types.keys().map(|name| (type_place(name), sizes.named(name)));
    let events = event_types(schema).into_iter().map(|(place, ty)| (place, sizes.of("", ty)));
    for (place, _) in types.chain(events).filter(|(_, size)| *size > MAX_SIZE) {
        problems.push(place, "a value takes more than 1 MiB of memory: make a `list` of an array in it");
    }
}

/// A definition that is checked.
struct DefinitionCheck<'c, 's> {
    name: &'s str,
    kinds: &'c mut KindTable<'s>,
    problems: &'c mut AppProblems,
}

impl<'s> DefinitionCheck<'_, 's> {
    /// Reports something about the definition, or a part of it, such as ``field `x` ``.
    fn report(&mut self, part: Option<&str>, message: impl Into<String>) {
        let place = type_place(self.name);
        self.problems.push(part.map_or_else(|| place.clone(), |part| format!("{place}, {part}")), message);
    }

    /// Reports names that clash, and what cannot be flattened, in a struct or in the variant of this name.
    fn fields(&mut self, variant: Option<&str>, fields: &'s [Field]) {
        let place = |field: &Field| {
            let field = format!("field `{}`", shown(&field.name));
            variant.map_or_else(|| field.clone(), |variant| format!("variant `{}`, {field}", shown(variant)))
        };
        let mut names = BTreeSet::new();
        for field in fields {
            if field.flatten {
                if !self.kinds.of(self.name, &field.ty).is_map() {
                    self.report(Some(&place(field)), "only a struct or a map can be flattened");
                }
                continue;
            }
            for name in std::iter::once(&field.name).chain(&field.aliases) {
                if !names.insert(name) {
                    let message = format!("another field is called, or read as, `{}` as well", shown(name));
                    self.report(Some(&place(field)), message);
                }
            }
        }
    }

    fn enumeration(&mut self, definition: &'s EnumDefinition) {
        match &definition.tagging {
            Tagging::Adjacent { tag, content } if tag == content => {
                self.report(None, format!("the tag and the content are both called `{}`", shown(tag)));
            }
            Tagging::Internal { tag } => self.internal(tag, &definition.variants),
            Tagging::Untagged => self.untagged(definition),
            _ => {}
        }
        let mut names = BTreeSet::new();
        for (index, variant) in definition.variants.iter().enumerate() {
            let place = variant_place(variant);
            if let Content::Struct(fields) = &variant.content {
                self.fields(Some(&variant.name), fields);
            }
            if definition.tagging == Tagging::Untagged {
                continue;
            }
            for name in std::iter::once(&variant.name).chain(&variant.aliases) {
                if !names.insert(name) {
                    let message = format!("another variant is called, or read as, `{}` as well", shown(name));
                    self.report(Some(&place), message);
                }
            }
            let is_last = index + 1 == definition.variants.len();
            if variant.other && (variant.content != Content::Unit || !is_last) {
                let message =
                    "it stands for all `other` names, which only the last variant can, without content";
                self.report(Some(&place), message);
            }
        }
    }

    /// Reports variants to which no tag can be added.
    fn internal(&mut self, tag: &str, variants: &'s [Variant]) {
        for variant in variants {
            let message = match &variant.content {
                Content::Unit => continue,
                Content::Newtype(of) if self.kinds.of(self.name, of).is_map() => continue,
                Content::Struct(fields) => {
                    let mut names = fields.iter().flat_map(|field| std::iter::once(&field.name).chain(&field.aliases));
                    if !names.any(|name| name == tag) {
                        continue;
                    }
                    format!("a field is called `{}`, as the tag is", shown(tag))
                }
                _ => "a tag can be added to a map only: give the variant fields with names, or the enum a `content`"
                    .to_owned(),
            };
            self.report(Some(&variant_place(variant)), message);
        }
    }

    /// Reports variants as which no value is ever read.
    fn untagged(&mut self, definition: &'s EnumDefinition) {
        let ambiguous = self.kinds.find_ambiguous(self.name, definition);
        if let Some(variant) = ambiguous.or_else(|| kinds::find_ambiguous_struct(definition)) {
            let message = "its values are read as those of a variant before it: change their order, or give the enum a tag";
            self.report(Some(&variant_place(variant)), message);
        }
        for variant in definition.variants.iter().filter(|variant| variant.other) {
            let message = "it stands for all `other` names, and untagged variants have none";
            self.report(Some(&variant_place(variant)), message);
        }
    }
}

fn variant_place(variant: &Variant) -> String {
    format!("variant `{}`", shown(&variant.name))
}
