//! Arguments as one value that is encoded, and as locals once they are decoded.

use proc_macro2::Ident;
use syn::{Expr, Stmt, Type as Tree};

use super::types::{owned, written};
use crate::emit::syntax::{
    self, expr_method_call, expr_path, expr_ref, expr_try, expr_tuple, expr_turbofish_call, pat_ident,
    pat_tuple, stmt_expr, stmt_let, type_generic, type_lossy, type_name, type_tuple,
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
            expr_tuple(arguments.iter().map(|argument| syntax::expr_ident(&ident(&argument.name))))
        }
        Arguments::Unknown => expr_path(["args"]),
    }
}

/// Arguments on the side that receives them.
pub(super) struct DecodedArguments {
    /// The statement that decodes them into locals.
    pub(super) statement: Stmt,
    /// The locals, as they are passed on.
    pub(super) values: Vec<Expr>,
}

/// Decodes from the local `args` what is then passed by reference; `locals` are names that are in use.
pub(super) fn lent(arguments: &Arguments, locals: &[&str]) -> DecodedArguments {
    decode(arguments, locals, |argument, name| lend(&argument.ty, argument.lossy, name))
}

/// Decodes from the local `args` what is then kept.
pub(super) fn kept(arguments: &Arguments, locals: &[&str]) -> DecodedArguments {
    decode(arguments, locals, |argument, name| match (&argument.ty, argument.lossy) {
        (Type::Option(_), true) => {
            let text = expr_method_call(
                expr_method_call(name, "as_deref", []),
                "map",
                [expr_path(["String", "from"])],
            );
            (type_generic("Option", [type_lossy()]), text)
        }
        (_, true) => (type_lossy(), expr_method_call(name, "to_string", [])),
        (ty, false) => (owned(ty), name),
    })
}

fn decode(
    arguments: &Arguments,
    locals: &[&str],
    form: impl Fn(&Argument, Expr) -> (Tree, Expr),
) -> DecodedArguments {
    let decoded = |ty| expr_try(expr_turbofish_call(expr_path(["args"]), "decode", ty));
    let Arguments::Known(arguments) = arguments else {
        let statement = stmt_let(pat_ident(&ident("list")), decoded(type_name("Args")));
        return DecodedArguments { statement, values: vec![expr_path(["list"])] };
    };
    if arguments.is_empty() {
        return DecodedArguments { statement: stmt_expr(decoded(type_tuple([]))), values: Vec::new() };
    }
    let names: Vec<_> = arguments.iter().map(|argument| local(&argument.name, locals)).collect();
    let forms = arguments.iter().zip(&names).map(|(argument, name)| form(argument, syntax::expr_ident(name)));
    let (types, values): (Vec<_>, Vec<_>) = forms.unzip();
    DecodedArguments { statement: stmt_let(pat_tuple(&names), decoded(type_tuple(types))), values }
}

/// Returns the type that is decoded for an argument `ty`, and how it is lent to the method.
fn lend(ty: &Type, is_lossy: bool, name: Expr) -> (Tree, Expr) {
    match ty {
        Type::Option(inner) => match &**inner {
            Type::Str if is_lossy => {
                (type_generic("Option", [type_lossy()]), expr_method_call(name, "as_deref", []))
            }
            Type::Ref(inner) => {
                (type_generic("Option", [written(inner)]), expr_method_call(name, "as_ref", []))
            }
            Type::Slice(inner) => (
                type_generic("Option", [type_generic("Vec", [written(inner)])]),
                expr_method_call(name, "as_deref", []),
            ),
            _ => (written(ty), name),
        },
        Type::Str if is_lossy => (type_lossy(), expr_ref(name)),
        Type::Ref(inner) => (written(inner), expr_ref(name)),
        Type::Slice(inner) => (type_generic("Vec", [written(inner)]), expr_ref(name)),
        ty => (written(ty), name),
    }
}

/// Returns the name of an argument, with `_` behind it where it would hide one of `locals`.
pub(super) fn local(name: &str, locals: &[&str]) -> Ident {
    if locals.contains(&name) { ident(&format!("{name}_")) } else { ident(name) }
}
