//! The types that a file declares.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Expr, ExprLit, ExprUnary, Fields, Ident, Item, ItemEnum, ItemStruct, Lit, UnOp, Variant,
    ext::IdentExt as _, spanned::Spanned as _,
};

use super::{CatalogueReader, MOST_ARGUMENTS, attributes::is_flag};
use crate::{
    catalogue::{DeclaredType, EnumVariant, StructField, TypeForm},
    naming,
};

/// The types that a number may have.
const REPRS: &[&str] = &["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"];

impl CatalogueReader<'_> {
    /// Notes the names of the types, so that those may use each other, and reports those that cannot be used.
    pub(super) fn own_names(&mut self, items: &[Item]) {
        let mut traits = BTreeSet::new();
        for item in items {
            match item {
                Item::Trait(item) => drop(traits.insert(item.ident.to_string())),
                Item::Struct(ItemStruct { ident, .. }) | Item::Enum(ItemEnum { ident, .. }) => {
                    let name = ident.unraw().to_string();
                    if naming::is_taken_type(&name) {
                        self.report(ident.span(), format!("`{name}` is a name of the generated code's own"));
                    } else if naming::camel(&name, "") != name {
                        let camel = naming::camel(&name, "Name");
                        self.report(ident.span(), format!("write the type's name in CamelCase: `{camel}`"));
                    } else if !self.own.insert(name.clone()) {
                        self.report(ident.span(), format!("there are two types `{name}`"));
                    }
                }
                _ => {}
            }
        }
        for item in items {
            if let Item::Struct(ItemStruct { ident, .. }) | Item::Enum(ItemEnum { ident, .. }) = item
                && traits.contains(&ident.to_string())
            {
                self.report(ident.span(), format!("`{ident}` is the name of a trait too"));
            }
        }
    }

    /// Reads the types.
    pub(super) fn own_types(&mut self, items: &[Item]) -> Vec<DeclaredType> {
        let read = items.iter().filter_map(|item| match item {
            Item::Struct(item) => self.structure(item),
            Item::Enum(item) => self.numbers(item),
            _ => None,
        });
        let types: Vec<_> = read.collect();
        let spans = items.iter().filter_map(|item| match item {
            Item::Struct(ItemStruct { ident, .. }) => Some((ident.unraw().to_string(), ident.span())),
            _ => None,
        });
        self.reject_recursion(&types, &spans.collect::<BTreeMap<_, _>>());
        types
    }

    fn structure(&mut self, item: &ItemStruct) -> Option<DeclaredType> {
        if !item.generics.params.is_empty() {
            self.report(item.generics.span(), "a type has no generics here");
        }
        let mut flat = false;
        let docs = self.docs(&item.attrs, "a struct takes `#[flat]` and docs only", |attribute| {
            let is_flat = is_flag(attribute, "flat");
            flat |= is_flat;
            is_flat
        });
        let form = match &item.fields {
            Fields::Named(fields) if (1..=MOST_ARGUMENTS).contains(&fields.named.len()) => {
                let idents = fields.named.iter().filter_map(|field| field.ident.as_ref());
                self.reject_same_names(idents, "fields");
                let fields = fields.named.iter().filter_map(|field| self.field(field)).collect();
                TypeForm::Struct { fields, flat }
            }
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                TypeForm::Newtype(self.read_owned_type(&fields.unnamed.first()?.ty)?)
            }
            _ => {
                let message = format!("a struct has 1 to {MOST_ARGUMENTS} fields with names, or one without");
                self.report(item.ident.span(), message);
                return None;
            }
        };
        Some(DeclaredType { name: item.ident.unraw().to_string(), docs, form })
    }

    fn reject_same_names<'i>(&mut self, idents: impl Iterator<Item = &'i Ident>, what: &str) {
        let mut names = BTreeSet::new();
        for ident in idents {
            let name = ident.unraw().to_string();
            if names.contains(&name) {
                self.report(ident.span(), format!("there are two {what} `{name}`"));
            }
            names.insert(name);
        }
    }

    fn field(&mut self, field: &syn::Field) -> Option<StructField> {
        let name = field.ident.as_ref()?.unraw().to_string();
        let snake = naming::snake(&name, "field");
        if name != snake {
            self.report(field.span(), format!("write the field's name in snake_case: `{snake}`"));
        }
        let docs = self.docs(&field.attrs, "a field takes docs only", |_| false);
        Some(StructField { name, docs, ty: self.read_owned_type(&field.ty)? })
    }

    fn numbers(&mut self, item: &ItemEnum) -> Option<DeclaredType> {
        let mut repr = Some("i32");
        let docs = self.docs(&item.attrs, "an enum takes `#[repr(…)]` and docs only", |attribute| {
            let is_repr = attribute.path().is_ident("repr");
            if is_repr {
                let named = attribute.parse_args::<syn::Ident>().ok();
                repr = named.and_then(|named| REPRS.iter().find(|known| named == **known).copied());
            }
            is_repr
        });
        let Some(repr) = repr else {
            self.report(item.ident.span(), format!("write one of `#[repr({})]`", REPRS.join("|")));
            return None;
        };
        self.reject_same_names(item.variants.iter().map(|variant| &variant.ident), "variants");
        let numbers: Vec<_> = item.variants.iter().filter_map(|variant| self.number(variant, repr)).collect();
        let values: BTreeSet<_> = numbers.iter().map(|number| number.value).collect();
        if item.variants.is_empty() || values.len() < numbers.len() {
            self.report(item.ident.span(), "an enum has at least one variant, each with a number of its own");
        }
        Some(DeclaredType {
            name: item.ident.unraw().to_string(),
            docs,
            form: TypeForm::Numbers { repr, numbers },
        })
    }

    fn number(&mut self, variant: &Variant, repr: &str) -> Option<EnumVariant> {
        let name = variant.ident.unraw().to_string();
        if !naming::is_camel(&name) {
            let camel = naming::camel(&name, "Name");
            self.report(variant.span(), format!("write the variant's name in CamelCase: `{camel}`"));
        }
        let docs = self.docs(&variant.attrs, "a variant takes docs only", |_| false);
        let value = variant.discriminant.as_ref().and_then(|(_, value)| integer(value));
        match (value, &variant.fields) {
            (Some(value), Fields::Unit) if !fits(value, repr) => {
                self.report(variant.span(), format!("{value} is no `{repr}`"));
                None
            }
            (Some(value), Fields::Unit) if name != "Other" => Some(EnumVariant { name, docs, value }),
            _ => {
                self.report(variant.span(), "write `Name = 1`; `Other` is there for all other numbers");
                None
            }
        }
    }
}

/// Returns whether `value` is a number of the type `repr`.
fn fits(value: i128, repr: &str) -> bool {
    let bits: u32 = repr[1..].parse().unwrap_or_default();
    let range = if repr.starts_with('i') { -1 << (bits - 1)..1 << (bits - 1) } else { 0..1 << bits };
    range.contains(&value)
}

/// Returns the number that is written as `1` or `-1`.
fn integer(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => integer(expr).map(std::ops::Neg::neg),
        _ => None,
    }
}
