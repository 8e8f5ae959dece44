//! The serving side: what implements the trait for imitations becomes the events of a worker.

use cocaine::schema::{EventOutput, Type};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::chunks::{chunk_type, owned_argument};
use crate::{
    emit::{app_types, arguments::local_name, docs, literal},
    model::{AppModel, ErrorModel, EventModel},
    naming::ident,
};

/// The names of the locals around the arguments of an event.
const LOCALS: &[&str] = &["app", "encoder", "input", "session"];

pub(super) fn server(app: &AppModel) -> TokenStream {
    let server_trait = app.names.server.as_deref().unwrap_or(&app.names.caller_trait);
    let docs = docs::lines([
        format!(
            "The events of a [`{server_trait}`], which a worker serves to imitate {}.",
            docs::name(&app.wire_name)
        ),
        String::new(),
        "Events that are HTTP requests are not among them.".to_owned(),
    ]);
    let (serve, server_trait) = (ident(&app.names.serve), ident(server_trait));
    let calls = app.events.iter().map(|event| function_name("serve", event));
    let calls = calls.map(|function| quote!(#function(&app, registry);));
    let shared = (!app.events.is_empty()).then(|| quote!(let app = ::std::sync::Arc::new(self.0);));
    let registry = ident(if app.events.is_empty() { "_registry" } else { "registry" });
    let describe = (!app.events.is_empty()).then(|| quote!(<Self as ::cocaine::Events>::describe(registry);));
    let descriptions = app.events.iter().map(|event| function_name("describe", event));
    let descriptions = descriptions.map(|function| quote!(#function(registry);));
    let functions = app.events.iter().map(|event| function(app, event, &server_trait));
    let definitions = app.errors.iter().map(definition);
    quote! {
        #docs
        #[derive(Clone, Debug)]
        pub struct #serve<T>(pub T);

        impl<T: #server_trait + Send + Sync + 'static> ::cocaine::Events for #serve<T> {
            fn register(self, #registry: &mut ::cocaine::HandlerRegistry) {
                #shared
                #(#calls)*
                #describe
            }

            fn describe(#registry: &mut ::cocaine::HandlerRegistry) {
                #(#descriptions)*
            }
        }

        #(#functions)*
        #(#definitions)*
    }
}

fn function_name(verb: &str, event: &EventModel) -> Ident {
    ident(&format!("{verb}_{}", event.name))
}

/// Returns the functions that add an event and its description to a registry.
fn function(app: &AppModel, event: &EventModel, server_trait: &Ident) -> TokenStream {
    let docs = docs::lines([format!("Adds the event {}.", docs::name(&event.wire_name))]);
    let (function, name) = (function_name("serve", event), &event.wire_name);
    let (arguments, pattern, answer) = (arguments(app, event), pattern(event), answer(app, event));
    let describe_docs = docs::lines([format!("Describes the event {}.", docs::name(&event.wire_name))]);
    let (describe, description) = (function_name("describe", event), description(app, event));
    quote! {
        #docs
        fn #function<T: #server_trait + Send + Sync + 'static>(
            app: &::std::sync::Arc<T>,
            registry: &mut ::cocaine::HandlerRegistry,
        ) {
            event::add(registry, app, #name, |app, session| {
                event::run(
                    &event::Event { name: #name, cancel: false },
                    session,
                    event::arguments() #(#arguments)*,
                    move |encoder, #pattern| async move { #answer },
                )
            });
        }

        #describe_docs
        fn #describe(registry: &mut ::cocaine::HandlerRegistry) {
            #description
        }
    }
}

/// Returns the method calls that add the arguments to their list.
fn arguments(app: &AppModel, event: &EventModel) -> Vec<TokenStream> {
    let mut arguments: Vec<_> = (event.arguments.iter())
        .map(|argument| {
            let (ty, name) = (owned_argument(app, event, argument), &argument.wire_name);
            quote!(.and::<#ty, _>(#name))
        })
        .collect();
    if let Some(input) = &event.input {
        let input = chunk_type(app, input);
        arguments.push(quote!(.and::<::cocaine::SessionReceiver<#input>, _>("input")));
    }
    arguments
}

/// Returns the locals of the arguments.
fn locals(event: &EventModel) -> Vec<Ident> {
    let mut locals: Vec<_> =
        event.arguments.iter().map(|argument| local_name(&argument.name, LOCALS)).collect();
    locals.extend(event.input.as_ref().map(|_| ident("input")));
    locals
}

/// Returns the list of the locals as nested pairs.
fn pattern(event: &EventModel) -> TokenStream {
    locals(event).iter().fold(quote!(()), |list, local| quote!((#list, #local)))
}

/// Returns the expression that calls the method and encodes what it returns.
fn answer(app: &AppModel, event: &EventModel) -> TokenStream {
    let (name, locals) = (ident(&event.name), locals(event));
    let call = quote!(T::#name(&*app #(, #locals)*));
    let has_errors = event.error.is_some();
    match event.output {
        EventOutput::Reply(_) => {
            let convert = has_errors.then(|| quote!(.map_err(::cocaine::Error::from)));
            let output = chunk_type(app, event.output.ty());
            quote!(encoder.encode::<#output, event::ViaChunk>(#call.await #convert))
        }
        EventOutput::Stream(_) => {
            let stream = if has_errors { quote!(event::ErrorStream::new(#call)) } else { call };
            quote!(encoder.encode::<_, event::ViaStream>(Ok(#stream)))
        }
    }
}

/// Returns the statement that describes the event as the schema does.
fn description(app: &AppModel, event: &EventModel) -> TokenStream {
    let exact = |ty: &Type| app_types::exact_type(&app.types, ty);
    let (name, doc) = (&event.wire_name, &event.doc);
    let doc = (!doc.is_empty()).then(|| quote!(description.set_doc(#doc);));
    let arguments = event.arguments.iter().map(|argument| {
        let (name, ty) = (&argument.wire_name, exact(&argument.ty));
        quote!(description.argument::<#ty>(#name);)
    });
    let input = event.input.as_ref().map(exact).map(|ty| quote!(description.input::<#ty>();));
    let ty = exact(event.output.ty());
    let output = match event.output {
        EventOutput::Reply(_) => quote!(description.reply::<#ty>();),
        EventOutput::Stream(_) => quote!(description.stream::<#ty>();),
    };
    let errors = app.error_of(event).map(|error| {
        let (name, function) = (&error.wire_name, definition_name(error));
        quote!(description.add_errors(#name, #function());)
    });
    quote!(registry.describe(#name, |description| { #doc #(#arguments)* #input #output #errors });)
}

fn definition_name(error: &ErrorModel) -> Ident {
    ident(&format!("define_{}", error.function))
}

/// Returns the function that returns the definition of errors.
fn definition(error: &ErrorModel) -> TokenStream {
    let docs = docs::lines([format!("Returns the definition of [`{}`].", error.name)]);
    let (function, doc) = (definition_name(error), &error.doc);
    let variants = error.variants.iter().map(|variant| {
        let (name, doc) = (&variant.wire_name, &variant.doc);
        let (category, code) = (literal::signed(variant.category), literal::signed(variant.code));
        quote!((#name, #doc, #category, #code))
    });
    quote! {
        #docs
        fn #function() -> ::cocaine::schema::ErrorDefinition {
            event::error_definition(#doc, &[#(#variants),*])
        }
    }
}
