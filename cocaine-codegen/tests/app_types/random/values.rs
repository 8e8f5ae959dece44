//! Values of types at random, as serde writes them: by the schema alone, with no type of Rust between.

use std::collections::BTreeMap;

use cocaine::{
    msgpack,
    schema::{Content, Definition, EnumDefinition, Field, Presence, Shape, Tagging, Type, Variant},
};

use super::Choices;

const NIL: &[u8] = &[0xc0];
const EMPTY: [&[u8]; 3] = [&[0xa0], &[0x90], &[0xc2]];

/// Writes values.
pub(crate) struct ValueChoices<'c> {
    pub(crate) choices: &'c mut Choices,
    pub(crate) types: &'c BTreeMap<String, Definition>,
    /// How much deeper the value may become.
    pub(crate) depth: usize,
}

impl ValueChoices<'_> {
    /// Returns the bytes of a value; none if the type has none, as an enum without variants.
    pub(crate) fn value(&mut self, ty: &Type) -> Option<Vec<u8>> {
        let depth = self.depth;
        self.depth = depth.saturating_sub(1);
        let bytes = self.value_below(ty);
        self.depth = depth;
        bytes
    }

    fn value_below(&mut self, ty: &Type) -> Option<Vec<u8>> {
        Some(match ty {
            Type::Option(of) => {
                let is_none = self.depth == 0 || self.choices.one_in(3);
                if is_none { NIL.to_owned() } else { self.value(of).unwrap_or_else(|| NIL.to_owned()) }
            }
            Type::List(of) => {
                let len = if self.depth == 0 { 0 } else { self.choices.below(4) };
                let items: Option<Vec<_>> = (0..len).map(|_| self.value(of)).collect();
                array(&items.unwrap_or_default())
            }
            Type::Array(of, len) => array(&(0..*len).map(|_| self.value(of)).collect::<Option<Vec<_>>>()?),
            Type::Tuple(types) => self.tuple(types)?,
            Type::Map(key, value) => self.map(key, value),
            Type::Named(name) => {
                let definition = &self.types[name];
                self.defined(name, definition)?
            }
            simple => self.simple(simple),
        })
    }

    fn tuple(&mut self, types: &[Type]) -> Option<Vec<u8>> {
        Some(array(&types.iter().map(|of| self.value(of)).collect::<Option<Vec<_>>>()?))
    }

    /// Returns a map of at most one entry, since the order of several is that of Rust.
    fn map(&mut self, key: &Type, value: &Type) -> Vec<u8> {
        let is_empty = self.depth == 0 || self.choices.one_in(3);
        let entry = if is_empty { None } else { self.value(key).zip(self.value(value)) };
        map(&entry.into_iter().collect::<Vec<_>>())
    }

    fn simple(&mut self, ty: &Type) -> Vec<u8> {
        let number = self.choices.number();
        let signed = number.cast_signed() * [1, -1][self.choices.below(2)];
        match ty {
            Type::Unit => NIL.to_owned(),
            Type::Bool => write(&number.is_multiple_of(2)),
            Type::U8 => write(&(number & 0xff)),
            Type::U16 => write(&(number & 0xffff)),
            Type::U32 => write(&(number & 0xffff_ffff)),
            Type::U64 => write(&number),
            Type::I8 => write(&(signed % 128)),
            Type::I16 => write(&(signed % 32_768)),
            Type::I32 => write(&(signed % (1 << 31))),
            Type::I64 => write(&signed),
            Type::NonZero(_) => write(&(number % 127 + 1)),
            Type::F32 => write(&[0.5_f32, -1e30, 3.0][self.choices.below(3)]),
            Type::F64 => write(&[0.1, -1e300, 3.0][self.choices.below(3)]),
            Type::Char => write(self.choices.pick(&['a', 'ж', '\0', '🦀'])),
            Type::Text => {
                write(self.choices.pick(&["", "text", "ж\n", "0123456789012345678901234567890123456789"]))
            }
            Type::Bytes => {
                write(self.choices.pick(&[cocaine::Bytes::from(b"\x00\xff"), cocaine::Bytes::default()]))
            }
            _ => self
                .choices
                .pick(&[NIL.to_owned(), write(&7), write("x"), write(&[1.5]), array(&[NIL.to_owned()])])
                .clone(),
        }
    }

    fn defined(&mut self, name: &str, definition: &Definition) -> Option<Vec<u8>> {
        if name == "std::time::Duration" {
            return Some(map(&[(write("secs"), write(&5)), (write("nanos"), write(&999_999_999))]));
        }
        match &definition.shape {
            Shape::Newtype(of) => self.value(of),
            Shape::TupleStruct(types) => self.tuple(types),
            Shape::Struct(definition) => {
                Some(map(&self.fields(&definition.fields, definition.deny_unknown_fields)?))
            }
            Shape::Enum(definition) => self.enumeration(definition),
            _ => Some(array(&[])),
        }
    }

    fn fields(&mut self, fields: &[Field], deny_unknown_fields: bool) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut entries = Vec::new();
        for field in fields {
            if let (true, Type::Named(name)) = (field.flatten, &field.ty)
                && let Shape::Struct(definition) = &self.types[name].shape
            {
                entries.extend(self.fields(&definition.fields, definition.deny_unknown_fields)?);
                continue;
            }
            let value = self.value(&field.ty);
            let is_sometimes = field.written != Presence::Always;
            // What is nil is left out if the generated type has an `Option` for what may be missing.
            let is_plain_option =
                matches!(field.ty, Type::Option(_)) && !is_sometimes && !deny_unknown_fields;
            let is_optional = is_sometimes || field.read == Presence::Never && !is_plain_option;
            let is_nil = value.as_deref() == Some(NIL);
            // Whether it can be told from what is missing depends on whether its type has a default.
            let is_defaulted = !is_sometimes && field.read == Presence::Sometimes;
            if is_nil && is_defaulted && !matches!(field.ty, Type::Option(_)) {
                return None;
            }
            let is_empty = value.as_deref().is_some_and(|value| EMPTY.contains(&value));
            if is_optional && is_nil || is_sometimes && (is_empty || self.choices.one_in(3)) {
                continue;
            }
            entries.push((write(&field.name), value?));
        }
        Some(entries)
    }

    fn enumeration(&mut self, definition: &EnumDefinition) -> Option<Vec<u8>> {
        if definition.variants.is_empty() {
            return None;
        }
        let variant = self.choices.pick(&definition.variants);
        let content = match &variant.content {
            Content::Unit => None,
            Content::Newtype(of) => Some(self.value(of)?),
            Content::Tuple(types) => Some(self.tuple(types)?),
            Content::Struct(fields) => Some(map(&self.fields(fields, false)?)),
        };
        let name = write(&variant.name);
        Some(match (&definition.tagging, content) {
            (Tagging::External, None) => name,
            (Tagging::External, Some(content)) => map(&[(name, content)]),
            (Tagging::Adjacent { tag, .. }, None) => map(&[(write(tag), name)]),
            (Tagging::Adjacent { tag, content: key }, Some(content)) => {
                map(&[(write(tag), name), (write(key), content)])
            }
            (Tagging::Untagged, content) => content.unwrap_or_else(|| NIL.to_owned()),
            (Tagging::Internal { tag }, _) => {
                let mut entries = vec![(write(tag), name)];
                entries.extend(self.beside_tag(variant)?);
                map(&entries)
            }
        })
    }

    fn beside_tag(&mut self, variant: &Variant) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        match &variant.content {
            Content::Struct(fields) => self.fields(fields, false),
            Content::Newtype(Type::Named(name)) => match &self.types[name].shape {
                Shape::Struct(definition) => self.fields(&definition.fields, definition.deny_unknown_fields),
                other => panic!("{other:?}"),
            },
            _ => Some(Vec::new()),
        }
    }
}

fn write<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    msgpack::to_vec(value).unwrap()
}

fn array(items: &[Vec<u8>]) -> Vec<u8> {
    let header = match u8::try_from(items.len()).unwrap() {
        len @ 0..16 => vec![0x90 | len],
        len => vec![0xdc, 0, len],
    };
    [header, items.concat()].concat()
}

fn map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let header = match u8::try_from(entries.len()).unwrap() {
        len @ 0..16 => vec![0x80 | len],
        len => vec![0xde, 0, len],
    };
    let entries = entries.iter().map(|(key, value)| [&key[..], value].concat());
    [header, entries.collect::<Vec<_>>().concat()].concat()
}
