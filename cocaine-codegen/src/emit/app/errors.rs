//! The enums of declared errors, which are made of the errors of calls by their codes, and become such errors again.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::{
    emit::{docs, lints, literal, schema_docs},
    model::{AppModel, ErrorModel, ErrorVariantModel},
    naming::ident,
};

pub(super) fn enums(app: &AppModel) -> TokenStream {
    app.errors.iter().map(error_enum).collect()
}

fn error_enum(error: &ErrorModel) -> TokenStream {
    let (name, other) = (ident(&error.name), ident(&error.other));
    let docs = schema_docs::or_line(&error.doc, &format!("The errors {}.", docs::name(&error.wire_name)));
    let other_docs = docs::lines(["Any other error."]);
    let variants = error.variants.iter().map(variant);
    let all_docs = [&error.doc].into_iter().chain(error.variants.iter().map(|variant| &variant.doc));
    let doc_lints = schema_docs::allow(all_docs.map(String::as_str));
    let lints = lints(error);
    let (constructors, conversions) = (constructors(error), conversions(error, &name));
    quote! {
        #docs
        #[derive(Clone, Debug)]
        #doc_lints
        #lints
        pub enum #name {
            #(#variants,)*
            #other_docs
            #other(::cocaine::Error),
        }

        #constructors
        #conversions
    }
}

fn variant(variant: &ErrorVariantModel) -> TokenStream {
    let ErrorVariantModel { category, code, .. } = variant;
    let line =
        format!("{}, with the code {code} of the category {category}.", docs::name(&variant.wire_name));
    let (docs, name) = (schema_docs::or_line(&variant.doc, &line), ident(&variant.name));
    quote!(#docs #name(::cocaine::Error))
}

fn lints(error: &ErrorModel) -> Option<TokenStream> {
    let names = error.variants.iter().map(|variant| &variant.name).chain([&error.other]);
    let names: Vec<_> = names.collect();
    let is_repetitive = |name: &&&String| name.starts_with(&*error.name) || name.ends_with(&*error.name);
    let repetitive = names.iter().find(is_repetitive).map(|_| "enum_variant_names");
    let acronyms = names.iter().copied().chain([&error.name]).filter_map(|name| lints::acronym_lint(name));
    lints::allow(repetitive.into_iter().chain(acronyms))
}

/// Returns the functions that make the errors, for imitations and tests.
fn constructors(error: &ErrorModel) -> Option<TokenStream> {
    if error.variants.is_empty() {
        return None;
    }
    let name = ident(&error.name);
    let functions = error.variants.iter().map(|variant| {
        let docs = docs::lines([format!("Returns [`{}::{}`] with this text.", error.name, variant.name)]);
        let lints = lints::allow_for_constructor(&error.name, &variant.constructor);
        let (function, variant_name) = (ident(&variant.constructor), ident(&variant.name));
        let code = code(variant);
        quote! {
            #docs
            #lints
            #[must_use]
            pub fn #function(text: impl Into<String>) -> Self {
                Self::#variant_name(::cocaine::bind::coded_error(#code, text.into()))
            }
        }
    });
    Some(quote!(impl #name { #(#functions)* }))
}

fn conversions(error: &ErrorModel, name: &Ident) -> TokenStream {
    let other = ident(&error.other);
    let from = if error.variants.is_empty() {
        quote!(Self::#other(error))
    } else {
        let arms = error.variants.iter().map(|variant| {
            let (code, variant) = (code(variant), ident(&variant.name));
            quote!(Some((#code)) => Self::#variant(error),)
        });
        quote!(match ::cocaine::bind::error_code(&error) { #(#arms)* _ => Self::#other(error), })
    };
    let into = error.variants.iter().map(|variant| {
        let (code, variant) = (code(variant), ident(&variant.name));
        quote!(#name::#variant(error) => ::cocaine::bind::with_code(error, #code),)
    });
    let variants = error.variants.iter().map(|variant| ident(&variant.name)).chain([other.clone()]);
    quote! {
        impl From<::cocaine::Error> for #name {
            fn from(error: ::cocaine::Error) -> Self {
                #from
            }
        }

        impl From<#name> for ::cocaine::Error {
            fn from(error: #name) -> Self {
                match error {
                    #(#into)*
                    #name::#other(error) => error,
                }
            }
        }

        impl AsRef<::cocaine::Error> for #name {
            fn as_ref(&self) -> &::cocaine::Error {
                match self {
                    #(Self::#variants(error))|* => error,
                }
            }
        }

        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(AsRef::<::cocaine::Error>::as_ref(self), f)
            }
        }

        impl ::core::error::Error for #name {
            fn source(&self) -> Option<&(dyn ::core::error::Error + 'static)> {
                ::core::error::Error::source(AsRef::<::cocaine::Error>::as_ref(self))
            }
        }
    }
}

/// Returns the category and the code, with a comma between.
fn code(variant: &ErrorVariantModel) -> TokenStream {
    let [category, code] = [variant.category, variant.code].map(literal::signed);
    quote!(#category, #code)
}
