//! Doc comments from the schema of an app.
//!
//! Anybody who may upload an app writes them, so they are text with paragraphs, lists, code and emphasis, and nothing else:
//! no HTML, which would be part of the page; no links; and no code that `cargo test` would compile and run.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs;

/// The fence of a block of code that is not a test.
const OPEN_FENCE: &str = "```text";
const CLOSE_FENCE: &str = "```";

/// Returns a doc comment of `doc`, or of `line` if it is empty.
pub(super) fn or_line(doc: &str, line: &str) -> TokenStream {
    if doc.trim().is_empty() { docs::lines([line]) } else { docs::lines(plain_lines(doc)) }
}

/// Returns `#[allow(…)]` for an item with these docs, whose style nobody here decides.
pub(super) fn allow<'d>(docs: impl IntoIterator<Item = &'d str>) -> Option<TokenStream> {
    (!docs.into_iter().all(is_prose)).then(|| {
        quote! {
            #[allow(
                rustdoc::bare_urls,
                clippy::doc_lazy_continuation,
                clippy::doc_markdown,
                clippy::doc_overindented_list_items,
            )]
        }
    })
}

/// Returns whether `doc` is words with punctuation, in which no name or list can be seen.
fn is_prose(doc: &str) -> bool {
    let mut previous = ' ';
    doc.chars().all(|c| {
        let is_word = c.is_ascii_lowercase() || c.is_ascii_uppercase() && !previous.is_ascii_alphanumeric();
        let is_prose = is_word || matches!(c, ' ' | '\n' | ',' | '.' | ';' | '!' | '?');
        previous = c;
        is_prose
    })
}

/// Returns the lines of `doc` as Markdown in which only what is harmless has a meaning.
///
/// A line of prose begins without spaces, which would make it code. A fence stands alone on its line, so that this function
/// and a reader of Markdown agree on where blocks of code begin and end.
fn plain_lines(doc: &str) -> Vec<String> {
    let has_code = has_plain_code(doc);
    let mut lines = Vec::new();
    let mut is_in_fence = false;
    for line in doc.lines() {
        if is_fence(line) {
            is_in_fence = !is_in_fence;
            lines.push(if is_in_fence { OPEN_FENCE } else { CLOSE_FENCE }.to_owned());
        } else if is_in_fence {
            lines.push(line.replace('\t', "    "));
        } else {
            lines.push(escape(line, has_code));
        }
    }
    if is_in_fence {
        lines.push(CLOSE_FENCE.to_owned());
    }
    lines
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// Returns whether each line of prose has code between single backticks only, which are the pairs that a reader sees.
fn has_plain_code(doc: &str) -> bool {
    let mut prose = doc.lines().filter(|line| !is_fence(line));
    prose.all(|line| {
        line.matches('`').count().is_multiple_of(2) && !line.contains("``") && !line.contains('\\')
    })
}

/// Escapes what begins HTML, links, tables and code in a line of prose.
fn escape(line: &str, has_code: bool) -> String {
    let mut text = String::new();
    let mut is_code = false;
    let mut previous = ' ';
    for c in line.trim().chars() {
        let c = if c == '\t' { ' ' } else { c };
        if c == '`' && has_code {
            is_code = !is_code;
        } else if !is_code && c == ' ' && previous == ' ' {
            continue;
        } else if !is_code && matches!(c, '<' | '[' | ']' | '&' | '|' | '`' | '~' | '\\') {
            text.push('\\');
        }
        text.push(c);
        previous = c;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(doc: &str) -> String {
        plain_lines(doc).join("\n")
    }

    #[test]
    fn prose_and_code_are_kept() {
        let doc = "A *short* `Vec<u8>` link.\n\n- one\n- two";
        assert_eq!(text(doc), doc);
        assert_eq!(text("a\n```rust\nfn f() {}\n```\nb"), "a\n```text\nfn f() {}\n```\nb");
    }

    #[test]
    fn nothing_becomes_code_that_is_run() {
        for (doc, expected) in [
            ("a\n\n    panic!()", "a\n\npanic!()"),
            ("-     panic!()", "- panic!()"),
            ("```\npanic!()", "```text\npanic!()\n```"),
            ("> ```\n> panic!()", "> \\`\\`\\`\n> panic!()"),
            ("<!--\n```\n-->\n```\npanic!()\n```", "\\<!--\n```text\n-->\n```\npanic!()\n```text\n```"),
        ] {
            assert_eq!(text(doc), expected);
        }
    }

    #[test]
    fn nothing_becomes_html_or_a_link() {
        for (doc, expected) in [
            ("<script>x</script>", r"\<script>x\</script>"),
            ("[a](javascript:b)", r"\[a\](javascript:b)"),
            ("`<b>` ` <b>", r"\`\<b>\` \` \<b>"),
            (r"\`<b>` `", r"\\\`\<b>\` \`"),
            ("&lt;b>", r"\&lt;b>"),
        ] {
            assert_eq!(text(doc), expected);
        }
    }
}
