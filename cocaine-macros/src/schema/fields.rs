//! The fields of structs and variants.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Field, Fields, Ident, Type, TypePath,
    ext::IdentExt as _,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use super::{attributes::SerdeAttributes, case::RenameRule};
use crate::diagnostics::Diagnostics;

/// A field with what its attributes say.
pub(super) struct SchemaField<'i> {
    pub(super) ty: &'i Type,
    pub(super) attributes: SerdeAttributes,
    /// Its name, as it travels; empty if it has none.
    pub(super) name: String,
    /// Whether it may be missing.
    pub(super) has_default: bool,
}

/// Returns the fields that travel, and reports those that cannot.
pub(super) fn read<'i>(
    fields: &'i Fields,
    rule: RenameRule,
    has_default: bool,
    diagnostics: &mut Diagnostics,
) -> Vec<SchemaField<'i>> {
    let mut read = Vec::new();
    for field in fields {
        let attributes = SerdeAttributes::read(&field.attrs, diagnostics);
        if attributes.is_skipped() {
            continue;
        }
        check(field, &attributes, diagnostics);
        let name = field.ident.as_ref().map_or_else(String::new, |ident| {
            attributes.rename.clone().unwrap_or_else(|| rule.field(&ident.unraw().to_string()))
        });
        let has_default = has_default || attributes.default;
        read.push(SchemaField { ty: &field.ty, attributes, name, has_default });
    }
    read
}

/// Reports what cannot travel.
fn check(field: &Field, attributes: &SerdeAttributes, diagnostics: &mut Diagnostics) {
    if attributes.as_type.is_none() && !attributes.is_opaque {
        WideIntegers(diagnostics).visit_type(&field.ty);
    }
    if field.ident.is_some() {
        return;
    }
    let skipped =
        [&attributes.skip_serializing, &attributes.skip_deserializing, &attributes.skip_serializing_if];
    for path in skipped.into_iter().flatten() {
        diagnostics.error(
            path,
            "a field of a tuple has no name, so those after it would take its place: give the fields names, or use `skip`",
        );
    }
    if let Some(path) = &attributes.flatten {
        diagnostics
            .error(path, "a tuple is an array, in which nothing can be flattened: give the fields names");
    }
}

/// Reports integers of 128 bits.
struct WideIntegers<'d>(&'d mut Diagnostics);

impl<'ast> Visit<'ast> for WideIntegers<'_> {
    fn visit_type_path(&mut self, path: &'ast TypePath) {
        if path.qself.is_none() && (path.path.is_ident("u128") || path.path.is_ident("i128")) {
            let text = "MessagePack has no integers of 128 bits: send a text, or the bytes as `[u8; 16]`";
            self.0.error(path, text);
        }
        visit::visit_type_path(self, path);
    }
}

impl SchemaField<'_> {
    /// Returns whether a value without it is refused.
    pub(super) fn is_required(&self) -> bool {
        !self.has_default
            && self.attributes.skip_deserializing.is_none()
            && self.attributes.flatten.is_none()
            && !is_last_segment(self.ty, "Option")
    }

    /// Returns the type that it travels as, unless it is opaque.
    pub(super) fn known_type(&self) -> Option<&Type> {
        match (&self.attributes.as_type, self.attributes.is_opaque) {
            (Some(ty), _) => Some(ty),
            (None, true) => None,
            (None, false) => Some(self.ty),
        }
    }

    /// Returns the expression of its type.
    pub(super) fn ty_expr(&self) -> TokenStream {
        self.known_type().map_or_else(|| quote!(::cocaine::bind::schema::Type::Opaque), type_expr)
    }

    /// Returns the expression of the kinds of its values.
    pub(super) fn kinds_expr(&self) -> TokenStream {
        self.known_type().map_or_else(|| quote!(::cocaine::bind::schema::Kinds::UNKNOWN), kinds_expr)
    }

    /// Returns the expression of its presence where it is read, unless its type decides that.
    fn read_presence(&self) -> Option<TokenStream> {
        let attributes = &self.attributes;
        let is_hidden_option = attributes.is_opaque && !attributes.with && is_last_segment(self.ty, "Option");
        match presence(attributes.skip_deserializing.is_some(), self.has_default || is_hidden_option) {
            // Serde takes no missing `Option` for `None` then.
            None if attributes.with => Some(quote!(::cocaine::bind::schema::Presence::Always)),
            known => known,
        }
    }

    /// Returns the expression of the field, which has a name.
    pub(super) fn field_expr(&self) -> TokenStream {
        let (attributes, name, ty) = (&self.attributes, &self.name, self.ty_expr());
        let doc = &attributes.doc;
        let aliases = &attributes.aliases;
        let flatten = attributes.flatten.is_some();
        let written =
            presence(attributes.skip_serializing.is_some(), attributes.skip_serializing_if.is_some())
                .map(|presence| quote!(field.written = #presence;));
        let read = self.read_presence().map(|presence| quote!(field.read = #presence;));
        quote! {{
            #[allow(unused_mut)]
            let mut field = ::cocaine::bind::schema::Field::new(#name, #ty);
            field.doc = ::std::string::String::from(#doc);
            field.aliases = ::std::vec![#(::std::string::String::from(#aliases)),*];
            field.flatten = #flatten;
            #written
            #read
            field
        }}
    }
}

/// Returns the presence of what is there never or sometimes.
pub(super) fn presence(never: bool, sometimes: bool) -> Option<TokenStream> {
    match (never, sometimes) {
        (true, _) => Some(quote!(::cocaine::bind::schema::Presence::Never)),
        (false, true) => Some(quote!(::cocaine::bind::schema::Presence::Sometimes)),
        (false, false) => None,
    }
}

/// Returns the expression of the schema of `ty`, which is opaque if it has none.
pub(super) fn type_expr(ty: &Type) -> TokenStream {
    let definitions = definitions();
    quote_spanned!(ty.span()=> ::cocaine::bind::schema::SchemaProbe::<#ty>::schema(#definitions))
}

/// Returns the variable that holds the definitions. It is the same whatever macro a type comes from.
pub(super) fn definitions() -> Ident {
    Ident::new("definitions", Span::mixed_site())
}

/// Returns the expression of the kinds of values of `ty`. They are unknown behind a pointer, since a type may contain itself
/// there.
fn kinds_expr(ty: &Type) -> TokenStream {
    let mut pointers = Pointers(false);
    pointers.visit_type(ty);
    if pointers.0 {
        return quote!(::cocaine::bind::schema::Kinds::UNKNOWN);
    }
    quote_spanned!(ty.span()=> ::cocaine::bind::schema::SchemaProbe::<#ty>::KINDS)
}

/// Finds pointers.
struct Pointers(bool);

impl<'ast> Visit<'ast> for Pointers {
    fn visit_type_path(&mut self, path: &'ast TypePath) {
        self.0 |= path
            .path
            .segments
            .iter()
            .any(|segment| ["Box", "Rc", "Arc"].iter().any(|name| segment.ident == name));
        visit::visit_type_path(self, path);
    }
}

fn is_last_segment(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}
