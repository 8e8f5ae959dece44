//! Texts from the cloud, which nobody has checked.

use std::fmt::Write as _;

/// Returns a text in which control characters are escapes, so that it can neither move the cursor of a terminal nor break a line.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if is_control(character) {
            let _ = write!(clean, "{}", character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Returns a text in which control characters are escapes, but for line feeds.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Returns a text of JSON in which the characters that a terminal may act on are escapes of JSON.
pub(crate) fn printable_json(json: &str) -> String {
    let mut clean = String::with_capacity(json.len());
    for character in json.chars() {
        if is_control(character) && character != '\n' {
            let _ = write!(clean, "\\u{:04x}", u32::from(character));
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Returns a number of bytes for people.
pub(crate) fn size(bytes: usize) -> String {
    indicatif::BinaryBytes(u64::try_from(bytes).unwrap_or(u64::MAX)).to_string()
}

/// Returns whether a terminal may act on a character: control characters, and those that turn the direction of a text.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_control_characters_are_escaped() {
        assert_eq!(printable("Käse \u{1f9c0}"), "Käse \u{1f9c0}");
        assert_eq!(printable_lines("a\x1b[2J\nb\n"), "a\\u{1b}[2J\nb\n");
        assert_eq!(printable("a\tb\n\u{9b}\u{202e}"), "a\\tb\\n\\u{9b}\\u{202e}");
    }
}
