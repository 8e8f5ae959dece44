//! Rust text, read into trees of `syn` that are no deeper than a stack allows.
//!
//! The lexer keeps its own stack, but the parser recurses. Text from a file is therefore measured before it is parsed, in a
//! thread whose stack is large enough for what is not refused.

use std::thread::{self, Scope, ScopedJoinHandle};

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree, token_stream::IntoIter};
use syn::{Error, parse::Parse};

/// The largest nesting, as [`Nesting`] measures it. The generator's own output takes up to 680 for a tree of
/// `MAX_DEPTH` messages.
const MAX_NESTING: usize = 768;

/// What a pair of brackets adds to the nesting. The parser goes through many functions for each.
const BRACKETS: usize = 4;

/// The stack of a thread that parses. An unoptimised parser takes up to 60 KB for each level of a type.
const STACK: usize = 64 << 20;

/// Returns what `read` makes of `text`, in a thread with a stack for all that is parsed. The error says where the text is
/// no Rust, or too deep.
pub(crate) fn read<T: Parse, R: Send>(text: &str, read: impl FnOnce(syn::Result<T>) -> R + Send) -> R {
    thread::scope(|scope| join(spawn_parser(scope, || read(parse(text)))))
}

/// Starts a thread with a stack for all that is parsed.
///
/// # Panics
///
/// If there can be no more threads.
pub(crate) fn spawn_parser<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> R + Send + 'scope,
) -> ScopedJoinHandle<'scope, R> {
    let parser = thread::Builder::new().name("parser".to_owned()).stack_size(STACK);
    parser.spawn_scoped(scope, work).expect("there can be another thread")
}

/// Waits for a thread, and panics if it did.
pub(crate) fn join<R>(thread: ScopedJoinHandle<'_, R>) -> R {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn parse<T: Parse>(text: &str) -> syn::Result<T> {
    let tokens: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
        Error::new(error.span(), "this is no Rust: a bracket or a quote here has no other half")
    })?;
    check_nesting(tokens.clone())?;
    syn::parse2(tokens).map_err(|error| Error::new(error.span(), format!("this is no Rust: {error}")))
}

/// Fails where the parser could recurse too deeply.
fn check_nesting(tokens: TokenStream) -> syn::Result<()> {
    let mut levels = vec![Nesting::of(tokens, 0)];
    while let Some(level) = levels.last_mut() {
        let Some(token) = level.tokens.next() else {
            levels.pop();
            continue;
        };
        let span = token.span();
        let group = level.add(token);
        let depth = level.depth();
        if depth > MAX_NESTING {
            return Err(too_deep(span));
        }
        if let Some(inner) = group {
            levels.push(Nesting::of(inner, depth + BRACKETS));
        }
    }
    Ok(())
}

fn too_deep(span: Span) -> Error {
    Error::new(
        span,
        "brackets, types or expressions are nested too deeply here: declare a type for the inner ones",
    )
}

/// The nesting within one pair of brackets: how often the parser can have recursed.
///
/// It recurses at most once for each token of one argument, field or statement, and further for what goes on behind a
/// comma (`<`, and `|` of closures) and behind a block (`else`, operators).
struct Nesting {
    tokens: IntoIter,
    /// The nesting around the brackets.
    outer: usize,
    /// The tokens since the last separator.
    run: usize,
    /// The angle brackets that are open.
    angles: usize,
    /// The tokens that go on behind a comma.
    spanning: usize,
    previous: Previous,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Previous {
    Other,
    /// `#`, or `#!`, before an attribute.
    Hash,
    /// `-` or `=`, which make an arrow of `>`.
    Shaft,
    Block,
}

impl Nesting {
    fn of(tokens: TokenStream, outer: usize) -> Self {
        Self { tokens: tokens.into_iter(), outer, run: 0, angles: 0, spanning: 0, previous: Previous::Other }
    }

    fn depth(&self) -> usize {
        self.outer + self.run + self.angles + self.spanning
    }

    /// Counts `token`; returns what is in its brackets.
    fn add(&mut self, token: TokenTree) -> Option<TokenStream> {
        let previous = std::mem::replace(&mut self.previous, Previous::Other);
        if previous == Previous::Block && begins_statement(&token) {
            (self.run, self.angles, self.spanning) = (0, 0, 0);
        }
        match token {
            TokenTree::Group(group) if previous == Previous::Hash => Some(group.stream()),
            TokenTree::Group(group) => {
                self.run += 1;
                if group.delimiter() == Delimiter::Brace {
                    self.previous = Previous::Block;
                }
                Some(group.stream())
            }
            TokenTree::Punct(punct) => {
                self.add_punct(punct.as_char(), previous);
                None
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                self.run += 1;
                None
            }
        }
    }

    fn add_punct(&mut self, punct: char, previous: Previous) {
        match punct {
            '#' => self.previous = Previous::Hash,
            '!' if previous == Previous::Hash => self.previous = Previous::Hash,
            ';' => (self.run, self.angles, self.spanning) = (0, 0, 0),
            ',' => self.run = 0,
            '>' if previous != Previous::Shaft => self.angles = self.angles.saturating_sub(1),
            '<' => self.angles += 1,
            '|' => self.spanning += 1,
            '-' | '=' => {
                self.run += 1;
                self.previous = Previous::Shaft;
            }
            _ => self.run += 1,
        }
    }
}

/// Returns whether `token`, right behind a block, begins another item, statement or arm.
fn begins_statement(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(ident) => ident != "else" && ident != "as",
        TokenTree::Punct(punct) => punct.as_char() == '#',
        TokenTree::Group(_) | TokenTree::Literal(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_file(text: &str) -> Result<(), String> {
        read(text, |parsed: syn::Result<syn::File>| parsed.map(drop).map_err(|error| error.to_string()))
    }

    /// Each is nested as often as it is repeated, without brackets that the lexer pairs, or with them.
    const NESTED: [(&str, &str, &str); 24] = [
        ("trait A { fn a(b: ", "[", "]"),
        ("trait A { fn a(b: ", "(", ")"),
        ("trait A { fn a(b: ", "Vec<", ">"),
        ("trait A { fn a(b: ", "A<B, ", ">"),
        ("trait A { fn a(b: ", "&", ""),
        ("trait A { fn a(b: ", "*const ", ""),
        ("trait A { fn a(b: ", "fn() -> ", ""),
        ("trait A { fn a(b: ", "impl Fn() -> ", ""),
        ("trait A { fn a(b: ", "<A as ", ">"),
        ("trait A { fn a() { ", "{", "}"),
        ("trait A { fn a() { ", "(", ")"),
        ("trait A { fn a() { ", "!", ""),
        ("trait A { fn a() { ", "a = ", ""),
        ("trait A { fn a() { ", "a + ", ""),
        ("trait A { fn a() { ", "|a, b| ", ""),
        ("trait A { fn a() { ", "if a {} else ", ""),
        ("trait A { fn a() { a", ".a()", ""),
        ("trait A { fn a() { ", "match a {} + ", ""),
        ("trait A { fn a() { ", "return ", ""),
        ("trait A { fn a(", "&", ""),
        ("trait A { fn a(", "a @ ", ""),
        ("", "mod a {", "}"),
        ("use ", "a::", ""),
        ("enum A { A = ", "-", ""),
    ];

    /// Returns text in which `open` and `close` are repeated.
    fn nested((begin, open, close): (&str, &str, &str), times: usize) -> String {
        let parens = begin.matches('(').count() - begin.matches(')').count();
        let end = ")".repeat(parens) + &"}".repeat(begin.matches('{').count());
        format!("{begin}{}a{}{end}", open.repeat(times), close.repeat(times))
    }

    fn is_too_deep(text: &str) -> bool {
        parse_file(text).is_err_and(|error| error.starts_with("brackets, types or expressions are nested"))
    }

    #[test]
    fn deep_text_is_an_error() {
        for case in NESTED {
            assert!([800, 50_000].into_iter().all(|times| is_too_deep(&nested(case, times))), "{case:?}");
        }
    }

    /// Whether it is Rust does not matter here.
    #[test]
    fn deepest_text_fits_on_a_stack() {
        for case in NESTED {
            let times: Vec<_> = (1..=MAX_NESTING).collect();
            let deepest = times.partition_point(|times| !is_too_deep(&nested(case, *times)));
            assert!(deepest > 30, "{case:?}: {deepest}");
        }
    }

    #[test]
    fn long_text_is_not_deep() {
        let long = |begin: &str, item: &str, end: &str| format!("{begin}{}{end}", item.repeat(2_000));
        for text in [
            long("", "trait A { fn a(b: &[u8], c: BTreeMap<u8, Vec<u8>>) -> Stream<u8>; }\n", ""),
            long("trait A { ", "/// One.\n/// Two.\n#[name = \"b\"] fn a();", "}"),
            long("trait A { ", "/// One.\n", "fn a(); }"),
            long("enum A { ", "A = 1, ", "}"),
            long("fn a() { match b { ", "0 => { c(); }", "} }"),
            long("fn a() { match b { ", "0 => c(), ", "} }"),
            long("fn a() { ", "if b {} ", "}"),
            long("static A: B = B { c: &[", "(0, A { b: 1 }), ", "] };"),
        ] {
            parse_file(&text).unwrap();
        }
    }
}
