//! The types of an app: generated (`items`) or the user's (`provided`), and how events name them.

mod attributes;
mod items;
mod provided;

use std::collections::BTreeSet;

use cocaine::schema::Type;
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::{
    app_types::{AppTypes, RustType, walk::for_each_type},
    naming::ident,
};

pub(super) use self::{items::type_items, provided::provided_types};

/// Returns the type that owns a value of `ty`.
pub(super) fn owned_type(types: &AppTypes, ty: &Type) -> TokenStream {
    TypeContext { types, container: None, is_exact: false }.owned(ty)
}

/// Returns the type whose schema is `ty`.
pub(super) fn exact_type(types: &AppTypes, ty: &Type) -> TokenStream {
    TypeContext { types, container: None, is_exact: true }.owned(ty)
}

/// Adds the names of the runtime that the type of a value of `ty` uses.
pub(super) fn add_type_names(types: &AppTypes, ty: &Type, names: &mut BTreeSet<&'static str>) {
    match ty {
        Type::Bytes => drop(names.insert("Bytes")),
        Type::Any | Type::Opaque => drop(names.insert("Value")),
        Type::Map(key, _) if !types.is_ordered(key) => drop(names.insert("MapEntries")),
        _ => {}
    }
    match ty {
        Type::Option(of) | Type::List(of) | Type::Array(of, _) => add_type_names(types, of, names),
        Type::Tuple(all) => all.iter().for_each(|of| add_type_names(types, of, names)),
        Type::Map(key, value) => [key, value].into_iter().for_each(|of| add_type_names(types, of, names)),
        // The types of std that are generic.
        Type::Named(name) => {
            if let Some(RustType::Std(std_type)) = types.get(name).map(|app_type| &app_type.rust) {
                std_type.arguments.iter().for_each(|of| add_type_names(types, of, names));
            }
        }
        _ => {}
    }
}

/// Adds the names of the runtime that the items of all types use.
pub(super) fn add_item_names(types: &AppTypes, names: &mut BTreeSet<&'static str>) {
    for (_, _, app_type) in types.items() {
        names.extend(["Deserialize", "Schema", "Serialize"]);
        for_each_type(&app_type.definition, &mut |ty| add_type_names(types, ty, names));
    }
}

/// Returns the type of an argument of a caller: what is small or free to copy by value, and a reference to anything else.
pub(super) fn argument_type(types: &AppTypes, ty: &Type) -> TokenStream {
    let owned = || owned_type(types, ty);
    match ty {
        Type::Text => quote!(&str),
        Type::List(of) => {
            let of = owned_type(types, of);
            quote!(&[#of])
        }
        Type::Array(of, len) if !AppTypes::is_array(*len) => {
            let of = owned_type(types, of);
            quote!(&[#of])
        }
        Type::Option(of) => {
            let of = argument_type(types, of);
            quote!(Option<#of>)
        }
        Type::Named(name) => {
            let owned = owned();
            let is_copy = types.get(name).is_some_and(
                |app_type| matches!(&app_type.rust, RustType::Std(std_type) if std_type.is_copy),
            );
            if is_copy { owned } else { quote!(&#owned) }
        }
        Type::Bytes | Type::Opaque | Type::Any | Type::Array(..) | Type::Tuple(_) | Type::Map(..) => {
            let owned = owned();
            quote!(&#owned)
        }
        _ => owned(),
    }
}

/// Where a type stands.
#[derive(Clone, Copy)]
struct TypeContext<'t> {
    types: &'t AppTypes,
    /// The definition in which it stands, by its name in the schema.
    container: Option<&'t str>,
    /// Whether the type is the one of which the schema is, and not the one in which values are.
    is_exact: bool,
}

impl<'t> TypeContext<'t> {
    fn owned(self, ty: &'t Type) -> TokenStream {
        match ty {
            Type::Opaque if self.is_exact => quote!(::cocaine::bind::schema::OpaqueContent),
            Type::Unit => quote!(()),
            Type::NonZero(of) => self.generic(&quote!(::core::num::NonZero), &[of]),
            Type::Option(of) => self.generic(&quote!(Option), &[of]),
            Type::Array(of, len) if self.is_exact || AppTypes::is_array(*len) => {
                let (of, len) = (self.owned(of), Literal::usize_unsuffixed(*len));
                quote!([#of; #len])
            }
            Type::List(of) | Type::Array(of, _) => self.on_heap().generic(&quote!(Vec), &[of]),
            // A unit struct, which is an empty array.
            Type::Tuple(types) if types.is_empty() => quote!(::core::marker::PhantomData<()>),
            Type::Tuple(types) if self.is_exact && types.len() == 1 => {
                self.generic(&quote!(::cocaine::bind::schema::SingleTuple), &[&types[0]])
            }
            Type::Tuple(types) => {
                let types = types.iter().map(|of| self.owned(of));
                quote!((#(#types,)*))
            }
            Type::Map(key, value) if self.types.is_ordered(key) => {
                self.on_heap().generic(&quote!(::std::collections::BTreeMap), &[key, value])
            }
            Type::Map(key, value) => self.on_heap().generic(&quote!(MapEntries), &[key, value]),
            Type::Named(name) => self.named(name),
            simple => {
                let name = ident(simple_name(simple));
                quote!(#name)
            }
        }
    }

    /// Returns the type that has a value of the defined type `name` in a `Box`.
    fn boxed(self, name: &'t str) -> TokenStream {
        let unboxed = self.on_heap().named(name);
        quote!(Box<#unboxed>)
    }

    /// Returns the place for what a container has on the heap, where no `Box` is needed.
    fn on_heap(self) -> Self {
        Self { container: None, ..self }
    }

    fn generic(self, path: &TokenStream, arguments: &[&'t Type]) -> TokenStream {
        let arguments = arguments.iter().map(|argument| self.owned(argument));
        quote!(#path<#(#arguments),*>)
    }

    fn named(self, name: &'t str) -> TokenStream {
        let rust = match self.types.get(name).map(|app_type| &app_type.rust) {
            // The definition of a type of std is the container of its arguments.
            Some(RustType::Std(std_type)) => {
                let path: TokenStream = std_type.path.parse().unwrap_or_default();
                let of_std = Self { container: self.container.and(Some(name)), ..self };
                let arguments: Vec<_> = std_type.arguments.iter().map(|of| of_std.owned(of)).collect();
                if arguments.is_empty() { quote!(::#path) } else { quote!(::#path<#(#arguments),*>) }
            }
            Some(RustType::Item(rust_name)) => {
                let rust_name = ident(rust_name);
                quote!(#rust_name)
            }
            // Schemas are checked.
            None => quote!(Value),
        };
        match self.container {
            Some(container) if self.types.needs_box(container, name) => quote!(Box<#rust>),
            _ => rust,
        }
    }
}

/// Returns the name in Rust of a type without parameters.
fn simple_name(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::I8 => "i8",
        Type::I16 => "i16",
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::Text => "String",
        Type::Bytes => "Bytes",
        _ => "Value",
    }
}
