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
    "EventReceiver",
    "EventReply",
    "EventSender",
    "EventSpec",
    "FirstChunk",
    "FlaggedOption",
    "FlaggedResult",
    "Graph",
    "Guard",
    "LossyStr",
    "MapEntries",
    "MaybeFlatVec",
    "MethodSpec",
    "OnDrop",
    "OptionalTail",
    "Receiver",
    "Reply",
    "ReplySender",
    "Result",
    "Scalar",
    "Schema",
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

/// Names of modules that would hide a crate, a type of the language or a tool in an attribute, clash with a file of the
/// output, or are reserved by a file system.
const MODULES: &[&str] = &[
    "alloc",
    "aux",
    "bool",
    "char",
    "clippy",
    "cocaine",
    "com1",
    "com2",
    "com3",
    "com4",
    "com5",
    "com6",
    "com7",
    "com8",
    "com9",
    "con",
    "core",
    "crate",
    "diagnostic",
    "f16",
    "f32",
    "f64",
    "f128",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "lib",
    "lpt1",
    "lpt2",
    "lpt3",
    "lpt4",
    "lpt5",
    "lpt6",
    "lpt7",
    "lpt8",
    "lpt9",
    "main",
    "miri",
    "mod",
    "nul",
    "prn",
    "rust_analyzer",
    "rustdoc",
    "rustfmt",
    "self",
    "std",
    "str",
    "super",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
];

/// The methods of clients and doubles that are not in the trait for callers: their own, and those of the traits that
/// they implement or that every type does. A method of the trait with such a name could not be called with a dot.
const CLIENT_METHODS: &[&str] = &[
    "borrow",
    "borrow_mut",
    "clone",
    "clone_from",
    "clone_into",
    "default",
    "fmt",
    "from",
    "from_service",
    "in_order",
    "into",
    "new",
    "service",
    "to_owned",
    "try_from",
    "try_into",
    "type_id",
    "verify",
    "wait_for_scripts",
    "with_deadline",
    "with_header",
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

/// Returns the name of the method of a client whose name in `snake_case` is `name`: with `_` after it where a client or a
/// double has another method of that name, or where it is no identifier.
///
/// It depends on `name` alone, so that a service's other methods never rename it. No name in `snake_case` ends with `_`,
/// so that it never becomes the name of another.
pub(crate) fn client_method(name: String) -> String {
    let is_expectation = name.starts_with("expect_") && !name.ends_with('_');
    if is_expectation || CLIENT_METHODS.binary_search(&&*name).is_ok() {
        format!("{name}_")
    } else {
        message(name)
    }
}

/// Returns the names of the methods of a double that expect calls of `methods`: `expect_read` for `read` and `expect_clone`
/// for `clone_`. None ends with `_`, as those of `methods` do that begin with `expect_`.
pub(crate) fn expectations(methods: &[String]) -> Vec<String> {
    let wanted = methods.iter().map(|name| format!("expect_{}", name.trim_end_matches('_')));
    NameScope::claim_all(&wanted.collect::<Vec<_>>(), "_")
}

/// Returns the name of the method that sends a message whose name in `snake_case` is `name`: with `_` after it where it
/// is no identifier.
pub(crate) fn message(name: String) -> String {
    if matches!(&*name, "self" | "super" | "crate") { format!("{name}_") } else { name }
}

/// Returns whether `name` is in `snake_case`; `_` at its end makes it differ from a keyword.
pub(crate) fn is_snake(name: &str) -> bool {
    let name = name.strip_suffix('_').unwrap_or(name);
    !name.is_empty() && snake(name, "") == name
}

/// Returns whether `name` can name a type, a trait or a variant as it is.
pub(crate) fn is_camel(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Returns `name` as an identifier, raw where it is a keyword.
pub(crate) fn ident(name: &str) -> Ident {
    match name {
        "_" | "self" | "Self" | "super" | "crate" => Ident::new(&format!("{name}_"), Span::call_site()),
        _ if KEYWORDS.binary_search(&name).is_ok() => Ident::new_raw(name, Span::call_site()),
        _ => Ident::new(name, Span::call_site()),
    }
}

/// Returns whether a compiler rejects `c` in a comment, or a reader cannot see it.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
        // Two `_` in a row are no snake case, and a name that ends with `_` remains one.
        let stem = wanted.trim_end_matches('_');
        let end = if stem.len() < wanted.len() { "_" } else { "" };
        loop {
            *repeat += 1;
            let name = format!("{stem}{between}{repeat}{end}");
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Returns a name for each of `wanted`, in their order. The first that wants a name gets it, and the others get that
    /// name with a number that makes it one that nobody wants.
    pub(crate) fn claim_all(wanted: &[String], between: &str) -> Vec<String> {
        let mut names = Self::default();
        let first: Vec<_> = wanted.iter().map(|wanted| names.taken.insert(wanted.clone())).collect();
        let claim = |(wanted, is_first): (&String, bool)| {
            if is_first { wanted.clone() } else { names.claim(wanted.clone(), between) }
        };
        wanted.iter().zip(first).map(claim).collect()
    }

    /// Returns whether `name` is free.
    pub(crate) fn is_free(&self, name: &str) -> bool {
        !self.taken.contains(name)
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
    fn number_of_repeated_name_is_wanted_by_none() {
        let claim = |wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(|wanted| (*wanted).to_owned()).collect();
            NameScope::claim_all(&wanted, "_")
        };
        assert_eq!(claim(&["a", "a_2", "b"]), ["a", "a_2", "b"]);
        assert_eq!(claim(&["a", "a", "a_2", "b", "a"]), ["a", "a_3", "a_2", "b", "a_4"]);
        assert_eq!(claim(&["new_", "new_"]), ["new_", "new_2_"]);
    }

    #[test]
    fn client_methods_do_not_clash() {
        assert!(CLIENT_METHODS.is_sorted());
        for (name, expected) in [
            ("read", "read"),
            ("clone", "clone_"),
            ("expect_read", "expect_read_"),
            ("expect", "expect"),
            ("self", "self_"),
            ("fn", "fn"),
        ] {
            assert_eq!(client_method(name.to_owned()), expected);
        }
        let methods = ["read", "clone_", "expect_clone_", "new_", "new_2_", "new_2"].map(str::to_owned);
        assert_eq!(
            expectations(&methods),
            [
                "expect_read",
                "expect_clone",
                "expect_expect_clone",
                "expect_new",
                "expect_new_2",
                "expect_new_2_2"
            ]
        );
        assert!(is_snake("read") && is_snake("clone_") && is_snake("a_2"));
        assert!(
            !is_snake("readAll") && !is_snake("a__b") && !is_snake("_a") && !is_snake("") && !is_snake("ж")
        );
    }

    #[test]
    fn modules_hide_no_crate() {
        assert_eq!(module("std"), "std_service");
        assert_eq!(module("self"), "self_service");
        assert_eq!(module("storage"), "storage");
        assert_eq!(module("type"), "type");
    }
}
