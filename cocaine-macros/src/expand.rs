//! From the model to tokens. Nothing here can fail, and what is written calls functions and decides nothing.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, ItemFn, spanned::Spanned};

use crate::model::{self, Argument, Event, Worker};

/// Returns the function, and beside it its struct, which is its event.
pub(crate) fn function(item: &ItemFn, event: &Event) -> TokenStream {
    let (marker, name, session) = (marker(item), &event.function, local("session"));
    let conditions = model::conditions(&item.attrs);
    let run = run(event, &call(event, &quote!(#name), None));
    let add = add(event, &quote!(|#session| #run));
    let events = events(&quote!(#name), &add);
    let lenient = lenient();
    quote! {
        #lenient
        #item
        #marker
        #(#conditions)*
        #events
    }
}

/// Returns the block, and the events of its type.
pub(crate) fn block(worker: &Worker) -> TokenStream {
    let (block, ty, shared) = (&worker.block, &worker.block.self_ty, local("shared"));
    let conditions = model::conditions(&block.attrs);
    let adds = worker.events.iter().map(|event| method(event, &shared));
    let body = quote! {
        let #shared = ::std::sync::Arc::new(self);
        #(#adds)*
    };
    let events = events(&quote!(#ty), &body);
    let lenient = lenient();
    quote! { #lenient #block #(#conditions)* #events }
}

/// An event is asynchronous whatever it does.
fn lenient() -> TokenStream {
    quote!(#[allow(clippy::unused_async)])
}

/// Returns the struct that stands for the function in lists.
pub(crate) fn marker(item: &ItemFn) -> TokenStream {
    let (visibility, name) = (&item.vis, &item.sig.ident);
    let doc = format!(" The event that `{name}` handles, for `cocaine::events!`.");
    let conditions = model::conditions(&item.attrs);
    quote_spanned! {name.span()=>
        #(#conditions)*
        #[doc = #doc]
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, Default)]
        #visibility struct #name {}
    }
}

/// Returns an implementation of `Events` that registers with `body`.
fn events(ty: &TokenStream, body: &TokenStream) -> TokenStream {
    let registry = local("registry");
    quote! {
        #[automatically_derived]
        impl ::cocaine::Events for #ty {
            fn register(self, #registry: &mut ::cocaine::bind::event::HandlerRegistry) {
                #[allow(unused_imports)]
                use ::cocaine::bind::event::Plain as _;
                #body
            }
        }
    }
}

/// Returns the statement that registers a method.
fn method(event: &Event, shared: &Ident) -> TokenStream {
    let (function, conditions, session) = (&event.function, &event.conditions, local("session"));
    let run = run(event, &call(event, &quote!(Self::#function), Some(shared)));
    let add = add(
        event,
        &quote_spanned! {function.span()=> {
            let #shared = ::std::sync::Arc::clone(&#shared);
            move |#session| {
                let #shared = ::std::sync::Arc::clone(&#shared);
                #run
            }
        } },
    );
    quote! { #(#conditions)* #add }
}

/// Returns the statement that registers `handler`.
fn add(event: &Event, handler: &TokenStream) -> TokenStream {
    let (registry, name, span) = (local("registry"), &event.name, event.function.span());
    let mode = if event.inline { quote!(Inline) } else { quote!(Spawned) };
    quote_spanned! {span=>
        #registry.add(#name, ::cocaine::bind::event::ExecutionMode::#mode, #handler);
    }
}

/// Returns the call that runs the event of a session with `handler`.
fn run(event: &Event, handler: &TokenStream) -> TokenStream {
    let (session, name, cancel) = (local("session"), &event.name, event.cancel);
    let arguments = event.arguments.iter().map(argument);
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
fn argument(argument: &Argument) -> TokenStream {
    let (name, ty) = (&argument.name, &argument.ty);
    quote_spanned!(ty.span()=> .and::<#ty, _>(#name))
}

/// Returns the closure that calls `function` and replies with what it returns.
fn call(event: &Event, function: &TokenStream, shared: Option<&Ident>) -> TokenStream {
    let arguments: Vec<_> =
        (0..event.arguments.len()).map(|index| local(&format!("argument{index}"))).collect();
    let list = arguments.iter().fold(quote!(()), |list, argument| quote!((#list, #argument)));
    let own = shared.map(|shared| quote!(&#shared,));
    let span = event.returns.as_ref().map_or_else(|| event.function.span(), Spanned::span);
    let turn = Ident::new("turn", Span::mixed_site().located_at(span));
    quote_spanned! {span=>
        move |#turn, #list| async move {
            #turn.reply(
                ::cocaine::bind::event::Returned(#function(#own #(#arguments),*).await).outcome(),
            )
        }
    }
}

/// Returns a name that is not seen by what users write.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
