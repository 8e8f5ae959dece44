//! Doc comments, escaped so that no text can end the comment or be read as Markdown by accident.

use proc_macro2::TokenStream;
use quote::quote;

use crate::naming::is_invisible;

/// The number of characters of a name that a doc comment shows.
const MAX_SHOWN: usize = 120;

/// Returns a doc comment of these lines; an empty line ends a paragraph.
pub(super) fn lines<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> TokenStream {
    lines.into_iter().map(|line| doc_attribute(line.as_ref())).collect()
}

/// Returns the docs of the catalogue, or else one line.
pub(super) fn or_line(docs: &[String], line: &str) -> TokenStream {
    if docs.is_empty() { lines([line]) } else { lines(docs) }
}

/// Returns the docs of the catalogue for a method or a message, with its name on the wire where Rust has another, or
/// else one line, which contains that name.
pub(super) fn or_line_with_name(
    docs: &[String],
    line: &str,
    rust_name: &str,
    wire_name: &str,
) -> TokenStream {
    let mut all = or_line(docs, line);
    if !docs.is_empty() && rust_name != wire_name {
        all.extend(lines([String::new(), format!("On the wire: {}.", name(wire_name))]));
    }
    all
}

fn doc_attribute(line: &str) -> TokenStream {
    let line = line.trim_end();
    // A fourth slash would make it an ordinary comment; the space prevents that.
    let mut text = String::from(if line.is_empty() { "" } else { " " });
    for c in line.chars() {
        if is_invisible(c) { text.extend(c.escape_unicode()) } else { text.push(c) }
    }
    quote!(#[doc = #text])
}

/// Returns Markdown that shows a name from the wire: code if the name is plain, else text with the punctuation of
/// Markdown escaped.
pub(super) fn name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    if !name.is_empty() && name.len() <= MAX_SHOWN && name.chars().all(plain) {
        return format!("`{name}`");
    }
    let mut text = String::from("“");
    for c in name.chars().take(MAX_SHOWN) {
        let visible: String = if is_invisible(c) { c.escape_unicode().collect() } else { c.to_string() };
        for c in visible.chars() {
            if c.is_ascii_punctuation() {
                text.push('\\');
            }
            text.push(c);
        }
    }
    if name.chars().nth(MAX_SHOWN).is_some() {
        text.push('…');
    }
    text + "”"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_show_as_they_are() {
        for (text, expected) in [
            ("read", "`read`"),
            ("logging::v2", "`logging::v2`"),
            ("", "“”"),
            ("*/ [x] `y` <z>", r"“\*\/ \[x\] \`y\` \<z\>”"),
            ("a\u{202e}b\n", r"“a\\u\{202e\}b\\u\{a\}”"),
        ] {
            assert_eq!(name(text), expected);
        }
        assert!(name(&"x".repeat(100_000)).len() < 200);
    }

    #[test]
    fn line_break_in_doc_is_escaped() {
        let text = lines(["a\r\nb\u{202e}", "", "/ c"]).to_string();
        assert_eq!(text, r#"# [doc = " a\\u{d}\\u{a}b\\u{202e}"] # [doc = ""] # [doc = " / c"]"#);
    }
}
