//! Bytes and their hexadecimal digits.

use std::fmt::Write;

/// Returns the digits of `bytes`, two for each byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the bytes that `text` shows. White space may stand between bytes.
///
/// # Panics
/// If anything else is in `text`, or half a byte.
pub fn decode(text: &str) -> Vec<u8> {
    let digit =
        |char: char| char.to_digit(16).unwrap_or_else(|| panic!("{char:?} is not a digit in {text:?}"));
    let digits: Vec<_> = text.chars().filter(|char| !char.is_whitespace()).map(digit).collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    assert!(rest.is_empty(), "half a byte in {text:?}");
    pairs.iter().map(|[high, low]| u8::try_from(high << 4 | low).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn bytes_survive_the_round_trip() {
        let bytes: Vec<_> = (0..=255).collect();
        assert_eq!(decode(&encode(&bytes)), bytes);
        assert_eq!(decode("93 01\n0090"), [0x93, 1, 0, 0x90]);
    }

    #[test]
    #[should_panic(expected = "half a byte")]
    fn odd_number_of_digits_is_refused() {
        decode("93 0");
    }
}
