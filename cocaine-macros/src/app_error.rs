//! `#[derive(AppError)]`: the errors that an app declares.

use std::collections::BTreeMap;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Expr, ExprLit, ExprUnary, Fields, Ident, Lit, LitInt, UnOp,
    Variant, ext::IdentExt as _, spanned::Spanned as _,
};

use crate::{diagnostics::Diagnostics, docs::doc, model::cfg_attributes};

/// The category of an app's own errors.
const WORKER_USER: i64 = 43;

/// A code, and the tokens that name it.
pub(crate) struct ErrorCode {
    pub(crate) code: i32,
    pub(crate) tokens: TokenStream,
}

/// What an error is.
enum ErrorKind {
    /// One with a code of its own.
    Coded(i32),
    /// Any other error, which it contains.
    Other,
}

/// What the attributes of a variant say.
#[derive(Default)]
struct ErrorAttributes {
    code: Option<ErrorCode>,
    other: Option<syn::Path>,
}

/// Returns the implementation for `item`, with all errors.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let expanded = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => {
            if let Data::Enum(data) = &input.data {
                Some(implementation(&input, data, &mut diagnostics))
            } else {
                diagnostics.error(&input.ident, "the errors of an app are the variants of an enum");
                None
            }
        }
        Err(error) => {
            diagnostics.push(error);
            None
        }
    };
    let expanded = expanded.filter(|_| diagnostics.is_empty());
    diagnostics.append_to(expanded.unwrap_or_default())
}

fn implementation(input: &DeriveInput, data: &DataEnum, diagnostics: &mut Diagnostics) -> TokenStream {
    let errors = read(data, diagnostics);
    let (ident, doc) = (&input.ident, doc(&input.attrs));
    let name = ident.unraw().to_string();
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let arms = errors.iter().map(|(variant, kind)| arm(ident, variant, kind));
    let coded: Vec<_> = errors.iter().filter_map(|(variant, kind)| coded(variant, kind)).collect();
    let definition =
        definition(&doc, coded.iter().map(|(name, doc, code)| (name.as_str(), doc.as_str(), *code)));
    quote! {
        #[automatically_derived]
        impl #impl_generics ::cocaine::AppError for #ident #type_generics #where_clause {
            const NAME: &'static str = #name;

            fn definition() -> ::cocaine::schema::ErrorDefinition {
                #definition
            }
        }

        #[automatically_derived]
        impl #impl_generics ::core::convert::From<#ident #type_generics> for ::cocaine::Error #where_clause {
            #[allow(unreachable_code)]
            fn from(error: #ident #type_generics) -> Self {
                let code: i32 = match error { #(#arms)* };
                ::cocaine::bind::schema::declared_error(&error, code)
            }
        }
    }
}

/// Returns the arm of the variant in a match that finds its code.
fn arm(ty: &Ident, variant: &Variant, kind: &ErrorKind) -> TokenStream {
    let ident = &variant.ident;
    match kind {
        ErrorKind::Coded(code) => quote!(#ty::#ident { .. } => #code,),
        ErrorKind::Other => {
            let other = Ident::new("other", Span::mixed_site().located_at(variant.fields.span()));
            quote_spanned! {variant.fields.span()=>
                #ty::#ident(#other) => {
                    let #other: ::cocaine::Error = #other;
                    return #other;
                }
            }
        }
    }
}

/// Returns the name, the doc comment and the code of an error that has one.
fn coded(variant: &Variant, kind: &ErrorKind) -> Option<(String, String, i32)> {
    let ErrorKind::Coded(code) = kind else { return None };
    Some((variant.ident.unraw().to_string(), doc(&variant.attrs), *code))
}

/// Returns the expression of the definition of errors: the name, the doc comment and the code of each.
pub(crate) fn definition<'d>(
    doc: &str,
    errors: impl Iterator<Item = (&'d str, &'d str, i32)>,
) -> TokenStream {
    let errors = errors.map(|(name, doc, code)| {
        let code = i64::from(code);
        quote!((#name, #doc, #WORKER_USER, #code))
    });
    quote!(::cocaine::bind::event::error_definition(#doc, &[#(#errors),*]))
}

fn read<'d>(data: &'d DataEnum, diagnostics: &mut Diagnostics) -> Vec<(&'d Variant, ErrorKind)> {
    let (mut errors, mut codes, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for variant in &data.variants {
        if let Some(cfg) = cfg_attributes(&variant.attrs).next() {
            diagnostics
                .error(cfg, "a declared error is there always: its code is a part of the app's schema");
        }
        let ErrorAttributes { code, other } = ErrorAttributes::read(&variant.attrs, diagnostics);
        let discriminant = variant.discriminant.as_ref().and_then(|(_, expr)| error_code(expr, diagnostics));
        let kind = match (code.or(discriminant), other) {
            (Some(code), None) => {
                let kind = ErrorKind::Coded(code.code);
                codes.push(code);
                kind
            }
            (None, Some(path)) => {
                check_other(variant, diagnostics);
                others.push(path);
                ErrorKind::Other
            }
            (Some(_), Some(path)) => {
                diagnostics
                    .error(path, "any other error has a code of its own: leave `other` or the code out");
                ErrorKind::Other
            }
            (None, None) => {
                if variant.discriminant.is_none() && !has_attribute(variant) {
                    let text = "a declared error has a code, which stays the same: `#[app_error(code = 1)]`";
                    diagnostics.error(&variant.ident, text);
                }
                ErrorKind::Other
            }
        };
        errors.push((variant, kind));
    }
    reject_duplicate_codes(&codes, diagnostics);
    for other in others.iter().skip(1) {
        diagnostics.error(other, "one variant is for all other errors");
    }
    errors
}

fn has_attribute(variant: &Variant) -> bool {
    variant.attrs.iter().any(|attribute| attribute.path().is_ident("app_error"))
}

fn check_other(variant: &Variant, diagnostics: &mut Diagnostics) {
    let is_newtype = matches!(&variant.fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1);
    if !is_newtype {
        diagnostics.error(&variant.ident, "any other error is passed on: write `Other(cocaine::Error)`");
    }
}

impl ErrorAttributes {
    fn read(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("app_error")) {
            let result = attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("other") {
                    this.other = Some(meta.path.clone());
                } else if meta.path.is_ident("code") {
                    this.code = error_code(&meta.value()?.parse()?, diagnostics);
                } else {
                    return Err(meta.error("`app_error` takes `code = 1`, or `other`"));
                }
                Ok(())
            });
            if let Err(error) = result {
                diagnostics.push(error);
            }
        }
        this
    }
}

/// Reads a code, and reports one that cannot travel.
pub(crate) fn error_code(expr: &Expr, diagnostics: &mut Diagnostics) -> Option<ErrorCode> {
    let literal = |expr: &Expr| match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Some(number.clone()),
        _ => None,
    };
    let number =
        |sign: &str, number: &LitInt| format!("{sign}{}", number.base10_digits()).parse::<i32>().ok();
    let code = match expr {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => {
            literal(expr).and_then(|literal| number("-", &literal))
        }
        expr => literal(expr).and_then(|literal| number("", &literal)),
    };
    if code.is_none() {
        diagnostics.error(expr, "the code of an error is an integer of 32 bits");
    }
    Some(ErrorCode { code: code?, tokens: expr.to_token_stream() })
}

/// Reports codes that several errors have.
pub(crate) fn reject_duplicate_codes(codes: &[ErrorCode], diagnostics: &mut Diagnostics) {
    let mut tokens = BTreeMap::<_, Vec<_>>::new();
    for code in codes {
        tokens.entry(code.code).or_default().push(&code.tokens);
    }
    for (code, tokens) in tokens.into_iter().filter(|(_, tokens)| tokens.len() > 1) {
        for token in tokens {
            diagnostics.error(token, format_args!("several errors have the code {code}: give each its own"));
        }
    }
}

/// Reports names that several errors have.
pub(crate) fn reject_duplicate_names(names: &[Ident], diagnostics: &mut Diagnostics) {
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            diagnostics.error(name, format_args!("`{name}` is declared twice"));
        }
    }
}
