//! The client: one line a method.

use syn::{Expr, ImplItem, Item, ItemImpl, Visibility, parse_quote, token};

use super::{
    arguments, contract,
    docs::{self, DocComment},
    lints, types,
};
use crate::emit::syntax::{
    self, bound, expr_await, expr_int, expr_path, expr_self_0, fn_async, fn_generic, fn_param, fn_signature,
    item_impl_fn, stmt_tail, type_generic, type_impl_serialize, type_name, type_result,
};
use crate::{
    model::{CallModel, MethodModel, Payload, ServiceModel},
    naming::ident,
};

pub(super) fn client(service: &ServiceModel) -> Vec<Item> {
    let (contract, client) = (ident(&service.names.contract), ident(&service.names.client));
    let mut methods: ItemImpl = parse_quote!(impl #contract for #client {});
    methods.items = (0..).zip(&service.methods).map(|(index, method)| typed(index, method)).collect();
    let mut items = structure(service);
    items.push(Item::Impl(methods));
    items.extend(untyped(service));
    items
}

fn structure(service: &ServiceModel) -> Vec<Item> {
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

fn typed(index: u64, method: &MethodModel) -> ImplItem {
    let parameters = types::parameters(&method.arguments);
    let output = contract::output(&method.shape);
    let call = call(index, method, arguments::passed(&method.arguments));
    if let CallModel::Stream(_) = method.shape {
        let allow = parse_quote!(#[allow(refining_impl_trait)]);
        let signature = fn_signature(&method.name, parameters, type_generic("Receiver", [output]));
        return item_impl_fn(vec![allow], Visibility::Inherited, signature, stmt_tail(call));
    }
    let signature = fn_async(fn_signature(&method.name, parameters, type_result(output)));
    item_impl_fn(Vec::new(), Visibility::Inherited, signature, stmt_tail(answer(method, call)))
}

/// Returns what the call gives, without what packs it on the wire.
fn answer(method: &MethodModel, call: Expr) -> Expr {
    let answer = expr_await(call);
    match method.shape {
        CallModel::Unary(pack, _) => match pack.name().map(ident) {
            Some(pack) => parse_quote!(#answer.map(|#pack(answer)| answer)),
            None => answer,
        },
        _ => answer,
    }
}

/// Returns `self.0.unary(index, args)`, or as the method's shape wants it.
fn call(index: u64, method: &MethodModel, args: Expr) -> Expr {
    let name = match method.shape {
        CallModel::Mute => "mute",
        CallModel::Unary(..) => "unary",
        CallModel::Stream(_) => "stream",
        CallModel::Guard => "hold",
        CallModel::Session { .. } => "open",
    };
    syntax::expr_method_call(expr_self_0(), name, [expr_int(index), args])
}

/// The methods whose arguments nobody has described, for any arguments and any answer.
fn untyped(service: &ServiceModel) -> Option<Item> {
    let methods = (0..).zip(&service.methods).filter(|(_, method)| !method.is_described());
    let methods: Vec<_> = methods.map(|(index, method)| untyped_method(index, method)).collect();
    if methods.is_empty() {
        return None;
    }
    let client = ident(&service.names.client);
    let doc = docs::lines([
        "The methods that no catalogue describes, for arguments of any type.",
        "",
        "The arguments are a tuple, `()` for none, or one value of another type. The caller chooses the type of the",
        "answer. A call fails if the arguments cannot be encoded, or if the answer is of another type.",
    ]);
    let mut item: ItemImpl = parse_quote! {
        #doc
        #[allow(clippy::missing_errors_doc)]
        impl #client {}
    };
    item.items = methods;
    Some(Item::Impl(item))
}

fn untyped_method(index: u64, method: &MethodModel) -> ImplItem {
    let line = format!("Calls {}.", docs::name(&method.wire));
    let DocComment(mut attributes) = docs::or_line(&method.docs, &line);
    attributes.extend(lints::of(method, 0));
    let call = call(index, method, expr_path(["args"]));
    let with_output =
        |output| fn_signature(&method.name, vec![fn_param(&ident("args"), type_impl_serialize())], output);
    let any = |signature| fn_generic("R", bound("DeserializeOwned"), signature);
    let (signature, body) = match &method.shape {
        CallModel::Unary(_, Payload::Unknown) => {
            (any(fn_async(with_output(type_result(type_name("R"))))), expr_await(call))
        }
        CallModel::Stream(Payload::Unknown) => {
            (any(with_output(type_generic("Receiver", [type_name("R")]))), call)
        }
        CallModel::Stream(known) => (with_output(type_generic("Receiver", [types::received(known)])), call),
        shape => (fn_async(with_output(type_result(contract::output(shape)))), answer(method, call)),
    };
    item_impl_fn(attributes, Visibility::Public(token::Pub::default()), signature, stmt_tail(body))
}
