//! The rules for names and sizes, over the whole workspace.

mod source;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::{
    ItemMod, Visibility,
    spanned::Spanned,
    visit::{self, Visit},
};

use self::source::{is_test_only, modules, parse, relative, workspace};

/// The most words of a test's name.
const TEST_WORDS: usize = 8;
/// The most lines of a function.
const FUNCTION_LINES: usize = 60;
/// The most lines of a file without its tests.
const FILE_LINES: usize = 400;

/// The folders of the crates.
const CRATES: &[&str] = &[
    "bench",
    "bindings",
    "cocaine-cli",
    "cocaine-codegen",
    "cocaine-macros",
    "cocaine-node",
    "cocaine-rt",
    "cocaine-test",
    "docs/guide",
    "examples",
    "test-support",
];

/// The crates whose types are checked: those that are written by hand, by their roots.
const ROOTS: &[&str] = &[
    "bench/src/main.rs",
    "cocaine-cli/src/lib.rs",
    "cocaine-codegen/src/lib.rs",
    "cocaine-codegen/src/main.rs",
    "cocaine-macros/src/lib.rs",
    "cocaine-node/src/lib.rs",
    "cocaine-node/src/main.rs",
    "cocaine-rt/src/lib.rs",
    "cocaine-test/src/lib.rs",
    "docs/guide/checks/blocks/main.rs",
    "test-support/src/lib.rs",
];

/// Names that may stand for a private type in several files of a crate.
const STANDARD: &[&str] =
    &["Entry", "Error", "Inner", "Iter", "Kind", "Options", "Result", "Shared", "State", "Visitor"];

/// Words of no other library, which once were names here.
const PRIVATE_WORDS: &[&str] = &[
    "Admissions",
    "Asked",
    "Atlas",
    "Begun",
    "Clockwork",
    "Death",
    "Draft",
    "Fleet",
    "Fresh",
    "Gate",
    "Grave",
    "Ground",
    "Held",
    "Lease",
    "Life",
    "Manner",
    "Manners",
    "Past",
    "Question",
    "Remains",
    "Said",
    "Seat",
    "Seats",
    "Shift",
    "Speaker",
    "Spot",
    "Tail",
    "Told",
    "TooMuch",
    "Wanted",
    "Wish",
    "Workshop",
];

/// What breaks a rule: the crate and the name, and the files that it stands in.
type Offenders = BTreeMap<String, Vec<String>>;

#[test]
fn test_names_have_at_most_eight_words() {
    let mut offenders = Offenders::new();
    for file in rust_files() {
        let text = fs::read_to_string(&file).unwrap();
        let tokens =
            text.parse::<TokenStream>().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut names = Vec::new();
        collect_tests(tokens, &mut names);
        names.retain(|name| name.split('_').count() > TEST_WORDS);
        for name in &names {
            add(&mut offenders, name, &file);
        }
    }
    check("test-name", &offenders);
}

#[test]
fn type_names_are_unique_in_their_crate() {
    let mut offenders = Offenders::new();
    let all = ROOTS.iter().flat_map(|root| types(root));
    for (name, file, is_private) in all {
        if !(is_private && STANDARD.contains(&name.as_str())) {
            add(&mut offenders, &name, &file);
        }
    }
    offenders.retain(|_, files| files.len() > 1);
    check("repeated-type", &offenders);
}

#[test]
fn type_names_are_standard_words() {
    let mut offenders = Offenders::new();
    for (name, file, _) in ROOTS.iter().flat_map(|root| types(root)) {
        if PRIVATE_WORDS.contains(&name.as_str()) {
            add(&mut offenders, &name, &file);
        }
    }
    check("private-word", &offenders);
}

#[test]
fn functions_have_at_most_60_lines() {
    let mut offenders = Offenders::new();
    for file in rust_files() {
        let mut functions = Functions::default();
        functions.visit_file(&parse(&file));
        functions.long.iter().for_each(|name| add(&mut offenders, name, &file));
    }
    check("long-function", &offenders);
}

#[test]
fn files_have_at_most_400_lines_without_tests() {
    let mut offenders = Offenders::new();
    for file in ROOTS.iter().flat_map(|root| modules(&workspace().join(root))).map(|module| module.file) {
        let tests = parse(&file).items.into_iter().filter_map(|item| match item {
            syn::Item::Mod(module) if is_test_only(&module.attrs) => Some(lines(&module)),
            _ => None,
        });
        let all = fs::read_to_string(&file).unwrap().lines().count();
        if all - tests.sum::<usize>() > FILE_LINES {
            add(&mut offenders, &file.file_name().unwrap().to_string_lossy(), &file);
        }
    }
    check("long-file", &offenders);
}

fn add(offenders: &mut Offenders, name: &str, file: &Path) {
    let file = relative(file);
    let package = file.split('/').next().unwrap_or_default();
    offenders.entry(format!("{package} {name}")).or_default().push(file);
}

/// Fails if there are offenders against a rule.
#[track_caller]
fn check(rule: &str, offenders: &Offenders) {
    let lines = offenders.iter().map(|(name, files)| format!("{rule}: {name} in {}", files.join(" ")));
    assert!(offenders.is_empty(), "\n{}\n", lines.collect::<Vec<_>>().join("\n"));
}

/// Returns all files of the workspace that are written by hand and are Rust.
fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in CRATES {
        collect_files(&workspace().join(name), &mut files);
    }
    files
}

fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // The generator writes golden files; those of `ui` are programs that do not compile.
        let skipped = ["target", "golden", "ui"].iter().any(|name| path.ends_with(name));
        if path.is_dir() && !skipped {
            collect_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Collects the names of functions with an attribute that ends in `test`, those in macros such as `proptest!` included.
fn collect_tests(tokens: TokenStream, names: &mut Vec<String>) {
    let (mut is_test, mut is_name) = (false, false);
    let mut after_hash = false;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' && punct.spacing() == Spacing::Alone => {
                after_hash = true;
            }
            TokenTree::Group(group) if after_hash => {
                is_test |= is_test_attribute(group.stream());
                after_hash = false;
            }
            TokenTree::Ident(ident) if ident == "fn" => is_name = true,
            TokenTree::Ident(ident) if is_name => {
                if is_test {
                    names.push(ident.to_string());
                }
                (is_test, is_name) = (false, false);
            }
            TokenTree::Group(group) => collect_tests(group.stream(), names),
            _ => {}
        }
    }
}

/// Returns whether an attribute is `test` or `tokio::test`, with or without arguments.
fn is_test_attribute(tokens: TokenStream) -> bool {
    let path = tokens.into_iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
    let path: Vec<_> = path.map(|token| token.to_string()).collect();
    path.last().is_some_and(|last| last == "test")
}

/// Returns the types of a crate: the name of each, its file, and whether it is private to that file.
fn types(root: &str) -> Vec<(String, PathBuf, bool)> {
    let mut types = Types::default();
    for module in modules(&workspace().join(root)) {
        types.file.clone_from(&module.file);
        module.items.iter().for_each(|item| types.visit_item(item));
    }
    types.found
}

#[derive(Default)]
struct Types {
    file: PathBuf,
    found: Vec<(String, PathBuf, bool)>,
}

impl Types {
    fn add(&mut self, name: &syn::Ident, visibility: &Visibility) {
        let is_private = matches!(visibility, Visibility::Inherited);
        self.found.push((name.to_string(), self.file.clone(), is_private));
    }
}

impl<'ast> Visit<'ast> for Types {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.ident, &item.vis);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(&item.ident, &item.vis);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add(&item.ident, &item.vis);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add(&item.ident, &item.vis);
    }
}

/// Finds the functions that are too long.
#[derive(Default)]
struct Functions {
    long: Vec<String>,
}

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let length = block.span().end().line - signature.span().start().line + 1;
        if length > FUNCTION_LINES {
            self.long.push(signature.ident.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// Returns the lines that a module takes.
fn lines(module: &ItemMod) -> usize {
    module.span().end().line - module.span().start().line + 1
}
