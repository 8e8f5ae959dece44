//! The traits: what a caller calls, and what an imitation implements.

use cocaine::schema::EventOutput;
use proc_macro2::TokenStream;
use quote::quote;

use super::chunks::{caller_parameters, chunk_type, duplex_type, owned_argument, result_type};
use crate::{
    emit::{arguments::local_name, docs, lints, schema_docs},
    model::{AppModel, EventModel},
    naming::ident,
};

/// The name of the argument that only an imitation has.
const INPUT: &str = "input";

pub(super) fn caller_trait(app: &AppModel) -> TokenStream {
    let mut paragraphs = vec![format!("The app {}: each event is a method.", docs::name(&app.wire_name))];
    if !app.http_events.is_empty() {
        let names: Vec<_> = app.http_events.iter().map(|name| docs::name(name)).collect();
        let text = format!("Events that are HTTP requests, and no methods: {}.", names.join(", "));
        paragraphs.extend([String::new(), text]);
    }
    let docs = docs::lines(paragraphs);
    let name = ident(&app.names.caller_trait);
    let lints = lints::allow_for_event_trait(&app.names.caller_trait, &app.events);
    let methods = app.events.iter().map(|event| caller_method(app, event));
    quote!(#docs #lints pub trait #name { #(#methods)* })
}

fn caller_method(app: &AppModel, event: &EventModel) -> TokenStream {
    let (name, parameters) = (ident(&event.name), caller_parameters(app, event));
    let output = chunk_type(app, event.output.ty());
    let output = match (&event.input, &event.output) {
        (Some(input), _) => {
            let duplex = duplex_type(app, event, input);
            quote!(impl Future<Output = Result<#duplex>> + Send)
        }
        (None, EventOutput::Reply(_)) => {
            let result = result_type(app, event, &output);
            quote!(impl Future<Output = #result> + Send)
        }
        (None, EventOutput::Stream(_)) => stream_type(app, event, &output),
    };
    let line = format!("Calls {}.", docs::name(&event.wire_name));
    let attributes = attributes(event, &line, &quote!(#(#parameters,)* #output));
    quote!(#attributes fn #name(&self #(, #parameters)*) -> #output;)
}

pub(super) fn server_trait(app: &AppModel) -> TokenStream {
    let name = app.names.server.as_deref().unwrap_or(&app.names.caller_trait);
    let docs = docs::lines([
        format!("Implemented by what imitates {}, such as a worker of a test.", docs::name(&app.wire_name)),
        String::new(),
        format!(
            "It differs from [`{}`] in that it owns its arguments, and receives the chunks",
            app.names.caller_trait
        ),
        "that a caller sends.".to_owned(),
    ]);
    let lints = lints::allow_for_event_trait(name, &app.events);
    let name = ident(name);
    let methods = app.events.iter().map(|event| server_method(app, event));
    quote!(#docs #lints pub trait #name { #(#methods)* })
}

fn server_method(app: &AppModel, event: &EventModel) -> TokenStream {
    let name = ident(&event.name);
    let mut parameters: Vec<_> = (event.arguments.iter())
        .map(|argument| {
            let (name, ty) = (ident(&argument.name), owned_argument(app, event, argument));
            quote!(#name: #ty)
        })
        .collect();
    if let Some(input) = &event.input {
        let in_use: Vec<_> = event.arguments.iter().map(|argument| &*argument.name).collect();
        let (name, input) = (local_name(INPUT, &in_use), chunk_type(app, input));
        parameters.push(quote!(#name: ::cocaine::SessionReceiver<#input>));
    }
    let output = chunk_type(app, event.output.ty());
    let output = match event.output {
        EventOutput::Reply(_) => {
            let result = result_type(app, event, &output);
            quote!(impl Future<Output = #result> + Send)
        }
        EventOutput::Stream(_) => stream_type(app, event, &output),
    };
    let line = format!("Answers {}.", docs::name(&event.wire_name));
    let attributes = attributes(event, &line, &quote!(#(#parameters,)* #output));
    quote!(#attributes fn #name(&self #(, #parameters)*) -> #output;)
}

fn stream_type(app: &AppModel, event: &EventModel, item: &TokenStream) -> TokenStream {
    let item = result_type(app, event, item);
    quote!(impl Stream<Item = #item> + Send + 'static + use<Self>)
}

/// Returns docs and lints of a method, whose types these are.
fn attributes(event: &EventModel, line: &str, types: &TokenStream) -> TokenStream {
    let mut attributes = schema_docs::or_line(&event.doc, line);
    if !event.doc.trim().is_empty() && event.name != event.wire_name {
        let line = format!("In the app: {}.", docs::name(&event.wire_name));
        attributes.extend(docs::lines([String::new(), line]));
    }
    attributes.extend(schema_docs::allow([&*event.doc]));
    attributes.extend(lints::allow_for_event(event, types));
    attributes
}
