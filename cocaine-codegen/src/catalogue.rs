//! What the services' methods take and return, and what they are for: Rust traits, read with `syn`.
//!
//! A graph has no argument types and no docs. A catalogue adds them:
//!
//! ```text
//! /// Blobs kept in collections and indexed by tags.
//! #[service(name = "storage", version = 1)]
//! trait Storage {
//!     /// Returns the blob stored under `key`.
//!     fn read(collection: &str, key: &str) -> Bytes;
//! }
//! ```
//!
//! | written | means |
//! |---|---|
//! | `-> T`, or nothing | one value; without one `()`, or no answer at all: the graph knows |
//! | `-> Stream<T>` | any number of values |
//! | `-> Duplex<In, Out>` | both sides stream: `In` comes from the service, `Out` goes to it |
//! | `-> Session<Tx, Rx>` | any other: a side is `Stream<T>`, `Reply<T>`, `End`, `Root`, or a trait of this file |
//! | `-> Guard` | it answers once it holds something, until the caller sends `close`: a stream of one `true` |
//! | `-> FlaggedOption<T>` | `[found, value]`, an `Option<T>` in Rust |
//! | `-> FlaggedResult<T>` | `[done, value]`, a `Result<T, T>` in Rust: what came of it, or what stands in its way |
//! | `-> MaybeFlatVec<T>` | a `Vec<T>` that is also read if its elements are the arguments |
//! | `Option<T>` | a trailing argument that may be left out |
//! | `fn name(args: Args)` | nobody knows what it takes: any arguments, as they are |
//! | `#[lossy]` on an argument | text that a server takes in any encoding |
//! | `#[revoke_on_drop]` on a method | a sender that is dropped unfinished revokes the channel instead of ending it |
//! | `#[name = "…"]` on a method | the name on the wire, where it is no Rust name |
//! | `#[service(name = "…", version = N)]` | the service; without it, the trait's name in `snake_case` and any version |
//! | `#[service(…, any_name)]` | any service that has these methods and no others, as each app under its own name |
//!
//! A caller that may send nothing but `close` says it by letting go: such a method is one with a value, a stream or
//! a `Guard` like any other. Dropping the call, the stream or what is held sends the message, and so does the end of a
//! call; a server's stream, or what it holds, is dropped when it comes, and with a revoke or the end of the connection.
//!
//! A file may declare the types that its methods use:
//!
//! | written | means |
//! |---|---|
//! | `struct Name { field: T, … }` | an array of the fields, in their order |
//! | `#[flat]` on it | the whole argument list, where it is the answer or an item of a stream |
//! | `field: Option<T>` | nil if it is `None`; nothing at all, where no other field with a value follows |
//! | `struct Name(T);` | a `T` with a name of its own |
//! | `enum Name { One = 1, … }` | a number: these, and `Other(i32)` for any other; `#[repr(u64)]` for another type |
//!
//! A trait that a `Session` names describes the messages of that side, by name; every other trait is a service.

mod declared;
mod read;
mod signature;
pub(crate) mod types;

use std::collections::BTreeMap;

pub(crate) use declared::{DeclaredType, EnumVariant, StructField, TypeForm};
pub(crate) use signature::{Argument, Reply, ReplyWrapper, SideDescription, Signature};

use crate::{
    error::{Error, Problem, Result, SourceLocation},
    metadata::{Method, Service, tree::FIRST_CONTROL},
};

/// The files that come with this crate.
const BUILTIN: &[(&str, &str)] = &[
    ("app.rs", include_str!("../catalogue/app.rs")),
    ("cache.rs", include_str!("../catalogue/cache.rs")),
    ("chrono.rs", include_str!("../catalogue/chrono.rs")),
    ("echo.rs", include_str!("../catalogue/echo.rs")),
    ("elasticsearch.rs", include_str!("../catalogue/elasticsearch.rs")),
    ("geobase.rs", include_str!("../catalogue/geobase.rs")),
    ("graphite.rs", include_str!("../catalogue/graphite.rs")),
    ("isolate.rs", include_str!("../catalogue/isolate.rs")),
    ("langdetect.rs", include_str!("../catalogue/langdetect.rs")),
    ("locator.rs", include_str!("../catalogue/locator.rs")),
    ("logging.rs", include_str!("../catalogue/logging.rs")),
    ("logging_stream.rs", include_str!("../catalogue/logging_stream.rs")),
    ("logging_v2.rs", include_str!("../catalogue/logging_v2.rs")),
    ("metrics.rs", include_str!("../catalogue/metrics.rs")),
    ("node.rs", include_str!("../catalogue/node.rs")),
    ("storage.rs", include_str!("../catalogue/storage.rs")),
    ("tvm.rs", include_str!("../catalogue/tvm.rs")),
    ("uatraits.rs", include_str!("../catalogue/uatraits.rs")),
    ("unicat.rs", include_str!("../catalogue/unicat.rs")),
    ("unicorn.rs", include_str!("../catalogue/unicorn.rs")),
    ("uniresis.rs", include_str!("../catalogue/uniresis.rs")),
    ("urlfetch.rs", include_str!("../catalogue/urlfetch.rs")),
    ("vicodyn.rs", include_str!("../catalogue/vicodyn.rs")),
];

/// Descriptions of services.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// By service; the first that fits is taken.
    entries: BTreeMap<String, Vec<Entry>>,
}

/// The description of one service.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) service: String,
    pub(crate) version: Option<u64>,
    /// It describes services of any name that have the same methods.
    pub(crate) any_name: bool,
    pub(crate) place: SourceLocation,
    /// The trait's name.
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    /// By name on the wire.
    pub(crate) methods: BTreeMap<String, Signature>,
    /// The types that the methods need, in the order of the file.
    pub(crate) types: Vec<DeclaredType>,
}

impl Catalogue {
    /// Returns the descriptions that come with this crate.
    ///
    /// # Panics
    ///
    /// Never: that its own files can be read is tested.
    pub fn builtin() -> Self {
        let mut catalogue = Self::default();
        for (name, text) in BUILTIN {
            let file = format!("cocaine-codegen/catalogue/{name}");
            let parsed = Self::parse(&file, text).expect("the built-in catalogue can be read");
            catalogue = parsed.with_fallback(catalogue);
        }
        catalogue
    }

    /// Reads a file; `file_name` is for messages. All mistakes are reported at once.
    pub fn parse(file_name: &str, text: &str) -> Result<Self> {
        let mut catalogue = Self::default();
        let mut problems = Vec::new();
        for entry in read::file(file_name, text, &mut problems) {
            let same = catalogue.entries.entry(entry.service.clone()).or_default();
            if let Some(other) = same.iter().find(|other| other.version == entry.version) {
                let message = format!(
                    "`{}` describes `{}`, which `{}` does already",
                    entry.name, entry.service, other.name
                );
                problems.push(Problem::Catalogue { place: entry.place.clone(), message });
            }
            same.push(entry);
            // What is for one version goes before what is for any.
            same.sort_by_key(|entry| entry.version.is_none());
        }
        Error::check(problems).map(|()| catalogue)
    }

    /// Returns both; where both describe a service, the description in `self` wins.
    #[must_use]
    pub fn with_fallback(mut self, other: Self) -> Self {
        for (service, entries) in other.entries {
            self.entries.entry(service).or_default().extend(entries);
        }
        self
    }

    /// Returns the names of the services that are described.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Returns the description of a service: the first for its version or for any, else the first of all; for a name
    /// that is not described, one for any name that has these methods and no others.
    pub(crate) fn find(&self, name: &str, service: &Service) -> Option<&Entry> {
        let Some(entries) = self.entries.get(name) else {
            let mut entries = self.entries.values().flatten();
            return entries.find(|entry| entry.any_name && entry.describes(service));
        };
        let fits = |entry: &&Entry| entry.version.is_none_or(|version| version == service.version);
        entries.iter().find(fits).or_else(|| entries.first())
    }
}

impl Entry {
    /// Returns whether `service` has these methods, answered alike, and no others.
    fn describes(&self, service: &Service) -> bool {
        let fits = |method: &Method| {
            let reply = self.methods.get(&method.0).map(|signature| &signature.reply);
            reply.is_some_and(|reply| reply.fits(&method.1, &method.2))
        };
        let methods = || service.graph.range(..FIRST_CONTROL).map(|(_, method)| method);
        methods().count() == self.methods.len() && methods().all(fits)
    }
}
