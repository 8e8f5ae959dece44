//! Emits the Rust of a service: the model in, tokens out, and from those formatted text. Every name is decided before.
//!
//! Each file emits one kind of item of a service's module, as tokens that `quote!` writes:
//!
//! | file | items |
//! |---|---|
//! | `imports` | the `use` declarations |
//! | `traits` | the traits for callers and for servers |
//! | `declared` | the types that the catalogue declares |
//! | `table` | the static table of the methods |
//! | `client` | the client |
//! | `server` | the serving side |
//! | `session` | the states of sessions |
//! | `double` | the double for tests, which is a module of its own |
//! | `module` | the modules around them and the names that are exported |
//! | `app` | everything of an app, but its types |
//! | `app_types` | the types of an app |
//!
//! The other files emit parts of items: `arguments`, `types`, `docs`, `lints` and `literal`. [`format`] parses the tokens
//! of one service and formats them with `prettyplease`.
//!
//! # Why `quote!` alone
//!
//! `prettyplease` formats syntax trees, so quoted tokens have to be parsed. Syntax trees that are constructed by hand save
//! that, and once were used for everything that is repeated for each method. For 1,000 services of 20 methods, which is
//! 31 MB of code, they took 1.7 to 1.9 s of processor time and tokens take 4.6 to 4.8 s: 2.7 s to parse them, 1.0 s to
//! quote them, 0.8 s to format and drop the trees. The work is shared by all cores. The factor of 2.6 is the price of one
//! way in place of two, without 460 lines of constructors: it is 3 ms for each service of a cloud, once.
//!
//! # To add an item
//!
//! Write a file with a function from [`ServiceModel`] to [`TokenStream`], named after the item, and list it in
//! [`bindings`]. Add the names of the runtime that the item uses to `imports` and to `naming::RUNTIME`. Names become
//! identifiers through [`ident`], numbers literals through `literal::integer`, and texts comments through `docs`, since
//! none of them can be trusted. Then run the tests with `BLESS=1` to rewrite the golden files, and read the difference.

mod app;
mod app_types;
mod arguments;
mod client;
mod declared;
mod docs;
mod double;
pub(crate) mod format;
mod imports;
mod lints;
mod literal;
mod module;
mod schema_docs;
mod server;
mod session;
mod table;
mod traits;
mod types;

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::{
    app_types::AppTypes,
    error::{Problem, Result},
    model::{ModuleModel, ServiceModel},
    naming::ident,
    syntax,
};

/// Returns the types of an app, with the imports that they need.
pub(crate) fn app_type_items(types: &AppTypes) -> TokenStream {
    let mut names = BTreeSet::new();
    app_types::add_item_names(types, &mut names);
    let names = names.into_iter().map(ident);
    let items = app_types::type_items(types);
    quote!(use ::cocaine::bind::{#(#names),*}; #items)
}

/// What is emitted for each service and each app.
#[derive(Clone, Copy)]
pub(crate) enum OutputKind<'a> {
    /// Traits, clients and serving sides.
    Bindings,
    /// Doubles for the bindings in the module of this path.
    Doubles(&'a str),
}

impl<'a> OutputKind<'a> {
    /// Returns the kind for doubles of the bindings at `path`; fails if that is not the path of a module.
    pub(crate) fn doubles_of(path: &'a str) -> Result<Self> {
        check_module_path(path).map(|()| Self::Doubles(path))
    }

    /// Returns the items of a module.
    pub(crate) fn items(self, model: &ModuleModel) -> TokenStream {
        match (self, model) {
            (Self::Bindings, ModuleModel::Service(service)) => bindings(service),
            (Self::Bindings, ModuleModel::App(app)) => app::bindings(app),
            // `doubles_of` has parsed the path.
            (Self::Doubles(path), ModuleModel::Service(service)) => {
                double::double(service, &path.parse().unwrap_or_default())
            }
            (Self::Doubles(path), ModuleModel::App(app)) => {
                app::double(app, &path.parse().unwrap_or_default())
            }
        }
    }

    /// Returns a module.
    pub(crate) fn module(self, model: &ModuleModel) -> TokenStream {
        let (docs, lints, name) =
            (module::module_docs(model, self), module::module_lints(model), ident(model.module()));
        let items = self.items(model);
        quote!(#docs #lints pub mod #name { #items })
    }

    /// Returns `pub use` for the names that are unique among `models`.
    pub(crate) fn exports(self, models: &[ModuleModel]) -> TokenStream {
        module::exports(models, self)
    }

    /// Returns `pub mod` for each of `models`.
    pub(crate) fn declarations(self, models: &[ModuleModel]) -> TokenStream {
        module::declarations(models, self)
    }
}

/// Fails if `path` is not the path of a module from `crate` or `::` on.
pub(crate) fn check_module_path(path: &str) -> Result<()> {
    let is_absolute = |path: &Path| {
        let first = path.segments.first().map(|segment| segment.ident.to_string());
        path.leading_colon.is_some() || first.is_some_and(|first| first == "crate")
    };
    let is_module = syntax::read(path, |path: syn::Result<Path>| {
        path.is_ok_and(|path| {
            is_absolute(&path) && path.segments.iter().all(|segment| segment.arguments.is_none())
        })
    });
    if is_module { Ok(()) } else { Err(Problem::Path(path.to_owned()).into()) }
}

fn bindings(service: &ServiceModel) -> TokenStream {
    [
        imports::imports(service),
        traits::traits(service),
        declared::types(&service.types),
        table::table(service),
        client::client(service),
        server::server(service),
        session::states(service),
    ]
    .into_iter()
    .collect()
}
