//! Generates typed Rust from what a Cocaine locator announces about its services.
//!
//! A locator announces a *graph* for each service: the names of its methods, and what either side may send next. Graphs
//! have no argument types and no documentation; a [`Catalogue`] adds them, in the form of Rust traits. From both,
//! [`generate()`] makes a trait for callers (and one for servers where they differ), a client, and the serving side of each
//! service.
//!
//! ```
//! use cocaine_codegen::{Catalogue, Metadata, Options, generate};
//!
//! let json = r#"{"services": {"echo": {"version": 1, "graph": {
//!     "0": ["ping", {}, {"0": ["value", {}], "1": ["error", {}]}]
//! }}}}"#;
//! let catalogue = Catalogue::parse("echo.rs", "
//!     /// Sends messages back.
//!     trait Echo {
//!         /// Returns `message`.
//!         fn ping(message: &str) -> String;
//!     }
//! ")?;
//! let output = generate(&Metadata::from_json(json)?, &catalogue, &Options::default())?;
//! assert!(output.files[0].text.contains("fn ping(&self, message: &str)"));
//! # Ok::<(), cocaine_codegen::Error>(())
//! ```
//!
//! In a build script, [`Builder`] does the same from files. The program `cocaine-codegen` has the commands `generate`,
//! `fetch`, `check` and `dump`.
//!
//! The output depends only on the input, and is sorted: the same input gives the same bytes. `fetch` asks a live locator, and
//! [`Builder`] reads files and `OUT_DIR`; nothing else reads a clock, the network or the environment.
//! Input is not trusted: any text becomes a valid name, an escaped literal or a harmless comment.
//!
//! # Modules
//!
//! ```text
//! metadata   graphs, from a locator (fetch) or a file ──┐
//! catalogue  names, types and docs, from Rust traits ───┴─> model ──> emit ──> generate ──> files
//!                                                           every     tokens   one file
//!                                                           name               or a folder
//! compare    what has changed between two of them
//! dump       a service's protocol as a tree, JSON or a graph
//! commands   the program
//! ```
//!
//! # Features
//!
//! `cli`, on by default, adds the program, and with it `fetch` and an async runtime. A build script does without.

mod catalogue;
mod compare;
mod dump;
mod emit;
mod error;
#[cfg(feature = "cli")]
mod fetch;
mod generate;
mod metadata;
mod model;
mod naming;
mod syntax;

pub use catalogue::Catalogue;
pub use compare::{Difference, Grade, compare, compare_code, read_tables};
pub use dump::{dot, dump};
pub use error::{Error, Problem, Result, SourceLocation, Warning};
#[cfg(feature = "cli")]
pub use fetch::{FetchReport, fetch, fetch_present};
pub use generate::{
    GeneratedFile, Options, Output, OutputLayout, builder::Builder, generate, write::write_file,
};
pub use metadata::{
    Metadata, Method, Service,
    shape::TreeShape,
    tree::{FIRST_CONTROL, MAX_DEPTH, Message, Tree},
};
