//! The chapters of the guide, and the README of the repository. Their Rust blocks are doctests: each is compiled, and run unless it is `no_run`.
#![expect(clippy::doc_markdown, reason = "the pages are read as a book")]

/// Makes each page the documentation of a module, in which rustdoc finds its blocks.
macro_rules! chapters {
    ($($module:ident = $page:literal,)*) => {
        $(#[doc = include_str!(concat!("../src/", $page))] pub mod $module {})*
    };
}

#[doc = include_str!("../../../README.md")]
pub mod readme {}

chapters! {
    clients = "clients.md",
    command_line = "command-line.md",
    coming_from = "coming-from.md",
    generator = "generator.md",
    http = "http.md",
    install = "install.md",
    introduction = "introduction.md",
    node = "node.md",
    operating = "operating.md",
    quick_start = "quick-start.md",
    testing = "testing.md",
    typed_apps = "typed-apps.md",
    wire = "wire.md",
    workers = "workers.md",
}
