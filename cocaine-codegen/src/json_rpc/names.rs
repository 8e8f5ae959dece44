//! The names of types and clients, which are those of all services and apps together.

use std::collections::{BTreeMap, BTreeSet};

use super::Direction;
use crate::naming::{self, NameScope};

/// An item of a service or an app that has a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Client,
    Error(String),
    Type(String, Direction),
}

/// The names of the items of one service or app.
pub(super) type ItemNames = BTreeMap<Item, String>;

/// The names that the clients in other languages use themselves, and those of the languages.
const TAKEN: &[&str] = &[
    "AbortController",
    "AbortSignal",
    "Array",
    "Base64",
    "Batch",
    "Blob",
    "Boolean",
    "CallOptions",
    "Caller",
    "ClientOptions",
    "CocaineClient",
    "CocaineError",
    "Date",
    "Error",
    "ErrorKind",
    "Float",
    "Function",
    "Headers",
    "Infinity",
    "Integer64",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Partial",
    "Promise",
    "RawBytes",
    "Readonly",
    "Record",
    "RegExp",
    "Request",
    "Response",
    "Set",
    "String",
    "Symbol",
    "Uint8Array",
    "URL",
    "Value",
];

/// Returns a name for each item, in their order: the first of its candidates that no other item has among its own of the same
/// place, so that no name depends on the order; and the last with a number, if there is none.
pub(super) fn claim_all(wanted: &[Vec<String>]) -> Vec<String> {
    let mut taken: BTreeSet<&str> = TAKEN.iter().copied().collect();
    let mut names: Vec<Option<&str>> = vec![None; wanted.len()];
    for place in 0..wanted.iter().map(Vec::len).max().unwrap_or_default() {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let open = wanted.iter().zip(&names).filter(|(_, name)| name.is_none());
        open.filter_map(|(of, _)| of.get(place)).for_each(|name| *counts.entry(name).or_default() += 1);
        let free: BTreeSet<_> =
            counts.iter().filter(|(_, count)| **count == 1).map(|(name, _)| *name).collect();
        for (of, name) in wanted.iter().zip(&mut names).filter(|(_, name)| name.is_none()) {
            *name =
                of.get(place).map(String::as_str).filter(|name| free.contains(name) && taken.insert(name));
        }
    }
    let mut scope = NameScope::default();
    for name in &taken {
        scope.claim((*name).to_owned(), "");
    }
    let mut last = |of: &Vec<String>| scope.claim(of.last().cloned().unwrap_or_default(), "");
    names.into_iter().zip(wanted).map(|(name, of)| name.map_or_else(|| last(of), str::to_owned)).collect()
}

/// Returns what a type would like to be called whose name in a schema is `path`: by its own name, with its parameters; with
/// that of its module before it; with that of the app `owner` before both.
pub(super) fn type_names(path: &str, owner: &str, suffix: &str) -> Vec<String> {
    let name = type_name(path) + suffix;
    let head = path.split('<').next().unwrap_or_default();
    let module = head.rsplit("::").nth(1).map(|module| naming::camel(module, "")).unwrap_or_default();
    let in_module = format!("{module}{name}");
    vec![name, in_module.clone(), owner.to_owned() + &in_module]
}

/// Returns the name that a type wants whose name in a schema is `path`: without the modules, and with its parameters.
fn type_name(path: &str) -> String {
    let is_separator = |c: char| matches!(c, '<' | '>' | ',' | ' ' | '(' | ')' | '[' | ']' | ';' | '&');
    let parts = path.split(is_separator).map(|part| part.rsplit("::").next().unwrap_or_default());
    naming::camel(&parts.collect::<Vec<_>>().join(" "), "Type")
}

/// Returns `text` as `camelCase`, or `fallback` if nothing is left of it.
pub(super) fn lower_camel(text: &str, fallback: &str) -> String {
    let name = naming::camel(text, fallback);
    let end = name.char_indices().nth(1).map_or(name.len(), |(index, _)| index);
    let (first, rest) = name.split_at(end);
    first.to_ascii_lowercase() + rest
}

/// The members that objects of JavaScript have, and those that would make of a client something else: an object with
/// `then` is a promise to `await`.
const MEMBERS: &[&str] = &[
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "then",
    "toLocaleString",
    "toString",
    "valueOf",
];

/// The words that cannot name a variable, the variables of generated methods, and the globals that they use.
const VARIABLES: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "options",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "withoutMissing",
];

/// Returns the names of a client's methods.
pub(super) fn member_names(wanted: impl Iterator<Item = String>) -> Vec<String> {
    avoid(wanted, MEMBERS)
}

/// Returns the names of a method's parameters.
pub(super) fn variable_names(wanted: impl Iterator<Item = String>) -> Vec<String> {
    avoid(wanted, VARIABLES)
}

fn avoid(wanted: impl Iterator<Item = String>, taken: &[&str]) -> Vec<String> {
    let wanted = wanted.map(|name| if taken.contains(&&*name) { format!("{name}_") } else { name });
    NameScope::claim_all(&wanted.collect::<Vec<_>>(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_several_want_have_prefixes() {
        let wanted = [
            ("dto::Link", "Shop"),
            ("news::Link", "News"),
            ("dto::Page", "Shop"),
            ("dto::Page", "News"),
            ("Error", "Shop"),
            ("dto::User", "Shop"),
            ("NewsLink", "Other"),
        ];
        let wanted = wanted.map(|(path, owner)| type_names(path, owner, ""));
        let names =
            ["DtoLink", "NewsNewsLink", "ShopDtoPage", "NewsDtoPage", "ShopError", "User", "NewsLink"];
        assert_eq!(claim_all(&wanted), names);
        let same = vec![vec!["A".to_owned()], vec!["A".to_owned()], vec!["A2".to_owned()]];
        assert_eq!(claim_all(&same), ["A", "A3", "A2"]);
    }

    #[test]
    fn modules_are_not_part_of_names() {
        for (path, name) in [
            ("shop::Link", "Link"),
            ("shop::Page<shop::dto::Link,1>", "PageLink1"),
            ("std::result::Result<u8,text>", "ResultU8Text"),
            ("link", "Link"),
            ("*/", "Type"),
        ] {
            assert_eq!(type_name(path), name);
        }
        assert_eq!(lower_camel("read_all", "method"), "readAll");
        assert_eq!(lower_camel("", "method"), "method");
    }
}
