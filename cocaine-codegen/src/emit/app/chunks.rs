//! The types of chunks, arguments and results.

use std::collections::BTreeSet;

use cocaine::schema::{EventOutput, Type};
use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    emit::app_types,
    model::{AppModel, EventArgument, EventModel},
    naming::ident,
};

/// Returns whether a chunk of this type is passed on as it is: it is bytes, or nothing is known of it.
pub(super) fn is_raw(ty: &Type) -> bool {
    matches!(ty, Type::Bytes | Type::Opaque)
}

/// Returns whether the argument of an event is the chunk itself.
pub(super) fn is_raw_argument(event: &EventModel) -> bool {
    matches!(&event.arguments[..], [argument] if is_raw(&argument.ty))
}

/// Returns the type of a chunk.
pub(super) fn chunk_type(app: &AppModel, ty: &Type) -> TokenStream {
    if is_raw(ty) { quote!(Bytes) } else { app_types::owned_type(&app.types, ty) }
}

/// Returns the type of an argument that is passed by value.
pub(super) fn owned_argument(app: &AppModel, event: &EventModel, argument: &EventArgument) -> TokenStream {
    if is_raw_argument(event) { quote!(Bytes) } else { app_types::owned_type(&app.types, &argument.ty) }
}

/// Returns the parameters of a caller, each as `name: Type`.
pub(super) fn caller_parameters(app: &AppModel, event: &EventModel) -> Vec<TokenStream> {
    let parameter = |argument: &EventArgument| {
        let (name, ty) = (ident(&argument.name), caller_argument(app, event, argument));
        quote!(#name: #ty)
    };
    event.arguments.iter().map(parameter).collect()
}

/// Returns the type of an argument of a caller.
pub(super) fn caller_argument(app: &AppModel, event: &EventModel, argument: &EventArgument) -> TokenStream {
    if is_raw_argument(event) { quote!(&Bytes) } else { app_types::argument_type(&app.types, &argument.ty) }
}

/// Returns `Result` of `value` with the errors of an event.
pub(super) fn result_type(app: &AppModel, event: &EventModel, value: &TokenStream) -> TokenStream {
    let arguments = result_arguments(app, event, value);
    quote!(Result<#arguments>)
}

/// Returns `value`, and the enum of the errors of an event if it declares some.
pub(super) fn result_arguments(app: &AppModel, event: &EventModel, value: &TokenStream) -> TokenStream {
    match app.error_of(event) {
        Some(error) => {
            let error = ident(&error.name);
            quote!(#value, #error)
        }
        None => value.clone(),
    }
}

/// Returns the type of the halves that a caller of an event with input holds.
pub(super) fn duplex_type(app: &AppModel, event: &EventModel, input: &Type) -> TokenStream {
    let input = chunk_type(app, input);
    let output = result_arguments(app, event, &chunk_type(app, event.output.ty()));
    let receiver = match event.output {
        EventOutput::Reply(_) => quote!(EventReply<#output>),
        EventOutput::Stream(_) => quote!(EventReceiver<#output>),
    };
    quote!(Duplex<EventSender<#input>, #receiver>)
}

/// The names of the runtime that items use.
#[derive(Default)]
pub(super) struct RuntimeNames(pub(super) BTreeSet<&'static str>);

impl RuntimeNames {
    pub(super) fn add(&mut self, names: &[&'static str]) {
        self.0.extend(names);
    }

    /// Adds the names for the traits, the client and the serving side.
    pub(super) fn add_events(&mut self, app: &AppModel) {
        for event in &app.events {
            self.add(&["EventSpec", "FirstChunk", "Result"]);
            if is_raw_argument(event) {
                self.add(&["Bytes"]);
            } else {
                event.arguments.iter().for_each(|argument| self.add_type(app, &argument.ty));
            }
            self.add_chunk(app, event.output.ty());
            let is_stream = matches!(event.output, EventOutput::Stream(_));
            if is_stream {
                self.add(&["EventReceiver", "Stream"]);
            }
            if let Some(input) = &event.input {
                self.add_chunk(app, input);
                self.add(&["Duplex", "EventSender", if is_stream { "EventReceiver" } else { "EventReply" }]);
            }
        }
    }

    fn add_chunk(&mut self, app: &AppModel, ty: &Type) {
        if is_raw(ty) { self.add(&["Bytes"]) } else { self.add_type(app, ty) }
    }

    fn add_type(&mut self, app: &AppModel, ty: &Type) {
        app_types::add_type_names(&app.types, ty, &mut self.0);
    }
}
