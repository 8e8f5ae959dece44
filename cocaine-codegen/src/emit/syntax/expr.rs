//! Expressions, patterns and statements.

use proc_macro2::{Ident, Span};
use syn::{
    Arm, Block, Expr, ExprArray, ExprAsync, ExprAwait, ExprBlock, ExprCall, ExprField, ExprLit,
    ExprMethodCall, ExprPath, ExprReference, ExprStruct, ExprTry, ExprTuple, FieldValue, Index, Lit, LitInt,
    LitStr, Local, LocalInit, Member, Pat, PatIdent, PatTuple, Path, PathSegment, Stmt, Type, token,
};

use super::ty::{comma_after_one, turbofish};
use crate::naming::ident;

/// `1`
pub(in crate::emit) fn expr_int(value: u64) -> Expr {
    Expr::Lit(number_literal(value))
}

/// `1 => body`
pub(in crate::emit) fn match_arm(value: u64, body: Vec<Stmt>) -> Arm {
    Arm {
        attrs: Vec::new(),
        pat: Pat::Lit(number_literal(value)),
        fat_arrow_token: token::FatArrow::default(),
        body: Box::new(expr_block(body)),
        comma: None,
    }
}

/// Returns a number as it is read best: in groups of three digits from a hundred thousand on.
fn group_digits(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len() > 5 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

fn number_literal(value: u64) -> ExprLit {
    let lit = Lit::Int(LitInt::new(&group_digits(value), Span::call_site()));
    ExprLit { attrs: Vec::new(), lit }
}

/// `"text"`
pub(in crate::emit) fn expr_str(value: &str) -> Expr {
    let lit = Lit::Str(LitStr::new(value, Span::call_site()));
    Expr::Lit(ExprLit { attrs: Vec::new(), lit })
}

/// `a::b`
pub(in crate::emit) fn expr_path<const N: usize>(segments: [&str; N]) -> Expr {
    Expr::Path(ExprPath { attrs: Vec::new(), qself: None, path: plain_path(segments) })
}

/// `name`
pub(in crate::emit) fn expr_ident(name: &Ident) -> Expr {
    let path = Path::from(PathSegment::from(name.clone()));
    Expr::Path(ExprPath { attrs: Vec::new(), qself: None, path })
}

/// `self.0`
pub(in crate::emit) fn expr_self_0() -> Expr {
    Expr::Field(ExprField {
        attrs: Vec::new(),
        base: Box::new(expr_ident(&Ident::new("self", Span::call_site()))),
        dot_token: token::Dot::default(),
        member: Member::Unnamed(Index::from(0)),
    })
}

/// `function(arguments)`
pub(in crate::emit) fn expr_call(function: Expr, arguments: impl IntoIterator<Item = Expr>) -> Expr {
    Expr::Call(ExprCall {
        attrs: Vec::new(),
        func: Box::new(function),
        paren_token: token::Paren::default(),
        args: arguments.into_iter().collect(),
    })
}

/// `receiver.method(arguments)`
pub(in crate::emit) fn expr_method_call<const N: usize>(
    receiver: Expr,
    method: &str,
    arguments: [Expr; N],
) -> Expr {
    Expr::MethodCall(method_call(receiver, method, arguments))
}

/// `receiver.method::<ty>()`
pub(in crate::emit) fn expr_turbofish_call(receiver: Expr, method: &str, ty: Type) -> Expr {
    let call = method_call(receiver, method, []);
    Expr::MethodCall(ExprMethodCall { turbofish: Some(turbofish(ty)), ..call })
}

fn method_call<const N: usize>(receiver: Expr, method: &str, arguments: [Expr; N]) -> ExprMethodCall {
    ExprMethodCall {
        attrs: Vec::new(),
        receiver: Box::new(receiver),
        dot_token: token::Dot::default(),
        method: ident(method),
        turbofish: None,
        paren_token: token::Paren::default(),
        args: arguments.into_iter().collect(),
    }
}

/// `base.await`
pub(in crate::emit) fn expr_await(base: Expr) -> Expr {
    Expr::Await(ExprAwait {
        attrs: Vec::new(),
        base: Box::new(base),
        dot_token: token::Dot::default(),
        await_token: token::Await::default(),
    })
}

/// `expr?`
pub(in crate::emit) fn expr_try(expr: Expr) -> Expr {
    Expr::Try(ExprTry { attrs: Vec::new(), expr: Box::new(expr), question_token: token::Question::default() })
}

/// `&expr`
pub(in crate::emit) fn expr_ref(expr: Expr) -> Expr {
    Expr::Reference(ExprReference {
        attrs: Vec::new(),
        and_token: token::And::default(),
        mutability: None,
        expr: Box::new(expr),
    })
}

/// `(a, b)`, `(a,)`, `()`
pub(in crate::emit) fn expr_tuple(elements: impl IntoIterator<Item = Expr>) -> Expr {
    let elems = comma_after_one(elements.into_iter().collect());
    Expr::Tuple(ExprTuple { attrs: Vec::new(), paren_token: token::Paren::default(), elems })
}

/// `&[a, b]`
pub(in crate::emit) fn expr_slice_ref(elements: impl IntoIterator<Item = Expr>) -> Expr {
    expr_ref(Expr::Array(ExprArray {
        attrs: Vec::new(),
        bracket_token: token::Bracket::default(),
        elems: elements.into_iter().collect(),
    }))
}

/// `Name { field: value }`
pub(in crate::emit) fn expr_struct<const N: usize>(name: &str, fields: [(&str, Expr); N]) -> Expr {
    let fields = fields.into_iter().map(|(field, expr)| FieldValue {
        attrs: Vec::new(),
        member: Member::Named(ident(field)),
        colon_token: Some(token::Colon::default()),
        expr,
    });
    Expr::Struct(ExprStruct {
        attrs: Vec::new(),
        qself: None,
        path: plain_path([name]),
        brace_token: token::Brace::default(),
        fields: fields.collect(),
        dot2_token: None,
        rest: None,
    })
}

/// `async { statements }`
pub(in crate::emit) fn expr_async(stmts: Vec<Stmt>) -> Expr {
    Expr::Async(ExprAsync {
        attrs: Vec::new(),
        async_token: token::Async::default(),
        capture: None,
        modifiers: syn::BlockModifiers::default(),
        block: block(stmts),
    })
}

/// `{ statements }`, as an expression
fn expr_block(stmts: Vec<Stmt>) -> Expr {
    Expr::Block(ExprBlock { attrs: Vec::new(), label: None, block: block(stmts) })
}

/// `{ statements }`
pub(in crate::emit) fn block(stmts: Vec<Stmt>) -> Block {
    Block { brace_token: token::Brace::default(), stmts }
}

/// `let pattern = expr;`
pub(in crate::emit) fn stmt_let(pat: Pat, expr: Expr) -> Stmt {
    Stmt::Local(Local {
        attrs: Vec::new(),
        let_token: token::Let::default(),
        modifiers: syn::LocalModifiers::default(),
        pat,
        init: Some(LocalInit { eq_token: token::Eq::default(), expr: Box::new(expr), diverge: None }),
        semi_token: token::Semi::default(),
    })
}

/// `expr;`
pub(in crate::emit) fn stmt_expr(expr: Expr) -> Stmt {
    Stmt::Expr(expr, Some(token::Semi::default()))
}

/// `expr`, at the end of a block
pub(in crate::emit) fn stmt_tail(expr: Expr) -> Stmt {
    Stmt::Expr(expr, None)
}

/// `name`, as a pattern
pub(in crate::emit) fn pat_ident(name: &Ident) -> Pat {
    Pat::Ident(PatIdent {
        attrs: Vec::new(),
        by_ref: None,
        mutability: None,
        ident: name.clone(),
        subpat: None,
    })
}

/// `(a, b)`, as a pattern
pub(in crate::emit) fn pat_tuple<'a>(names: impl IntoIterator<Item = &'a Ident>) -> Pat {
    let elems = comma_after_one(names.into_iter().map(pat_ident).collect());
    Pat::Tuple(PatTuple { attrs: Vec::new(), paren_token: token::Paren::default(), elems })
}

fn plain_path<const N: usize>(segments: [&str; N]) -> Path {
    let segments = segments.map(|segment| PathSegment::from(ident(segment)));
    Path { leading_colon: None, segments: segments.into_iter().collect() }
}
