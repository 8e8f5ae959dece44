//! The types that a catalogue may write, read from `syn` into plain data that can go to another thread.

use std::collections::BTreeSet;

use proc_macro2::Span;
use syn::{GenericArgument, PathArguments, spanned::Spanned as _};

/// A type as the catalogue writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// `&str`.
    Str,
    /// `&[T]`.
    Slice(Box<Type>),
    /// `&T` for a named `T`.
    Ref(Box<Type>),
    /// `Option<T>`.
    Option(Box<Type>),
    /// `Vec<T>`.
    Vec(Box<Type>),
    /// `BTreeMap<K, V>`.
    Map(Box<Type>, Box<Type>),
    /// `(A, B)`, and `()`.
    Tuple(Vec<Type>),
    /// A number, `bool` or `String`.
    Plain(&'static str),
    /// One of the runtime's own types.
    Runtime(&'static str),
    /// A type that the same file declares.
    Declared(String),
    /// A user's type: a path from `crate` or from `::`.
    Path(String),
}

/// A type that cannot be used, and what to write instead.
#[derive(Debug)]
pub(crate) struct UnsupportedType {
    /// Where it stands.
    pub(crate) span: Span,
    /// What to do.
    pub(crate) message: String,
}

const PLAIN: &[&str] =
    &["bool", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "String"];
const RUNTIME: &[&str] =
    &["Args", "Bytes", "Endpoint", "Graph", "ServiceInfo", "Scalar", "Severity", "Value"];

impl Type {
    /// Reads `ty`; `own` are the types that the file declares.
    pub(crate) fn parse(ty: &syn::Type, own: &BTreeSet<String>) -> Result<Self, UnsupportedType> {
        match ty {
            syn::Type::Group(group) => Self::parse(&group.elem, own),
            syn::Type::Paren(paren) => Self::parse(&paren.elem, own),
            syn::Type::Tuple(tuple) => {
                let items = tuple.elems.iter().map(|item| Self::parse(item, own));
                items.collect::<Result<_, _>>().map(Self::Tuple)
            }
            syn::Type::Reference(reference) => parse_reference(reference, own),
            syn::Type::Path(path) if path.qself.is_none() => parse_path(&path.path, own),
            other => {
                Err(unsupported(other, "write a reference, a tuple, or one of the named types".to_owned()))
            }
        }
    }

    /// Returns whether it contains a reference; with `but_text`, one other than `&str`.
    pub(crate) fn borrows(&self, but_text: bool) -> bool {
        match self {
            Self::Str => !but_text,
            Self::Slice(_) | Self::Ref(_) => true,
            Self::Option(inner) | Self::Vec(inner) => inner.borrows(but_text),
            Self::Map(key, value) => key.borrows(but_text) || value.borrows(but_text),
            Self::Tuple(items) => items.iter().any(|item| item.borrows(but_text)),
            Self::Plain(_) | Self::Runtime(_) | Self::Declared(_) | Self::Path(_) => false,
        }
    }

    /// Returns whether it is text, or optional text.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Str) || matches!(self, Self::Option(inner) if **inner == Self::Str)
    }

    /// Calls `visit` with the name of each declared type in it.
    pub(crate) fn for_each_declared<'t>(&'t self, visit: &mut impl FnMut(&'t str)) {
        match self {
            Self::Declared(name) => visit(name),
            Self::Slice(inner) | Self::Ref(inner) | Self::Option(inner) | Self::Vec(inner) => {
                inner.for_each_declared(visit);
            }
            Self::Map(key, value) => [key, value].into_iter().for_each(|part| part.for_each_declared(visit)),
            Self::Tuple(items) => items.iter().for_each(|item| item.for_each_declared(visit)),
            Self::Str | Self::Plain(_) | Self::Runtime(_) | Self::Path(_) => {}
        }
    }

    /// Returns how deep the types in it are nested.
    pub(crate) fn depth(&self) -> usize {
        1 + match self {
            Self::Slice(inner) | Self::Ref(inner) | Self::Option(inner) | Self::Vec(inner) => inner.depth(),
            Self::Map(key, value) => key.depth().max(value.depth()),
            Self::Tuple(items) => items.iter().map(Self::depth).max().unwrap_or_default(),
            Self::Path(path) => path.matches(['<', '(', '[', '{', '&', '*']).count(),
            Self::Str | Self::Plain(_) | Self::Runtime(_) | Self::Declared(_) => 0,
        }
    }

    /// Returns the number of types that it is made of.
    pub(crate) fn size(&self) -> usize {
        1 + match self {
            Self::Slice(inner) | Self::Ref(inner) | Self::Option(inner) | Self::Vec(inner) => inner.size(),
            Self::Map(key, value) => key.size() + value.size(),
            Self::Tuple(items) => items.iter().map(Self::size).sum(),
            Self::Str | Self::Plain(_) | Self::Runtime(_) | Self::Declared(_) | Self::Path(_) => 0,
        }
    }
}

fn parse_reference(reference: &syn::TypeReference, own: &BTreeSet<String>) -> Result<Type, UnsupportedType> {
    if let Some(lifetime) = &reference.lifetime {
        return Err(unsupported(lifetime, "leave the lifetime out".to_owned()));
    }
    if reference.mutability.is_some() {
        return Err(unsupported(reference, "an argument is only read: write `&` without `mut`".to_owned()));
    }
    match &*reference.elem {
        syn::Type::Path(path) if path.path.is_ident("str") => Ok(Type::Str),
        syn::Type::Slice(slice) => {
            let inner = Type::parse(&slice.elem, own)?;
            reject_octets(&inner, slice)?;
            Ok(Type::Slice(Box::new(inner)))
        }
        elem => match Type::parse(elem, own)? {
            Type::Str | Type::Slice(_) | Type::Ref(_) => {
                Err(unsupported(reference, "one reference is enough".to_owned()))
            }
            inner => Ok(Type::Ref(Box::new(inner))),
        },
    }
}

fn parse_path(path: &syn::Path, own: &BTreeSet<String>) -> Result<Type, UnsupportedType> {
    let first = path.segments.first().map(|segment| segment.ident.to_string()).unwrap_or_default();
    if path.leading_colon.is_some() || first == "crate" {
        return Ok(Type::Path(quote::quote!(#path).to_string()));
    }
    if path.segments.len() != 1 {
        let message = "a type of your own needs a full path, from `crate::` or `::`".to_owned();
        return Err(unsupported(path, message));
    }
    let arguments = generics(path, own)?;
    match (first.as_str(), <[Type; 1]>::try_from(arguments)) {
        ("Option", Ok([inner])) => Ok(Type::Option(Box::new(inner))),
        ("Vec", Ok([inner])) => {
            reject_octets(&inner, path)?;
            Ok(Type::Vec(Box::new(inner)))
        }
        ("BTreeMap", Err(arguments)) => match <[Type; 2]>::try_from(arguments) {
            Ok([key, value]) => Ok(Type::Map(Box::new(key), Box::new(value))),
            Err(_) => Err(unsupported(path, "write `BTreeMap<Key, Value>`".to_owned())),
        },
        (name, Err(arguments)) if arguments.is_empty() && own.contains(name) => {
            Ok(Type::Declared(name.to_owned()))
        }
        (name, Err(arguments)) if arguments.is_empty() => {
            builtin_type(name).ok_or_else(|| unknown_type(path, name))
        }
        (name, _) => Err(unknown_type(path, name)),
    }
}

fn generics(path: &syn::Path, own: &BTreeSet<String>) -> Result<Vec<Type>, UnsupportedType> {
    let Some(segment) = path.segments.last() else {
        return Ok(Vec::new());
    };
    match &segment.arguments {
        PathArguments::None => Ok(Vec::new()),
        PathArguments::AngleBracketed(arguments) => (arguments.args.iter())
            .map(|argument| match argument {
                GenericArgument::Type(ty) => Type::parse(ty, own),
                other => Err(unsupported(other, "only types may stand here".to_owned())),
            })
            .collect(),
        PathArguments::Parenthesized(_) => Err(unsupported(path, "a function cannot be sent".to_owned())),
    }
}

fn builtin_type(name: &str) -> Option<Type> {
    let find = |names: &[&'static str]| names.iter().find(|known| **known == name).copied();
    find(PLAIN).map(Type::Plain).or_else(|| find(RUNTIME).map(Type::Runtime))
}

fn unknown_type(at: &syn::Path, name: &str) -> UnsupportedType {
    let message = match name {
        "HashMap" => "write `BTreeMap`: maps are sent sorted by key".to_owned(),
        "str" => "write `&str`".to_owned(),
        "char" | "isize" | "usize" | "i128" | "u128" => {
            format!("`{name}` has no form on the wire: write an integer of a fixed size, or text")
        }
        "Stream" | "Duplex" | "Session" | "Guard" | "FlaggedOption" | "FlaggedResult" | "MaybeFlatVec" => {
            format!("`{name}` stands alone, behind `->`")
        }
        "Found" => "`Found` is called `FlaggedOption` now".to_owned(),
        "Tried" => "`Tried` is called `FlaggedResult` now".to_owned(),
        "List" => "`List` is called `MaybeFlatVec` now".to_owned(),
        "Option" | "Vec" => format!("write `{name}<T>`"),
        "BTreeMap" => "write `BTreeMap<Key, Value>`".to_owned(),
        name => format!(
            "there is no type `{name}` here: there are {}, {}, Option, Vec, BTreeMap, tuples and slices, \
             what this file declares, and types of your own by their full path, from `crate::` or `::`",
            PLAIN.join(", "),
            RUNTIME.join(", ")
        ),
    };
    unsupported(at, message)
}

/// Refuses `[u8]` and `Vec<u8>`, which serde writes as a list of numbers.
fn reject_octets(inner: &Type, at: &impl syn::spanned::Spanned) -> Result<(), UnsupportedType> {
    if *inner == Type::Plain("u8") {
        let message = "this is a list of numbers on the wire: write `Bytes` for a blob".to_owned();
        return Err(UnsupportedType { span: at.span(), message });
    }
    Ok(())
}

fn unsupported(at: &impl quote::ToTokens, message: String) -> UnsupportedType {
    UnsupportedType { span: at.span(), message }
}
