//! Apps, as their schemas describe them.

use cocaine::schema::{AppSchema, EventKind, EventOutput, EventSchema, Type};

use super::{
    DeclaredError, Direction, ErrorType, Interface, JsonDefinition, JsonType, MethodResult, Param, Params,
    RpcMethod, RpcModel,
    directions::{Usage, usages},
    doc_lines,
    forms::Forms,
    names::{Item, ItemNames, lower_camel, member_names, type_names},
};
use crate::{error::Warning, naming};

/// The methods of every app's service, which take precedence over events of these names.
const METHODS_OF_APPS: &[&str] = &["control", "enqueue", "info"];

/// Returns what the items of an app would like to be called.
pub(super) fn wanted_names(app: &str, schema: &AppSchema) -> Vec<(Item, Vec<String>)> {
    let camel = naming::camel(app, "App");
    let clients = vec![format!("{camel}Client"), format!("App{camel}Client")];
    let mut wanted = vec![(Item::Client, clients)];
    for name in schema.errors.keys() {
        wanted.push((Item::Error(name.clone()), type_names(name, &camel, "")));
    }
    for (name, usage) in usages(schema) {
        let mut want = |direction, suffix| {
            wanted.push((Item::Type(name.to_owned(), direction), type_names(name, &camel, suffix)));
        };
        match usage {
            Usage::One(direction) => want(direction, ""),
            Usage::Two => {
                want(Direction::Received, "");
                want(Direction::Sent, "Input");
            }
        }
    }
    wanted
}

/// Adds an app to the model.
pub(super) fn add(app: &str, schema: &AppSchema, names: &ItemNames, model: &mut RpcModel) {
    add_definitions(schema, names, model);
    for (name, definition) in &schema.errors {
        let variants = definition.variants.iter().map(|variant| DeclaredError {
            name: variant.name.clone(),
            docs: doc_lines(&variant.doc),
            category: variant.category,
            code: variant.code,
        });
        model.errors.push(ErrorType {
            name: names[&Item::Error(name.clone())].clone(),
            docs: doc_lines(&definition.doc),
            variants: variants.collect(),
        });
    }
    let mut interface = Interface {
        wire_name: app.to_owned(),
        client: names[&Item::Client].clone(),
        docs: vec![format!("The app `{app}`.")],
        methods: Vec::new(),
        omitted: Vec::new(),
    };
    let is_callable = app_is_callable(app, model);
    let mut called = Vec::new();
    for (name, event) in &schema.events {
        match omission(name, event) {
            _ if !is_callable => interface.omitted.push((name.clone(), "the name of the app has a dot")),
            Some(reason) => interface.omitted.push((name.clone(), reason)),
            None => called.push((name, event)),
        }
    }
    let wanted = called.iter().map(|(name, _)| lower_camel(name, "event"));
    let methods = called.iter().zip(member_names(wanted));
    interface.methods =
        methods.map(|((name, event), member)| method(name, member, event, schema, names)).collect();
    model.interfaces.push(interface);
}

/// Returns whether calls of JSON-RPC can name the app, and warns if not: its name ends at the first dot.
fn app_is_callable(app: &str, model: &mut RpcModel) -> bool {
    let is_callable = !app.contains('.') && !app.is_empty();
    if !is_callable {
        let message = "a call of JSON-RPC cannot name it, since `.` ends the name: it has no methods here";
        model.warnings.push(Warning { service: app.to_owned(), method: None, message: message.to_owned() });
    }
    is_callable
}

/// Returns why JSON-RPC cannot call an event by its name.
fn omission(name: &str, event: &EventSchema) -> Option<&'static str> {
    match event.kind {
        EventKind::Call if name.is_empty() => Some("it has no name"),
        EventKind::Call if METHODS_OF_APPS.contains(&name) => Some("every app has a method of this name"),
        EventKind::Call => None,
        _ => Some("it is an HTTP request"),
    }
}

fn add_definitions(schema: &AppSchema, names: &ItemNames, model: &mut RpcModel) {
    let usages = usages(schema);
    for direction in [Direction::Received, Direction::Sent] {
        let resolve = resolver(names, direction);
        let forms = Forms::new(schema, direction, &resolve);
        for name in usages.keys() {
            let item = Item::Type((*name).to_owned(), direction);
            if let Some((own, definition)) = names.get(&item).zip(schema.types.get(*name)) {
                model.definitions.push(JsonDefinition {
                    name: own.clone(),
                    origin: (*name).to_owned(),
                    docs: doc_lines(&definition.doc),
                    ty: forms.definition(definition),
                    direction,
                    numbers: Vec::new(),
                });
            }
        }
    }
}

/// Returns a function that returns the name of a definition in a direction: its own there, or else its only one.
fn resolver(names: &ItemNames, direction: Direction) -> impl Fn(&str) -> String + '_ {
    move |name| {
        let find = |direction| names.get(&Item::Type(name.to_owned(), direction));
        let only = || find(Direction::Received).or_else(|| find(Direction::Sent));
        find(direction).or_else(only).cloned().unwrap_or_default()
    }
}

fn method(
    name: &str,
    member: String,
    event: &EventSchema,
    schema: &AppSchema,
    names: &ItemNames,
) -> RpcMethod {
    let (of_sent, of_received) = (resolver(names, Direction::Sent), resolver(names, Direction::Received));
    let sent = Forms::new(schema, Direction::Sent, &of_sent);
    let received = Forms::new(schema, Direction::Received, &of_received);
    let params = event.arguments.iter().map(|argument| Param {
        wire_name: argument.name.clone(),
        name: argument.name.clone(),
        ty: sent.ty(&argument.ty),
        is_required: !matches!(argument.ty, Type::Option(_) | Type::Unit),
    });
    let result = match &event.output {
        EventOutput::Reply(Type::Unit) => MethodResult::Nothing(JsonType::Null),
        EventOutput::Reply(ty) => MethodResult::Value(received.ty(ty)),
        EventOutput::Stream(ty) => MethodResult::Stream(received.ty(ty)),
    };
    RpcMethod {
        wire_name: name.to_owned(),
        name: member,
        docs: doc_lines(&event.doc),
        params: Params::Named(params.collect()),
        input: event.input.as_ref().map(|ty| sent.ty(ty)),
        result,
        error: event.error.as_ref().and_then(|name| names.get(&Item::Error(name.clone()))).cloned(),
    }
}
