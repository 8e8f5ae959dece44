//! The types of an app that the user's module provides: their imports, and what checks them at compile time.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    app_types::AppTypes,
    emit::literal::integer,
    naming::{ident, shown},
};

/// Returns the imports of the types of `app` from the user's `module`, and their checks.
pub(crate) fn provided_types(types: &AppTypes, app: &str, module: &str) -> TokenStream {
    let mut items: Vec<_> = types.items().collect();
    if items.is_empty() {
        return TokenStream::new();
    }
    items.sort_unstable_by_key(|(_, rust_name, _)| *rust_name);
    // `check_module_path` has parsed it.
    let path: TokenStream = module.parse().unwrap_or_default();
    let names = items.iter().map(|(_, rust_name, _)| ident(rust_name));
    let checks = items.iter().map(|(name, rust_name, app_type)| {
        check(rust_name, app_type.bounded_hash, &messages(app, name, &format!("{module}::{rust_name}")))
    });
    quote!(pub use #path::{#(#names),*}; #(#checks)*)
}

/// What the compiler says of a type that is not that of the schema.
struct Messages {
    unknown: String,
    different: String,
}

fn messages(app: &str, name: &str, path: &str) -> Messages {
    let (app, name) = (shown(app), shown(name));
    Messages {
        unknown: format!(
            "`{path}` cannot be compared with the type `{name}` of the app `{app}`: a type within it implements `Schema` by \
             hand, so derive that, or say what it travels as with `#[schema(as = Type)]`"
        ),
        different: format!(
            "`{path}` is not the type `{name}` of the app `{app}`: its fields or variants, or the types within it, differ \
             from those in the schema, so change it, or generate this code from the schema that it is made for"
        ),
    }
}

fn check(rust_name: &str, hash: u64, messages: &Messages) -> TokenStream {
    let (name, hash) = (ident(rust_name), integer(hash));
    let Messages { unknown, different } = messages;
    quote! {
        const _: () = {
            let hash = ::cocaine::bind::schema::bounded_hash::of::<#name>();
            assert!(hash != ::cocaine::bind::schema::bounded_hash::UNKNOWN, "{}", #unknown);
            assert!(hash == #hash, "{}", #different);
        };
    }
}
