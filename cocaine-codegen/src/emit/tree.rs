//! Expressions as syntax trees.

use proc_macro2::Span;
use syn::{
    Expr, ExprArray, ExprCall, ExprLit, ExprPath, ExprReference, ExprStruct, ExprTuple, FieldValue, Lit,
    LitInt, LitStr, Member, Path, PathSegment, token,
};

use crate::naming::ident;

/// `1`
pub(super) fn number(value: u64) -> Expr {
    let lit = Lit::Int(LitInt::new(&value.to_string(), Span::call_site()));
    Expr::Lit(ExprLit { attrs: Vec::new(), lit })
}

/// `"text"`
pub(super) fn text(value: &str) -> Expr {
    let lit = Lit::Str(LitStr::new(value, Span::call_site()));
    Expr::Lit(ExprLit { attrs: Vec::new(), lit })
}

/// `a::b`
pub(super) fn path<const N: usize>(segments: [&str; N]) -> Expr {
    Expr::Path(ExprPath { attrs: Vec::new(), qself: None, path: plain_path(segments) })
}

/// `function(arguments)`
pub(super) fn call(function: Expr, arguments: impl IntoIterator<Item = Expr>) -> Expr {
    Expr::Call(ExprCall {
        attrs: Vec::new(),
        func: Box::new(function),
        paren_token: token::Paren::default(),
        args: arguments.into_iter().collect(),
    })
}

/// `(a, b)`
pub(super) fn tuple(elements: impl IntoIterator<Item = Expr>) -> Expr {
    Expr::Tuple(ExprTuple {
        attrs: Vec::new(),
        paren_token: token::Paren::default(),
        elems: elements.into_iter().collect(),
    })
}

/// `&[a, b]`
pub(super) fn slice(elements: impl IntoIterator<Item = Expr>) -> Expr {
    let array = ExprArray {
        attrs: Vec::new(),
        bracket_token: token::Bracket::default(),
        elems: elements.into_iter().collect(),
    };
    Expr::Reference(ExprReference {
        attrs: Vec::new(),
        and_token: token::And::default(),
        mutability: None,
        expr: Box::new(Expr::Array(array)),
    })
}

/// `Name { field: value }`
pub(super) fn structure<const N: usize>(name: &str, fields: [(&str, Expr); N]) -> Expr {
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

fn plain_path<const N: usize>(segments: [&str; N]) -> Path {
    let segments = segments.map(|segment| PathSegment::from(ident(segment)));
    Path { leading_colon: None, segments: segments.into_iter().collect() }
}
