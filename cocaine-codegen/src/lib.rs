//! Generates typed Rust from what a Cocaine locator announces about its services.
//!
//! A locator announces a *graph* for each service: the names of its methods, and what either side may send next. Graphs
//! have no argument types and no documentation; a [`Catalogue`] adds them, in the form of Rust traits. From both,
//! [`generate()`] makes a trait for callers (and one for servers where they differ), a client, and the serving side of each
//! service. Of an app, whose schema has all of that, it makes the same, with the types and the errors that it declares.
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
//! # Names
//!
//! A name on the wire becomes a Rust name by itself, so that a method that is added to a service renames none but those
//! that want its name. Where the two differ, the docs of the method contain the name on the wire.
//!
//! | on the wire | in Rust |
//! |---|---|
//! | `readAll`, `read-all`, `read::all` | `read_all`; types and variants are `ReadAll` |
//! | `ж`, `3com`, nothing | `u436`, `n3com`, `method_7` with its id |
//! | `type` | `r#type`, which is called as `client.r#type()` |
//! | `self`, `super`, `crate` | `self_`, `super_`, `crate_` |
//! | `clone`, `new`, `service`, `with_header` and any other method of clients or doubles | `clone_`, `new_`, … |
//! | `expect_read` and any other that begins with `expect_`, since doubles have such methods | `expect_read_` |
//! | a name that an earlier id has | the first of `read_2`, `read_3`, … that no method of the service wants |
//!
//! The methods of clients and doubles are their own (`service`, `from_service`, `with_deadline`, `with_header`, `new`,
//! `in_order`, `verify`, `wait_for_scripts`) and those of the traits that they implement or that every type does
//! (`clone`, `clone_from`, `clone_into`, `to_owned`, `default`, `fmt`, `from`, `into`, `try_from`, `try_into`, `borrow`,
//! `borrow_mut`, `type_id`). With these, `client.clone()` clones the client and `client.clone_()` calls the service. A
//! double expects that call with `expect_clone`.
//!
//! A catalogue names methods in the same way, and `#[name = "…"]` gives the name on the wire where it is another.
//!
//! # Other languages
//!
//! [`typescript`] writes clients for the JSON-RPC of a gateway, of services and of apps, [`open_rpc`] and [`json_schema`] documents for
//! other tools. `docs/apps.md` 7 has their types.
//!
//! # Limits
//!
//! A tree is at most 32 messages deep ([`MAX_DEPTH`]). Code is generated for up to 2,048 states and 4,096 messages of a
//! method, and for up to 4,096 states and 16,384 methods and messages of a service; the error names the method. Types of a
//! catalogue are nested up to 32 deep, and a declared type contains itself only in a `Vec` or a map. An app has up to 4,096
//! events with 16 arguments each, and 4,096 declared errors.
//!
//! An app defines up to 4,096 types with 65,536 fields, which contain one another up to 64 levels deep, and none of whose
//! values takes more than 1 MiB.
//!
//! # Modules
//!
//! ```text
//! app_types  the types of an app's schema ──────────────┐
//! metadata   graphs, from a locator (fetch) or a file ──┤
//!            (and the schemas of apps)                  │
//! app_types  the types of the schemas, checked           │
//! catalogue  names, types and docs, from Rust traits ───┴─> model ──> emit ──> generate ──> files
//!                                                           every     tokens   one file
//!                                                           name               or a folder
//! json_rpc   what a gateway offers, from both; typescript, json_schema and open_rpc write it
//! compare    what has changed between two of them; of apps also whom it breaks (compare::apps)
//! dump       a service's protocol as a tree, JSON or a graph
//! syntax     the parser of Rust, within bounds
//! program    the program
//! ```
//!
//! # Features
//!
//! `cli`, on by default, adds the program, and with it `fetch`. A build script does without.

mod app_types;
mod catalogue;
mod compare;
mod dump;
mod emit;
mod error;
#[cfg(feature = "cli")]
mod fetch;
mod generate;
mod json_rpc;
mod json_schema;
mod metadata;
mod model;
mod naming;
mod open_rpc;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod program;
mod syntax;
mod typescript;

pub use catalogue::Catalogue;
pub use compare::{
    AppDifference, AppDirection, AppGrade, AppRule, Difference, Grade, compare, compare_all_apps,
    compare_apps, compare_code, compare_event_hashes, difference_table, read_event_hashes, read_tables,
};
pub use dump::{dot, dump};
pub use error::{Error, Problem, Result, SourceLocation, Warning};
#[cfg(feature = "cli")]
pub use fetch::{AppSelection, FetchReport, ServiceSelection, fetch};
#[doc(hidden)]
pub use generate::app_types::generate_types;
pub use generate::{
    GeneratedFile, Options, Output, OutputLayout, builder::Builder, generate, write::write_file,
};
pub use json_schema::json_schema;
pub use metadata::{
    Metadata, Method, Service,
    apps::read_app_schema,
    shape::TreeShape,
    tree::{FIRST_CONTROL, MAX_DEPTH, Message, Tree},
};
pub use open_rpc::open_rpc;
pub use typescript::typescript;
