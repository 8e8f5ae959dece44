//! The errors of one item, which the compiler reports together.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Returns `tokens` as text, spaced as in source code.
pub(crate) fn source_text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (wide, tight) in [(" :: ", "::"), (" < ", "<"), (" >", ">"), (" ,", ",")] {
        text = text.replace(wide, tight);
    }
    text
}

/// The errors that have been found so far.
#[derive(Default)]
pub(crate) struct Diagnostics(Option<syn::Error>);

impl Diagnostics {
    /// Returns whether there are no errors.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds an error that spans `tokens`.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, text: impl Display) {
        self.push(syn::Error::new_spanned(tokens, text));
    }

    /// Adds an error at `span`.
    pub(crate) fn error_at(&mut self, span: Span, text: impl Display) {
        self.push(syn::Error::new(span, text));
    }

    /// Adds `error`.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Returns `item`, followed by a `compile_error!` for each error.
    pub(crate) fn append_to(self, mut item: TokenStream) -> TokenStream {
        if let Some(errors) = self.0 {
            item.extend(errors.into_compile_error());
        }
        item
    }
}
