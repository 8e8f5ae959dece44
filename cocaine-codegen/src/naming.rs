//! Turns any text from the wire into a Rust name that is valid and unique in its scope.
//!
//! Names are ASCII, since two spellings of one accented letter are the same identifier to the compiler, and
//! look-alikes make it warn. A letter beyond ASCII becomes its code: `ж` gives `u436`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span};

/// The types and traits of the runtime that generated code uses. No generated item has one of these names.
pub(crate) const RUNTIME: &[&str] = &[
    "Args",
    "Bytes",
    "Call",
    "Caller",
    "Deserialize",
    "DeserializeOwned",
    "Deserializer",
    "Dispatch",
    "Duplex",
    "DynReceiver",
    "DynSender",
    "End",
    "Endpoint",
    "FlaggedOption",
    "FlaggedResult",
    "Graph",
    "Guard",
    "LossyStr",
    "MaybeFlatVec",
    "MethodSpec",
    "OnDrop",
    "OptionalTail",
    "Receiver",
    "Reply",
    "ReplySender",
    "Result",
    "Scalar",
    "Sender",
    "Serialize",
    "Serializer",
    "Service",
    "ServiceClient",
    "ServiceInfo",
    "ServiceSpec",
    "Severity",
    "SingleArgument",
    "Stream",
    "TreeSpec",
    "Value",
];

/// Names of the prelude and the language, and the type parameters of generated code.
const PRELUDE: &[&str] = &[
    "D",
    "F",
    "R",
    "S",
    "T",
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "BTreeMap",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Hash",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Self",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// Names of modules that would hide a crate, clash with a file of the output, or are reserved by a file system.
const MODULES: &[&str] = &[
    "alloc", "aux", "cocaine", "con", "core", "crate", "lib", "main", "mod", "nul", "prn", "self", "std",
    "super",
];

/// The keywords of edition 2024, sorted.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The length to which names are cut. Names that are equal up to there are distinguished by a number.
const LONGEST: usize = 96;

/// Splits `text` into lower-case ASCII words.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut length = 0;
    let mut chars = text.chars().peekable();
    let mut previous = ' ';
    while let Some(c) = chars.next() {
        let lower_follows = chars.peek().is_some_and(char::is_ascii_lowercase);
        let hump = c.is_ascii_uppercase()
            && (previous.is_ascii_lowercase()
                || previous.is_ascii_digit()
                || previous.is_ascii_uppercase() && lower_follows);
        if hump || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        let piece = match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase().to_string(),
            c if c.is_alphanumeric() => format!("u{:x}", u32::from(c)),
            _ => String::new(),
        };
        length += piece.len();
        if length > LONGEST {
            break;
        }
        if let Some(word) = words.last_mut() {
            word.push_str(&piece);
        }
        if !c.is_ascii() {
            words.push(String::new());
        }
        previous = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns `text` as `snake_case`, or `fallback` if nothing is left of it.
pub(crate) fn snake(text: &str, fallback: &str) -> String {
    let name = words(text).join("_");
    match name.chars().next() {
        None => fallback.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{name}"),
        Some(_) => name,
    }
}

/// Returns `text` as `CamelCase`, or `fallback` if nothing is left of it.
pub(crate) fn camel(text: &str, fallback: &str) -> String {
    let mut name = String::new();
    for word in words(text) {
        let (first, rest) = word.split_at(1);
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    match name.chars().next() {
        None => fallback.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("N{name}"),
        Some(_) => name,
    }
}

/// Returns whether a type of this name would hide one that generated code uses.
pub(crate) fn is_taken_type(name: &str) -> bool {
    RUNTIME.contains(&name) || PRELUDE.contains(&name)
}

/// Returns the name of the module, and file, of the service `name`.
pub(crate) fn module(name: &str) -> String {
    let module = snake(name, "service");
    if MODULES.contains(&module.as_str()) { format!("{module}_service") } else { module }
}

/// Returns `name` as an identifier, raw where it is a keyword.
pub(crate) fn ident(name: &str) -> Ident {
    match name {
        "_" | "self" | "Self" | "super" | "crate" => Ident::new(&format!("{name}_"), Span::call_site()),
        _ if KEYWORDS.binary_search(&name).is_ok() => Ident::new_raw(name, Span::call_site()),
        _ => Ident::new(name, Span::call_site()),
    }
}

/// Returns `text` escaped for a message, so that it can neither move a terminal's cursor nor end a quote.
pub(crate) fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

/// The names of one scope, each of which is claimed once.
#[derive(Debug, Default)]
pub(crate) struct NameScope {
    taken: BTreeSet<String>,
    repeats: BTreeMap<String, usize>,
}

impl NameScope {
    /// Returns `wanted`, or the first of `wanted2`, `wanted3`, … that is free (with `between` before the number).
    pub(crate) fn claim(&mut self, wanted: String, between: &str) -> String {
        if self.taken.insert(wanted.clone()) {
            return wanted;
        }
        let repeat = self.repeats.entry(wanted.clone()).or_insert(1);
        loop {
            *repeat += 1;
            let name = format!("{wanted}{between}{repeat}");
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Returns whether all `names` are free.
    pub(crate) fn are_free<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> bool {
        names.into_iter().all(|name| !self.taken.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snakes_and_camels() {
        for (text, snake_case, camel_case) in [
            ("read", "read", "Read"),
            ("logging::v2", "logging_v2", "LoggingV2"),
            ("cookie2language", "cookie2language", "Cookie2language"),
            ("HTTPServer", "http_server", "HttpServer"),
            ("fooBar", "foo_bar", "FooBar"),
            ("__x__", "x", "X"),
            ("3com", "n3com", "N3com"),
            ("ж", "u436", "U436"),
            ("aжb", "a_u436_b", "AU436B"),
            ("", "m", "M"),
            ("*/", "m", "M"),
            ("\u{202e}evil", "evil", "Evil"),
            ("a\"b\nc", "a_b_c", "ABC"),
        ] {
            assert_eq!(snake(text, "m"), snake_case, "{text:?}");
            assert_eq!(camel(text, "M"), camel_case, "{text:?}");
        }
        assert!(snake(&"ж".repeat(100_000), "m").len() <= 2 * LONGEST);
    }

    #[test]
    fn identifiers() {
        for (name, expected) in [
            ("fn", "r#fn"),
            ("async", "r#async"),
            ("gen", "r#gen"),
            ("self", "self_"),
            ("crate", "crate_"),
            ("x", "x"),
        ] {
            assert_eq!(ident(name).to_string(), expected);
        }
    }

    #[test]
    fn keywords_are_sorted_and_all_there_are() {
        assert!(KEYWORDS.is_sorted());
        for keyword in KEYWORDS.iter().filter(|keyword| **keyword != "gen") {
            assert!(syn::parse_str::<Ident>(keyword).is_err(), "{keyword}");
        }
    }

    #[test]
    fn every_name_is_given_once() {
        let mut names = NameScope::default();
        let mut claim = |wanted: &str| names.claim(wanted.to_owned(), "_");
        assert_eq!([claim("a"), claim("a_2"), claim("a"), claim("a")], ["a", "a_2", "a_3", "a_4"]);
    }

    #[test]
    fn modules_hide_no_crate() {
        assert_eq!(module("std"), "std_service");
        assert_eq!(module("self"), "self_service");
        assert_eq!(module("storage"), "storage");
        assert_eq!(module("type"), "type");
    }
}
