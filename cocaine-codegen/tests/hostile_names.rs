//! Whatever the names are, clippy and rustdoc have nothing to say of the output, and every method is called with a dot.
//!
//! The compilers are started without cargo, with what cargo has built for this test.

#[allow(dead_code, reason = "other tests use more of it")]
mod compilers;
mod names;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use cocaine::schema::{
    AppSchema, ArgumentSchema, Definition, ErrorDefinition, ErrorVariant, EventKind, EventOutput,
    EventSchema, Field, Shape, StructDefinition, Type,
};
use cocaine_codegen::{Catalogue, Message, Metadata, Method, Options, Service, Tree, generate};
use syn::{GenericParam, Ident, ImplItem, Item, ItemImpl, ItemMod, ItemTrait, TraitItem};

use self::{compilers::Compilers, names::NAMES};

/// Returns names that are put together at random, and the same each time.
fn random_names() -> Vec<String> {
    const PIECES: &[&str] = &[
        "a", "b", "A", "B", "1", "_", "-", "::", " ", "to", "as", "is", "new", "self", "Sender", "Reply",
        "expect", "2", "ж", "\u{200b}", "`", "]", "fn", "Self", ".", "#",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).unwrap() % below
    };
    (0..40).map(|_| (0..=random(4)).map(|_| PIECES[random(PIECES.len())]).collect()).collect()
}

fn node<'a>(messages: impl IntoIterator<Item = (&'a str, Tree)>) -> Tree {
    let messages = messages.into_iter().map(|(name, next)| Message(name.to_owned(), next));
    Tree::Node((0..).zip(messages).collect())
}

fn service<'a>(methods: impl IntoIterator<Item = (&'a str, Tree, Tree)>) -> Service {
    let methods = methods.into_iter().map(|(name, tx, rx)| Method(name.to_owned(), tx, rx));
    Service { version: 1, graph: (0..).zip(methods).collect() }
}

/// Returns services whose methods, messages, types or own names are `names`.
fn services(names: &[&str]) -> Metadata {
    let all = names.iter().copied();
    let some = |step| all.clone().step_by(step);
    // Each message is the last, or is repeated.
    let messages =
        node((0..).zip(all.clone()).map(|(index, name): (usize, _)| {
            (name, if index % 2 == 0 { Tree::end() } else { Tree::Recurse })
        }));
    let nested = node(some(16).map(|name| (name, node([(name, Tree::Recurse), ("end", Tree::end())]))));
    let session = |name, tree| (name, service([("open", tree, Tree::end())]));
    let mut services: BTreeMap<_, _> = some(3).map(|name| (name.to_owned(), service([]))).collect();
    let special = [
        ("streams-", service(all.clone().map(|name| (name, Tree::end(), Tree::streaming())))),
        ("unary-", service(some(8).map(|name| (name, Tree::end(), Tree::primitive())))),
        ("mute-", service(some(16).map(|name| (name, Tree::end(), Tree::end())))),
        // Each method is a session, whose types are named after it.
        ("opened-", service(some(16).map(|name| (name, node([("self", Tree::Recurse)]), Tree::primitive())))),
        session("messages-", messages),
        session("nested-", nested),
    ];
    services.extend(special.map(|(name, service)| (name.to_owned(), service)));
    Metadata { services, ..Metadata::default() }
}

/// Returns a service whose methods, arguments, types, fields and variants are named like this, and its description.
fn described<'a>(names: impl Iterator<Item = &'a str>) -> (Service, String) {
    let (mut text, mut types, mut methods) = (String::new(), String::new(), Vec::new());
    for name in names.filter(|name| !matches!(*name, "self" | "super" | "crate")) {
        let ident = match syn::parse_str::<syn::Ident>(name) {
            Ok(_) => name.to_owned(),
            Err(_) => format!("r#{name}"),
        };
        let camel: String = name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let is_free = Catalogue::parse("", &format!("struct {camel}(u8);")).is_ok();
        let (argument, reply) =
            if is_free { (format!("&{camel}"), camel.clone()) } else { ("u8".to_owned(), "u8".to_owned()) };
        if is_free && !types.contains(&format!("struct {camel} ")) {
            let _ = writeln!(types, "struct {camel} {{ {ident}: u8 }}");
        } else if is_free {
            continue;
        }
        let _ = writeln!(text, "/// Has docs.\nfn {ident}() -> u64;");
        let _ = writeln!(text, "#[name = \"{name}-\"] fn {name}_x({ident}: {argument}) -> Stream<{reply}>;");
        methods.extend([
            (name.to_owned(), Tree::end(), Tree::primitive()),
            (format!("{name}-"), Tree::end(), Tree::streaming()),
        ]);
    }
    let service = service(methods.iter().map(|(name, tx, rx)| (name.as_str(), tx.clone(), rx.clone())));
    (service, format!("trait Described {{ {text} }}\n{types}"))
}

/// Returns an event with this argument, whose shape depends on `index`, and which declares `error`.
fn event(index: usize, argument: &str, error: Option<&str>) -> EventSchema {
    let ty = [Type::Text, Type::Bytes, Type::Opaque, Type::U8][index % 4].clone();
    let reply = EventOutput::Reply(Type::Unit);
    let stream = EventOutput::Stream(Type::Text);
    EventSchema {
        doc: argument.to_owned(),
        kind: if index % 11 == 10 { EventKind::Http } else { EventKind::Call },
        arguments: vec![ArgumentSchema { name: argument.to_owned(), ty }],
        input: index.is_multiple_of(3).then_some(Type::Text),
        output: if index.is_multiple_of(2) { reply } else { stream },
        error: error.map(str::to_owned),
    }
}

/// Returns apps of which events, arguments, errors, types or the app itself have these names.
fn apps(names: &[&str]) -> BTreeMap<String, AppSchema> {
    let names: Vec<_> = names.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let at = |index: usize| names[index % names.len()];
    let events = (0..).zip(&names).map(|(index, name)| ((*name).to_owned(), event(index, name, None)));
    let mut all = AppSchema { events: events.collect(), ..AppSchema::default() };
    for (index, names) in names.chunks(16).enumerate() {
        let arguments = names.iter().map(|name| ArgumentSchema { name: (*name).to_owned(), ty: Type::U8 });
        let event = EventSchema { arguments: arguments.collect(), ..EventSchema::default() };
        all.events.insert(format!("arguments {index}"), event);
    }
    let variant = |(code, name): (i64, &&str)| ErrorVariant {
        name: (*name).to_owned(),
        doc: String::new(),
        category: 43,
        code,
    };
    let mut errors = AppSchema::default();
    for (index, name) in names.iter().enumerate() {
        let step = names.len() / 8;
        let variants = (0..).zip(names.iter().skip(index % step).step_by(step)).map(variant);
        let definition = ErrorDefinition { doc: (*name).to_owned(), variants: variants.collect() };
        errors.errors.insert((*name).to_owned(), definition);
        errors.events.insert((*name).to_owned(), event(index, at(index + 1), Some(name)));
        let fields = vec![Field::new(*name, Type::U8)];
        let shape = Shape::Struct(StructDefinition { fields, deny_unknown_fields: false });
        errors.types.insert((*name).to_owned(), Definition { doc: (*name).to_owned(), shape });
    }
    let mut apps = BTreeMap::from([("all-".to_owned(), all), ("errors-".to_owned(), errors)]);
    for (index, name) in names.iter().enumerate().step_by(3) {
        let events = BTreeMap::from([((*name).to_owned(), event(index, name, None))]);
        apps.insert((*name).to_owned(), AppSchema { events, ..AppSchema::default() });
    }
    apps
}

/// Returns services and apps of all names, and the description of one of them.
fn hostile() -> (Metadata, Catalogue) {
    let random = random_names();
    let names: Vec<_> = NAMES.iter().copied().chain(random.iter().map(String::as_str)).collect();
    let mut metadata = services(&names);
    metadata.apps = apps(&names);
    let is_plain = |name: &&&str| {
        name.split('_').all(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let (described, text) = described(NAMES.iter().filter(is_plain).copied().step_by(3));
    metadata.services.insert("described".to_owned(), described);
    (metadata, Catalogue::parse("names.rs", &text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

fn generated(metadata: &Metadata, catalogue: &Catalogue, doubles_of: Option<&str>) -> String {
    let options = Options { doubles_of: doubles_of.map(str::to_owned), ..Options::default() };
    generate(metadata, catalogue, &options).unwrap().files.remove(0).text
}

fn items(module: &ItemMod) -> &[Item] {
    module.content.as_ref().map_or(&[], |content| &content.1)
}

/// Returns code that calls each method of each client, double and trait with a dot, where every trait of the prelude and
/// others that many programs import are in scope.
fn uses(bindings: &str) -> String {
    let file = syn::parse_file(bindings).unwrap();
    let mut text = String::new();
    for item in &file.items {
        let Item::Mod(module) = item else { continue };
        let name = &module.ident;
        let _ = writeln!(text, "mod {name} {{ use super::traits::*;");
        for item in items(module) {
            match item {
                Item::Impl(item) => text.push_str(&untyped_calls(name, item).unwrap_or_default()),
                Item::Trait(item) if !item.ident.to_string().ends_with("Server") => {
                    text.push_str(&typed_calls(name, item));
                }
                _ => {}
            }
        }
        text.push('}');
    }
    text
}

/// Returns a function that calls the methods of a trait for callers, on anything that implements it and on a double.
fn typed_calls(module: &Ident, item: &ItemTrait) -> String {
    let contract = &item.ident;
    let calls = item.items.iter().filter_map(|item| match item {
        TraitItem::Fn(method) => {
            let arguments = vec!["todo!()"; method.sig.inputs.len() - 1].join(", ");
            let name = &method.sig.ident;
            Some(format!("drop(value.{name}({arguments})); drop(double.{name}({arguments}));"))
        }
        _ => None,
    });
    let calls: String = calls.collect();
    format!(
        "use crate::bindings::{module}::{contract} as _;
        fn typed<C>(value: &C, double: &crate::doubles::{module}::{contract}Double)
        where C: crate::bindings::{module}::{contract} + Clone + std::fmt::Debug {{
            {calls} double.verify(); drop(double.clone());
        }}"
    )
}

/// Returns a function that calls the methods of this `impl`, if it is one of a client.
fn untyped_calls(module: &Ident, item: &ItemImpl) -> Option<String> {
    let syn::Type::Path(path) = &*item.self_ty else { return None };
    let client = path.path.segments.last()?.ident.to_string();
    if item.trait_.is_some() || !client.ends_with("Client") {
        return None;
    }
    let calls = item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) => {
            let is_type = |param: &GenericParam| matches!(param, GenericParam::Type(_));
            let turbofish = if method.sig.generics.params.iter().any(is_type) { "::<u8>" } else { "" };
            let name = &method.sig.ident;
            Some(format!("drop(client.{name}{turbofish}(())); drop(owned.{name}{turbofish}(()));"))
        }
        _ => None,
    });
    let calls: String = calls.collect();
    Some(format!(
        "fn untyped(client: &crate::bindings::{module}::{client}) {{ let owned = client.clone(); {calls} }}"
    ))
}

const TRAITS: &str = "
mod traits {
    pub use cocaine::{ServiceClient as _, prelude::*};
    pub use std::{
        any::Any as _, borrow::{Borrow as _, BorrowMut as _}, fmt::{Debug as _, Display as _}, hash::Hash as _,
        io::{Read as _, Write as _}, ops::*,
    };
}
";

#[test]
fn compilers_accept_hostile_names() {
    let (metadata, catalogue) = hostile();
    let bindings = generated(&metadata, &catalogue, None);
    let doubles = generated(&metadata, &catalogue, Some("crate::bindings"));
    let public = format!(
        "//! All.\n/// All.\npub mod bindings {{\n{bindings}\n}}\n/// All.\npub mod doubles {{\n{doubles}\n}}\n"
    );
    // Clippy has more to say of names in a private module.
    let short: Vec<_> = NAMES.iter().copied().filter(|name| name.len() < 4).collect();
    let few = Metadata { apps: apps(&short), ..services(&short) };
    let private = generated(&few, &catalogue, None);
    let uses = uses(&bindings);
    let compilers = Compilers::find();
    compilers.rustdoc(&public);
    compilers.clippy(&format!(
        "{public}mod private {{\n{private}\n}}\n#[allow(warnings, clippy::all, clippy::pedantic)]\nmod uses {{ {TRAITS} {uses} }}"
    ));
}
