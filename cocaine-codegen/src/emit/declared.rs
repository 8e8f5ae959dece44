//! The types that a catalogue declares, with their forms on the wire.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{docs, types::written_type};
use crate::{
    catalogue::{DeclaredType, EnumVariant, StructField, TypeForm, types::Type},
    naming::ident,
};

pub(super) fn types(all: &[DeclaredType]) -> TokenStream {
    let types = all.iter().map(|own| match &own.form {
        TypeForm::Newtype(ty) => newtype(own, ty),
        TypeForm::Struct { fields, flat } => structure(own, fields, *flat),
        TypeForm::Numbers { repr, numbers } => self::numbers(own, &ident(repr), numbers),
    });
    quote!(#(#types)*)
}

fn declared(own: &DeclaredType) -> (TokenStream, Ident) {
    (docs::or_line(&own.docs, &format!("`{}`.", own.name)), ident(&own.name))
}

fn newtype(own: &DeclaredType, ty: &Type) -> TokenStream {
    let (docs, name) = declared(own);
    let (derive, inner) = (derive(&[ty]), written_type(ty));
    let serialize = quote!(self.0.serialize(serializer));
    let coded = coded(&name, &serialize, &quote!(Deserialize::deserialize(deserializer).map(Self)));
    quote! {
        #docs
        #derive
        pub struct #name(
            /// The value.
            pub #inner,
        );

        impl From<#inner> for #name {
            fn from(value: #inner) -> Self {
                Self(value)
            }
        }

        #coded
    }
}

fn structure(own: &DeclaredType, fields: &[StructField], flat: bool) -> TokenStream {
    let (docs, name) = declared(own);
    let derive = derive(&fields.iter().map(|field| &field.ty).collect::<Vec<_>>());
    let names: Vec<_> = fields.iter().map(|field| ident(&field.name)).collect();
    let declared = fields.iter().zip(&names).map(|(field, name)| {
        let (docs, ty) = (docs::or_line(&field.docs, &format!("`{}`.", field.name)), written_type(&field.ty));
        quote!(#docs pub #name: #ty)
    });
    let (serialize, read) = (written_as_list(fields, flat), read_as_list(fields, flat));
    let deserialize = quote! {
        let #read = Deserialize::deserialize(deserializer)?;
        Ok(Self { #(#names),* })
    };
    let coded = coded(&name, &serialize, &deserialize);
    quote! {
        #docs
        #derive
        #[allow(clippy::struct_excessive_bools, clippy::struct_field_names)]
        pub struct #name { #(#declared),* }

        #coded
    }
}

/// Returns how many fields there are up to the last that is always there: one at least, since without any there would
/// be no list.
fn always(fields: &[StructField]) -> usize {
    let optional = fields.iter().rev().take_while(|field| matches!(field.ty, Type::Option(_)));
    (fields.len() - optional.count()).max(1)
}

/// Returns how a struct is written: without the fields at its end that are `None`.
fn written_as_list(fields: &[StructField], flat: bool) -> TokenStream {
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
    let always = always(fields);
    let shortest = up_to(always);
    if always == fields.len() {
        return shortest;
    }
    (always..fields.len()).fold(quote!({ #shortest }), |shorter, count| {
        let (name, longer) = (&names[count], up_to(count + 1));
        quote!(if self.#name.is_some() { #longer } else #shorter)
    })
}

/// Returns the pattern that a struct is read by, with its fields as locals.
fn read_as_list(fields: &[StructField], flat: bool) -> TokenStream {
    let names = fields.iter().map(|field| ident(&field.name));
    let list = quote!((#(#names,)*));
    let list = if has_optional_tail(fields) { quote!(OptionalTail(#list)) } else { list };
    if flat { list } else { quote!(SingleArgument(#list)) }
}

/// Returns whether a struct's list may end before its last field.
pub(super) fn has_optional_tail(fields: &[StructField]) -> bool {
    always(fields) < fields.len()
}

fn numbers(own: &DeclaredType, repr: &Ident, numbers: &[EnumVariant]) -> TokenStream {
    let (docs, name) = declared(own);
    let names: Vec<_> = numbers.iter().map(|number| ident(&number.name)).collect();
    let values: Vec<_> =
        numbers.iter().map(|number| proc_macro2::Literal::i128_unsuffixed(number.value)).collect();
    let variants = numbers.iter().zip(&names).map(|(number, name)| {
        let docs = docs::or_line(&number.docs, &format!("{}.", number.value));
        quote!(#docs #name)
    });
    let serialize = quote!(#repr::from(*self).serialize(serializer));
    let coded = coded(&name, &serialize, &quote!(#repr::deserialize(deserializer).map(Self::from)));
    quote! {
        #docs
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(clippy::enum_variant_names)]
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

        #coded
    }
}

/// Returns how a type is written and read.
fn coded(name: &Ident, serialize: &TokenStream, deserialize: &TokenStream) -> TokenStream {
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

/// Returns `#[derive(…)]` for a struct of these types: as much as they all allow.
fn derive(types: &[&Type]) -> TokenStream {
    let exact = types.iter().all(|ty| is_exact(ty));
    let small = types.iter().all(|ty| matches!(ty, Type::Plain(name) if *name != "String"));
    let copy = (small && exact).then(|| quote!(Copy,));
    let eq = exact.then(|| quote!(, Eq, Hash));
    quote!(#[derive(Clone, #copy Debug, PartialEq #eq)])
}

/// Returns whether two values are the same or not, as floats need not be.
fn is_exact(ty: &Type) -> bool {
    match ty {
        Type::Plain(name) => !name.starts_with('f'),
        Type::Option(inner) | Type::Vec(inner) => is_exact(inner),
        Type::Map(key, value) => is_exact(key) && is_exact(value),
        Type::Tuple(items) => items.iter().all(is_exact),
        _ => false,
    }
}
