//! Texts of messages that are not UTF-8, as Rust strings.
//!
//! The wire knows no encoding: names, keys and tags are bytes, which are UTF-8 by convention only (`protocol.md` 3.1). A
//! byte that is not part of valid UTF-8 is represented by a private character, U+10FE80 for 80 to U+10FEFF for ff, and
//! such a character in an argument is sent as its byte. Every sequence of bytes has one string, from which the same bytes
//! are sent, so that such a key can be listed, read, logged and passed on.
//!
//! This holds for the arguments of messages. Payloads, which they carry as bytes, are decoded strictly.
//!
//! ```
//! let key = cocaine::text::from_bytes(b"caf\xe9");
//! assert_eq!(key, "caf\u{10fee9}");
//! assert_eq!(*cocaine::text::to_bytes(&key), *b"caf\xe9");
//! ```

use std::borrow::Cow;

/// The character of byte `b` is `BASE + b`.
const BASE: u32 = 0x10_fe00;
/// The first byte of the encoding of all these characters, and of few others.
const LEAD: u8 = 0xf4;

/// Returns the string that stands for `bytes`: the bytes themselves if they are UTF-8 without any of the private characters.
#[inline]
pub fn from_bytes(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !has_escapes(text) => Cow::Borrowed(text),
        _ => Cow::Owned(escape(bytes)),
    }
}

/// Returns the bytes that `text` stands for.
#[inline]
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if has_escapes(text) { Cow::Owned(unescape(text)) } else { Cow::Borrowed(text.as_bytes()) }
}

#[inline]
fn has_escapes(text: &str) -> bool {
    !text.is_ascii() && has_escaped_bytes(text)
}

fn has_escaped_bytes(text: &str) -> bool {
    text.as_bytes().contains(&LEAD) && text.chars().any(|char| escaped_byte(char).is_some())
}

#[cold]
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for char in text.chars() {
        match escaped_byte(char) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cold]
fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            if escaped_byte(char).is_some() {
                text.extend(char.encode_utf8(&mut [0; 4]).bytes().map(escape_byte));
            } else {
                text.push(char);
            }
        }
        text.extend(chunk.invalid().iter().copied().map(escape_byte));
    }
    text
}

fn escape_byte(byte: u8) -> char {
    char::from_u32(BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn escaped_byte(char: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(char).checked_sub(BASE)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn utf8_is_borrowed_as_it_is() {
        for text in ["", "key", "caf\u{e9}", "\u{10fe7f}\u{10ff00}\u{10ffff}"] {
            assert!(matches!(from_bytes(text.as_bytes()), Cow::Borrowed(same) if same == text));
            assert!(matches!(to_bytes(text), Cow::Borrowed(same) if same == text.as_bytes()));
        }
    }

    #[test]
    fn invalid_bytes_become_private_characters() {
        assert_eq!(from_bytes(b"a\x80\xffb\xe2\x82"), "a\u{10fe80}\u{10feff}b\u{10fee2}\u{10fe82}");
        // An escape that arrives as text is no escape, or two keys would be one.
        assert_eq!(from_bytes("\u{10fee9}".as_bytes()).chars().count(), 4);
    }

    fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
        let escape = (0x80_u8..).prop_map(|byte| escape_byte(byte).to_string().into_bytes());
        let part = prop_oneof![any::<char>().prop_map(|char| char.to_string().into_bytes()), escape];
        let part = prop_oneof![part, proptest::collection::vec(any::<u8>(), 0..4)];
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn all_bytes_round_trip(bytes in hostile_bytes()) {
            let text = from_bytes(&bytes);
            prop_assert_eq!(&*to_bytes(&text), &bytes[..]);
        }
    }
}
