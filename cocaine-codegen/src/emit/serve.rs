//! The serving side: decodes, calls the trait, answers.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::{docs, types};
use crate::{
    model::{Method, Service, Shape},
    naming::ident,
};

/// Names of the locals of `invoke`.
const LOCALS: &[&str] =
    &["answer", "args", "call", "halves", "input", "list", "outcome", "output", "reply", "service"];

pub(super) fn serve(service: &Service) -> TokenStream {
    let structure = structure(service);
    let dispatch = dispatch(service);
    quote!(#structure #dispatch)
}

fn structure(service: &Service) -> TokenStream {
    let contract = service.served();
    let doc = docs::lines([
        format!("Serves {}, version {}.", docs::name(&service.wire), service.version),
        String::new(),
        format!("Each call is answered by a [`{contract}`] that is made for it, from who calls."),
    ]);
    let new = docs::lines(["Serves with what `service` makes for a caller."]);
    let serve = ident(&service.names.serve);
    quote! {
        #doc
        #[derive(Clone, Debug)]
        pub struct #serve<F>(F);

        impl<F> #serve<F> {
            #new
            #[must_use]
            pub fn new<T>(service: F) -> Self
            where
                F: Fn(&Caller) -> T,
            {
                Self(service)
            }
        }
    }
}

fn dispatch(service: &Service) -> TokenStream {
    let (serve, table) = (ident(&service.names.serve), ident(&service.names.table));
    let (contract, body) = (ident(service.served()), body(service));
    let allows = (service.methods.len() > 6).then(|| quote!(#[allow(clippy::too_many_lines)]));
    quote! {
        impl<F, T> Dispatch for #serve<F>
        where
            F: Fn(&Caller) -> T + Send + Sync + 'static,
            T: #contract + Send + Sync + 'static,
        {
            fn spec(&self) -> &'static ServiceSpec {
                &#table
            }

            #allows
            fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<F, T> {
                #body
            }
        }
    }
}

fn body(service: &Service) -> TokenStream {
    if service.methods.is_empty() {
        return quote! {
            async move {
                let (_, reply) = call.split();
                reply.unknown();
            }
        };
    }
    let arms = service.methods.iter().enumerate().map(|(index, method)| arm(index, method, service.served()));
    quote! {
        let service = (self.0)(call.caller());
        async move {
            let (args, reply) = call.split();
            match args.method() {
                #(#arms)*
                _ => reply.unknown(),
            }
        }
    }
}

fn arm(index: usize, method: &Method, contract: &str) -> TokenStream {
    let (index, contract, name) = (Literal::usize_unsuffixed(index), ident(contract), ident(&method.name));
    let types::Decoded { statement, values } = types::borrowed(&method.arguments, LOCALS);
    // Called by its path: `into` and its like would mean something else as a method.
    let call = quote!(#contract::#name(&service #(, #values)*));
    let (body, end) = match method.shape {
        Shape::Mute => (quote!(#call.await), quote!(reply.mute(answer.await);)),
        Shape::Unary(_) => (quote!(#call.await), quote!(reply.primitive(answer.await);)),
        Shape::Stream(_) => (quote!(Ok(#call)), quote!(reply.stream(answer.await).await;)),
        Shape::Session { .. } => return session(&index, &statement, &contract, &name, &values),
    };
    quote! {
        #index => {
            let answer = async { #statement #body };
            #end
        }
    }
}

fn session(
    index: &Literal,
    statement: &TokenStream,
    contract: &Ident,
    name: &Ident,
    values: &[TokenStream],
) -> TokenStream {
    quote! {
        #index => {
            let (halves, outcome) = reply.session();
            let answer = async {
                #statement
                let (input, output) = halves.open();
                #contract::#name(&service #(, #values)*, input, output).await
            };
            outcome.settle(answer.await);
        }
    }
}
