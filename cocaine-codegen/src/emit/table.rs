//! The static table against which a connection is held.
//!
//! Its rows are built as a syntax tree, not from tokens, which would have to be parsed to be laid out: in a large
//! service they are most of the expressions.

use syn::{Expr, Item, parse_quote};

use super::{docs, syntax as ast};
use crate::{
    metadata::tree::{Message, Tree},
    model::{Method, Service},
    naming::ident,
};

pub(super) fn table(service: &Service) -> Item {
    let doc = docs::lines([format!(
        "The methods of {}, which a connection is held against.",
        docs::name(&service.wire)
    )]);
    let (table, name) = (ident(&service.names.table), &service.wire);
    let version = ast::number(service.version);
    let mut item = parse_quote! {
        #doc
        static #table: ServiceSpec = ServiceSpec { name: #name, version: #version, methods: &[] };
    };
    if let Item::Static(item) = &mut item
        && let Expr::Struct(table) = &mut *item.expr
        && let Some(methods) = table.fields.last_mut()
    {
        methods.expr = ast::slice(service.methods.iter().map(row));
    }
    item
}

fn row(method: &Method) -> Expr {
    let on_drop = if method.revoke_on_drop { "Revoke" } else { "Terminal" };
    ast::structure(
        "MethodSpec",
        [
            ("id", ast::number(method.id)),
            ("name", ast::text(&method.wire)),
            ("dispatch", tree(&method.dispatch)),
            ("upstream", tree(&method.upstream)),
            ("on_drop", ast::path(["OnDrop", on_drop])),
        ],
    )
}

fn tree(tree: &Tree) -> Expr {
    match tree {
        Tree::Recurse => ast::path(["TreeSpec", "Recurse"]),
        _ if *tree == Tree::end() => ast::path(["TreeSpec", "END"]),
        _ if *tree == Tree::primitive() => ast::path(["TreeSpec", "PRIMITIVE"]),
        _ if *tree == Tree::streaming() => ast::path(["TreeSpec", "STREAMING"]),
        Tree::Node(messages) => {
            let rows = messages.iter().map(|(id, Message(name, next))| {
                ast::tuple([ast::number(*id), ast::text(name), self::tree(next)])
            });
            ast::call(ast::path(["TreeSpec", "Node"]), [ast::slice(rows)])
        }
    }
}
