//! The implementation of `Schema`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Fields, GenericParam, Generics, ext::IdentExt as _, parse_quote};

use super::{
    attributes::SerdeAttributes,
    bounded_hash::{BoundedHash, PartList},
    enumeration,
    fields::{self, SchemaField},
};
use crate::diagnostics::Diagnostics;

/// What is generated for a type.
struct Expansion {
    /// The expression of its shape.
    shape: TokenStream,
    /// The expression of the kinds of its values.
    kinds: TokenStream,
    /// What has to hold of the types in it.
    assertions: Vec<TokenStream>,
    hash: BoundedHash,
}

/// Returns the implementation for `item`, with all errors.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let expanded = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => expand(&input, &mut diagnostics),
        Err(error) => {
            diagnostics.push(error);
            None
        }
    };
    let expanded = expanded.filter(|_| diagnostics.is_empty());
    diagnostics.append_to(expanded.unwrap_or_default())
}

fn expand(input: &DeriveInput, diagnostics: &mut Diagnostics) -> Option<TokenStream> {
    let attributes = SerdeAttributes::read(&input.attrs, diagnostics);
    if let Some(path) = &attributes.remote {
        diagnostics
            .error(path, "`remote` describes another type: leave `Schema` out here, and name what it travels as where it is used, with \
             `#[schema(as = Type)]`");
        return None;
    }
    if attributes.from.is_some() || attributes.into.is_some() {
        return converted(input, &attributes, diagnostics);
    }
    let expansion = match &input.data {
        Data::Struct(data) => structure(&data.fields, &attributes, diagnostics),
        Data::Enum(data) => {
            let enumeration = enumeration::expand(data, &attributes, diagnostics);
            let enumeration::EnumExpansion { shape, kinds, assertions, hash } = enumeration;
            Expansion { shape, kinds, assertions, hash }
        }
        Data::Union(data) => {
            diagnostics.error(data.union_token, "a union cannot travel: serde has no form for it");
            return None;
        }
    };
    Some(implementation(input, &attributes, &expansion))
}

fn structure(fields: &Fields, attributes: &SerdeAttributes, diagnostics: &mut Diagnostics) -> Expansion {
    let read = fields::read(fields, attributes.rename_all, attributes.default, diagnostics);
    let types = read.iter().map(SchemaField::ty_expr);
    let (shape, kinds) = match (fields, &read[..]) {
        (Fields::Unit, _) => (quote!(UnitStruct), quote!(::cocaine::bind::schema::Kinds::UNIT_STRUCT)),
        (Fields::Unnamed(unnamed), [field]) if unnamed.unnamed.len() == 1 || attributes.transparent => {
            (quote!(Newtype(#(#types)*)), field.kinds_expr())
        }
        (Fields::Unnamed(_), _) => {
            (quote!(TupleStruct(::std::vec![#(#types),*])), quote!(::cocaine::bind::schema::Kinds::ARRAY))
        }
        (Fields::Named(_), [field]) if attributes.transparent => {
            (quote!(Newtype(#(#types)*)), field.kinds_expr())
        }
        (Fields::Named(_), _) => {
            let has_flatten = read.iter().any(|field| field.attributes.flatten.is_some());
            let kinds = if has_flatten { quote!(MAP) } else { quote!(STRUCT) };
            let deny_unknown_fields = attributes.deny_unknown_fields;
            let fields = read.iter().map(SchemaField::field_expr);
            let shape = quote! {
                Struct(::cocaine::bind::schema::StructDefinition {
                    fields: ::std::vec![#(#fields),*],
                    deny_unknown_fields: #deny_unknown_fields,
                })
            };
            (shape, quote!(::cocaine::bind::schema::Kinds::#kinds))
        }
    };
    let assertions = read.iter().filter_map(flatten_assertion).collect();
    let hash = structure_hash(fields, attributes, &read);
    Expansion { shape: quote!(::cocaine::bind::schema::Shape::#shape), kinds, assertions, hash }
}

/// Returns the hash of a struct, of which `read` are the fields that travel.
fn structure_hash(fields: &Fields, attributes: &SerdeAttributes, read: &[SchemaField<'_>]) -> BoundedHash {
    let mut parts = PartList::new();
    let expr = match (fields, read) {
        (Fields::Unnamed(unnamed), [field]) if unnamed.unnamed.len() == 1 || attributes.transparent => {
            return BoundedHash::Content(field.known_type().cloned());
        }
        (Fields::Named(_), [field]) if attributes.transparent => {
            return BoundedHash::Content(field.known_type().cloned());
        }
        (Fields::Named(_), _) => parts.add_struct(read),
        (Fields::Unit | Fields::Unnamed(_), _) => parts.add_tuple(read),
    };
    parts.into_hash(expr)
}

fn flatten_assertion(field: &SchemaField<'_>) -> Option<TokenStream> {
    let path = field.attributes.flatten.as_ref()?;
    let kinds = field.kinds_expr();
    let span = path.segments.first()?.ident.span();
    Some(quote_spanned! {span=>
        ::core::assert!((#kinds).is_map(), "only a struct or a map can be flattened: remove `flatten`");
    })
}

/// Returns the implementation for a type that travels as another.
fn converted(
    input: &DeriveInput,
    attributes: &SerdeAttributes,
    diagnostics: &mut Diagnostics,
) -> Option<TokenStream> {
    let ((_, ty), (path, into)) = match (&attributes.from, &attributes.into) {
        (Some(from), Some(into)) => (from, into),
        (Some((path, _)), None) | (None, Some((path, _))) => {
            diagnostics.error(
                path,
                "a schema has one type for both directions: name it in `from` or `try_from`, and in `into`, or implement \
                 `cocaine::Schema` by hand",
            );
            return None;
        }
        (None, None) => return None,
    };
    if ty != into {
        diagnostics.error(
            path,
            "a schema has one type for both directions: name the same one in `from` and in `into`",
        );
        return None;
    }
    let hash = BoundedHash::Content(Some(ty.clone()));
    let ty = fields::type_expr(ty);
    let expansion = Expansion {
        shape: quote!(::cocaine::bind::schema::Shape::Newtype(#ty)),
        kinds: quote!(::cocaine::bind::schema::Kinds::UNKNOWN),
        assertions: Vec::new(),
        hash,
    };
    Some(implementation(input, attributes, &expansion))
}

fn implementation(input: &DeriveInput, attributes: &SerdeAttributes, expansion: &Expansion) -> TokenStream {
    let Expansion { shape, kinds, assertions, hash } = expansion;
    let (hash_function, hashes) = (hash.function(), hash.constants());
    let (ident, doc) = (&input.ident, &attributes.doc);
    let generics = with_bounds(&input.generics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let arguments = input.generics.params.iter().filter_map(argument_expr);
    let path = ident.unraw().to_string();
    let definitions = fields::definitions();
    // The types of a generic type are known only where it is used.
    let is_generic = input.generics.params.iter().any(|param| matches!(param, GenericParam::Type(_)));
    let (outer, inner) = if is_generic {
        (None, Some(quote!(const { #(#assertions)* })))
    } else {
        (Some(quote!(const _: () = { #(#assertions)* };)), None)
    };
    let (outer, inner) = if assertions.is_empty() { (None, None) } else { (outer, inner) };
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use ::cocaine::bind::schema::OpaqueType as _;
            #outer
            #hash_function
            #[automatically_derived]
            impl #impl_generics ::cocaine::Schema for #ident #type_generics #where_clause {
                const KINDS: ::cocaine::bind::schema::Kinds = #kinds;
                #hashes

                fn schema(
                    #definitions: &mut ::cocaine::bind::schema::Definitions,
                ) -> ::cocaine::bind::schema::Type {
                    #inner
                    let arguments: &[::std::string::String] = &[#(#arguments),*];
                    #definitions.define::<Self>(
                        ::core::concat!(::core::module_path!(), "::", #path),
                        arguments,
                        |#[allow(unused_variables)] #definitions| ::cocaine::bind::schema::Definition {
                            doc: ::std::string::String::from(#doc),
                            shape: #shape,
                        },
                    )
                }
            }
        };
    }
}

/// Returns the generics, whose types have schemas.
fn with_bounds(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(::cocaine::Schema));
    }
    generics
}

/// Returns the expression of the text that stands for the argument of a generic in the name of a type.
fn argument_expr(param: &GenericParam) -> Option<TokenStream> {
    match param {
        GenericParam::Type(param) => {
            let (ident, definitions) = (&param.ident, fields::definitions());
            let schema = quote!(<#ident as ::cocaine::Schema>::schema(#definitions));
            Some(quote!(::std::string::ToString::to_string(&#schema)))
        }
        GenericParam::Const(param) => {
            let ident = &param.ident;
            Some(quote!(::std::string::ToString::to_string(&#ident)))
        }
        GenericParam::Lifetime(_) => None,
    }
}
