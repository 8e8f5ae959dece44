//! Arguments as one value that is encoded, and as locals once they are decoded.

use proc_macro2::Ident;
use syn::{Expr, Stmt, Type as Tree};

use super::types::{owned, written};
use crate::emit::syntax::{
    self, bind, borrowed, generic, lossy, method, named, path, pattern, run, tried, tuple, tuple_pattern,
    tuple_type, typed_method,
};
use crate::{
    catalogue::{Argument, types::Type},
    model::Arguments,
    naming::ident,
};

/// Returns the parameters as the one value that is encoded.
pub(super) fn passed(arguments: &Arguments) -> Expr {
    match arguments {
        Arguments::Known(arguments) => {
            tuple(arguments.iter().map(|argument| syntax::local(&ident(&argument.name))))
        }
        Arguments::Unknown => path(["args"]),
    }
}

/// Arguments on the side that receives them.
pub(super) struct Decoded {
    /// The statement that decodes them into locals.
    pub(super) statement: Stmt,
    /// The locals, as they are passed on.
    pub(super) values: Vec<Expr>,
}

/// Decodes from the local `args` what is then passed by reference; `locals` are names that are in use.
pub(super) fn lent(arguments: &Arguments, locals: &[&str]) -> Decoded {
    decode(arguments, locals, |argument, name| lend(&argument.ty, argument.lossy, name))
}

/// Decodes from the local `args` what is then kept.
pub(super) fn kept(arguments: &Arguments, locals: &[&str]) -> Decoded {
    decode(arguments, locals, |argument, name| match (&argument.ty, argument.lossy) {
        (Type::Option(_), true) => {
            let text = method(method(name, "as_deref", []), "map", [path(["String", "from"])]);
            (generic("Option", [lossy()]), text)
        }
        (_, true) => (lossy(), method(name, "to_string", [])),
        (ty, false) => (owned(ty), name),
    })
}

fn decode(arguments: &Arguments, locals: &[&str], form: impl Fn(&Argument, Expr) -> (Tree, Expr)) -> Decoded {
    let decoded = |ty| tried(typed_method(path(["args"]), "decode", ty));
    let Arguments::Known(arguments) = arguments else {
        let statement = bind(pattern(&ident("list")), decoded(named("Args")));
        return Decoded { statement, values: vec![path(["list"])] };
    };
    if arguments.is_empty() {
        return Decoded { statement: run(decoded(tuple_type([]))), values: Vec::new() };
    }
    let names: Vec<_> = arguments.iter().map(|argument| local(&argument.name, locals)).collect();
    let forms = arguments.iter().zip(&names).map(|(argument, name)| form(argument, syntax::local(name)));
    let (types, values): (Vec<_>, Vec<_>) = forms.unzip();
    Decoded { statement: bind(tuple_pattern(&names), decoded(tuple_type(types))), values }
}

/// Returns the type that is decoded for an argument `ty`, and how it is lent to the method.
fn lend(ty: &Type, is_lossy: bool, name: Expr) -> (Tree, Expr) {
    match ty {
        Type::Option(inner) => match &**inner {
            Type::Str if is_lossy => (generic("Option", [lossy()]), method(name, "as_deref", [])),
            Type::Ref(inner) => (generic("Option", [written(inner)]), method(name, "as_ref", [])),
            Type::Slice(inner) => {
                (generic("Option", [generic("Vec", [written(inner)])]), method(name, "as_deref", []))
            }
            _ => (written(ty), name),
        },
        Type::Str if is_lossy => (lossy(), borrowed(name)),
        Type::Ref(inner) => (written(inner), borrowed(name)),
        Type::Slice(inner) => (generic("Vec", [written(inner)]), borrowed(name)),
        ty => (written(ty), name),
    }
}

/// Returns the name of an argument, with `_` behind it where it would hide one of `locals`.
pub(super) fn local(name: &str, locals: &[&str]) -> Ident {
    if locals.contains(&name) { ident(&format!("{name}_")) } else { ident(name) }
}
