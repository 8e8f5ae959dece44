//! Argument lists of methods without bindings.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    protocol::error::{Error, Result},
    wire::{
        decode,
        encode::{self, Encoded},
        value::Value,
    },
};

/// A whole list of arguments, for a method without bindings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args(pub Vec<Value>);

impl Args {
    /// Returns the arguments that `args` is encoded as: a tuple is the whole list, any other value its only element.
    pub fn of<T: Serialize + ?Sized>(args: &T) -> Result<Self> {
        let mut encoded = Encoded::default();
        encode::args(args, &mut encoded).map_err(Error::from_encode)?;
        decode::value(&bytes::Bytes::from(encoded.flatten()))
            .map(Self)
            .map_err(|malformed| Error::encode(malformed.to_string()))
    }
}

impl Serialize for Args {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_tuple(self.0.len())?;
        for value in &self.0 {
            serde::ser::SerializeTuple::serialize_element(&mut list, value)?;
        }
        serde::ser::SerializeTuple::end(list)
    }
}

impl<'de> Deserialize<'de> for Args {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ArgsVisitor;
        impl<'de> de::Visitor<'de> for ArgsVisitor {
            type Value = Args;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of arguments")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Args, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Args(values))
            }
        }
        deserializer.deserialize_tuple(usize::MAX, ArgsVisitor)
    }
}
