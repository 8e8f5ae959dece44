//! The client: one line a method.

use syn::{Expr, ImplItem, Item, ItemImpl, Visibility, parse_quote, token};

use super::{
    arguments, contract,
    docs::{self, Docs},
    lints, types,
};
use crate::emit::syntax::{
    self, asynchronously, awaited, bound, generic, give, inner, named, number, over, parameter, path,
    provided, result, serializable, signature,
};
use crate::{
    model::{Method, Payload, Service, Shape},
    naming::ident,
};

pub(super) fn client(service: &Service) -> Vec<Item> {
    let (contract, client) = (ident(&service.names.contract), ident(&service.names.client));
    let mut methods: ItemImpl = parse_quote!(impl #contract for #client {});
    methods.items = (0..).zip(&service.methods).map(|(index, method)| typed(index, method)).collect();
    let mut items = structure(service);
    items.push(Item::Impl(methods));
    items.extend(untyped(service));
    items
}

fn structure(service: &Service) -> Vec<Item> {
    let doc = docs::lines([format!("Calls {}, version {}.", docs::name(&service.wire), service.version)]);
    let (client, table) = (ident(&service.names.client), ident(&service.names.table));
    let structure = parse_quote! {
        #doc
        #[derive(Clone, Debug)]
        pub struct #client(Service);
    };
    let behaviour = parse_quote! {
        impl ServiceClient for #client {
            const SPEC: &'static ServiceSpec = &#table;

            fn from_service(service: Service) -> Self {
                Self(service)
            }

            fn service(&self) -> &Service {
                &self.0
            }
        }
    };
    vec![structure, behaviour]
}

fn typed(index: u64, method: &Method) -> ImplItem {
    let parameters = types::parameters(&method.arguments);
    let output = contract::output(&method.shape);
    let call = call(index, method, arguments::passed(&method.arguments));
    if let Shape::Stream(_) = method.shape {
        let allow = parse_quote!(#[allow(refining_impl_trait)]);
        let signature = signature(&method.name, parameters, generic("Receiver", [output]));
        return provided(vec![allow], Visibility::Inherited, signature, give(call));
    }
    let signature = asynchronously(signature(&method.name, parameters, result(output)));
    provided(Vec::new(), Visibility::Inherited, signature, give(answer(method, call)))
}

/// Returns what the call gives, without what packs it on the wire.
fn answer(method: &Method, call: Expr) -> Expr {
    let answer = awaited(call);
    match method.shape {
        Shape::Unary(pack, _) => match pack.name().map(ident) {
            Some(pack) => parse_quote!(#answer.map(|#pack(answer)| answer)),
            None => answer,
        },
        _ => answer,
    }
}

/// Returns `self.0.unary(index, args)`, or as the method's shape wants it.
fn call(index: u64, method: &Method, args: Expr) -> Expr {
    let name = match method.shape {
        Shape::Mute => "mute",
        Shape::Unary(..) => "unary",
        Shape::Stream(_) => "stream",
        Shape::Held => "hold",
        Shape::Session { .. } => "open",
    };
    syntax::method(inner(), name, [number(index), args])
}

/// The methods whose arguments nobody has described, for any arguments and any answer.
fn untyped(service: &Service) -> Option<Item> {
    let methods = (0..).zip(&service.methods).filter(|(_, method)| !method.is_described());
    let methods: Vec<_> = methods.map(|(index, method)| untyped_method(index, method)).collect();
    if methods.is_empty() {
        return None;
    }
    let client = ident(&service.names.client);
    let doc = docs::lines([
        "The methods whose arguments nobody has described, for any arguments.",
        "",
        "Arguments are a tuple, `()` for none, or one value of another type; the answer is what the caller reads it",
        "as. A call fails if the arguments cannot be encoded, as any call does, or if the answer is of another type.",
    ]);
    let mut item: ItemImpl = parse_quote! {
        #doc
        #[allow(clippy::missing_errors_doc)]
        impl #client {}
    };
    item.items = methods;
    Some(Item::Impl(item))
}

fn untyped_method(index: u64, method: &Method) -> ImplItem {
    let line = format!("Calls {}.", docs::name(&method.wire));
    let Docs(mut attributes) = docs::or_line(&method.docs, &line);
    attributes.extend(lints::of(method, 0));
    let call = call(index, method, path(["args"]));
    let signature = |output| signature(&method.name, vec![parameter(&ident("args"), serializable())], output);
    let any = |signature| over("R", bound("DeserializeOwned"), signature);
    let (signature, body) = match &method.shape {
        Shape::Unary(_, Payload::Unknown) => {
            (any(asynchronously(signature(result(named("R"))))), awaited(call))
        }
        Shape::Stream(Payload::Unknown) => (any(signature(generic("Receiver", [named("R")]))), call),
        Shape::Stream(known) => (signature(generic("Receiver", [types::received(known)])), call),
        shape => (asynchronously(signature(result(contract::output(shape)))), answer(method, call)),
    };
    provided(attributes, Visibility::Public(token::Pub::default()), signature, give(body))
}
