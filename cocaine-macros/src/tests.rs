//! Expansions of items, compared byte for byte with golden files. `BLESS=1` rewrites them, but not where `CI` is set.

use std::{env, fs, path::Path};

use proc_macro2::TokenStream;
use quote::quote;

use crate::attribute;

fn golden(name: &str, settings: TokenStream, item: TokenStream) {
    let file = syn::parse2(attribute(settings, item)).unwrap();
    let text = prettyplease::unparse(&file);
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.rs"));
    if env::var_os("BLESS").is_some_and(|value| value == "1") {
        assert!(env::var_os("CI").is_none(), "golden files are not rewritten where CI is set");
        fs::write(&expected, &text).unwrap();
    }
    let same = fs::read_to_string(&expected).is_ok_and(|expected| expected == text);
    assert!(same, "{} differs; look at the change, then run with BLESS=1", expected.display());
}

#[test]
fn function() {
    golden(
        "function",
        quote!(event = "say", inline, cancel),
        quote! {
            #[cfg(unix)]
            pub(crate) async fn ping(mut message: String, Point { x, .. }: Point, who: Context) -> Result<String> {
                Ok(message)
            }
        },
    );
}

#[test]
fn block() {
    golden(
        "block",
        quote!(),
        quote! {
            impl Counter {
                pub fn new() -> Self {
                    Self(0)
                }
                async fn add(&self, n: u64) -> u64 {
                    self.0.add(n)
                }
                #[cfg(unix)]
                #[event(name = "get", inline)]
                async fn r#value(&self) {}
                #[event(skip)]
                async fn helper(&self) {}
            }
        },
    );
}

#[test]
fn errors() {
    golden(
        "errors",
        quote!(cancle),
        quote!(
            fn ping(message: &str) {}
        ),
    );
}
