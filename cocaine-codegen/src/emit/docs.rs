//! Doc comments that no text can break out of, and that rustdoc reads as they are meant.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{AttrStyle, Attribute, Meta, MetaNameValue, token};

use crate::emit::syntax;
use crate::naming::ident;

/// As much of a name as a doc comment shows.
const SHOWN: usize = 120;

/// A doc comment.
#[derive(Clone)]
pub(super) struct DocComment(pub(super) Vec<Attribute>);

impl ToTokens for DocComment {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attribute in &self.0 {
            attribute.to_tokens(tokens);
        }
    }
}

/// Returns a doc comment of these lines; an empty one ends a paragraph.
pub(super) fn lines<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> DocComment {
    DocComment(lines.into_iter().map(|line| line_of(line.as_ref())).collect())
}

/// Returns the docs of the catalogue, or else one line.
pub(super) fn or_line(docs: &[String], line: &str) -> DocComment {
    if docs.is_empty() { lines([line]) } else { lines(docs) }
}

fn line_of(line: &str) -> Attribute {
    let line = line.trim_end();
    // A fourth slash would make it an ordinary comment; with a space it cannot come to that.
    let mut text = String::from(if line.is_empty() { "" } else { " " });
    for c in line.chars() {
        if is_unseen(c) { text.extend(c.escape_unicode()) } else { text.push(c) }
    }
    Attribute {
        pound_token: token::Pound::default(),
        style: AttrStyle::Outer,
        bracket_token: token::Bracket::default(),
        meta: Meta::NameValue(MetaNameValue {
            path: ident("doc").into(),
            eq_token: token::Eq::default(),
            value: syntax::expr_str(&text),
        }),
    }
}

/// Returns whether the compiler refuses `c` in a comment, or a reader would not see it.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Returns a name from the wire as Markdown that shows it: as code if it is plain, else with all that Markdown
/// could read escaped.
pub(super) fn name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    if !name.is_empty() && name.len() <= SHOWN && name.chars().all(plain) {
        return format!("`{name}`");
    }
    let mut text = String::from("“");
    for c in name.chars().take(SHOWN) {
        let seen: String = if is_unseen(c) { c.escape_unicode().collect() } else { c.to_string() };
        for c in seen.chars() {
            if c.is_ascii_punctuation() {
                text.push('\\');
            }
            text.push(c);
        }
    }
    if name.chars().nth(SHOWN).is_some() {
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
    fn a_line_stays_one_line() {
        let text = lines(["a\r\nb\u{202e}", "", "/ c"]).to_token_stream().to_string();
        assert_eq!(text, r#"# [doc = " a\\u{d}\\u{a}b\\u{202e}"] # [doc = ""] # [doc = " / c"]"#);
    }
}
