//! The types that a catalogue declares.

use std::collections::BTreeSet;

use super::{Reply, SideDescription, Signature};
use crate::catalogue::types::Type;

/// A type that a catalogue declares.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredType {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) form: TypeForm,
}

/// What a declared type is.
#[derive(Clone, Debug)]
pub(crate) enum TypeForm {
    /// `struct Name(T);`
    Newtype(Type),
    /// `struct Name { … }`, an array; `flat` if it can be a whole argument list.
    Struct { fields: Vec<StructField>, flat: bool },
    /// `enum Name { … }`, a number of this type.
    Numbers { repr: &'static str, numbers: Vec<EnumVariant> },
}

/// A field of a struct.
#[derive(Clone, Debug)]
pub(crate) struct StructField {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) ty: Type,
}

/// A number with a name.
#[derive(Clone, Debug)]
pub(crate) struct EnumVariant {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) value: i128,
}

impl DeclaredType {
    /// Returns the types of its fields.
    pub(super) fn types(&self) -> impl Iterator<Item = &Type> {
        let (newtype, fields) = match &self.form {
            TypeForm::Newtype(ty) => (Some(ty), &[][..]),
            TypeForm::Struct { fields, .. } => (None, &fields[..]),
            TypeForm::Numbers { .. } => (None, &[][..]),
        };
        newtype.into_iter().chain(fields.iter().map(|field| &field.ty))
    }
}

/// Returns those of `all` that `signatures` need, and that those need.
pub(super) fn select_used<'s>(
    all: &[DeclaredType],
    signatures: impl Iterator<Item = &'s Signature>,
) -> Vec<DeclaredType> {
    let mut types = Vec::new();
    for signature in signatures {
        add_types(signature, &mut types);
    }
    let mut names = BTreeSet::new();
    while let Some(ty) = types.pop() {
        ty.for_each_declared(&mut |name| {
            if names.insert(name.to_owned()) {
                types
                    .extend(all.iter().filter(|own| own.name == name).flat_map(DeclaredType::types).cloned());
            }
        });
    }
    all.iter().filter(|own| names.contains(&own.name)).cloned().collect()
}

/// Adds the types of a signature.
fn add_types(signature: &Signature, types: &mut Vec<Type>) {
    types.extend(signature.arguments.iter().map(|argument| argument.ty.clone()));
    let sides = match &signature.reply {
        Reply::Nothing | Reply::Guard => return,
        Reply::Value(_, ty) | Reply::Stream(ty) => return types.push(ty.clone()),
        Reply::Session(tx, rx) => [tx, rx],
    };
    for side in sides {
        match side {
            SideDescription::End | SideDescription::Root => {}
            SideDescription::Stream(ty) | SideDescription::Reply(ty) => types.push(ty.clone()),
            SideDescription::Messages(messages) => {
                for message in messages.values() {
                    add_types(message, types);
                }
            }
        }
    }
}
