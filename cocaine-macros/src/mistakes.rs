//! Everything that is wrong, reported at once.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Returns `tokens` as they are usually written.
pub(crate) fn spelled(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (wide, tight) in [(" :: ", "::"), (" < ", "<"), (" >", ">"), (" ,", ",")] {
        text = text.replace(wide, tight);
    }
    text
}

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Mistakes(Option<syn::Error>);

impl Mistakes {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds a mistake that spans `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, text: impl Display) {
        self.keep(syn::Error::new_spanned(tokens, text));
    }

    /// Adds a mistake at one place.
    pub(crate) fn at_span(&mut self, span: Span, text: impl Display) {
        self.keep(syn::Error::new(span, text));
    }

    pub(crate) fn keep(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Returns `item` and what the compiler is to say.
    pub(crate) fn beside(self, mut item: TokenStream) -> TokenStream {
        if let Some(errors) = self.0 {
            item.extend(errors.into_compile_error());
        }
        item
    }
}
