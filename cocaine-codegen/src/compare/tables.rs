//! Metadata read back from generated code.

use std::collections::BTreeMap;

use syn::{Expr, ExprStruct, Item, Lit, Member};

use crate::{
    error::{Problem, Result},
    metadata::{
        Metadata, Method, Service,
        tree::{Message, Tree},
    },
    syntax,
};

/// Returns the metadata that the tables of generated code hold.
///
/// Fails for what this version of the generator did not write.
pub fn read_tables(code: &str) -> Result<Metadata> {
    syntax::read(code, |file: syn::Result<syn::File>| {
        let file = file.map_err(|error| Problem::Metadata(error.to_string()))?;
        let mut metadata = Metadata::default();
        items(&file.items, &mut metadata).ok_or_else(|| {
            Problem::Metadata("this is no output of this generator: generate it again".to_owned())
        })?;
        Ok(metadata)
    })
}

fn items(items: &[Item], metadata: &mut Metadata) -> Option<()> {
    for item in items {
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &module.content {
                    self::items(items, metadata)?;
                }
            }
            Item::Static(table) => {
                let (name, service) = service(&table.expr)?;
                metadata.services.insert(name, service);
            }
            _ => {}
        }
    }
    Some(())
}

fn service(table: &Expr) -> Option<(String, Service)> {
    let Expr::Struct(table) = table else {
        return None;
    };
    let mut graph = BTreeMap::new();
    for method in list(field(table, "methods")?)? {
        let Expr::Struct(method) = method else {
            return None;
        };
        let (dispatch, upstream) = (tree(field(method, "dispatch")?)?, tree(field(method, "upstream")?)?);
        graph
            .insert(number(field(method, "id")?)?, Method(text(field(method, "name")?)?, dispatch, upstream));
    }
    let version = number(field(table, "version")?)?;
    Some((text(field(table, "name")?)?, Service { version, graph }))
}

fn field<'e>(expr: &'e ExprStruct, name: &str) -> Option<&'e Expr> {
    let named = |member: &Member| matches!(member, Member::Named(ident) if ident == name);
    expr.fields.iter().find(|field| named(&field.member)).map(|field| &field.expr)
}

fn list(expr: &Expr) -> Option<impl Iterator<Item = &Expr>> {
    let Expr::Reference(reference) = expr else {
        return None;
    };
    match &*reference.expr {
        Expr::Array(array) => Some(array.elems.iter()),
        _ => None,
    }
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

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

fn tree(expr: &Expr) -> Option<Tree> {
    match expr {
        Expr::Path(path) => match path.path.segments.last()?.ident.to_string().as_str() {
            "END" => Some(Tree::end()),
            "PRIMITIVE" => Some(Tree::primitive()),
            "STREAMING" => Some(Tree::streaming()),
            "Recurse" => Some(Tree::Recurse),
            _ => None,
        },
        Expr::Call(call) => {
            let rows = list(call.args.first()?)?;
            rows.map(row).collect::<Option<_>>().map(Tree::Node)
        }
        _ => None,
    }
}

fn row(expr: &Expr) -> Option<(u64, Message)> {
    let Expr::Tuple(row) = expr else {
        return None;
    };
    let row: Vec<_> = row.elems.iter().collect();
    let [id, name, next] = row[..] else {
        return None;
    };
    Some((number(id)?, Message(text(name)?, tree(next)?)))
}
