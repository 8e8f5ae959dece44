//! The serving side: decodes, calls the trait, answers.

use syn::{Arm, Expr, ImplItem, Item, ItemFn, ItemImpl, Stmt, parse_quote};

use super::{
    arguments::{self, DecodedArguments},
    docs::{self, DocComment},
};
use crate::emit::syntax::{
    self, expr_async, expr_await, expr_call, expr_method_call, expr_path, expr_ref, pat_ident, pat_tuple,
    stmt_expr, stmt_let, stmt_tail,
};
use crate::{
    model::{Arguments, CallModel, MethodModel, ServiceModel},
    naming::ident,
};

/// Names of the locals of `invoke`.
const LOCALS: &[&str] =
    &["answer", "args", "call", "halves", "input", "list", "outcome", "output", "reply", "service"];

pub(super) fn serve(service: &ServiceModel) -> Vec<Item> {
    let mut items = structure(service);
    items.push(Item::Impl(dispatch(service)));
    items.extend(method_functions(service));
    items
}

fn structure(service: &ServiceModel) -> Vec<Item> {
    let contract = service.served();
    let doc = docs::lines([
        format!("Serves {}, version {}.", docs::name(&service.wire), service.version),
        String::new(),
        format!("Each call is answered by a [`{contract}`] that is made for its caller."),
    ]);
    let new = docs::lines(["Serves each call with the value that `service` returns for its caller."]);
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

fn dispatch(service: &ServiceModel) -> ItemImpl {
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

/// The largest number of methods, and of arguments of one, that `invoke` answers itself: beyond it, `invoke` would be
/// longer than 60 lines.
const MAX_INLINE: usize = 4;

/// Returns `invoke`, which answers a call in the arm of its method, or calls the method's function there.
fn invoke(service: &ServiceModel) -> ImplItem {
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
    let mut function: syn::ImplItemFn = if has_method_functions(service) {
        parse_quote! {
            fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<F, T> {
                let service = (self.0)(call.caller());
                async move {
                    match call.method() { _ => call.split().1.unknown(), }
                }
            }
        }
    } else {
        parse_quote! {
            fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<F, T> {
                let service = (self.0)(call.caller());
                async move {
                    let (args, reply) = call.split();
                    match args.method() { _ => reply.unknown(), }
                }
            }
        }
    };
    let arms = (0..).zip(&service.methods).map(|(index, method)| arm(index, method, service));
    if let Some(Stmt::Expr(Expr::Async(body), _)) = function.block.stmts.last_mut()
        && let Some(Stmt::Expr(Expr::Match(choice), _)) = body.block.stmts.last_mut()
    {
        choice.arms.splice(..0, arms);
    }
    ImplItem::Fn(function)
}

fn has_method_functions(service: &ServiceModel) -> bool {
    let has_many_arguments = |method: &MethodModel| match &method.arguments {
        Arguments::Known(arguments) => arguments.len() > MAX_INLINE,
        Arguments::Unknown => false,
    };
    service.methods.len() > MAX_INLINE || service.methods.iter().any(has_many_arguments)
}

fn arm(index: u64, method: &MethodModel, service: &ServiceModel) -> Arm {
    let local = expr_ref(expr_path(["service"]));
    let body = if has_method_functions(service) {
        let function = expr_path([&*function_name(method)]);
        vec![stmt_tail(expr_await(expr_call(function, [local, expr_path(["call"])])))]
    } else {
        answer_call(method, service.served(), local)
    };
    syntax::match_arm(index, body)
}

fn function_name(method: &MethodModel) -> String {
    format!("answer_{}", method.name)
}

/// Returns a function for each method, where `invoke` does not answer them itself.
///
/// The functions differ in their names and bodies; what they share is parsed once.
fn method_functions(service: &ServiceModel) -> Vec<Item> {
    if !has_method_functions(service) {
        return Vec::new();
    }
    let contract = ident(service.served());
    let template: ItemFn = parse_quote! {
        async fn template<T: #contract + Send + Sync>(service: &T, call: Call) {
            let (args, reply) = call.split();
        }
    };
    let functions = service.methods.iter().map(|method| {
        let mut function = template.clone();
        let DocComment(attributes) = docs::lines([format!("Answers {}.", docs::name(&method.wire))]);
        function.attrs = attributes;
        function.sig.ident = ident(&function_name(method));
        function.block.stmts.extend(answer_call(method, service.served(), expr_path(["service"])));
        Item::Fn(function)
    });
    functions.collect()
}

/// Returns the statements that decode the arguments from `args`, call the trait's method on `service`, and answer through `reply`.
fn answer_call(method: &MethodModel, contract: &str, service: Expr) -> Vec<Stmt> {
    let DecodedArguments { statement, values } = arguments::lent(&method.arguments, LOCALS);
    // Called by its path: `into` and its like would mean something else as a method.
    let mut values: Vec<_> = [service].into_iter().chain(values).collect();
    let called = expr_path([contract, &method.name]);
    match method.shape {
        CallModel::Mute => answer(vec![statement, stmt_tail(expr_await(expr_call(called, values)))], "mute"),
        CallModel::Unary(pack, _) => {
            let mut value = expr_await(expr_call(called, values));
            if let Some(pack) = pack.name() {
                value = syntax::expr_method_call(value, "map", [expr_path([pack])]);
            }
            answer(vec![statement, stmt_tail(value)], "primitive")
        }
        CallModel::Guard => hold(vec![statement, stmt_tail(expr_await(expr_call(called, values)))]),
        CallModel::Stream(_) => {
            let stream = expr_call(expr_path(["Ok"]), [expr_call(called, values)]);
            answer(vec![statement, stmt_tail(stream)], "stream")
        }
        CallModel::Session { .. } => {
            values.extend([expr_path(["input"]), expr_path(["output"])]);
            session(statement, expr_await(expr_call(called, values)))
        }
    }
}

/// `let answer = async { statements }; reply.by(answer.await);`
fn answer(stmts: Vec<Stmt>, by: &str) -> Vec<Stmt> {
    let reply = expr_method_call(expr_path(["reply"]), by, [expr_await(expr_path(["answer"]))]);
    let reply = if by == "stream" { expr_await(reply) } else { reply };
    vec![stmt_let(pat_ident(&ident("answer")), expr_async(stmts)), stmt_expr(reply)]
}

/// `let answer = async { statements }; reply.hold(answer).await;`
fn hold(stmts: Vec<Stmt>) -> Vec<Stmt> {
    let reply = expr_await(expr_method_call(expr_path(["reply"]), "hold", [expr_path(["answer"])]));
    vec![stmt_let(pat_ident(&ident("answer")), expr_async(stmts)), stmt_expr(reply)]
}

/// As [`answer`], with the halves of the channel opened once the arguments are decoded.
fn session(statement: Stmt, served: Expr) -> Vec<Stmt> {
    let pair = |names: [&str; 2]| pat_tuple(&names.map(ident));
    let opened = stmt_let(pair(["input", "output"]), expr_method_call(expr_path(["halves"]), "open", []));
    let answer = expr_async(vec![statement, opened, stmt_tail(served)]);
    vec![
        stmt_let(pair(["halves", "outcome"]), expr_method_call(expr_path(["reply"]), "session", [])),
        stmt_let(pat_ident(&ident("answer")), answer),
        stmt_expr(expr_method_call(expr_path(["outcome"]), "settle", [expr_await(expr_path(["answer"]))])),
    ]
}
