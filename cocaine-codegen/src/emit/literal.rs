//! Literals.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::LitInt;

/// Returns `value`, with its digits in groups of three from a hundred thousand on.
pub(super) fn integer(value: u64) -> LitInt {
    LitInt::new(&group_digits(value), Span::call_site())
}

/// Returns `value`, as [`integer`] does, after its sign.
pub(super) fn signed(value: i64) -> TokenStream {
    let absolute = integer(value.unsigned_abs());
    if value < 0 { quote!(-#absolute) } else { quote!(#absolute) }
}

fn group_digits(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len() > 5 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_have_groups_of_digits() {
        let groups = |value| integer(value).to_string();
        assert_eq!(groups(0), "0");
        assert_eq!(groups(65_535), "65535");
        assert_eq!(groups(100_000), "100_000");
        assert_eq!(groups(u64::MAX), "18_446_744_073_709_551_615");
    }
}
