//! The attributes of types, fields and variants.

use cocaine::schema::{Field, Tagging, Type};
use proc_macro2::TokenStream;
use quote::quote;

use super::TypeContext;
use crate::app_types::{AppTypes, FieldForm};

/// Returns `#[serde(…)]` of a type.
pub(super) fn container_attribute(tagging: &Tagging, deny_unknown_fields: bool) -> TokenStream {
    let mut parts = vec![quote!(crate = "::cocaine::bind::serde")];
    match tagging {
        Tagging::External => {}
        Tagging::Internal { tag } => parts.push(quote!(tag = #tag)),
        Tagging::Adjacent { tag, content } => parts.push(quote!(tag = #tag, content = #content)),
        Tagging::Untagged => parts.push(quote!(untagged)),
    }
    if deny_unknown_fields {
        parts.push(quote!(deny_unknown_fields));
    }
    quote!(#[serde(#(#parts),*)])
}

/// Returns the parts of `#[serde(…)]` for the names of what is called `rust_name` in Rust.
pub(super) fn name_parts(rust_name: &str, name: &str, aliases: &[String]) -> Vec<TokenStream> {
    let mut parts = Vec::new();
    if rust_name != name {
        parts.push(quote!(rename = #name));
    }
    parts.extend(aliases.iter().map(|alias| quote!(alias = #alias)));
    parts
}

/// Returns `#[serde(…)]` of these parts.
pub(super) fn serde_attribute(parts: &[TokenStream]) -> Option<TokenStream> {
    (!parts.is_empty()).then(|| quote!(#[serde(#(#parts),*)]))
}

/// Returns the parts of `#[serde(…)]` for the presence of a field.
pub(super) fn presence_parts(field: &Field, form: FieldForm) -> Vec<TokenStream> {
    let is_option = matches!(field.ty, Type::Option(_));
    let mut parts = Vec::new();
    match form {
        FieldForm::Plain => {}
        FieldForm::Default => parts.push(quote!(default)),
        // A missing `Option` is `None`.
        FieldForm::SkippedIf(function) if is_option => parts.push(quote!(skip_serializing_if = #function)),
        FieldForm::SkippedIf(function) => parts.push(quote!(default, skip_serializing_if = #function)),
        FieldForm::Optional => {
            parts.push(quote!(default, skip_serializing_if = "::core::option::Option::is_none"));
        }
    }
    if field.flatten {
        parts.push(quote!(flatten));
    }
    parts
}

/// Returns `#[schema(…)]` of a field whose Rust type has another schema than `ty`.
pub(super) fn schema_attribute<'t>(
    context: TypeContext<'t>,
    ty: &'t Type,
    form: FieldForm,
) -> Option<TokenStream> {
    if *ty == Type::Opaque && form != FieldForm::Optional {
        return Some(quote!(#[schema(opaque)]));
    }
    (form == FieldForm::Optional || AppTypes::is_inexact(ty)).then(|| {
        let exact = TypeContext { is_exact: true, ..context }.owned(ty);
        quote!(#[schema(as = #exact)])
    })
}
