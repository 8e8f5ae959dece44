//! Metadata read back from generated code.

use std::collections::BTreeMap;

use syn::{Expr, ExprStruct, Item, ItemStatic, Lit, Member};

use crate::{
    error::{Problem, Result},
    metadata::{
        Metadata, Method, Service,
        tree::{Message, Tree},
    },
    syntax,
};

/// Returns the metadata that the tables of generated code hold. Apps are not in it: their tables hold hashes alone.
///
/// Fails for what this version of the generator did not write.
pub fn read_tables(code: &str) -> Result<Metadata> {
    let Tables { mut services, events } = Tables::read(code)?;
    for table in events.keys() {
        services.remove(table);
    }
    Ok(Metadata { services: services.into_values().collect(), ..Metadata::default() })
}

/// Returns the hashes of the events of each app, as generated code holds them: the names of apps, and of their events with hashes.
/// An app whose events are all HTTP requests has none.
///
/// Fails for what this version of the generator did not write.
pub fn read_event_hashes(code: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let Tables { mut services, events } = Tables::read(code)?;
    let apps = events.into_iter().filter_map(|(table, events)| {
        let (app, _) = services.remove(&table)?;
        Some((app, events))
    });
    Ok(apps.collect())
}

/// The tables of generated code, by the modules and names of those of services.
#[derive(Default)]
struct Tables {
    services: BTreeMap<String, (String, Service)>,
    events: BTreeMap<String, BTreeMap<String, String>>,
}

impl Tables {
    fn read(code: &str) -> Result<Self> {
        syntax::read(code, |file: syn::Result<syn::File>| {
            let file = file.map_err(|error| Problem::Metadata(error.to_string()))?;
            let mut tables = Self::default();
            tables.add("", &file.items).ok_or_else(|| {
                Problem::Metadata("this is no output of this generator: generate it again".to_owned())
            })?;
            Ok(tables)
        })
    }

    fn add(&mut self, module: &str, items: &[Item]) -> Option<()> {
        for item in items {
            match item {
                Item::Mod(inner) => {
                    if let Some((_, items)) = &inner.content {
                        self.add(&format!("{module}{}::", inner.ident), items)?;
                    }
                }
                Item::Static(table) => self.add_table(module, table)?,
                _ => {}
            }
        }
        Some(())
    }

    fn add_table(&mut self, module: &str, table: &ItemStatic) -> Option<()> {
        let name = table.ident.to_string();
        if let Expr::Array(events) = &*table.expr {
            let table = name.strip_suffix("_EVENTS")?;
            let events: Option<_> = events.elems.iter().map(event).collect();
            self.events.insert(format!("{module}{table}"), events?);
        } else {
            self.services.insert(format!("{module}{name}"), service(&table.expr)?);
        }
        Some(())
    }
}

/// Returns the name and the hash of an event.
fn event(spec: &Expr) -> Option<(String, String)> {
    let Expr::Call(call) = spec else {
        return None;
    };
    let [name, hash] = call.args.iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    Some((text(name)?, text(hash)?))
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
