//! The names that a module takes from the runtime: those that its items use, and no more.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;

use crate::naming::{self, ident};

/// Returns the `use` declarations for `items`.
pub(super) fn of(items: &TokenStream) -> TokenStream {
    let mut used = BTreeSet::new();
    collect(items.clone(), &mut used);
    let map = used.remove("BTreeMap").then(|| {
        quote!(
            use ::std::collections::BTreeMap;
        )
    });
    let names = used.iter().map(|name| ident(name));
    quote! {
        use ::cocaine::bind::{#(#names),*};
        #map
    }
}

/// Adds the runtime's names in `tokens`: those that are not the rest of a path, nor the name of a variant.
fn collect(tokens: TokenStream, used: &mut BTreeSet<String>) {
    let mut behind_colon = false;
    let mut in_enum = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(name) => {
                let name = name.to_string();
                in_enum |= name == "enum";
                if !behind_colon && (naming::RUNTIME.contains(&name.as_str()) || name == "BTreeMap") {
                    used.insert(name);
                }
            }
            TokenTree::Group(group) if in_enum && group.delimiter() == Delimiter::Brace => {
                in_enum = false;
                for token in group.stream() {
                    if let TokenTree::Group(fields) = token {
                        collect(fields.stream(), used);
                    }
                }
            }
            TokenTree::Group(group) => collect(group.stream(), used),
            _ => {}
        }
        behind_colon = match &token {
            TokenTree::Punct(punct) if punct.as_char() == ':' => {
                // Of `::` only the second colon stands alone; after `name: Type` comes a type.
                behind_colon || punct.spacing() == proc_macro2::Spacing::Joint
            }
            _ => false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_used() {
        let items = quote! {
            pub enum Received { Value(Bytes, X), Reply }
            fn f(a: Sender<crate::Args>) -> Received { Received::Graph(BTreeMap::new()) }
        };
        let mut used = BTreeSet::new();
        collect(items, &mut used);
        assert_eq!(used.into_iter().collect::<Vec<_>>(), ["BTreeMap", "Bytes", "Sender"]);
    }
}
