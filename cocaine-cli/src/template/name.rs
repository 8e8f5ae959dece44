//! Names of new apps, which are those of crates and of services as well.

/// Names that the compiler, Cargo, the templates or a cloud need for themselves.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "axum",
    "become",
    "box",
    "break",
    "build",
    "cocaine",
    "cocaine-bindings",
    "cocaine-rt",
    "cocaine-test",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "futures-util",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "locator",
    "logging",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "node",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "storage",
    "struct",
    "super",
    "test",
    "tokio",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unicorn",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Accepts what can be the name of a crate, of a program and of an app.
pub(crate) fn crate_name(text: &str) -> Result<String, String> {
    let is_valid = text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || "-_".contains(next));
    if !is_valid {
        return Err(
            "a name of up to 64 small letters, digits, `-` and `_` is wanted, with a letter first".to_owned()
        );
    }
    if RESERVED.contains(&text) || RESERVED.contains(&text.replace('_', "-").as_str()) {
        return Err("the compiler, a dependency or a service has this name: choose another".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates() {
        for name in ["shop", "shop-2", "s", "my_shop"] {
            assert_eq!(crate_name(name).as_deref(), Ok(name));
        }
        for name in
            ["", "2shop", "Shop", "a b", "../a", "-a", "a.b", "ж", "crate", "tokio", "cocaine_rt", "storage"]
        {
            assert!(crate_name(name).is_err(), "{name}");
        }
        assert!(crate_name(&"a".repeat(65)).is_err());
    }
}
