//! Whatever a locator says gives valid Rust or a clear error. `compiled.rs` has the compiler judge a selection.

mod names;

use std::collections::BTreeSet;

use cocaine_codegen::{
    Catalogue, Message, Metadata, Method, Options, OutputLayout, Service, Tree, compare, dot, dump, generate,
    read_tables,
};
use syn::{Item, TraitItem};

use self::names::NAMES;

fn service(methods: impl IntoIterator<Item = Method>) -> Service {
    Service { version: 1, graph: (0..).zip(methods).collect() }
}

fn metadata<S: Into<String>>(services: impl IntoIterator<Item = (S, Service)>) -> Metadata {
    let services = services.into_iter().map(|(name, service)| (name.into(), service)).collect();
    Metadata { services, ..Metadata::default() }
}

fn unary(name: &str) -> Method {
    Method(name.to_owned(), Tree::end(), Tree::primitive())
}

fn node<'a>(messages: impl IntoIterator<Item = (&'a str, Tree)>) -> Tree {
    let messages = messages.into_iter().map(|(name, next)| Message(name.to_owned(), next));
    Tree::Node((0..).zip(messages).collect())
}

/// Generates both layouts, and checks what must hold of any output; returns the single file.
fn generated(metadata: &Metadata) -> String {
    let catalogue = Catalogue::builtin();
    let folder = generate(
        metadata,
        &catalogue,
        &Options { layout: OutputLayout::FilePerService, ..Options::default() },
    )
    .unwrap();
    let names: BTreeSet<_> = folder.files.iter().map(|file| file.name.to_lowercase()).collect();
    assert_eq!(names.len(), folder.files.len(), "two files of one name");
    for file in &folder.files {
        assert!(
            file.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte)),
            "{}",
            file.name
        );
        syn::parse_file(&file.text).unwrap();
    }
    let output = generate(metadata, &catalogue, &Options::default()).unwrap();
    let text = &output.files[0].text;
    let doubles = Options { doubles_of: Some("crate".to_owned()), ..Options::default() };
    let doubles = &generate(metadata, &catalogue, &doubles).unwrap().files[0].text;
    is_stable(doubles);
    for text in [text, doubles] {
        assert!(text.bytes().all(|byte| byte == b'\n' || byte >= b' '), "a control character");
        assert!(
            !text.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{2028}']),
            "an unseen character"
        );
    }
    assert_eq!(compare(metadata, &read_tables(text).unwrap()), [], "the tables hold what the metadata says");
    text.clone()
}

/// Laying out what is laid out changes nothing but blank lines.
fn is_stable(text: &str) {
    let again = prettyplease::unparse(&syn::parse_file(text).unwrap());
    let lines =
        |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    // The header is no part of the syntax tree.
    assert_eq!(lines(&again), lines(text)[1..]);
}

/// Returns the names of the methods of the only service in `text`.
fn methods(text: &str) -> Vec<String> {
    let file = syn::parse_file(text).unwrap();
    let Some(Item::Mod(module)) = file.items.iter().find(|item| matches!(item, Item::Mod(_))) else {
        panic!("no module");
    };
    let items = &module.content.as_ref().unwrap().1;
    let contract = items.iter().find_map(|item| match item {
        Item::Trait(contract) => Some(contract),
        _ => None,
    });
    (contract.unwrap().items.iter())
        .map(|item| match item {
            TraitItem::Fn(method) => method.sig.ident.to_string(),
            _ => panic!("no method"),
        })
        .collect()
}

#[test]
fn names_of_methods() {
    let text = generated(&metadata([("s", service(NAMES.iter().map(|name| unary(name))))]));
    is_stable(&text);
    let names = methods(&text);
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!((names.len(), unique.len()), (NAMES.len(), NAMES.len()));
}

#[test]
fn names_of_services() {
    let text = generated(&metadata(NAMES.iter().map(|name| (*name, service([])))));
    is_stable(&text);
}

#[test]
fn names_of_messages() {
    for names in NAMES.chunks(100) {
        let tree = node(names.iter().map(|name| (*name, node([("begin", node([("self", Tree::Recurse)]))]))));
        let method = Method("open".to_owned(), tree, Tree::end());
        is_stable(&generated(&metadata([("s", service([method]))])));
    }
}

/// A service that is called as something that generated code uses hides nothing of it.
#[test]
fn names_that_generated_code_uses() {
    let names = [
        "args",
        "bytes",
        "call",
        "caller",
        "dispatch",
        "end",
        "result",
        "service",
        "service_client",
        "tree_spec",
        "vec",
        "string",
        "option",
        "some",
        "ok",
        "err",
        "future",
        "send",
        "fn",
        "clone",
        "debug",
        "f",
        "t",
        "r",
        "b_tree_map",
        "std",
        "core",
        "alloc",
        "cocaine",
        "storage_client",
        "serve_storage",
        "storage",
        "Storage",
        "STORAGE",
    ];
    let text = generated(&metadata(names.map(|name| (name, service([unary("read")])))));
    for hidden in
        ["trait Result ", "trait Vec ", "trait F ", "struct ServiceClient(", "mod std ", "mod cocaine "]
    {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[test]
fn every_combination_of_trees() {
    let controls = Tree::Node([(65533, Message("ping".to_owned(), Tree::end()))].into());
    let trees = [
        Tree::Recurse,
        Tree::end(),
        Tree::primitive(),
        Tree::streaming(),
        node([("x", Tree::end())]),
        controls,
    ];
    let pairs = trees.iter().flat_map(|dispatch| trees.iter().map(move |upstream| (dispatch, upstream)));
    let methods =
        pairs.map(|(dispatch, upstream)| Method("m".to_owned(), dispatch.clone(), upstream.clone()));
    is_stable(&generated(&metadata([("s", service(methods))])));
}

#[test]
fn control_entries_are_no_methods() {
    let mut described = service([unary("ping")]);
    described.graph.insert(65533, unary("ping"));
    let catalogue = Catalogue::default();
    let output = generate(&metadata([("s", described)]), &catalogue, &Options::default()).unwrap();
    let text = &output.files[0].text;
    assert!(
        text.contains("id: 0,")
            && !text.contains("65533")
            && !text.contains("65_533")
            && !text.contains("ping_2")
    );
}

#[test]
fn ten_thousand_methods_of_one_name() {
    let metadata = metadata([("s", service((0..10_000).map(|_| unary("read"))))]);
    let output = generate(&metadata, &Catalogue::default(), &Options::default()).unwrap();
    assert!(output.files[0].text.contains("fn read_10000(&self"));
}

#[test]
fn deep_trees() {
    let deep = |levels| {
        let tree = (0..levels).fold(Tree::end(), |tree, _| node([("m", tree)]));
        metadata([("s", service([Method("open".to_owned(), tree, Tree::end())]))])
    };
    is_stable(&generated(&deep(32)));
    let error = generate(&deep(33), &Catalogue::default(), &Options::default()).unwrap_err().to_string();
    assert_eq!(error, "service `s`, method `open`: its tree is 33 messages deep; at most 32 are read");
}

#[test]
fn many_states_are_an_error() {
    let tree =
        (0..7).fold(Tree::end(), |tree, _| node(["a", "b", "c", "d", "e"].map(|name| (name, tree.clone()))));
    let metadata = metadata([("s", service([unary("read"), Method("open".to_owned(), tree, Tree::end())]))]);
    let error = generate(&metadata, &Catalogue::default(), &Options::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "service `s`, method `open`: its trees have 19531 states; code is generated for at most 2048"
    );
}

/// A method that is added, with the smallest id or the largest, renames only methods that want its own name.
#[test]
fn added_method_renames_no_other() {
    let wanted = ["read", "read", "clone", "a-b", "read_2", "fn", "self"];
    let names = |wires: &[&str]| {
        let text = generated(&metadata([("s", service(wires.iter().map(|wire| unary(wire))))]));
        methods(&text)
    };
    let before = names(&wanted);
    for added in ["write", "clone_", "a_b_2", "read_", "self_", "expect_read", "read_4", "new"] {
        assert_eq!(names(&[&wanted[..], &[added]].concat())[..wanted.len()], before, "{added}");
    }
    for added in ["write", "read", "clone_from", "a_b_2", "expect_read", "self-"] {
        let after = &names(&[&[added], &wanted[..]].concat())[1..];
        let changed = before.iter().zip(after).filter(|(before, after)| before != after);
        let changed: Vec<_> = changed.map(|(before, _)| before.as_str()).collect();
        assert!(changed.iter().all(|name| name.starts_with(added.trim_matches('-'))), "{added}: {changed:?}");
    }
}

#[test]
fn long_names() {
    let long = "x".repeat(1_000_000);
    let text = generated(&metadata([(long.clone(), service([unary(&long), unary(&long)]))]));
    assert!(text.len() < 10_000_000 && text.contains("fn x_2(") == text.contains("fn x("));
}

#[test]
fn dumps_and_messages_show_no_control_characters() {
    let metadata = metadata([("\u{1b}[2J", service([unary("\u{202e}\n")]))]);
    let output = generate(&metadata, &Catalogue::default(), &Options::default()).unwrap();
    let mut texts = vec![dump(&metadata), dot(&metadata)];
    texts.extend(output.warnings.iter().map(ToString::to_string));
    texts.extend(compare(&metadata, &Metadata::default()).iter().map(ToString::to_string));
    for text in texts {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
}
