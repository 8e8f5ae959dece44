//! The static table against which a connection is held.
//!
//! Its rows are built as a syntax tree, not from tokens, which would have to be parsed to be laid out: in a large
//! service they are most of the expressions.

use syn::{Expr, Item, parse_quote};

use super::{docs, syntax as ast};
use crate::{
    metadata::tree::{Message, Tree},
    model::{MethodModel, ServiceModel},
    naming::ident,
};

pub(super) fn table(service: &ServiceModel) -> Item {
    let doc = docs::lines([format!(
        "The methods of {}, which are compared with those of the server on connecting.",
        docs::name(&service.wire)
    )]);
    let (table, name) = (ident(&service.names.table), &service.wire);
    let version = ast::expr_int(service.version);
    let mut item = parse_quote! {
        #doc
        static #table: ServiceSpec = ServiceSpec { name: #name, version: #version, methods: &[] };
    };
    if let Item::Static(item) = &mut item
        && let Expr::Struct(table) = &mut *item.expr
        && let Some(methods) = table.fields.last_mut()
    {
        methods.expr = ast::expr_slice_ref(service.methods.iter().map(row));
    }
    item
}

fn row(method: &MethodModel) -> Expr {
    let on_drop = if method.revoke_on_drop { "Revoke" } else { "Terminal" };
    ast::expr_struct(
        "MethodSpec",
        [
            ("id", ast::expr_int(method.id)),
            ("name", ast::expr_str(&method.wire)),
            ("dispatch", tree(&method.dispatch)),
            ("upstream", tree(&method.upstream)),
            ("on_drop", ast::expr_path(["OnDrop", on_drop])),
        ],
    )
}

fn tree(tree: &Tree) -> Expr {
    match tree {
        Tree::Recurse => ast::expr_path(["TreeSpec", "Recurse"]),
        _ if *tree == Tree::end() => ast::expr_path(["TreeSpec", "END"]),
        _ if *tree == Tree::primitive() => ast::expr_path(["TreeSpec", "PRIMITIVE"]),
        _ if *tree == Tree::streaming() => ast::expr_path(["TreeSpec", "STREAMING"]),
        Tree::Node(messages) => {
            let rows = messages.iter().map(|(id, Message(name, next))| {
                ast::expr_tuple([ast::expr_int(*id), ast::expr_str(name), self::tree(next)])
            });
            ast::expr_call(ast::expr_path(["TreeSpec", "Node"]), [ast::expr_slice_ref(rows)])
        }
    }
}
