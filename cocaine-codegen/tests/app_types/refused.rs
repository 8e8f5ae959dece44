//! Schemas of which no Rust can be made.

use cocaine::schema::AppSchema;
use cocaine_codegen::generate_types;

/// Returns what is wrong with the schema of these types.
fn refuse(types: &str) -> String {
    let schema: AppSchema = serde_json::from_str(&format!(r#"{{"schema": 1, "types": {types}}}"#)).unwrap();
    generate_types("shop", &schema).err().map_or_else(String::new, |error| error.to_string())
}

fn refuse_fields(fields: &str) -> String {
    refuse(&format!(r#"{{"T": {{"shape": {{"struct": {{"fields": [{fields}]}}}}}}}}"#))
}

fn refuse_enum(definition: &str) -> String {
    refuse(&format!(
        r#"{{"T": {{"shape": {{"enum": {definition}}}}}, "U": {{"shape": {{"newtype": "u8"}}}}}}"#
    ))
}

#[test]
fn types_that_are_none_are_named() {
    for (fields, expected) in [
        (r#"{"name": "a", "type": {"named": "X"}}"#, "app `shop`, type `T`: the type `X` has no definition"),
        (r#"{"name": "a", "type": {"non_zero": "text"}}"#, "`non_zero` is of an integer"),
        (r#"{"name": "a", "type": "u8"}, {"name": "a", "type": "u8"}"#, "type `T`, field `a`: another field"),
        (
            r#"{"name": "a", "type": "u8"}, {"name": "b", "aliases": ["a"], "type": "u8"}"#,
            "type `T`, field `b`: another field is called, or read as, `a` as well",
        ),
        (r#"{"name": "a", "type": "u8", "flatten": true}"#, "only a struct or a map can be flattened"),
        (r#"{"name": "a", "type": {"named": "T"}}"#, "each value would contain another, without an end"),
        (
            r#"{"name": "a", "type": {"array": [{"array": [{"array": [{"array": ["text", 32]}, 32]}, 32]}, 32]}}"#,
            "more than 1 MiB",
        ),
    ] {
        let error = refuse_fields(fields);
        assert!(error.contains(expected), "{fields}: {error}");
    }
    let tuple = format!(r#"{{"name": "a", "type": {{"tuple": [{}"u8"]}}}}"#, r#""u8", "#.repeat(12));
    assert!(refuse_fields(&tuple).contains("a tuple of 13 types; at most 12 are possible: define a struct"));
}

#[test]
fn enums_that_serde_refuses_are_named() {
    for (definition, expected) in [
        (r#"{"variants": [{"name": "a"}, {"name": "a"}]}"#, "variant `a`: another variant is called"),
        (r#"{"variants": [{"name": "a", "other": true}, {"name": "b"}]}"#, "only the last variant can"),
        (
            r#"{"variants": [{"name": "a"}], "tagging": {"adjacent": {"tag": "t", "content": "t"}}}"#,
            "the tag and the content are both called `t`",
        ),
        (
            r#"{"variants": [{"name": "a", "content": {"tuple": []}}], "tagging": {"internal": {"tag": "t"}}}"#,
            "variant `a`: a tag can be added to a map only",
        ),
        (
            r#"{"variants": [{"name": "a", "content": {"newtype": {"named": "U"}}}], "tagging": {"internal": {"tag": "t"}}}"#,
            "variant `a`: a tag can be added to a map only",
        ),
        (
            r#"{"variants": [{"name": "a", "content": {"struct": [{"name": "t", "type": "u8"}]}}], "tagging": {"internal": {"tag": "t"}}}"#,
            "a field is called `t`, as the tag is",
        ),
        (
            r#"{"variants": [{"name": "a", "content": {"newtype": "f64"}}, {"name": "b", "content": {"newtype": "u8"}}], "tagging": "untagged"}"#,
            "variant `b`: its values are read as those of a variant before it",
        ),
        (
            r#"{"variants": [{"name": "a", "content": {"struct": []}}, {"name": "b", "content": {"struct": []}}], "tagging": "untagged"}"#,
            "variant `b`: its values are read as those of a variant before it",
        ),
    ] {
        let error = refuse_enum(definition);
        assert!(error.contains(expected), "{definition}: {error}");
    }
}

#[test]
fn types_in_events_are_checked() {
    let json = r#"{"schema": 1, "events": {"e": {
        "arguments": [{"name": "a", "type": {"named": "X"}}], "input": {"non_zero": "f32"}, "output": {"stream": {"named": "Y"}}
    }}}"#;
    let error = generate_types("shop", &serde_json::from_str(json).unwrap()).unwrap_err().to_string();
    for place in ["event `e`, argument `a`", "event `e`, input", "event `e`, output"] {
        assert!(error.contains(&format!("app `shop`, {place}: ")), "{error}");
    }
}

#[test]
fn number_and_depth_of_types_are_bounded() {
    let chain = |len: usize| {
        let of = |index| {
            format!(r#""T{index}": {{"shape": {{"newtype": {{"list": {{"named": "T{}"}}}}}}}}"#, index + 1)
        };
        let types: Vec<_> = (0..len).map(of).collect();
        refuse(&format!(r#"{{{}, "T{len}": {{"shape": "unit_struct"}}}}"#, types.join(", ")))
    };
    assert_eq!(chain(63), "");
    assert_eq!(
        chain(64),
        "app `shop`, types: they contain one another 65 levels deep; code is generated for at most 64 levels"
    );
    assert!(chain(5_000).contains("code is generated for at most 4096 with 65536 fields"));
    // Each value has two of the next, which has two, and so on.
    let pair = |index: usize| {
        let next = format!(r#"{{"named": "T{}"}}"#, index + 1);
        format!(r#""T{index}": {{"shape": {{"tuple_struct": [{next}, {next}]}}}}"#)
    };
    let types: Vec<_> = (0..40).map(pair).collect();
    let error = refuse(&format!(r#"{{{}, "T40": {{"shape": {{"newtype": "u64"}}}}}}"#, types.join(", ")));
    assert!(error.contains("type `T0`: a value takes more than 1 MiB of memory"), "{error}");
}
