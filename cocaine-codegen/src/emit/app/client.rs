//! The table of the events, and the client, whose methods are one line each.

use cocaine::schema::EventOutput;
use proc_macro2::TokenStream;
use quote::quote;

use super::chunks::{
    caller_parameters, chunk_type, duplex_type, is_raw_argument, result_arguments, result_type,
};
use crate::{
    emit::{docs, literal::integer},
    model::{AppModel, EventModel},
    naming::ident,
};

/// Returns the tables of the service's methods and of the events.
pub(super) fn tables(app: &AppModel) -> TokenStream {
    let (table, name) = (ident(&app.names.table), &app.wire_name);
    let shown = docs::name(name);
    let docs = docs::lines([format!(
        "The methods of the service of {shown}, which are compared with those of the server on connecting."
    )]);
    let events = events_table(app, &shown);
    quote! {
        #docs
        static #table: ServiceSpec = ServiceSpec {
            name: #name,
            version: 1,
            methods: &[
                MethodSpec {
                    id: 0,
                    name: "enqueue",
                    dispatch: TreeSpec::STREAMING,
                    upstream: TreeSpec::STREAMING,
                    on_drop: OnDrop::Terminal,
                },
                MethodSpec {
                    id: 1,
                    name: "info",
                    dispatch: TreeSpec::END,
                    upstream: TreeSpec::PRIMITIVE,
                    on_drop: OnDrop::Terminal,
                },
                MethodSpec {
                    id: 2,
                    name: "control",
                    dispatch: TreeSpec::STREAMING,
                    upstream: TreeSpec::PRIMITIVE,
                    on_drop: OnDrop::Revoke,
                },
            ],
        };

        #events
    }
}

fn events_table(app: &AppModel, shown: &str) -> Option<TokenStream> {
    if app.events.is_empty() {
        return None;
    }
    let docs = docs::lines([format!(
        "The events of {shown}, each with the hash of its schema, which is sent with each call."
    )]);
    let (table, count) = (ident(&app.events_table()), integer(app.events.len() as u64));
    let specs =
        app.events.iter().map(|EventModel { wire_name, hash, .. }| quote!(EventSpec::new(#wire_name, #hash)));
    Some(quote!(#docs static #table: [EventSpec; #count] = [#(#specs),*];))
}

pub(super) fn client(app: &AppModel) -> TokenStream {
    let [caller_trait, client, table] =
        [&app.names.caller_trait, &app.names.client, &app.names.table].map(|name| ident(name));
    let docs = docs::lines([format!("Calls the events of {}.", docs::name(&app.wire_name))]);
    let methods = (0..).zip(&app.events).map(|(index, event)| method(app, index, event));
    quote! {
        #docs
        #[derive(Clone, Debug)]
        pub struct #client(Service);

        impl ServiceClient for #client {
            const SPEC: &'static ServiceSpec = &#table;

            fn from_service(service: Service) -> Self {
                Self(service)
            }

            fn service(&self) -> &Service {
                &self.0
            }
        }

        impl #caller_trait for #client {
            #(#methods)*
        }
    }
}

fn method(app: &AppModel, index: u64, event: &EventModel) -> TokenStream {
    let (name, parameters) = (ident(&event.name), caller_parameters(app, event));
    let (table, index, chunk) = (ident(&app.events_table()), integer(index), first_chunk(event));
    let output = chunk_type(app, event.output.ty());
    match (&event.input, &event.output) {
        (None, EventOutput::Reply(_)) => {
            let result = result_type(app, event, &output);
            quote! {
                async fn #name(&self #(, #parameters)*) -> #result {
                    #table[#index].call(&self.0, #chunk).await
                }
            }
        }
        (None, EventOutput::Stream(_)) => {
            let items = result_arguments(app, event, &output);
            quote! {
                #[allow(refining_impl_trait)]
                fn #name(&self #(, #parameters)*) -> EventReceiver<#items> {
                    #table[#index].stream(&self.0, #chunk)
                }
            }
        }
        (Some(input), output) => {
            let duplex = duplex_type(app, event, input);
            let call = ident(match output {
                EventOutput::Reply(_) => "call_with_input",
                EventOutput::Stream(_) => "stream_with_input",
            });
            quote! {
                async fn #name(&self #(, #parameters)*) -> Result<#duplex> {
                    #table[#index].#call(&self.0, #chunk).await
                }
            }
        }
    }
}

/// Returns the arguments, encoded as the first chunk.
fn first_chunk(event: &EventModel) -> TokenStream {
    let names: Vec<_> = event.arguments.iter().map(|argument| ident(&argument.name)).collect();
    match &names[..] {
        [] => quote!(FirstChunk::none()),
        [name] if is_raw_argument(event) => quote!(FirstChunk::bytes(#name)),
        [name] => quote!(FirstChunk::value(&#name)),
        names => quote!(FirstChunk::value(&(#(#names),*))),
    }
}
