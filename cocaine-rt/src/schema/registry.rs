//! The schema of a type with everything that it refers to.

use std::{
    any::type_name,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
};

use serde::{Deserialize, Serialize};

use super::{
    Schema,
    model::{Definition, Type},
};

/// The schema of one type, with the definitions of all types that it refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeSchema {
    /// The type.
    pub root: Type,
    /// The definitions, by name: a path and the arguments of generics, as in `shop::Page<text>`.
    pub types: BTreeMap<String, Definition>,
}

impl TypeSchema {
    /// Returns the schema of `T`.
    pub fn of<T: Schema + ?Sized>() -> Self {
        let mut definitions = Definitions::default();
        let root = T::schema(&mut definitions);
        Self { root, types: definitions.types }
    }
}

/// The definitions that are being collected.
#[derive(Debug, Default)]
pub struct Definitions {
    types: BTreeMap<String, Definition>,
    /// The name of each type, by what the compiler calls it. A type that is being defined has one already, so that a
    /// recursive definition ends.
    names: HashMap<&'static str, String>,
    used: BTreeSet<String>,
}

impl Definitions {
    /// Returns the type `T`, which `define` describes if it is not known yet. It is called `path`, with the arguments of
    /// generics in angle brackets; another type of this name, which is possible within functions, gets a number.
    pub fn define<T: ?Sized>(
        &mut self,
        path: &str,
        arguments: &[String],
        define: impl FnOnce(&mut Self) -> Definition,
    ) -> Type {
        let key = type_name::<T>();
        if let Some(name) = self.names.get(key) {
            return Type::Named(name.clone());
        }
        let name = self.unused_name(path, arguments);
        self.names.insert(key, name.clone());
        let definition = define(self);
        self.types.insert(name.clone(), definition);
        Type::Named(name)
    }

    /// Returns the definitions that were added, by name.
    pub fn types(&self) -> &BTreeMap<String, Definition> {
        &self.types
    }

    /// Returns the definitions that were added, by name.
    pub(crate) fn into_types(self) -> BTreeMap<String, Definition> {
        self.types
    }

    fn unused_name(&mut self, path: &str, arguments: &[String]) -> String {
        let mut name = path.to_owned();
        if !arguments.is_empty() {
            let _ = write!(name, "<{}>", arguments.join(", "));
        }
        let plain_len = name.len();
        let mut number = 1;
        while !self.used.insert(name.clone()) {
            number += 1;
            name.truncate(plain_len);
            let _ = write!(name, "#{number}");
        }
        name
    }
}
