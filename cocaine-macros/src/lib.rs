//! stub
use proc_macro::TokenStream;
/// Stub.
#[proc_macro_attribute]
pub fn worker(_a: TokenStream, i: TokenStream) -> TokenStream { i }
