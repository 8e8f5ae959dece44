//! Turns what a Cocaine locator says about its services into typed Rust.
//!
//! A locator knows of each service a *graph*: the names of its methods, and what either side may say next. It
//! knows no argument types and no docs; a [`Catalogue`] adds them. Both together give, for each service, a trait
//! for callers (and one for servers where they differ), a client, and the serving side.
//!
//! ```
//! use cocaine_codegen::{Catalogue, Metadata, Options, generate};
//!
//! let json = r#"{"services": {"echo": {"version": 1, "graph": {
//!     "0": ["ping", {}, {"0": ["value", {}], "1": ["error", {}]}]
//! }}}}"#;
//! let catalogue = Catalogue::parse("echo.rs", "
//!     /// Says what it is told.
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
//! But for `fetch`, which asks a live locator, the library reads no clock, no network and no environment, and keeps
//! its output in order: the same input gives the same bytes. What comes from a locator is never trusted: any text becomes a valid name, an escaped literal
//! or a harmless comment.
//!
//! ```text
//! fetch ─> metadata ─┬─> model ─> emit ─> format ─> text
//!          catalogue ─┘
//! ```

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
