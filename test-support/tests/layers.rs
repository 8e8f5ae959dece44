//! The layers of the crates: a file imports from its own layer and from layers below it, and no files import one another
//! in a circle, but for a parent and its own children.
//!
//! An import is a path to another file of the crate in a `use` declaration, in line, or in the arguments of a macro.
//! A path through a re-export is an import of the file that re-exports.

mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    ItemMod, UseTree,
    visit::{self, Visit},
};

use self::source::{Module, join, modules, workspace};

/// The layers of one crate.
struct Layers {
    root: &'static str,
    /// The layers from the lowest to the highest. Layers in one row do not import one another. `a::*` makes each
    /// module in `a` a layer of its own.
    rows: &'static [&'static [&'static str]],
    /// Circles that have a reason, which stands beside each: files that may be in one, though not all need be.
    circles: &'static [&'static [&'static str]],
    /// An import of a higher layer that has a reason, which stands beside it.
    exception: Option<(&'static str, &'static str)>,
}

const RUNTIME: Layers = Layers {
    root: "cocaine-rt/src/lib.rs",
    rows: &[
        &["wire"],
        &["protocol"],
        &["schema"],
        &["connection"],
        &["client", "server"],
        &["logging"],
        &["worker"],
        &["http", "double", "json", "bind", "prelude"],
    ],
    circles: &[
        // Recursive descent: a container reads its elements with a decoder, which meets containers.
        &["wire::decode::args", "wire::decode::containers", "wire::decode::decoder"],
        // Recursive descent: a container writes its elements with an encoder, which meets containers.
        &["wire::encode::containers", "wire::encode::encoder"],
    ],
    // An exported macro has its path at the root.
    exception: Some(("prelude", "")),
};

const NODE: Layers = Layers {
    root: "cocaine-node/src/lib.rs",
    rows: &[
        &["errno", "config", "file_lock", "open_files", "permissions"],
        &["helper", "metrics", "private_socket", "store"],
        &["control"],
        &["data", "import", "log", "registry"],
        &["service_host"],
        &["apps", "gateway"],
        &["services::*"],
        &["services"],
        &["node"],
        &["program"],
    ],
    circles: &[],
    exception: None,
};

const GENERATOR: Layers = Layers {
    root: "cocaine-codegen/src/lib.rs",
    rows: &[
        &["naming", "syntax"],
        &["error"],
        &["metadata"],
        &["app_types", "catalogue"],
        &["model"],
        &["json_rpc"],
        &["emit", "json_schema"],
        &["generate", "open_rpc"],
        &["fetch", "dump", "compare", "typescript"],
        &["program"],
    ],
    circles: &[],
    exception: None,
};

const TEST_KIT: Layers = Layers {
    root: "cocaine-test/src/lib.rs",
    rows: &[&["error", "output"], &["app", "node_thread"], &["deployment"], &["cloud"]],
    circles: &[],
    exception: None,
};

const COMMAND_LINE: Layers = Layers {
    root: "cocaine-cli/src/lib.rs",
    rows: &[
        &["error", "json", "program"],
        &["contexts", "output"],
        &["environment"],
        &["log_lines", "node_apps", "records"],
        &[
            "app_store",
            "call",
            "completion",
            "diagnosis",
            "log_stream",
            "package",
            "recording",
            "schema",
            "template",
            "trace",
        ],
        &["app_changes", "load", "run", "storage_archive"],
        &["commands"],
    ],
    circles: &[],
    exception: None,
};

#[test]
fn runtime_imports_point_downward() {
    RUNTIME.check();
}

#[test]
fn node_imports_point_downward() {
    NODE.check();
}

#[test]
fn generator_imports_point_downward() {
    GENERATOR.check();
}

#[test]
fn command_line_imports_point_downward() {
    COMMAND_LINE.check();
}

#[test]
fn test_kit_imports_point_downward() {
    TEST_KIT.check();
}

/// The files that each file imports from.
type Imports = BTreeMap<String, BTreeSet<String>>;

impl Layers {
    fn check(&self) {
        let imports = imports(&modules(&workspace().join(self.root)));
        let mut report = String::new();
        for module in imports.keys().filter(|module| self.layer(module).is_none()) {
            writeln!(report, "{module} is in no layer").unwrap();
        }
        self.report_upward(&imports, &mut report);
        self.report_circles(&imports, &mut report);
        assert!(report.is_empty(), "{}:\n{report}", self.root);
    }

    fn report_upward(&self, imports: &Imports, report: &mut String) {
        let mut unused = self.exception;
        for (from, to) in imports.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (from, to)))
        {
            if self.is_allowed(from, to) {
                continue;
            }
            if self.exception == Some((from.as_str(), to.as_str())) {
                unused = None;
            } else {
                writeln!(report, "{from} imports {to}, which lies above").unwrap();
            }
        }
        if let Some((from, to)) = unused {
            writeln!(report, "{from} no longer imports {to}: remove the exception").unwrap();
        }
    }

    fn report_circles(&self, imports: &Imports, report: &mut String) {
        let known: Vec<BTreeSet<_>> =
            self.circles.iter().map(|circle| circle.iter().copied().collect()).collect();
        let mut found = vec![false; known.len()];
        for circle in circles(imports) {
            let files: BTreeSet<_> = circle.iter().map(String::as_str).collect();
            match known.iter().position(|known| files.is_subset(known)) {
                Some(at) => found[at] = true,
                None => writeln!(report, "&{circle:?}, // circle").unwrap(),
            }
        }
        for (circle, _) in known.iter().zip(found).filter(|(_, found)| !found) {
            writeln!(report, "{circle:?} contains no circle: remove it from the list").unwrap();
        }
    }

    /// Returns whether a file may import another: one of its own layer, or of a row below.
    fn is_allowed(&self, from: &str, to: &str) -> bool {
        let (Some((from_row, from_layer)), Some((to_row, to_layer))) = (self.layer(from), self.layer(to))
        else {
            return true;
        };
        to_row < from_row || from_layer == to_layer
    }

    /// Returns the row of a module and its layer. The root lies above all rows.
    fn layer<'a>(&self, module: &'a str) -> Option<(usize, &'a str)> {
        if module.is_empty() {
            return Some((self.rows.len(), module));
        }
        let rows = self.rows.iter().enumerate();
        let layers = rows.flat_map(|(row, layers)| layers.iter().map(move |layer| (row, layer)));
        let matches = layers.filter_map(|(row, layer)| Some((row, prefix(module, layer)?)));
        matches.max_by_key(|(_, prefix)| prefix.len())
    }
}

/// Returns the part of `module` that `layer` stands for, if it does.
fn prefix<'a>(module: &'a str, layer: &str) -> Option<&'a str> {
    if let Some(parent) = layer.strip_suffix("::*") {
        let rest = module.strip_prefix(parent)?.strip_prefix("::")?;
        let child = rest.split("::").next()?;
        return Some(&module[..parent.len() + 2 + child.len()]);
    }
    let rest = module.strip_prefix(layer)?;
    (rest.is_empty() || rest.starts_with("::")).then(|| &module[..layer.len()])
}

/// Returns the files that each file imports from.
fn imports(modules: &[Module]) -> Imports {
    let paths: BTreeSet<_> = modules.iter().map(|module| module.path.as_str()).collect();
    let imports = modules.iter().map(|module| {
        let mut found = Finder::new(&module.path, &paths);
        module.items.iter().for_each(|item| found.collect_names(item));
        module.items.iter().for_each(|item| found.visit_item(item));
        found.imports.remove(&module.path);
        (module.path.clone(), found.imports)
    });
    imports.collect()
}

/// Finds the imports of one file.
struct Finder<'a> {
    /// All files of the crate.
    modules: &'a BTreeSet<&'a str>,
    /// The module that is visited: that of the file, or one within it.
    current: String,
    /// The names that stand for modules.
    names: BTreeMap<String, String>,
    imports: BTreeSet<String>,
}

impl<'a> Finder<'a> {
    fn new(file: &str, modules: &'a BTreeSet<&'a str>) -> Self {
        let children = modules.iter().filter(|module| parent(module) == Some(file));
        let names = children.map(|child| (last(child).to_owned(), (*child).to_owned())).collect();
        Self { modules, current: file.to_owned(), names, imports: BTreeSet::new() }
    }

    /// Remembers the modules that a `use` declaration brings into scope.
    fn collect_names(&mut self, item: &syn::Item) {
        let syn::Item::Use(item) = item else { return };
        let mut leaves = Vec::new();
        flatten(&item.tree, Vec::new(), &mut leaves);
        for (path, name) in leaves {
            if let Some(target) = self.absolute(&path).filter(|target| self.modules.contains(target.as_str()))
            {
                self.names.insert(name, target);
            }
        }
    }

    /// Returns a path below the crate root, if it leads into the crate.
    fn absolute(&self, path: &[String]) -> Option<String> {
        let (first, mut rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => String::new(),
            "self" => self.current.clone(),
            "super" => parent(&self.current)?.to_owned(),
            name => self.names.get(name)?.clone(),
        };
        while let Some(("super", after)) = rest.split_first().map(|(first, after)| (first.as_str(), after)) {
            (base, rest) = (parent(&base)?.to_owned(), after);
        }
        Some(rest.iter().fold(base, |path, name| join(&path, name)))
    }

    /// Adds the file that a path leads to.
    fn add(&mut self, path: &[String]) {
        let Some(target) = self.absolute(path) else { return };
        let mut file = target.as_str();
        while !self.modules.contains(file) {
            file = parent(file).unwrap_or_default();
        }
        self.imports.insert(file.to_owned());
    }

    /// Adds the paths among the tokens of a macro.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons) = (Vec::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 || path.is_empty() => {
                    path.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() && colons < 2 => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    self.add_inline(&std::mem::replace(&mut path, vec![ident.to_string()]));
                    colons = 0;
                    continue;
                }
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                _ => {}
            }
            self.add_inline(&std::mem::take(&mut path));
            colons = 0;
        }
        self.add_inline(&path);
    }

    /// Adds a path that stands in code. A single name is no path to a file.
    fn add_inline(&mut self, path: &[String]) {
        if path.len() > 1 {
            self.add(path);
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if module.content.is_none() {
            return;
        }
        let inner = join(&self.current, &module.ident.to_string());
        let outer = std::mem::replace(&mut self.current, inner);
        visit::visit_item_mod(self, module);
        self.current = outer;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut leaves = Vec::new();
        flatten(&item.tree, Vec::new(), &mut leaves);
        for (path, _) in leaves {
            // A module in scope is imported from where its name is used.
            let is_module = self.absolute(&path).is_some_and(|path| self.modules.contains(path.as_str()));
            if !is_module || path.last().is_some_and(|last| last == "*") {
                self.add(&path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if path.leading_colon.is_none() {
            self.add_inline(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.add_tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// Lists the paths of a `use` tree, each with the name that it brings into scope. A glob ends in `*`.
fn flatten(tree: &UseTree, mut path: Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(tree) => {
            path.push(tree.ident.to_string());
            flatten(&tree.tree, path, leaves);
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, path.clone(), leaves)),
        UseTree::Name(tree) if tree.ident == "self" => {
            let name = path.last().cloned().unwrap_or_default();
            leaves.push((path, name));
        }
        UseTree::Name(tree) => {
            path.push(tree.ident.to_string());
            leaves.push((path, tree.ident.to_string()));
        }
        UseTree::Rename(tree) => {
            path.push(tree.ident.to_string());
            leaves.push((path, tree.rename.to_string()));
        }
        UseTree::Glob(_) => {
            path.push("*".to_owned());
            leaves.push((path, "*".to_owned()));
        }
    }
}

/// Returns the groups of files that import one another, directly or not. A child's import of its own parent is left out:
/// a parent and its own children are one thing.
fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let reachable: BTreeMap<_, _> =
        imports.keys().map(|from| (from.as_str(), reachable(imports, from))).collect();
    let mut circles: Vec<Vec<String>> = Vec::new();
    for (from, targets) in &reachable {
        let circle: Vec<_> =
            targets.iter().filter(|to| reachable[to.as_str()].contains(*from)).cloned().collect();
        if !circle.is_empty() && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

/// Returns the files that one imports, directly or not.
fn reachable(imports: &Imports, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(file) = open.pop() {
        for target in &imports[&file] {
            if parent(&file) != Some(target) && reached.insert(target.clone()) {
                open.push(target.clone());
            }
        }
    }
    reached
}

/// Returns the module around another; the root has none.
fn parent(module: &str) -> Option<&str> {
    if module.is_empty() { None } else { Some(module.rsplit_once("::").map_or("", |(parent, _)| parent)) }
}

fn last(module: &str) -> &str {
    module.rsplit("::").next().unwrap_or(module)
}

#[test]
fn upward_import_and_circle_are_found() {
    let layers = Layers { rows: &[&["low"], &["a", "b::*"]], ..RUNTIME };
    for (from, to, allowed) in [
        ("low::x", "low::y", true),
        ("a", "low::x", true),
        ("low::x", "a", false),
        ("low::x", "", false),
        ("", "a", true),
        ("a", "b::c", false),
        ("b::c::d", "b::c", true),
        ("b::c", "b::d", false),
    ] {
        assert_eq!(layers.is_allowed(from, to), allowed, "{from} imports {to}");
    }
    let imports = |arrows: &[(&str, &[&str])]| -> Imports {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        arrows.iter().map(|(from, to)| ((*from).to_owned(), owned(to))).collect()
    };
    assert!(circles(&imports(&[("p", &["p::a"]), ("p::a", &["p"])])).is_empty(), "a parent and its child");
    let circle = circles(&imports(&[("p", &["p::a"]), ("p::a", &["p", "q"]), ("q", &["p"])]));
    assert_eq!(circle, [["p", "p::a", "q"]], "through a re-export");
}

#[test]
fn all_forms_of_import_are_found() {
    let text = "
        use super::sibling::Type;
        use crate::{other::{self, Thing as Alias}, parent::*};
        fn f() -> crate::inline::Type { other::inner::g(); child::h(); vec![crate::in_macro::X]; std::mem::take(x) }
        mod within { use super::super::cousin::Y; }
    ";
    let known = [
        "",
        "parent",
        "parent::file",
        "parent::file::child",
        "parent::sibling",
        "parent::cousin",
        "other",
        "other::inner",
        "inline",
        "in_macro",
        "unused",
    ];
    let known = known.into_iter().collect();
    let mut finder = Finder::new("parent::file", &known);
    let items = syn::parse_file(text).unwrap().items;
    for item in &items {
        finder.collect_names(item);
    }
    for item in &items {
        finder.visit_item(item);
    }
    let found: Vec<_> = finder.imports.iter().map(String::as_str).collect();
    let expected = [
        "in_macro",
        "inline",
        "other",
        "other::inner",
        "parent",
        "parent::cousin",
        "parent::file::child",
        "parent::sibling",
    ];
    assert_eq!(found, expected);
}
