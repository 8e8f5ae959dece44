//! Expands a checked model to tokens, which cannot fail. The generated code only calls functions of `cocaine::bind`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, ItemFn, spanned::Spanned};

use crate::{
    app_error,
    model::{self, Argument, Event, Worker},
};

/// Returns the function, and the struct of its name that implements `Events`.
pub(crate) fn function(item: &ItemFn, event: &Event) -> TokenStream {
    let (marker, name, session) = (marker_struct(item), &event.function, local_ident("session"));
    let cfgs = model::cfg_attributes(&item.attrs);
    let run = run_call(event, &handler_closure(event, &quote!(#name), None));
    let add = add_handler(event, &quote!(|#session| #run));
    let describe = describe(event, &function_output(event));
    let events = events_impl(&quote!(#name), &add, &describe);
    let allow_unused_async = allow_unused_async();
    quote! {
        #allow_unused_async
        #item
        #marker
        #(#cfgs)*
        #events
    }
}

/// Returns the block, and the implementation of `Events` for its type.
pub(crate) fn block(worker: &Worker) -> TokenStream {
    let (block, ty, shared) = (&worker.block, &worker.block.self_ty, local_ident("shared"));
    let cfgs = model::cfg_attributes(&block.attrs);
    let adds = worker.events.iter().map(|event| add_method(event, &shared));
    let add = quote! {
        let #shared = ::std::sync::Arc::new(self);
        #(#adds)*
    };
    let describe = worker.events.iter().map(|event| describe_method(event, &shared)).collect();
    let events = events_impl(&quote!(#ty), &add, &describe);
    let allow_unused_async = allow_unused_async();
    quote! { #allow_unused_async #block #(#cfgs)* #events }
}

/// Returns `#[allow(…)]` for handlers that do not await, which have to be `async` all the same.
fn allow_unused_async() -> TokenStream {
    quote!(#[allow(clippy::unused_async)])
}

/// Returns the struct by which `cocaine::events!` names the function.
pub(crate) fn marker_struct(item: &ItemFn) -> TokenStream {
    let (visibility, name) = (&item.vis, &item.sig.ident);
    let doc = format!(" The event that `{name}` handles, for `cocaine::events!`.");
    let cfgs = model::cfg_attributes(&item.attrs);
    quote_spanned! {name.span()=>
        #(#cfgs)*
        #[doc = #doc]
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, Default)]
        #visibility struct #name {}
    }
}

/// Returns the implementation of `Events` for `ty`, with the statements that add handlers and those that describe events.
fn events_impl(ty: &TokenStream, add: &TokenStream, describe: &TokenStream) -> TokenStream {
    let registry = local_ident("registry");
    quote! {
        #[automatically_derived]
        impl ::cocaine::Events for #ty {
            fn register(self, #registry: &mut ::cocaine::bind::event::HandlerRegistry) {
                #[allow(unused_imports)]
                use ::cocaine::bind::event::{DisplayedError as _, InfallibleOutput as _, UncodedReply as _};
                #add
                <Self as ::cocaine::Events>::describe(#registry);
            }

            fn describe(#registry: &mut ::cocaine::bind::event::HandlerRegistry) {
                #[allow(unused_imports)]
                use ::cocaine::bind::event::{
                    InfallibleProbe as _, OpaqueArgument as _, OpaqueChunk as _, OpaquePart as _, SingleReply as _,
                    UndeclaredError as _,
                };
                #describe
            }
        }
    }
}

/// Returns the statement that registers a method.
fn add_method(event: &Event, shared: &Ident) -> TokenStream {
    let (function, cfgs, session) = (&event.function, &event.cfgs, local_ident("session"));
    let run = run_call(event, &handler_closure(event, &quote!(Self::#function), Some(shared)));
    let add = add_handler(
        event,
        &quote_spanned! {function.span()=> {
            let #shared = ::std::sync::Arc::clone(&#shared);
            move |#session| {
                let #shared = ::std::sync::Arc::clone(&#shared);
                #run
            }
        } },
    );
    quote! { #(#cfgs)* #add }
}

/// Returns the statement that registers the description of a method.
fn describe_method(event: &Event, shared: &Ident) -> TokenStream {
    let (cfgs, describe) = (&event.cfgs, describe(event, &method_output(event, shared)));
    quote! { #(#cfgs)* #describe }
}

/// Returns the statement that registers the description of an event, whose handler has this output.
fn describe(event: &Event, output: &TokenStream) -> TokenStream {
    let (registry, description) = (local_ident("registry"), local_ident("description"));
    let (name, doc) = (&event.name, &event.doc);
    let doc = (!doc.is_empty()).then(|| quote!(#description.set_doc(#doc);));
    let arguments = event.arguments.iter().map(|Argument { name, ty }| {
        quote_spanned! {ty.span()=>
            ::cocaine::bind::event::ArgumentProbe::<#ty>::new().describe(#name, #description);
        }
    });
    let errors = event.errors.iter().map(|(name, code)| (name.as_str(), "", *code));
    let errors = (!event.errors.is_empty()).then(|| {
        let definition = app_error::definition("", errors);
        quote!(#description.declare_errors(#definition);)
    });
    let (probe, value) = (local_ident("output"), local_ident("value"));
    quote! {
        #registry.describe(#name, |#description| {
            #doc
            #(#arguments)*
            #errors
            let #probe = #output;
            #probe.error().describe(#description);
            let #value = #probe.value();
            #value.error().describe(#description);
            #value.chunks().describe(#description);
        });
    }
}

/// Returns the expression of the probe of a function's output. It never calls the function.
fn function_output(event: &Event) -> TokenStream {
    let (function, (arguments, pattern)) = (&event.function, argument_list(event));
    let types = argument_types(event);
    quote! {
        ::cocaine::bind::event::output_probe(|#pattern: #types| #function(#(#arguments),*))
    }
}

/// Returns the expression of the probe of a method's output. It never calls the method.
fn method_output(event: &Event, shared: &Ident) -> TokenStream {
    let (function, (arguments, pattern)) = (&event.function, argument_list(event));
    let types = argument_types(event);
    quote! {
        ::cocaine::bind::event::output_probe(
            |(#shared, #pattern): (::std::sync::Arc<Self>, #types)| async move {
                Self::#function(&#shared, #(#arguments),*).await
            },
        )
    }
}

/// Returns the variables of the arguments of an event, and their list as nested pairs.
fn argument_list(event: &Event) -> (Vec<Ident>, TokenStream) {
    let arguments: Vec<_> =
        (0..event.arguments.len()).map(|index| local_ident(&format!("argument{index}"))).collect();
    let list = arguments.iter().fold(quote!(()), |list, argument| quote!((#list, #argument)));
    (arguments, list)
}

/// Returns the type of the list of arguments.
fn argument_types(event: &Event) -> TokenStream {
    event.arguments.iter().fold(quote!(()), |list, Argument { ty, .. }| quote!((#list, #ty)))
}

/// Returns the statement that registers `handler`.
fn add_handler(event: &Event, handler: &TokenStream) -> TokenStream {
    let (registry, name, span) = (local_ident("registry"), &event.name, event.function.span());
    let mode = if event.inline { quote!(Inline) } else { quote!(Spawned) };
    quote_spanned! {span=>
        #registry.add(#name, ::cocaine::bind::event::ExecutionMode::#mode, #handler);
    }
}

/// Returns the call that runs the event of a session with `handler`.
fn run_call(event: &Event, handler: &TokenStream) -> TokenStream {
    let (session, name, cancel) = (local_ident("session"), &event.name, event.cancel);
    let arguments = event.arguments.iter().map(add_argument);
    quote_spanned! {event.function.span()=>
        ::cocaine::bind::event::run(
            &::cocaine::bind::event::Event { name: #name, cancel: #cancel },
            #session,
            ::cocaine::bind::event::arguments() #(#arguments)*,
            #handler,
        )
    }
}

/// Returns the method call that adds an argument to the list.
fn add_argument(argument: &Argument) -> TokenStream {
    let (name, ty) = (&argument.name, &argument.ty);
    quote_spanned!(ty.span()=> .and::<#ty, _>(#name))
}

/// Returns the closure that calls `function` and replies with what it returns.
fn handler_closure(event: &Event, function: &TokenStream, shared: Option<&Ident>) -> TokenStream {
    let (arguments, list) = argument_list(event);
    let receiver = shared.map(|shared| quote!(&#shared,));
    let span = event.returns.as_ref().map_or_else(|| event.function.span(), Spanned::span);
    let located = |name| Ident::new(name, Span::mixed_site().located_at(span));
    let (encoder, value) = (located("encoder"), located("value"));
    quote_spanned! {span=>
        move |#encoder, #list| async move {
            #encoder.encode(
                ::cocaine::bind::event::HandlerOutput(#function(#receiver #(#arguments),*).await)
                    .result()
                    .into_result()
                    .map(|#value| ::cocaine::bind::event::HandlerReply(#value).with_codes()),
            )
        }
    }
}

/// Returns an identifier that the user's code cannot see, nor clash with.
fn local_ident(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
