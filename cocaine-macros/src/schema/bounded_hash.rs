//! The constants with the structural hash of a type down to each depth, which the runtime's `bounded_hash` explains.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, Type, spanned::Spanned as _};

use super::fields::SchemaField;

/// The depth of the deepest hash.
const MAX_DEPTH: usize = 4;

/// The hash of a type: that of its content, or one of its parts.
pub(super) enum BoundedHash {
    /// That of another type, opaque without one.
    Content(Option<Type>),
    /// The expression of the hash, in which `depth` is its depth, and `parts[0]` and so on are the hashes of these parts.
    Parts { expr: TokenStream, parts: Vec<Part> },
}

/// A part of a type.
pub(super) struct Part {
    /// Its type, opaque without one.
    ty: Option<Type>,
    /// How much smaller the depth of its hash is.
    distance: usize,
}

impl Part {
    /// Returns the expression of its hash in that of a type to `depth`.
    fn hash(&self, depth: usize) -> TokenStream {
        let omitted = || quote!(::cocaine::bind::schema::bounded_hash::OMITTED);
        depth.checked_sub(self.distance).map_or_else(omitted, |depth| type_hash(self.ty.as_ref(), depth))
    }
}

impl BoundedHash {
    /// Returns the function that hashes the parts, if there are parts.
    pub(super) fn function(&self) -> Option<TokenStream> {
        let Self::Parts { expr, .. } = self else {
            return None;
        };
        Some(quote! {
            #[allow(unused_variables)]
            const fn hash_to_depth(depth: usize, parts: &[u64]) -> u64 {
                #expr
            }
        })
    }

    /// Returns the constants of the implementation.
    pub(super) fn constants(&self) -> TokenStream {
        let constants = (0..=MAX_DEPTH).map(|depth| {
            let name = constant(depth);
            let hash = match self {
                Self::Content(of) => type_hash(of.as_ref(), depth),
                Self::Parts { parts, .. } => {
                    let parts = parts.iter().map(|part| part.hash(depth));
                    quote!(hash_to_depth(#depth, &[#(#parts),*]))
                }
            };
            quote!(const #name: u64 = #hash;)
        });
        constants.collect()
    }
}

fn constant(depth: usize) -> Ident {
    format_ident!("HASH_{depth}")
}

/// Returns the expression of the hash of `ty`, which is opaque without one.
fn type_hash(ty: Option<&Type>, depth: usize) -> TokenStream {
    let Some(ty) = ty else {
        return quote!(::cocaine::bind::schema::bounded_hash::OPAQUE);
    };
    let name = constant(depth);
    quote_spanned!(ty.span()=> ::cocaine::bind::schema::SchemaProbe::<#ty>::#name)
}

/// Collects the parts of a type.
pub(super) struct PartList {
    parts: Vec<Part>,
    distance: usize,
}

impl PartList {
    /// Returns the list of a type without parts.
    pub(super) fn new() -> Self {
        Self { parts: Vec::new(), distance: 1 }
    }

    /// Adds the content of a variant, which is a type of its own, though it may have no name; returns the expression of
    /// its hash.
    pub(super) fn add_content(&mut self, add: impl FnOnce(&mut Self) -> TokenStream) -> TokenStream {
        self.distance += 1;
        let hash = add(self);
        self.distance -= 1;
        quote!(::cocaine::bind::schema::bounded_hash::hash_content(depth, #hash))
    }

    /// Adds the type of a field, and returns the expression of its hash.
    pub(super) fn add_field(&mut self, field: &SchemaField<'_>) -> TokenStream {
        self.add(field.known_type().cloned())
    }

    /// Adds an opaque type, and returns the expression of its hash.
    pub(super) fn add_opaque(&mut self) -> TokenStream {
        self.add(None)
    }

    fn add(&mut self, ty: Option<Type>) -> TokenStream {
        let index = self.parts.len();
        self.parts.push(Part { ty, distance: self.distance });
        quote!(parts[#index])
    }

    /// Adds the types of a tuple, and returns the expression of its hash.
    pub(super) fn add_tuple(&mut self, fields: &[SchemaField<'_>]) -> TokenStream {
        let fields = fields.iter().map(|field| self.add_field(field));
        quote!(::cocaine::bind::schema::bounded_hash::hash_parts("tuple", &[#(#fields),*]))
    }

    /// Adds the types of a struct, and returns the expression of its hash.
    pub(super) fn add_struct(&mut self, fields: &[SchemaField<'_>]) -> TokenStream {
        let fields = fields.iter().map(|field| {
            let part = self.add_field(field);
            let name = &field.name;
            if field.attributes.flatten.is_some() {
                quote!(::cocaine::bind::schema::bounded_hash::hash_parts("flatten", &[#part]))
            } else {
                quote!(::cocaine::bind::schema::bounded_hash::hash_field(#name, #part))
            }
        });
        quote!(::cocaine::bind::schema::bounded_hash::hash_fields(&[#(#fields),*]))
    }

    /// Returns the hash with this expression.
    pub(super) fn into_hash(self, expr: TokenStream) -> BoundedHash {
        BoundedHash::Parts { expr, parts: self.parts }
    }
}
