//! What generated code lets be said, read from its text: the states of each half, with their messages.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod driver;

use std::collections::BTreeMap;

use cocaine_codegen::Tree;
use syn::{
    Expr, File, FnArg, GenericArgument, ImplItem, ImplItemFn, Item, ItemImpl, Lit, Pat, PathArguments,
    ReceiverKind, Stmt, TraitItem, Type, TypeParamBound,
};

/// What becomes of a message in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// It is allowed, and nothing may follow it.
    Last,
    Refused,
}

/// What follows a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    End,
    State(String),
}

/// A message of a state.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The method that sends it, or the variant that it is received as.
    pub(crate) name: String,
    pub(crate) next: Next,
}

/// The halves of one method: the names of the types by which they begin.
#[derive(Clone, Debug)]
pub(crate) struct Halves {
    /// What a client sends and reads.
    pub(crate) client: [String; 2],
    /// What a server reads and sends.
    pub(crate) server: [String; 2],
}

/// All states of a service.
#[derive(Debug)]
pub(crate) struct Machine {
    /// By the name of the struct; messages by id.
    pub(crate) states: BTreeMap<String, BTreeMap<u64, Step>>,
    /// Of the methods that are sessions, by their names in Rust.
    pub(crate) sessions: BTreeMap<String, Halves>,
}

impl Machine {
    /// Reads the machine from the only module of a generated file.
    pub(crate) fn read(file: &File) -> Self {
        let modules = file.items.iter().filter_map(|item| match item {
            Item::Mod(module) => module.content.as_ref(),
            _ => None,
        });
        let items: Vec<_> = modules.flat_map(|(_, items)| items).collect();
        let mut states = runtime();
        for item in &items {
            if let Item::Impl(item) = item
                && item.trait_.is_none()
                && let Some((name, messages)) = state(item)
            {
                states.entry(name).or_default().extend(messages);
            }
        }
        // A state without messages has no methods.
        for item in &items {
            if let Item::Struct(item) = item {
                states.entry(item.ident.to_string()).or_default();
            }
        }
        Self { states, sessions: sessions(&items) }
    }

    /// Returns what becomes of each of `ids`, sent or received from the state `start` on, up to the first that is
    /// refused.
    pub(crate) fn walk(&self, start: &str, ids: &[u64]) -> Vec<Verdict> {
        let mut state = Next::State(start.to_owned());
        judge(ids, |id| {
            let Next::State(name) = &state else { return Verdict::Refused };
            let Some(step) = self.states[name].get(&id) else { return Verdict::Refused };
            state = step.next.clone();
            match &state {
                Next::State(next) if !self.states[next].is_empty() => Verdict::Allowed,
                _ => Verdict::Last,
            }
        })
    }
}

/// Judges `ids` one after the other, up to the first that is refused.
pub(crate) fn judge(ids: &[u64], mut verdict: impl FnMut(u64) -> Verdict) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for id in ids {
        verdicts.push(verdict(*id));
        if verdicts.last() == Some(&Verdict::Refused) {
            break;
        }
    }
    verdicts
}

/// Returns what becomes of each of `ids` by the graph itself, up to the first that is refused.
pub(crate) fn by_graph(tree: &Tree, ids: &[u64]) -> Vec<Verdict> {
    let mut state = tree;
    judge(ids, |id| match state.messages().find(|(known, _)| *known == id) {
        None => Verdict::Refused,
        Some((_, message)) => {
            if message.1 != Tree::Recurse {
                state = &message.1;
            }
            if state.messages().next().is_none() { Verdict::Last } else { Verdict::Allowed }
        }
    })
}

/// The halves that have a type in the runtime.
fn runtime() -> BTreeMap<String, BTreeMap<u64, Step>> {
    let messages = |names: &[&str], stay: Option<&str>| {
        let next = |id| stay.filter(|_| id == 0).map_or(Next::End, |stay| Next::State(stay.to_owned()));
        let steps =
            (0..).zip(names).map(|(id, name)| (id, Step { name: (*name).to_owned(), next: next(id) }));
        steps.collect::<BTreeMap<_, _>>()
    };
    let mut states = BTreeMap::new();
    for name in ["Sender", "Receiver"] {
        states.insert(name.to_owned(), messages(&["write", "error", "close"], Some(name)));
    }
    for name in ["ReplySender", "Reply"] {
        states.insert(name.to_owned(), messages(&["value", "error"], None));
    }
    states.extend(["End", "DynSender", "DynReceiver"].map(|name| (name.to_owned(), BTreeMap::new())));
    states
}

/// Returns a state and its messages, if `item` is one that sends or receives.
fn state(item: &ItemImpl) -> Option<(String, BTreeMap<u64, Step>)> {
    let name = ident(&item.self_ty)?;
    let functions: Vec<_> = (item.items.iter())
        .filter_map(|item| match item {
            ImplItem::Fn(function) => Some(function),
            _ => None,
        })
        .collect();
    let by_value = |function: &&ImplItemFn| {
        function.sig.receiver().is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Value))
    };
    if !functions.iter().all(by_value) {
        return None;
    }
    // A message `recv` has arguments.
    let receives =
        functions.iter().find(|function| function.sig.ident == "recv" && function.sig.inputs.len() == 1);
    let messages = match receives {
        Some(function) => reads(function),
        None => functions.iter().filter_map(|function| sends(&name, function)).collect(),
    };
    Some((name, messages))
}

/// Returns the name of the type in `-> Result<T>`; `()` has none.
fn received(function: &ImplItemFn) -> Option<String> {
    match &function.sig.output {
        syn::ReturnType::Type(_, ty) => ident(generics(ty).first()?),
        syn::ReturnType::Default => None,
    }
}

/// Reads `self.0.send_message(ID, …)` or `self.0.send_last_message(ID, …)`, and what the method returns.
fn sends(state: &str, function: &ImplItemFn) -> Option<(u64, Step)> {
    let Some(Stmt::Expr(body, None)) = function.block.stmts.last() else { return None };
    let (method, id) = call(body)?;
    let next = match received(function).as_deref() {
        None => Next::End,
        Some("Self") => Next::State(state.to_owned()),
        Some(next) => Next::State(next.to_owned()),
    };
    assert_eq!(method == "send_last_message", next == Next::End, "{state}.{}", function.sig.ident);
    Some((id, Step { name: function.sig.ident.to_string(), next }))
}

/// Finds the call of a method with a number as its first argument.
fn call(expr: &Expr) -> Option<(String, u64)> {
    match expr {
        Expr::Await(awaited) => call(&awaited.base),
        Expr::Try(tried) => call(&tried.expr),
        Expr::Call(outer) => call(outer.args.first()?),
        Expr::MethodCall(method) => Some((method.method.to_string(), number(method.args.first()?)?)),
        _ => None,
    }
}

/// Reads the arms of `match kind`: each ends with `Ok(Received::Variant(…, Receiver(rest)))`.
fn reads(function: &ImplItemFn) -> BTreeMap<u64, Step> {
    let Some(Stmt::Expr(Expr::Match(choice), _)) = function.block.stmts.last() else {
        return BTreeMap::new();
    };
    let arms = choice.arms.iter().filter_map(|arm| match &arm.pat {
        Pat::Lit(literal) => match &literal.lit {
            Lit::Int(id) => Some((id.base10_parse().ok()?, reading(&arm.body)?)),
            _ => None,
        },
        _ => None,
    });
    arms.collect()
}

fn reading(body: &Expr) -> Option<Step> {
    let Expr::Block(block) = body else { return None };
    let Some(Stmt::Expr(Expr::Call(ok), None)) = block.block.stmts.last() else { return None };
    let (variant, next) = match ok.args.first()? {
        Expr::Path(variant) => (&variant.path, Next::End),
        Expr::Call(call) => {
            let Expr::Path(variant) = &*call.func else { return None };
            let next = match call.args.last()? {
                Expr::Call(rest) => Next::State(path_end(&rest.func)?),
                _ => Next::End,
            };
            (&variant.path, next)
        }
        _ => return None,
    };
    Some(Step { name: variant.segments.last()?.ident.to_string(), next })
}

/// Reads the halves from the traits: what callers are given, and the last two parameters of what servers implement.
fn sessions(items: &[&Item]) -> BTreeMap<String, Halves> {
    let mut traits = items.iter().filter_map(|item| match item {
        Item::Trait(item) => Some(item),
        _ => None,
    });
    let (Some(callers), Some(servers)) = (traits.next(), traits.next()) else {
        return BTreeMap::new();
    };
    let pairs = callers.items.iter().zip(&servers.items).filter_map(|pair| match pair {
        (TraitItem::Fn(called), TraitItem::Fn(served)) => Some((
            called.sig.ident.to_string(),
            Halves { client: exchange(called)?, server: last_two(served)? },
        )),
        _ => None,
    });
    pairs.collect()
}

/// Finds `Duplex<S, R>` in what a method returns.
fn exchange(method: &syn::TraitItemFn) -> Option<[String; 2]> {
    let syn::ReturnType::Type(_, output) = &method.sig.output else { return None };
    let mut left = vec![(**output).clone()];
    while let Some(ty) = left.pop() {
        match ident(&ty).as_deref() {
            Some("Duplex") => {
                let halves: Vec<_> = generics(&ty).iter().filter_map(ident).collect();
                return halves.try_into().ok();
            }
            _ => left.extend(generics(&ty)),
        }
    }
    None
}

fn last_two(method: &syn::TraitItemFn) -> Option<[String; 2]> {
    let types = method.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(input) => ident(&input.ty),
        FnArg::Receiver(_) => None,
    });
    let types: Vec<_> = types.collect();
    types.last_chunk::<2>().cloned()
}

/// Returns the name of a type, without what it is of.
fn ident(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(ty) => ty.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// Returns the types between the angle brackets of a type, or of the traits behind `impl`.
fn generics(ty: &Type) -> Vec<Type> {
    let paths: Vec<_> = match ty {
        Type::Path(ty) => vec![&ty.path],
        Type::ImplTrait(ty) => (ty.bounds.iter())
            .filter_map(|bound| match bound {
                TypeParamBound::Trait(bound) => Some(&bound.path),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let arguments = paths.into_iter().filter_map(|path| match &path.segments.last()?.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    });
    let types = arguments.flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        GenericArgument::AssocType(ty) => Some(ty.ty.clone()),
        _ => None,
    });
    types.collect()
}

fn number(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn path_end(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}
