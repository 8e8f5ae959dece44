//! `Value`: any value of the wire, for data whose type is not known in advance.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess},
    ser::SerializeMap,
};

use crate::wire::bytes::{self, Bytes};

/// Any value of a message (`protocol.md` 3.1, `dynamic`).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nil.
    #[default]
    Nil,
    /// A boolean.
    Bool(bool),
    /// A negative integer. All others are read as [`Value::UInt`].
    Int(i64),
    /// An integer that is not negative.
    UInt(u64),
    /// A float.
    Float(f64),
    /// Text or bytes, which the wire does not distinguish.
    Raw(Bytes),
    /// A list.
    Array(Vec<Value>),
    /// A map, in the order of the wire.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// Returns whether this is nil.
    pub fn is_nil(&self) -> bool {
        *self == Self::Nil
    }

    /// Returns the boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// Returns the integer, if this is one that fits into `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::UInt(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// Returns the integer, if this is one that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            Self::UInt(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the float, if this is one. An integer is not converted.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Float(value) = self { Some(*value) } else { None }
    }

    /// Returns the text, if this is valid UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        self.as_bytes()?.as_str()
    }

    /// Returns the bytes, if this is text or bytes.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        if let Self::Raw(bytes) = self { Some(bytes) } else { None }
    }

    /// Returns the elements, if this is a list.
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// Returns the entries, if this is a map.
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        if let Self::Map(entries) = self { Some(entries) } else { None }
    }

    /// Returns the value of the first entry with this key, if this is a map that has one.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let named = |entry: &&(Value, Value)| entry.0.as_bytes().is_some_and(|name| *name == *key);
        self.as_map()?.iter().find(named).map(|(_, value)| value)
    }
}

/// The maximum capacity that is reserved for the declared length of a list. A shorter list has no spare capacity.
const MAX_RESERVED: usize = 1024;

/// Formats the value like JSON, and bytes that are not UTF-8 as `0x…`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::UInt(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Raw(raw) => match raw.as_str() {
                Some(text) => write!(f, "{text:?}"),
                None => bytes::fmt_hex(raw, f),
            },
            Self::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Nil
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        u64::try_from(value).map_or(Self::Int(value), Self::UInt)
    }
}

macro_rules! impl_from {
    ($($type:ty as $name:ident => $value:expr),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from($name: $type) -> Self {
                $value
            }
        }
    )*};
}

impl_from! {
    bool as value => Self::Bool(value),
    i8 as value => i64::from(value).into(),
    i16 as value => i64::from(value).into(),
    i32 as value => i64::from(value).into(),
    u8 as value => Self::UInt(value.into()),
    u16 as value => Self::UInt(value.into()),
    u32 as value => Self::UInt(value.into()),
    u64 as value => Self::UInt(value),
    f32 as value => Self::Float(value.into()),
    f64 as value => Self::Float(value),
    &str as text => Self::Raw(text.into()),
    String as text => Self::Raw(text.into()),
    &[u8] as bytes => Self::Raw(bytes.into()),
    Bytes as bytes => Self::Raw(bytes),
    Vec<Value> as items => Self::Array(items),
    Vec<(Value, Value)> as entries => Self::Map(entries),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // A bare unit would be an argument list without arguments.
            Self::Nil => serializer.serialize_some(&()),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::UInt(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Raw(bytes) => bytes.serialize(serializer),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> de::Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Raw(bytes::slice_or_copy(text.as_bytes())))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Raw(bytes::slice_or_copy(bytes)))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Raw(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::with_capacity(items.size_hint().unwrap_or(0).min(MAX_RESERVED));
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::with_capacity(entries.size_hint().unwrap_or(0).min(MAX_RESERVED));
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
pub(crate) mod tests;
