//! The types of an app's schema: checked, and with every name decided.
//!
//! A schema comes from whoever may upload an app. What no Rust can be made of is an error that names the app, the type and the
//! field; everything else becomes code that compiles.
//!
//! A definition becomes a type of the same [structural hash](AppSchema::event_hash). Some have another Rust type than one
//! might expect:
//!
//! | in the schema | in Rust |
//! |---|---|
//! | `any`, `opaque` | `Value` |
//! | an array of more than 32, for which serde has no implementation | `Vec` |
//! | a map whose keys have no order | `MapEntries` |
//! | a type of std, if its definition is that of std | the type of std |
//! | a definition that contains itself without a list or a map between | `Box` where it does |
//! | a field that may be missing and has no default here, or travels in one direction only | an `Option` |

mod check;
mod fields;
mod graph;
mod kinds;
mod names;
mod size;
mod std_types;
mod traits;
pub(crate) mod walk;

use std::collections::BTreeMap;

use cocaine::schema::{AppSchema, Definition, Type, bounded_hash};

pub(crate) use self::fields::FieldForm;
use self::{graph::TypeGraph, kinds::KindTable, size::Sizes, std_types::StdType, traits::TypeTraits};
use crate::{error::Result, naming::NameScope};

/// The longest array for which serde has an implementation.
const MAX_ARRAY: usize = 32;

/// The types of one app.
#[derive(Debug)]
pub(crate) struct AppTypes {
    types: BTreeMap<String, AppType>,
}

/// A type that the schema defines.
#[derive(Debug)]
pub(crate) struct AppType {
    pub(crate) definition: Definition,
    pub(crate) rust: RustType,
    pub(crate) traits: TypeTraits,
    /// Its structural hash, to the depth to which the compiler computes it.
    pub(crate) bounded_hash: u64,
    /// Whether the defined types in the variants of an untagged enum are in a `Box`.
    pub(crate) has_boxed_variants: bool,
    /// Whether the variants of an enum differ much in size.
    pub(crate) has_large_variants: bool,
    /// Equal for definitions that contain one another by value.
    cycle: Option<usize>,
}

/// What a defined type is in Rust.
#[derive(Debug)]
pub(crate) enum RustType {
    /// A generated type of this name.
    Item(String),
    /// A type of std.
    Std(StdType),
}

impl AppTypes {
    /// Checks the types of `schema`, which is that of `app`, and names them with names that are free in `names`, where they
    /// are claimed.
    pub(crate) fn new(app: &str, schema: &AppSchema, names: &mut NameScope) -> Result<Self> {
        let graph = TypeGraph::new(&schema.types);
        check::check_references(app, schema, &graph)?;
        let cycles = graph.inline_cycles();
        let sizes = Sizes::new(&schema.types, &cycles);
        let mut kinds = KindTable::new(&schema.types, &cycles);
        check::check_definitions(app, schema, &sizes, &mut kinds)?;
        let std_types = std_types::find(&schema.types);
        let items: Vec<_> =
            schema.types.keys().map(String::as_str).filter(|name| !std_types.contains_key(name)).collect();
        let rust_names = names::name_types(&items, names);
        let traits = traits::find(schema, &std_types, &cycles);
        let roots: Vec<_> = schema.types.keys().map(|name| Type::Named(name.clone())).collect();
        let hashes = bounded_hash::hash_types(&schema.types, &roots.iter().collect::<Vec<_>>());
        let types = schema.types.iter().zip(hashes).map(|((name, definition), bounded_hash)| {
            let key = name.as_str();
            let rust = match std_types.get(key) {
                Some(std_type) => RustType::Std(std_type.clone()),
                None => RustType::Item(rust_names.get(key).cloned().unwrap_or_default()),
            };
            let app_type = AppType {
                definition: definition.clone(),
                rust,
                traits: traits.get(key).copied().unwrap_or_default(),
                bounded_hash,
                has_boxed_variants: kinds.boxed().contains(key),
                has_large_variants: sizes.has_large_variants(key, definition),
                cycle: cycles.cycles.get(key).copied(),
            };
            (name.clone(), app_type)
        });
        Ok(Self { types: types.collect() })
    }

    /// Returns the type of this name in the schema.
    pub(crate) fn get(&self, name: &str) -> Option<&AppType> {
        self.types.get(name)
    }

    /// Returns the types that are generated, with their names in the schema and in Rust.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&str, &str, &AppType)> {
        self.types.iter().filter_map(|(name, app_type)| match &app_type.rust {
            RustType::Item(rust_name) => Some((name.as_str(), rust_name.as_str(), app_type)),
            RustType::Std(_) => None,
        })
    }

    /// Returns whether the type `container` holds `name` by value, and the other way round: a `Box` has to be between.
    pub(crate) fn needs_box(&self, container: &str, name: &str) -> bool {
        match (self.get(container), self.get(name)) {
            (Some(container), Some(named)) => container.cycle.is_some() && container.cycle == named.cycle,
            _ => false,
        }
    }

    /// Returns whether an array of this length is one in Rust, and no `Vec`.
    pub(crate) fn is_array(len: usize) -> bool {
        len <= MAX_ARRAY
    }

    /// Returns whether values of `ty` have an order, so that they can be keys.
    pub(crate) fn is_ordered(&self, ty: &Type) -> bool {
        traits::is_ordered(ty, &|name| self.get(name).is_some_and(|app_type| app_type.traits.is_ordered))
    }

    /// Returns whether `ty`, which stands in the type `container`, implements `Default`.
    pub(crate) fn has_default(&self, container: &str, ty: &Type) -> bool {
        let has_default = |name: &str| self.get(name).is_some_and(|app_type| app_type.traits.has_default);
        traits::has_default(ty, &|name| has_default(name) && !self.needs_box(container, name))
    }

    /// Returns whether the schema of the Rust type of `ty` is another one than `ty`.
    pub(crate) fn is_inexact(ty: &Type) -> bool {
        match ty {
            Type::Opaque => true,
            Type::Array(of, len) => !Self::is_array(*len) || Self::is_inexact(of),
            Type::Option(of) | Type::List(of) => Self::is_inexact(of),
            Type::Tuple(types) => types.iter().any(Self::is_inexact),
            Type::Map(key, value) => Self::is_inexact(key) || Self::is_inexact(value),
            _ => false,
        }
    }
}
