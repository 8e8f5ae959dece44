//! The serving side: decodes, calls the trait, answers.

use syn::{Arm, Expr, ImplItem, Item, ItemImpl, Stmt, parse_quote};

use super::{
    arguments::{self, Decoded},
    docs,
};
use crate::emit::syntax::{
    self, asynchronous, awaited, bind, borrowed, call, give, method, path, pattern, run, tuple_pattern,
};
use crate::{
    model::{Method, Service, Shape},
    naming::ident,
};

/// Names of the locals of `invoke`.
const LOCALS: &[&str] =
    &["answer", "args", "call", "halves", "input", "list", "outcome", "output", "reply", "service"];

pub(super) fn serve(service: &Service) -> Vec<Item> {
    let mut items = structure(service);
    items.push(Item::Impl(dispatch(service)));
    items
}

fn structure(service: &Service) -> Vec<Item> {
    let contract = service.served();
    let doc = docs::lines([
        format!("Serves {}, version {}.", docs::name(&service.wire), service.version),
        String::new(),
        format!("Each call is answered by a [`{contract}`] that is made for it, from who calls."),
    ]);
    let new = docs::lines(["Serves with what `service` makes for a caller."]);
    let serve = ident(&service.names.serve);
    let structure = parse_quote! {
        #doc
        #[derive(Clone, Debug)]
        pub struct #serve<F>(F);
    };
    let methods = parse_quote! {
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
    };
    vec![structure, methods]
}

fn dispatch(service: &Service) -> ItemImpl {
    let (serve, table) = (ident(&service.names.serve), ident(&service.names.table));
    let contract = ident(service.served());
    let mut item: ItemImpl = parse_quote! {
        impl<F, T> Dispatch for #serve<F>
        where
            F: Fn(&Caller) -> T + Send + Sync + 'static,
            T: #contract + Send + Sync + 'static,
        {
            fn spec(&self) -> &'static ServiceSpec {
                &#table
            }
        }
    };
    item.items.push(invoke(service));
    item
}

fn invoke(service: &Service) -> ImplItem {
    let allows = (service.methods.len() > 6)
        .then(|| -> syn::Attribute { parse_quote!(#[allow(clippy::too_many_lines)]) });
    if service.methods.is_empty() {
        return parse_quote! {
            fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<F, T> {
                async move {
                    let (_, reply) = call.split();
                    reply.unknown();
                }
            }
        };
    }
    let mut function: syn::ImplItemFn = parse_quote! {
        #allows
        fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<F, T> {
            let service = (self.0)(call.caller());
            async move {
                let (args, reply) = call.split();
                match args.method() { _ => reply.unknown(), }
            }
        }
    };
    let arms = (0..).zip(&service.methods).map(|(index, method)| arm(index, method, service.served()));
    if let Some(Stmt::Expr(Expr::Async(body), _)) = function.block.stmts.last_mut()
        && let Some(Stmt::Expr(Expr::Match(choice), _)) = body.block.stmts.last_mut()
    {
        choice.arms.splice(..0, arms);
    }
    ImplItem::Fn(function)
}

fn arm(index: u64, method: &Method, contract: &str) -> Arm {
    let Decoded { statement, values } = arguments::lent(&method.arguments, LOCALS);
    // Called by its path: `into` and its like would mean something else as a method.
    let mut values: Vec<_> = [borrowed(path(["service"]))].into_iter().chain(values).collect();
    let called = path([contract, &method.name]);
    let body = match method.shape {
        Shape::Mute => answer(vec![statement, give(awaited(call(called, values)))], "mute"),
        Shape::Unary(pack, _) => {
            let mut value = awaited(call(called, values));
            if let Some(pack) = pack.name() {
                value = syntax::method(value, "map", [path([pack])]);
            }
            answer(vec![statement, give(value)], "primitive")
        }
        Shape::Held => hold(vec![statement, give(awaited(call(called, values)))]),
        Shape::Stream(_) => {
            let stream = call(path(["Ok"]), [call(called, values)]);
            answer(vec![statement, give(stream)], "stream")
        }
        Shape::Session { .. } => {
            values.extend([path(["input"]), path(["output"])]);
            session(statement, awaited(call(called, values)))
        }
    };
    syntax::arm(index, body)
}

/// `let answer = async { statements }; reply.by(answer.await);`
fn answer(stmts: Vec<Stmt>, by: &str) -> Vec<Stmt> {
    let reply = method(path(["reply"]), by, [awaited(path(["answer"]))]);
    let reply = if by == "stream" { awaited(reply) } else { reply };
    vec![bind(pattern(&ident("answer")), asynchronous(stmts)), run(reply)]
}

/// `let answer = async { statements }; reply.hold(answer).await;`
fn hold(stmts: Vec<Stmt>) -> Vec<Stmt> {
    let reply = awaited(method(path(["reply"]), "hold", [path(["answer"])]));
    vec![bind(pattern(&ident("answer")), asynchronous(stmts)), run(reply)]
}

/// As [`answer`], with the halves of the channel opened once the arguments are decoded.
fn session(statement: Stmt, served: Expr) -> Vec<Stmt> {
    let pair = |names: [&str; 2]| tuple_pattern(&names.map(ident));
    let opened = bind(pair(["input", "output"]), method(path(["halves"]), "open", []));
    let answer = asynchronous(vec![statement, opened, give(served)]);
    vec![
        bind(pair(["halves", "outcome"]), method(path(["reply"]), "session", [])),
        bind(pattern(&ident("answer")), answer),
        run(method(path(["outcome"]), "settle", [awaited(path(["answer"]))])),
    ]
}
