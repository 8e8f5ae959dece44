//! The double of an app: an implementation of the trait for callers whose answers a test sets.

use cocaine::schema::EventOutput;
use proc_macro2::TokenStream;
use quote::quote;

use super::chunks::{
    caller_argument, caller_parameters, chunk_type, duplex_type, owned_argument, result_arguments,
    result_type,
};
use crate::{
    emit::{docs, double, literal::integer},
    model::{AppModel, EventModel},
    naming::ident,
};

/// Returns the items of a double's module; `bindings` is the module of the bindings.
pub(in crate::emit) fn double(app: &AppModel, bindings: &TokenStream) -> TokenStream {
    let (structure, table) =
        (double::double_struct(&app.names, &docs::name(&app.wire_name)), events_table(app));
    let expected = (0..).zip(&app.events).map(|(index, event)| expect_method(app, index, event));
    let called = (0..).zip(&app.events).map(|(index, event)| answer_method(app, index, event));
    let table_name = ident(&app.events_table());
    let implementations = double::implementations(
        &app.names,
        &quote!(double::Double::of_app(&#table_name)),
        app.events.iter().any(|event| event.input.is_some()),
        &quote!(#(#expected)*),
        &quote!(#(#called)*),
    );
    let items = quote!(#structure #table #implementations);
    let own = [&*app.names.caller_trait].into_iter();
    let own = own.chain(app.types.items().map(|(_, rust_name, _)| rust_name));
    let own = own.chain(app.errors.iter().map(|error| &*error.name));
    let imports = double::import_used(bindings, &app.module, own, items.clone());
    quote!(#imports #items)
}

/// Returns the events as the methods of a service.
fn events_table(app: &AppModel) -> TokenStream {
    let docs = docs::lines([format!("The events of {}.", docs::name(&app.wire_name))]);
    let (table, name) = (ident(&app.events_table()), &app.wire_name);
    let methods = (0..).zip(&app.events).map(|(id, event)| {
        let (id, name) = (integer(id), &event.wire_name);
        quote! {
            MethodSpec {
                id: #id,
                name: #name,
                dispatch: TreeSpec::STREAMING,
                upstream: TreeSpec::STREAMING,
                on_drop: OnDrop::Terminal,
            }
        }
    });
    quote! {
        #docs
        static #table: ServiceSpec = ServiceSpec { name: #name, version: 1, methods: &[#(#methods),*] };
    }
}

/// Returns the method with which a test expects a call.
fn expect_method(app: &AppModel, index: u64, event: &EventModel) -> TokenStream {
    let names: Vec<_> = event.arguments.iter().map(|argument| format!("`{}`", argument.name)).collect();
    let arguments = if names.is_empty() { String::new() } else { format!(" with {}", names.join(", ")) };
    let doc = docs::lines([format!("Expects a call of {}{arguments}.", docs::name(&event.wire_name))]);
    let (name, index, answer) = (ident(&event.expectation), integer(index), answer_type(app, event));
    let given = event.arguments.iter().map(|argument| caller_argument(app, event, argument));
    let owned = event.arguments.iter().map(|argument| owned_argument(app, event, argument));
    let is_unit = matches!(event.output, EventOutput::Reply(cocaine::schema::Type::Unit));
    let preset =
        is_unit.then(|| if event.input.is_some() { quote!(.replies(())) } else { quote!(.returns(())) });
    quote! {
        #doc
        #[track_caller]
        pub fn #name(&self) -> double::Expectation<(#(#given,)*), (#(#owned,)*), #answer> {
            self.0.expect(#index)#preset
        }
    }
}

/// Returns the type of a test's answer.
fn answer_type(app: &AppModel, event: &EventModel) -> TokenStream {
    let output = chunk_type(app, event.output.ty());
    match (&event.input, &event.output) {
        (Some(input), _) => {
            let input = chunk_type(app, input);
            quote!(double::SessionScript<EventReceiver<#input>, EventSender<#output>>)
        }
        (None, EventOutput::Reply(_)) => result_type(app, event, &output),
        (None, EventOutput::Stream(_)) => {
            let items = result_arguments(app, event, &output);
            quote!(double::ItemStream<#items>)
        }
    }
}

/// Returns the method of the trait.
fn answer_method(app: &AppModel, index: u64, event: &EventModel) -> TokenStream {
    let (name, index, parameters) = (ident(&event.name), integer(index), caller_parameters(app, event));
    let names = event.arguments.iter().map(|argument| ident(&argument.name));
    let args = quote!((#(#names,)*));
    let output = chunk_type(app, event.output.ty());
    match (&event.input, &event.output) {
        (Some(input), _) => {
            let duplex = duplex_type(app, event, input);
            let input = chunk_type(app, input);
            quote! {
                async fn #name(&self #(, #parameters)*) -> Result<#duplex> {
                    self.0.open::<EventReceiver<#input>, EventSender<#output>, _, _>(#index, #args)
                }
            }
        }
        (None, EventOutput::Reply(_)) => {
            let result = result_type(app, event, &output);
            quote! {
                async fn #name(&self #(, #parameters)*) -> #result {
                    self.0.answer(#index, #args)
                }
            }
        }
        (None, EventOutput::Stream(_)) => {
            let items = answer_type(app, event);
            quote! {
                #[allow(refining_impl_trait)]
                fn #name(&self #(, #parameters)*) -> #items {
                    self.0.answer(#index, #args)
                }
            }
        }
    }
}
