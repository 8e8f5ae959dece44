//! The source files of a crate as modules, without their tests.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Item, ItemMod};

/// A file of a crate.
pub(crate) struct Module {
    /// The path below the crate root, such as `wire::scan`; empty for the root.
    pub(crate) path: String,
    pub(crate) file: PathBuf,
    /// What the file holds, without what only tests see.
    pub(crate) items: Vec<Item>,
}

/// Returns the folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns `file` as it is called from the folder of the workspace.
pub(crate) fn relative(file: &Path) -> String {
    file.strip_prefix(workspace()).unwrap().display().to_string()
}

/// Parses a file.
pub(crate) fn parse(file: &Path) -> syn::File {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Returns the module of the crate root `file` and all modules below it.
pub(crate) fn modules(file: &Path) -> Vec<Module> {
    let mut modules = Vec::new();
    collect(file, String::new(), &mut modules);
    modules
}

fn collect(file: &Path, path: String, modules: &mut Vec<Module>) {
    let items = without_tests(parse(file).items);
    for item in &items {
        if let Item::Mod(ItemMod { ident, content: None, .. }) = item {
            let child = join(&path, &ident.to_string());
            collect(&child_file(file, &path, &ident.to_string()), child, modules);
        }
    }
    modules.push(Module { path, file: file.to_owned(), items });
}

/// Returns the path of something in a module.
pub(crate) fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// Returns the file of the module `name` that the module `path` in `file` declares.
fn child_file(file: &Path, path: &str, name: &str) -> PathBuf {
    let folder = if path.is_empty() { file.parent().unwrap().to_owned() } else { file.with_extension("") };
    let [flat, nested] = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
    assert!(flat.exists() || !nested.exists(), "{} is to be {}", nested.display(), flat.display());
    flat
}

fn without_tests(items: Vec<Item>) -> Vec<Item> {
    let mut items: Vec<_> = items.into_iter().filter(|item| !is_test_only(attributes(item))).collect();
    for item in &mut items {
        if let Item::Mod(ItemMod { content: Some((_, inner)), .. }) = item {
            *inner = without_tests(std::mem::take(inner));
        }
    }
    items
}

/// Returns whether `cfg` attributes leave something to tests alone.
pub(crate) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let condition = attribute.meta.require_list().unwrap().tokens.to_string();
        condition == "test" || condition.starts_with("all (test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
