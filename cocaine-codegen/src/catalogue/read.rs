//! Reads a file's text into entries, and collects every problem on the way.

mod attributes;
mod declared;
mod recursion;

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;
use syn::{
    Attribute, FnArg, GenericArgument, Item, ItemTrait, Pat, PathArguments, ReturnType, TraitItem,
    TraitItemFn, ext::IdentExt as _, spanned::Spanned as _,
};

use super::{Argument, Entry, Reply, ReplyWrapper, SideDescription, Signature, declared::select_used};
use crate::{
    catalogue::types::{Type, UnsupportedType},
    error::{Problem, SourceLocation},
    naming, syntax,
};

/// As many arguments as serde's tuples can have.
const MOST_ARGUMENTS: usize = 16;

/// Returns the services that `text` describes.
pub(super) fn file(name: &str, text: &str, problems: &mut Vec<Problem>) -> Vec<Entry> {
    syntax::read(text, |parsed: syn::Result<syn::File>| {
        let mut reader =
            CatalogueReader { file: name, problems, own: BTreeSet::new(), messages: BTreeMap::new() };
        match parsed {
            Ok(parsed) => entries(&mut reader, &parsed.items),
            Err(error) => {
                reader.report(error.span(), error.to_string());
                Vec::new()
            }
        }
    })
}

fn entries(reader: &mut CatalogueReader<'_>, items: &[Item]) -> Vec<Entry> {
    reader.own_names(items);
    let own = reader.own_types(items);
    let traits = reader.traits(items);
    let spoken = session_traits(&traits);
    for item in traits.iter().filter(|item| spoken.contains(&item.ident.to_string())) {
        let messages = reader.read_methods(item);
        reader.reject_replies(&messages);
        reader.messages.insert(item.ident.to_string(), messages);
    }
    let services = traits.iter().filter(|item| !spoken.contains(&item.ident.to_string()));
    let entries = services.map(|item| reader.read_service(item));
    entries.map(|entry| Entry { types: select_used(&own, entry.methods.values()), ..entry }).collect()
}

/// Returns the names of the traits that describe one side of a session.
fn session_traits(traits: &[&ItemTrait]) -> BTreeSet<String> {
    let items = traits.iter().flat_map(|item| &item.items);
    let outputs = items.filter_map(|item| match item {
        TraitItem::Fn(method) => match &method.sig.output {
            ReturnType::Type(_, ty) => generic(ty),
            ReturnType::Default => None,
        },
        _ => None,
    });
    let sides = outputs.filter(|(name, _)| name == "Session").flat_map(|(_, sides)| sides);
    let named = sides.filter_map(generic).filter(|(_, arguments)| arguments.is_empty());
    named.map(|(name, _)| name).filter(|name| !matches!(name.as_str(), "End" | "Root")).collect()
}

/// Returns the name and the arguments of `Name<A, B>`.
fn generic(ty: &syn::Type) -> Option<(String, Vec<&syn::Type>)> {
    let syn::Type::Path(path) = ty else {
        return None;
    };
    let [segment] = path.path.segments.iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().collect(),
        _ => Vec::new(),
    };
    let types = arguments.into_iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some((segment.ident.to_string(), types.collect()))
}

/// As deep as types may be nested, which is as deep as a runtime reads containers.
const MAX_TYPE_DEPTH: usize = 32;

struct CatalogueReader<'a> {
    file: &'a str,
    problems: &'a mut Vec<Problem>,
    /// The names of the types that the file declares.
    own: BTreeSet<String>,
    /// What sessions speak, by trait.
    messages: BTreeMap<String, BTreeMap<String, Signature>>,
}

impl CatalogueReader<'_> {
    fn place(&self, span: Span) -> SourceLocation {
        let start = span.start();
        SourceLocation { file: self.file.to_owned(), line: start.line, column: start.column + 1 }
    }

    fn report(&mut self, span: Span, message: impl Into<String>) {
        let place = self.place(span);
        self.problems.push(Problem::Catalogue { place, message: message.into() });
    }

    fn traits<'i>(&mut self, items: &'i [Item]) -> Vec<&'i ItemTrait> {
        let mut traits = Vec::new();
        for item in items {
            match item {
                Item::Trait(item) => traits.push(item),
                Item::Use(_) | Item::Struct(_) | Item::Enum(_) => {}
                other => self.report(other.span(), "a catalogue holds traits, types and `use` only"),
            }
        }
        traits
    }

    fn read_service(&mut self, item: &ItemTrait) -> Entry {
        let name = item.ident.unraw().to_string();
        let mut entry = Entry {
            service: naming::snake(&name, "service"),
            version: None,
            any_name: false,
            place: self.place(item.ident.span()),
            name,
            docs: Vec::new(),
            methods: self.read_methods(item),
            types: Vec::new(),
        };
        if !naming::is_camel(&entry.name) {
            let camel = naming::camel(&entry.name, "Name");
            self.report(item.ident.span(), format!("write the trait's name in CamelCase: `{camel}`"));
        }
        let mut service = None;
        let takes = "a trait takes `#[service(name = \"…\", version = N)]` and docs only";
        entry.docs = self.docs(&item.attrs, takes, |attribute| {
            let is_service = attribute.path().is_ident("service");
            if is_service {
                service = Some(attribute.clone());
            }
            is_service
        });
        if let Some(attribute) = service {
            self.read_service_attribute(&attribute, &mut entry);
        }
        entry
    }

    /// Reads `#[service(…)]` into `entry`.
    fn read_service_attribute(&mut self, attribute: &Attribute, entry: &mut Entry) {
        let mut read = Vec::new();
        let parsed = attribute.parse_nested_meta(|meta| {
            if read.contains(&meta.path) {
                return Err(meta.error("this stands here twice"));
            }
            read.push(meta.path.clone());
            if meta.path.is_ident("name") {
                entry.service = meta.value()?.parse::<syn::LitStr>()?.value();
            } else if meta.path.is_ident("version") {
                entry.version = Some(meta.value()?.parse::<syn::LitInt>()?.base10_parse()?);
            } else if meta.path.is_ident("any_name") {
                entry.any_name = true;
            } else {
                return Err(meta.error("`service` takes `name`, `version` and `any_name`"));
            }
            Ok(())
        });
        if let Err(error) = parsed {
            self.report(error.span(), error.to_string());
        }
    }

    fn read_methods(&mut self, item: &ItemTrait) -> BTreeMap<String, Signature> {
        let mut methods = BTreeMap::new();
        if !item.generics.params.is_empty() || !item.supertraits.is_empty() {
            self.report(item.ident.span(), "a trait has neither generics nor supertraits here");
        }
        for item in &item.items {
            let TraitItem::Fn(method) = item else {
                self.report(item.span(), "a trait holds methods only");
                continue;
            };
            let (wire, signature) = self.read_method(method);
            let span = method.sig.ident.span();
            if methods.insert(wire.clone(), signature).is_some() {
                self.report(span, format!("`{wire}` is described twice"));
            }
        }
        methods
    }

    fn reject_replies(&mut self, messages: &BTreeMap<String, Signature>) {
        for signature in messages.values().filter(|signature| !matches!(signature.reply, Reply::Nothing)) {
            let message = "a message has no answer of its own: leave `->` out".to_owned();
            self.problems.push(Problem::Catalogue { place: signature.place.clone(), message });
        }
    }

    fn read_method(&mut self, method: &TraitItemFn) -> (String, Signature) {
        let sig = &method.sig;
        let name = sig.ident.unraw().to_string();
        if sig.constness.is_some()
            || sig.asyncness.is_some()
            || sig.abi.is_some()
            || !sig.generics.params.is_empty()
        {
            self.report(sig.ident.span(), "write `fn name(arguments) -> reply;`, without anything around it");
        }
        if let Some(body) = &method.default {
            self.report(body.span(), "a method has no body here");
        }
        if !naming::is_snake(&name) {
            let snake = naming::snake(&name, "method");
            self.report(
                sig.ident.span(),
                format!("write the method's name in snake_case: `{snake}`; `#[name = \"{name}\"]` gives that on the wire"),
            );
        }
        let (mut wire, mut revoke_on_drop) = (name.clone(), false);
        let takes = "a method takes `#[name = \"…\"]`, `#[revoke_on_drop]` and docs only";
        let docs = self.docs(&method.attrs, takes, |attribute| {
            if let Some(text) = attributes::string_value(attribute, "name") {
                wire = text;
                return true;
            }
            let is_revoke = attributes::is_flag(attribute, "revoke_on_drop");
            revoke_on_drop |= is_revoke;
            is_revoke
        });
        let signature = Signature {
            name,
            place: self.place(sig.ident.span()),
            docs,
            arguments: self.read_arguments(sig),
            reply: self.read_reply(&sig.output),
            revoke_on_drop,
        };
        (wire, signature)
    }

    fn read_arguments(&mut self, sig: &syn::Signature) -> Vec<Argument> {
        if sig.inputs.len() > MOST_ARGUMENTS {
            self.report(sig.inputs.span(), format!("at most {MOST_ARGUMENTS} arguments can be sent"));
        }
        let mut arguments: Vec<Argument> = Vec::new();
        for input in &sig.inputs {
            let Some(argument) = self.read_argument(input) else {
                continue;
            };
            let optional = |argument: &Argument| matches!(argument.ty, Type::Option(_));
            if arguments.last().is_some_and(optional) && !optional(&argument) {
                self.report(
                    input.span(),
                    "only trailing arguments may be left out: write `Option<…>` here too",
                );
            }
            if arguments.iter().any(|other| other.name == argument.name) {
                self.report(input.span(), format!("there are two arguments `{}`", argument.name));
            }
            arguments.push(argument);
        }
        arguments
    }

    fn read_argument(&mut self, input: &FnArg) -> Option<Argument> {
        let FnArg::Typed(input) = input else {
            self.report(input.span(), "leave `self` out");
            return None;
        };
        let Pat::Ident(name) = &*input.pat else {
            self.report(input.pat.span(), "an argument needs a name");
            return None;
        };
        let name = name.ident.unraw().to_string();
        let snake = naming::snake(&name, "argument");
        if name != snake {
            self.report(input.pat.span(), format!("write the argument's name in snake_case: `{snake}`"));
            return None;
        }
        let ty = self.read_type(&input.ty)?;
        let outer = if let Type::Option(inner) = &ty { inner } else { &ty };
        let inner = if let Type::Slice(inner) | Type::Ref(inner) = outer { inner } else { outer };
        if inner.borrows(true) {
            self.report(
                input.ty.span(),
                "a reference other than `&str` stands outermost, or right inside `Option`",
            );
        }
        self.reject_repeated(&input.attrs);
        let is_lossy = |attribute: &Attribute| attributes::is_flag(attribute, "lossy") && ty.is_text();
        for attribute in input.attrs.iter().filter(|attribute| !is_lossy(attribute)) {
            self.report(attribute.span(), "an argument takes `#[lossy]` only, and only where it is `&str`");
        }
        let is_lossy = input.attrs.iter().any(is_lossy);
        Some(Argument { name, ty, is_lossy })
    }

    fn read_reply(&mut self, output: &ReturnType) -> Reply {
        let ReturnType::Type(_, ty) = output else {
            return Reply::Nothing;
        };
        let Some((name, arguments)) = generic(ty) else {
            return self.read_value(ReplyWrapper::Plain, ty);
        };
        match (name.as_str(), &arguments[..]) {
            ("Stream", [item]) => self.read_owned_type(item).map_or(Reply::Nothing, Reply::Stream),
            ("Duplex", [input, output]) => {
                let (input, output) = (self.read_owned_type(input), self.read_owned_type(output));
                let side = |ty: Option<Type>| ty.map_or(SideDescription::End, SideDescription::Stream);
                Reply::Session(side(output), side(input))
            }
            ("Session", [tx, rx]) => Reply::Session(self.read_side(tx), self.read_side(rx)),
            ("Guard", []) => Reply::Guard,
            ("FlaggedOption", [value]) => self.read_value(ReplyWrapper::FlaggedOption, value),
            ("FlaggedResult", [value]) => self.read_value(ReplyWrapper::FlaggedResult, value),
            ("MaybeFlatVec", [value]) => self.read_value(ReplyWrapper::MaybeFlatVec, value),
            (
                "Stream" | "Duplex" | "Session" | "Guard" | "FlaggedOption" | "FlaggedResult"
                | "MaybeFlatVec",
                _,
            ) => {
                let message = "write `Stream<T>`, `Duplex<In, Out>`, `Session<Tx, Rx>`, `Guard`, `FlaggedOption<T>`, \
                               `FlaggedResult<T>` or `MaybeFlatVec<T>`";
                self.report(ty.span(), message);
                Reply::Nothing
            }
            _ => self.read_value(ReplyWrapper::Plain, ty),
        }
    }

    fn read_value(&mut self, wrapper: ReplyWrapper, ty: &syn::Type) -> Reply {
        self.read_owned_type(ty).map_or(Reply::Nothing, |ty| Reply::Value(wrapper, ty))
    }

    fn read_side(&mut self, ty: &syn::Type) -> SideDescription {
        let (name, arguments) = generic(ty).unwrap_or_default();
        match (name.as_str(), &arguments[..]) {
            ("End", []) => SideDescription::End,
            ("Root", []) => SideDescription::Root,
            ("Stream", [item]) => {
                self.read_owned_type(item).map_or(SideDescription::End, SideDescription::Stream)
            }
            ("Reply", [value]) => {
                self.read_owned_type(value).map_or(SideDescription::End, SideDescription::Reply)
            }
            (name, []) if self.messages.contains_key(name) => {
                SideDescription::Messages(self.messages[name].clone())
            }
            _ => {
                let message = "a side of a session is `Stream<T>`, `Reply<T>`, `End`, `Root`, or the name of a \
                               trait in this file that describes its messages";
                self.report(ty.span(), message);
                SideDescription::End
            }
        }
    }

    fn read_type(&mut self, ty: &syn::Type) -> Option<Type> {
        match Type::parse(ty, &self.own) {
            Ok(read) if read.depth() > MAX_TYPE_DEPTH => {
                let message = format!(
                    "types are nested more than {MAX_TYPE_DEPTH} deep here: declare a type for the inner ones"
                );
                self.report(ty.span(), message);
                None
            }
            Ok(ty) => Some(ty),
            Err(UnsupportedType { span, message }) => {
                self.report(span, message);
                None
            }
        }
    }

    fn read_owned_type(&mut self, ty: &syn::Type) -> Option<Type> {
        let read = self.read_type(ty)?;
        if read.borrows(false) {
            self.report(
                ty.span(),
                "what is received is owned: write `String`, `Bytes`, `Vec<T>` or another type without `&`",
            );
            return None;
        }
        Some(read)
    }
}
