//! Emits the Rust of an app: the model in, tokens out.
//!
//! | file | items |
//! |---|---|
//! | `traits` | the traits for callers and for imitations |
//! | `client` | the table of the events, and the client |
//! | `errors` | the enums of declared errors |
//! | `server` | the events of an imitation |
//! | `double` | the double for tests, which is a module of its own |
//! | `chunks` | what the others need of types, chunks and results |

mod chunks;
mod client;
mod double;
mod errors;
mod server;
mod traits;

use proc_macro2::TokenStream;
use quote::quote;

use self::chunks::RuntimeNames;
pub(super) use self::double::double;
use super::{OutputKind, app_types, docs};
use crate::{model::AppModel, naming::ident};

/// Returns the items of an app's module.
pub(super) fn bindings(app: &AppModel) -> TokenStream {
    let imports = imports(app);
    let items = [
        traits::caller_trait(app),
        traits::server_trait(app),
        types(app),
        errors::enums(app),
        client::tables(app),
        client::client(app),
        server::server(app),
    ];
    quote!(#imports #(#items)*)
}

/// Returns the types, or the imports of those that are the user's.
fn types(app: &AppModel) -> TokenStream {
    match &app.types_module {
        None => app_types::type_items(&app.types),
        Some(module) => app_types::provided_types(&app.types, &app.wire_name, module),
    }
}

/// Returns the docs of an app's module.
pub(super) fn module_docs(app: &AppModel, kind: OutputKind<'_>) -> TokenStream {
    let name = docs::name(&app.wire_name);
    docs::lines([match kind {
        OutputKind::Bindings => format!("The app {name}."),
        OutputKind::Doubles(_) => format!("A double of the app {name}."),
    }])
}

/// Returns the names of the public types and traits of an app's module, in alphabetical order.
pub(super) fn public_names(app: &AppModel) -> Vec<&str> {
    let names = &app.names;
    let mut all = vec![&*names.caller_trait, &*names.client, &*names.serve];
    all.extend(names.server.as_deref());
    all.extend(app.types.items().map(|(_, rust_name, _)| rust_name));
    all.extend(app.errors.iter().map(|error| &*error.name));
    all.sort_unstable();
    all
}

/// Returns the `use` declaration: exactly the names of the runtime that the items use.
fn imports(app: &AppModel) -> TokenStream {
    let mut used = RuntimeNames::default();
    used.add(&["MethodSpec", "OnDrop", "Service", "ServiceClient", "ServiceSpec", "TreeSpec"]);
    used.add_events(app);
    if app.types_module.is_none() {
        app_types::add_item_names(&app.types, &mut used.0);
    }
    let names = used.0.into_iter().map(ident);
    let event = (!app.events.is_empty()).then(|| quote!(event,));
    quote!(use ::cocaine::bind::{#(#names,)* #event};)
}
