//! The serving side, which decodes the arguments of a call, calls the trait and answers.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;

use super::{
    arguments::{self, DecodedArguments},
    docs,
    literal::integer,
};
use crate::{
    model::{Arguments, CallModel, MethodModel, ServiceModel},
    naming::ident,
};

/// Names of the locals of `invoke`.
const LOCALS: &[&str] =
    &["answer", "args", "call", "halves", "input", "list", "outcome", "output", "reply", "service"];

/// The largest number of methods, and of arguments of one, that `invoke` answers itself: beyond it, `invoke` would be
/// longer than 60 lines.
const MAX_INLINE: usize = 4;

pub(super) fn server(service: &ServiceModel) -> TokenStream {
    let server_trait = service.server_trait();
    let docs = docs::lines([
        format!("Serves {}, version {}.", docs::name(&service.wire_name), service.version),
        String::new(),
        format!("Each call is answered by a [`{server_trait}`] that is made for its caller."),
    ]);
    let new = docs::lines(["Serves each call with the value that `service` returns for its caller."]);
    let (server_trait, serve, table) =
        (ident(server_trait), ident(&service.names.serve), ident(&service.names.table));
    let invoke = invoke(service);
    let functions = method_functions(service);
    quote! {
        #docs
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

        impl<F, T> Dispatch for #serve<F>
        where
            F: Fn(&Caller) -> T + Send + Sync + 'static,
            T: #server_trait + Send + Sync + 'static,
        {
            fn spec(&self) -> &'static ServiceSpec {
                &#table
            }

            #invoke
        }

        #functions
    }
}

/// Returns `invoke`, which answers a call in the arm of its method, or calls the method's function there.
fn invoke(service: &ServiceModel) -> TokenStream {
    let body = if service.methods.is_empty() {
        quote! {
            async move {
                let (_, reply) = call.split();
                reply.unknown();
            }
        }
    } else {
        let arms = (0..).zip(&service.methods).map(|(index, method)| arm(index, method, service));
        let matched = if has_method_functions(service) {
            quote!(match call.method() { #(#arms)* _ => call.split().1.unknown(), })
        } else {
            quote! {
                let (args, reply) = call.split();
                match args.method() { #(#arms)* _ => reply.unknown(), }
            }
        };
        quote! {
            let service = (self.0)(call.caller());
            async move { #matched }
        }
    };
    quote! {
        fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<F, T> {
            #body
        }
    }
}

fn has_method_functions(service: &ServiceModel) -> bool {
    let has_many_arguments = |method: &MethodModel| match &method.arguments {
        Arguments::Known(arguments) => arguments.len() > MAX_INLINE,
        Arguments::Unknown => false,
    };
    service.methods.len() > MAX_INLINE || service.methods.iter().any(has_many_arguments)
}

fn arm(index: u64, method: &MethodModel, service: &ServiceModel) -> TokenStream {
    let index = integer(index);
    let body = if has_method_functions(service) {
        let function = function_name(method);
        quote!(#function(&service, call).await)
    } else {
        answer_call(method, service.server_trait(), &quote!(&service))
    };
    quote!(#index => { #body })
}

fn function_name(method: &MethodModel) -> Ident {
    ident(&format!("answer_{}", method.name))
}

/// Returns a function for each method, if `invoke` calls them.
fn method_functions(service: &ServiceModel) -> TokenStream {
    if !has_method_functions(service) {
        return TokenStream::new();
    }
    let server_trait = ident(service.server_trait());
    let functions = service.methods.iter().map(|method| {
        let docs = docs::lines([format!("Answers {}.", docs::name(&method.wire_name))]);
        let name = function_name(method);
        let answer = answer_call(method, service.server_trait(), &quote!(service));
        quote! {
            #docs
            async fn #name<T: #server_trait + Send + Sync>(service: &T, call: Call) {
                let (args, reply) = call.split();
                #answer
            }
        }
    });
    functions.collect()
}

/// Returns the statements that decode the arguments from `args`, call the trait's method on `service`, and answer
/// through `reply`.
fn answer_call(method: &MethodModel, server_trait: &str, service: &TokenStream) -> TokenStream {
    let DecodedArguments { statement, values } = arguments::decode_borrowed(&method.arguments, LOCALS);
    let (server_trait, name) = (ident(server_trait), ident(&method.name));
    // Called by its path: as a method, `into` and similar names would mean something else.
    let call = quote!(#server_trait::#name(#service #(, #values)*));
    match method.shape {
        CallModel::Mute => quote! {
            let answer = async { #statement #call.await };
            reply.mute(answer.await);
        },
        CallModel::Unary(wrapper, _) => {
            let wrap = wrapper.name().map(ident).map(|wrapper| quote!(.map(#wrapper)));
            quote! {
                let answer = async { #statement #call.await #wrap };
                reply.primitive(answer.await);
            }
        }
        CallModel::Guard => quote! {
            let answer = async { #statement #call.await };
            reply.hold(answer).await;
        },
        CallModel::Stream(_) => quote! {
            let answer = async { #statement Ok(#call) };
            reply.stream(answer.await).await;
        },
        CallModel::Session { .. } => quote! {
            let (halves, outcome) = reply.session();
            let answer = async {
                #statement
                let (input, output) = halves.open();
                #server_trait::#name(#service #(, #values)*, input, output).await
            };
            outcome.settle(answer.await);
        },
    }
}
