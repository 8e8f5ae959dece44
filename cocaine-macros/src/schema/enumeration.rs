//! Enums: their variants, how they are told apart, and whether they can be.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DataEnum, Fields, Ident, ext::IdentExt as _};

use super::{
    attributes::SerdeAttributes,
    bounded_hash::{BoundedHash, PartList},
    fields::{self, SchemaField},
};
use crate::diagnostics::Diagnostics;

/// A variant that travels.
struct SchemaVariant<'i> {
    ident: &'i Ident,
    attributes: SerdeAttributes,
    name: String,
    style: VariantStyle,
    fields: Vec<SchemaField<'i>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum VariantStyle {
    Unit,
    Newtype,
    Tuple,
    Struct,
}

/// What is generated for an enum.
pub(super) struct EnumExpansion {
    /// The expression of its shape.
    pub(super) shape: TokenStream,
    /// The expression of the kinds of its values.
    pub(super) kinds: TokenStream,
    /// What has to hold of the types of its variants.
    pub(super) assertions: Vec<TokenStream>,
    pub(super) hash: BoundedHash,
}

/// Expands an enum, and reports variants that cannot travel.
pub(super) fn expand(
    data: &DataEnum,
    attributes: &SerdeAttributes,
    diagnostics: &mut Diagnostics,
) -> EnumExpansion {
    let variants = read(data, attributes, diagnostics);
    let (tagging, kinds, assertions) = match (&attributes.tag, &attributes.content, &attributes.untagged) {
        (_, _, Some(_)) => {
            check_untagged_structs(&variants, diagnostics);
            (quote!(Untagged), union(&variants), untagged_assertions(&variants))
        }
        (Some(tag), Some(content), _) => {
            let adjacent = quote! {
                Adjacent {
                    tag: ::std::string::String::from(#tag),
                    content: ::std::string::String::from(#content),
                }
            };
            (adjacent, quote!(::cocaine::bind::schema::Kinds::STRUCT), Vec::new())
        }
        (Some(tag), None, _) => {
            check_internal_tuples(&variants, diagnostics);
            let internal = quote!(Internal { tag: ::std::string::String::from(#tag) });
            (internal, quote!(::cocaine::bind::schema::Kinds::STRUCT), internal_assertions(&variants))
        }
        (None, _, _) => (quote!(External), external_kinds(&variants), Vec::new()),
    };
    let hash = hash(&variants, attributes);
    let variants = variants.iter().map(SchemaVariant::expr);
    let shape = quote! {
        ::cocaine::bind::schema::Shape::Enum(::cocaine::bind::schema::EnumDefinition {
            tagging: ::cocaine::bind::schema::Tagging::#tagging,
            variants: ::std::vec![#(#variants),*],
        })
    };
    EnumExpansion { shape, kinds, assertions, hash }
}

fn read<'i>(
    data: &'i DataEnum,
    container: &SerdeAttributes,
    diagnostics: &mut Diagnostics,
) -> Vec<SchemaVariant<'i>> {
    let mut variants = Vec::new();
    for variant in &data.variants {
        let attributes = SerdeAttributes::read(&variant.attrs, diagnostics);
        if let Some(path) = &attributes.untagged {
            diagnostics.error(
                path,
                "a schema has one way to tell the variants apart: make the enum `untagged`, or none",
            );
        }
        if attributes.is_skipped() {
            continue;
        }
        let name = attributes
            .rename
            .clone()
            .unwrap_or_else(|| container.rename_all.variant(&variant.ident.unraw().to_string()));
        let rule = attributes.rename_all.or(container.rename_all_fields);
        let fields = fields::read(&variant.fields, rule, false, diagnostics);
        let style = match &variant.fields {
            Fields::Unit => VariantStyle::Unit,
            Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 && fields.len() == 1 => {
                VariantStyle::Newtype
            }
            Fields::Unnamed(_) => VariantStyle::Tuple,
            Fields::Named(_) => VariantStyle::Struct,
        };
        variants.push(SchemaVariant { ident: &variant.ident, attributes, name, style, fields });
    }
    variants
}

impl SchemaVariant<'_> {
    fn expr(&self) -> TokenStream {
        let (name, doc, aliases, other) =
            (&self.name, &self.attributes.doc, &self.attributes.aliases, self.attributes.other);
        let content = self.content();
        let always = || quote!(::cocaine::bind::schema::Presence::Always);
        let written =
            fields::presence(self.attributes.skip_serializing.is_some(), false).unwrap_or_else(always);
        let read =
            fields::presence(self.attributes.skip_deserializing.is_some(), false).unwrap_or_else(always);
        quote! {
            ::cocaine::bind::schema::Variant {
                name: ::std::string::String::from(#name),
                doc: ::std::string::String::from(#doc),
                aliases: ::std::vec![#(::std::string::String::from(#aliases)),*],
                content: ::cocaine::bind::schema::Content::#content,
                other: #other,
                written: #written,
                read: #read,
            }
        }
    }

    fn content(&self) -> TokenStream {
        if self.attributes.is_opaque && self.style != VariantStyle::Unit {
            return quote!(Newtype(::cocaine::bind::schema::Type::Opaque));
        }
        let types = self.fields.iter().map(SchemaField::ty_expr);
        match self.style {
            VariantStyle::Unit => quote!(Unit),
            VariantStyle::Newtype => quote!(Newtype(#(#types)*)),
            VariantStyle::Tuple => quote!(Tuple(::std::vec![#(#types),*])),
            VariantStyle::Struct => {
                let fields = self.fields.iter().map(SchemaField::field_expr);
                quote!(Struct(::std::vec![#(#fields),*]))
            }
        }
    }

    /// Returns the expression of the hash of its content.
    fn content_hash(&self, parts: &mut PartList) -> TokenStream {
        match self.style {
            VariantStyle::Unit => quote!(::cocaine::bind::schema::bounded_hash::NO_CONTENT),
            _ if self.attributes.is_opaque => parts.add_opaque(),
            VariantStyle::Newtype => parts.add_field(&self.fields[0]),
            VariantStyle::Tuple => parts.add_content(|parts| parts.add_tuple(&self.fields)),
            VariantStyle::Struct => parts.add_content(|parts| parts.add_struct(&self.fields)),
        }
    }

    /// Returns the expression of the kinds of values of its content.
    fn content_kinds(&self) -> TokenStream {
        if self.attributes.is_opaque {
            return quote!(::cocaine::bind::schema::Kinds::UNKNOWN);
        }
        match self.style {
            VariantStyle::Unit => quote!(::cocaine::bind::schema::Kinds::UNIT),
            VariantStyle::Newtype => self.fields[0].kinds_expr(),
            VariantStyle::Tuple => quote!(::cocaine::bind::schema::Kinds::ARRAY),
            VariantStyle::Struct => quote!(::cocaine::bind::schema::Kinds::MAP),
        }
    }
}

/// Returns the hash of the enum.
fn hash(variants: &[SchemaVariant<'_>], attributes: &SerdeAttributes) -> BoundedHash {
    let mut parts = PartList::new();
    let is_untagged = attributes.untagged.is_some();
    let hashes: Vec<_> = variants
        .iter()
        .map(|variant| {
            let content = variant.content_hash(&mut parts);
            let name = if is_untagged { "" } else { &variant.name };
            quote!(::cocaine::bind::schema::bounded_hash::hash_variant(#name, #content))
        })
        .collect();
    let tagging = match (&attributes.tag, &attributes.content) {
        (Some(tag), Some(content)) => quote!("adjacent", #tag, #content),
        (Some(tag), None) => quote!("internal", #tag),
        (None, _) => quote!("external"),
    };
    parts.into_hash(if is_untagged {
        quote!(::cocaine::bind::schema::bounded_hash::hash_parts("untagged", &[#(#hashes),*]))
    } else {
        quote!(::cocaine::bind::schema::bounded_hash::hash_enum(&[#tagging], &[#(#hashes),*]))
    })
}

fn union(variants: &[SchemaVariant<'_>]) -> TokenStream {
    let kinds = variants.iter().map(SchemaVariant::content_kinds);
    quote!(::cocaine::bind::schema::Kinds::UNKNOWN #(.or(#kinds))*)
}

fn external_kinds(variants: &[SchemaVariant<'_>]) -> TokenStream {
    let has = |is_unit| variants.iter().any(|variant| (variant.style == VariantStyle::Unit) == is_unit);
    let unit = has(true).then(|| quote!(.or(::cocaine::bind::schema::Kinds::UNIT_VARIANT)));
    let content = has(false).then(|| quote!(.or(::cocaine::bind::schema::Kinds::VARIANT)));
    quote!(::cocaine::bind::schema::Kinds::UNKNOWN #unit #content)
}

fn check_internal_tuples(variants: &[SchemaVariant<'_>], diagnostics: &mut Diagnostics) {
    for variant in variants.iter().filter(|variant| variant.style == VariantStyle::Tuple) {
        diagnostics.error(
            variant.ident,
            "a tuple is an array, to which no tag can be added: give the fields names, or add `content`",
        );
    }
}

fn internal_assertions(variants: &[SchemaVariant<'_>]) -> Vec<TokenStream> {
    let newtypes = variants.iter().filter(|variant| variant.style == VariantStyle::Newtype);
    newtypes
        .map(|variant| {
            let kinds = variant.content_kinds();
            quote_spanned! {variant.ident.span()=>
                ::core::assert!(
                    (#kinds).is_map(),
                    "a tag can be added to a map only: give the variant fields with names, or add `content`",
                );
            }
        })
        .collect()
}

/// Returns assertions that serde, which tries one variant after the other, takes no value for one of an earlier variant.
fn untagged_assertions(variants: &[SchemaVariant<'_>]) -> Vec<TokenStream> {
    let mut assertions = Vec::new();
    for (index, later) in variants.iter().enumerate().skip(1) {
        // Structs are told apart by their fields.
        let earlier = variants[..index]
            .iter()
            .filter(|earlier| later.style != VariantStyle::Struct || earlier.style != VariantStyle::Struct);
        let earlier = earlier.map(SchemaVariant::content_kinds);
        let kinds = later.content_kinds();
        assertions.push(quote_spanned! {later.ident.span()=>
            ::core::assert!(
                !::cocaine::bind::schema::Kinds::UNKNOWN #(.or(#earlier))*.takes(#kinds),
                "a value of this variant is read as one of a variant before it: change their order, or tell them apart \
                 with `tag = \"type\"`",
            );
        });
    }
    assertions
}

/// Reports variants all of whose values an earlier variant takes: one without a required field that they lack.
fn check_untagged_structs(variants: &[SchemaVariant<'_>], diagnostics: &mut Diagnostics) {
    let structs: Vec<_> = variants.iter().filter(|variant| variant.style == VariantStyle::Struct).collect();
    for (index, later) in structs.iter().enumerate() {
        let names: BTreeSet<_> = later.fields.iter().map(|field| field.name.as_str()).collect();
        let takes = |earlier: &&SchemaVariant<'_>| {
            earlier
                .fields
                .iter()
                .filter(|field| field.is_required())
                .all(|field| names.contains(field.name.as_str()))
        };
        if let Some(earlier) = structs[..index].iter().copied().find(|earlier| takes(earlier)) {
            let text = format!(
                "a value of this variant is read as `{}`, whose required fields it has: change their order, or tell \
                 them apart with `tag = \"type\"`",
                earlier.ident
            );
            diagnostics.error(later.ident, text);
        }
    }
}
