//! Answers whose form on the wire is not the one that Rust has for them (`services.md` 25).

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IntoDeserializer, SeqAccess, Visitor},
};

use crate::decode::ANY_NUMBER;

/// One argument, even if it is a tuple, which alone would be all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct One<T>(
    /// The argument.
    pub T,
);

/// `[found, value]`: `None` is `false` and an empty value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<T>(
    /// What was found.
    pub Option<T>,
);

impl<T: Serialize + Default> Serialize for Found<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => (true, value).serialize(serializer),
            None => (false, T::default()).serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Found<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (found, value) = <(bool, T)>::deserialize(deserializer)?;
        Ok(Self(found.then_some(value)))
    }
}

/// `[done, value]`: `Ok` is `true`, `Err` is `false`, and both have a value of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried<T>(
    /// What came of it.
    pub Result<T, T>,
);

impl<T: Serialize> Serialize for Tried<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (Ok(value) | Err(value)) = &self.0;
        (self.0.is_ok(), value).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tried<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (done, value) = Deserialize::deserialize(deserializer)?;
        Ok(Self(if done { Ok(value) } else { Err(value) }))
    }
}

/// A list as the only argument, `[[a, b]]`, that is also read where its elements are the arguments, `[a, b]`: nobody
/// knows which of both a service sends (`services.md` 22).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(
    /// The elements.
    pub Vec<T>,
);

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(ANY_NUMBER, Arguments(PhantomData))
    }
}

struct Arguments<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Arguments<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or its elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut arguments: A) -> Result<List<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(Part(mut part)) = arguments.next_element()? {
            all.append(&mut part);
        }
        Ok(List(all))
    }
}

/// An argument that is a list, or one element.
struct Part<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Argument(PhantomData))
    }
}

struct Argument<T>(PhantomData<T>);

macro_rules! one {
    ($($visit:ident: $of:ty),*) => {$(
        fn $visit<E: de::Error>(self, value: $of) -> Result<Part<T>, E> {
            T::deserialize(value.into_deserializer()).map(|one| Part(vec![one]))
        }
    )*};
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Argument<T> {
    type Value = Part<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or one of its elements")
    }

    one!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Part<T>, A::Error> {
        let mut part = Vec::new();
        while let Some(element) = list.next_element()? {
            part.push(element);
        }
        Ok(Part(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bytes, Result, decode, encode};

    fn written<T: Serialize>(value: &T) -> Vec<u8> {
        let mut encoded = encode::Encoded::default();
        encode::args(value, &mut encoded).unwrap();
        encoded.flatten()
    }

    fn read<T: de::DeserializeOwned>(hex: &'static [u8]) -> Result<T, String> {
        decode::args(&bytes::Bytes::from_static(hex)).map_err(|malformed| malformed.to_string())
    }

    #[test]
    fn a_flag_and_a_value() {
        let (some, none) = (b"\x92\xc3\xa1v", b"\x92\xc2\xa0");
        assert_eq!(written(&Found(Some(Bytes::from("v")))), some);
        assert_eq!(written(&Found(None::<Bytes>)), none);
        assert_eq!(read::<Found<Bytes>>(some), Ok(Found(Some("v".into()))));
        assert_eq!(read::<Found<Bytes>>(none), Ok(Found(None)));
        assert_eq!(written(&Tried(Ok::<_, i32>(1))), b"\x92\xc3\x01");
        assert_eq!(written(&Tried(Err::<i32, _>(1))), b"\x92\xc2\x01");
        assert_eq!(read::<Tried<i32>>(b"\x92\xc3\x01"), Ok(Tried(Ok(1))));
        assert_eq!(read::<Tried<i32>>(b"\x92\xc2\x01"), Ok(Tried(Err(1))));
        assert!(read::<Found<Bytes>>(b"\x91\xc3").is_err(), "the value is missing");
    }

    #[test]
    fn one_argument_stays_one() {
        assert_eq!(written(&One((1, "x"))), b"\x91\x92\x01\xa1x");
        assert_eq!(read::<One<(i32, String)>>(b"\x91\x92\x01\xa1x"), Ok(One((1, "x".to_owned()))));
        assert_eq!(written(&[One((1, 2))]), b"\x91\x92\x01\x02", "within others it is nothing of its own");
    }

    #[test]
    fn a_list_is_read_nested_and_flat() {
        assert_eq!(written(&List(vec![1, 2])), b"\x91\x92\x01\x02");
        for hex in [&b"\x91\x92\x01\x02"[..], b"\x92\x01\x02"] {
            assert_eq!(read::<List<i32>>(hex), Ok(List(vec![1, 2])));
        }
        for hex in [&b"\x91\x90"[..], b"\x90"] {
            assert_eq!(read::<List<i32>>(hex), Ok(List(vec![])));
        }
        assert_eq!(read::<List<String>>(b"\x91\xa1x"), Ok(List(vec!["x".to_owned()])));
        assert_eq!(read::<List<f64>>(b"\x91\xca\x3f\x80\x00\x00"), Ok(List(vec![1.0])));
        assert!(read::<List<i32>>(b"\x91\xa1x").unwrap_err().contains("expected i32"));
        assert!(read::<List<i32>>(b"\x91\x80").is_err());
    }
}
