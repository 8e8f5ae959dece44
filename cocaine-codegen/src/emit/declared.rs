//! The types that a catalogue declares, with their implementations of serde's traits.

use std::iter;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{docs, lints, types::written_type};
use crate::{
    catalogue::{DeclaredType, EnumVariant, StructField, TypeForm, types::Type},
    naming::ident,
};

pub(super) fn types(all: &[DeclaredType]) -> TokenStream {
    let types = all.iter().map(|declared| match &declared.form {
        TypeForm::Newtype(ty) => newtype_items(declared, ty),
        TypeForm::Struct { fields, flat } => struct_items(declared, fields, *flat),
        TypeForm::Numbers { repr, numbers } => enum_items(declared, &ident(repr), numbers),
    });
    quote!(#(#types)*)
}

fn docs_and_name(declared: &DeclaredType) -> (TokenStream, Ident) {
    (docs::or_line(&declared.docs, &format!("`{}`.", declared.name)), ident(&declared.name))
}

fn newtype_items(declared: &DeclaredType, ty: &Type) -> TokenStream {
    let (docs, name) = docs_and_name(declared);
    let (derive, inner) = (derive_attribute(&[ty]), written_type(ty));
    let lints = lints::allow(lints::acronym_lint(&declared.name));
    let serialize = quote!(self.0.serialize(serializer));
    let serde = serde_impls(&name, &serialize, &quote!(Deserialize::deserialize(deserializer).map(Self)));
    quote! {
        #docs
        #derive
        #lints
        pub struct #name(
            /// The value.
            pub #inner,
        );

        impl From<#inner> for #name {
            fn from(value: #inner) -> Self {
                Self(value)
            }
        }

        #serde
    }
}

fn struct_items(declared: &DeclaredType, fields: &[StructField], flat: bool) -> TokenStream {
    let (docs, name) = docs_and_name(declared);
    let derive = derive_attribute(&fields.iter().map(|field| &field.ty).collect::<Vec<_>>());
    let names: Vec<_> = fields.iter().map(|field| ident(&field.name)).collect();
    let field_items = fields.iter().zip(&names).map(|(field, name)| {
        let (docs, ty) = (docs::or_line(&field.docs, &format!("`{}`.", field.name)), written_type(&field.ty));
        quote!(#docs pub #name: #ty)
    });
    let acronym = lints::acronym_lint(&declared.name);
    let lints = lints::allow(["struct_excessive_bools", "struct_field_names"].into_iter().chain(acronym));
    let (serialize, read) = (serialize_struct(fields, flat), struct_pattern(fields, flat));
    let deserialize = quote! {
        let #read = Deserialize::deserialize(deserializer)?;
        Ok(Self { #(#names),* })
    };
    let serde = serde_impls(&name, &serialize, &deserialize);
    quote! {
        #docs
        #derive
        #lints
        pub struct #name { #(#field_items),* }

        #serde
    }
}

/// Returns the number of fields up to the last that is not optional. It is at least one, since a list without elements
/// would mean no value.
fn required_fields(fields: &[StructField]) -> usize {
    let optional = fields.iter().rev().take_while(|field| matches!(field.ty, Type::Option(_)));
    (fields.len() - optional.count()).max(1)
}

/// Returns the body of `serialize` for a struct, which leaves out the fields at its end that are `None`.
fn serialize_struct(fields: &[StructField], flat: bool) -> TokenStream {
    let names: Vec<_> = fields.iter().map(|field| ident(&field.name)).collect();
    let up_to = |count: usize| {
        let names = &names[..count];
        let list = quote!((#(&self.#names,)*));
        if flat {
            quote!(#list.serialize(serializer))
        } else {
            quote!(SingleArgument(#list).serialize(serializer))
        }
    };
    let required_fields = required_fields(fields);
    let shortest = up_to(required_fields);
    if required_fields == fields.len() {
        return shortest;
    }
    (required_fields..fields.len()).fold(quote!({ #shortest }), |shorter, count| {
        let (name, longer) = (&names[count], up_to(count + 1));
        quote!(if self.#name.is_some() { #longer } else #shorter)
    })
}

/// Returns the pattern that deserializes a struct, with its fields as locals.
fn struct_pattern(fields: &[StructField], flat: bool) -> TokenStream {
    let names = fields.iter().map(|field| ident(&field.name));
    let list = quote!((#(#names,)*));
    let list = if has_optional_tail(fields) { quote!(OptionalTail(#list)) } else { list };
    if flat { list } else { quote!(SingleArgument(#list)) }
}

/// Returns whether the fields at the end of a struct may be left out.
pub(super) fn has_optional_tail(fields: &[StructField]) -> bool {
    required_fields(fields) < fields.len()
}

fn enum_items(declared: &DeclaredType, repr: &Ident, numbers: &[EnumVariant]) -> TokenStream {
    let (docs, name) = docs_and_name(declared);
    let names: Vec<_> = numbers.iter().map(|number| ident(&number.name)).collect();
    let values: Vec<_> =
        numbers.iter().map(|number| proc_macro2::Literal::i128_unsuffixed(number.value)).collect();
    let variants = numbers.iter().zip(&names).map(|(number, name)| {
        let docs = docs::or_line(&number.docs, &format!("{}.", number.value));
        quote!(#docs #name)
    });
    let acronyms = [&declared.name]
        .into_iter()
        .chain(numbers.iter().map(|number| &number.name))
        .filter_map(|name| lints::acronym_lint(name));
    let lints = lints::allow(iter::once("enum_variant_names").chain(acronyms));
    let serialize = quote!(#repr::from(*self).serialize(serializer));
    let serde = serde_impls(&name, &serialize, &quote!(#repr::deserialize(deserializer).map(Self::from)));
    quote! {
        #docs
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #lints
        pub enum #name {
            #(#variants,)*
            /// Any other number.
            Other(#repr),
        }

        impl From<#repr> for #name {
            fn from(number: #repr) -> Self {
                match number {
                    #(#values => Self::#names,)*
                    other => Self::Other(other),
                }
            }
        }

        impl From<#name> for #repr {
            fn from(value: #name) -> Self {
                match value {
                    #(#name::#names => #values,)*
                    #name::Other(other) => other,
                }
            }
        }

        #serde
    }
}

/// Returns the implementations of `Serialize` and `Deserialize`, with these bodies.
fn serde_impls(name: &Ident, serialize: &TokenStream, deserialize: &TokenStream) -> TokenStream {
    quote! {
        impl Serialize for #name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #serialize
            }
        }

        impl<'de> Deserialize<'de> for #name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #deserialize
            }
        }
    }
}

/// Returns `#[derive(…)]` for a struct of these types, with every trait that all of them implement.
fn derive_attribute(types: &[&Type]) -> TokenStream {
    let exact = types.iter().all(|ty| has_total_equality(ty));
    let small = types.iter().all(|ty| matches!(ty, Type::Plain(name) if *name != "String"));
    let copy = (small && exact).then(|| quote!(Copy,));
    let eq = exact.then(|| quote!(, Eq, Hash));
    quote!(#[derive(Clone, #copy Debug, PartialEq #eq)])
}

/// Returns whether the type implements `Eq` and `Hash`, which floats do not.
fn has_total_equality(ty: &Type) -> bool {
    match ty {
        Type::Plain(name) => !name.starts_with('f'),
        Type::Option(inner) | Type::Vec(inner) => has_total_equality(inner),
        Type::Map(key, value) => has_total_equality(key) && has_total_equality(value),
        Type::Tuple(items) => items.iter().all(has_total_equality),
        _ => false,
    }
}
