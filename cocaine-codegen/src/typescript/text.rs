//! Names, literals and comments of TypeScript, escaped so that no text can end them.

use std::fmt::Write as _;

use crate::naming::is_invisible;

/// Returns a literal of a text.
pub(super) fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            c if is_invisible(c) => {
                let _ = write!(literal, "\\u{{{:x}}}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal + "\""
}

/// Returns the name of a property: as it is if it is an identifier, and otherwise quoted.
pub(super) fn property(name: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
    let is_identifier =
        name.starts_with(|c: char| is_part(c) && !c.is_ascii_digit()) && name.chars().all(is_part);
    if is_identifier { name.to_owned() } else { literal(name) }
}

/// Returns a doc comment of these lines and its line break, or nothing if there are none.
pub(super) fn doc_comment(lines: &[String], indent: &str) -> String {
    match lines {
        [] => String::new(),
        [line] => format!("{indent}/** {} */\n", comment(line)),
        lines => {
            let mut text = format!("{indent}/**\n");
            for line in lines {
                let line = format!("{indent} * {}", comment(line));
                text.push_str(line.trim_end());
                text.push('\n');
            }
            text + indent + " */\n"
        }
    }
}

/// Returns a doc comment in one line, and a space; or nothing if there are no lines.
pub(super) fn inline_comment(lines: &[String]) -> String {
    let text =
        lines.iter().filter(|line| !line.is_empty()).map(|line| comment(line)).collect::<Vec<_>>().join(" ");
    if text.is_empty() { text } else { format!("/** {text} */ ") }
}

/// Returns a line that neither ends a comment nor is a tag in it.
fn comment(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '/' if text.ends_with('*') => text.push_str("\\/"),
            '@' => text.push_str("\\@"),
            '\t' => text.push(' '),
            c if is_invisible(c) => text.extend(c.escape_unicode()),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_become_code() {
        assert_eq!(literal("a\"b\\c\n\u{2028}`${x}`"), r#""a\"b\\c\u{a}\u{2028}`${x}`""#);
        for (name, expected) in
            [("ttl", "ttl"), ("$a_1", "$a_1"), ("1a", "\"1a\""), ("", "\"\""), ("a-b", "\"a-b\"")]
        {
            assert_eq!(property(name), expected);
        }
        let lines = ["**/ x /**/ @ts-ignore\r".to_owned()];
        assert_eq!(doc_comment(&lines, ""), "/** **\\/ x /**\\/ \\@ts-ignore\\u{d} */\n");
        // A line that ends with `*` is apart from the `*/` behind it, and one that begins with `/` from the `*` before it.
        assert_eq!(doc_comment(&["/".to_owned(), String::new()], ""), "/**\n * /\n *\n */\n");
        assert_eq!(inline_comment(&["a".to_owned(), String::new(), "*/".to_owned()]), "/** a *\\/ */ ");
    }
}
