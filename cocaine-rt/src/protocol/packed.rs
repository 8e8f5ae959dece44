//! Types whose form on the wire differs from the one that serde derives (`services.md` 25).

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, IntoDeserializer, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use crate::wire::decode::ANY_LEN;

/// One argument. A bare tuple would be the whole list of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SingleArgument<T>(
    /// The argument.
    pub T,
);

/// `[found, value]`. `None` is `false` and an empty value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlaggedOption<T>(
    /// The value, if it was found.
    pub Option<T>,
);

impl<T: Serialize + Default> Serialize for FlaggedOption<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => (true, value).serialize(serializer),
            None => (false, T::default()).serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for FlaggedOption<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (found, value) = <(bool, T)>::deserialize(deserializer)?;
        Ok(Self(found.then_some(value)))
    }
}

/// `[done, value]`. `Ok` is `true`, `Err` is `false`, and both carry a value of the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlaggedResult<T>(
    /// The outcome.
    pub Result<T, T>,
);

impl<T: Serialize> Serialize for FlaggedResult<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (Ok(value) | Err(value)) = &self.0;
        (self.0.is_ok(), value).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for FlaggedResult<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (done, value) = Deserialize::deserialize(deserializer)?;
        Ok(Self(if done { Ok(value) } else { Err(value) }))
    }
}

/// A list as the only argument, `[[a, b]]`, that is also read where its elements are the arguments, `[a, b]`: nobody
/// knows which of both a service sends (`services.md` 22).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaybeFlatVec<T>(
    /// The elements.
    pub Vec<T>,
);

impl<T: Serialize> Serialize for MaybeFlatVec<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for MaybeFlatVec<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(ANY_LEN, ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = MaybeFlatVec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or its elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut arguments: A) -> Result<MaybeFlatVec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(ListPart(mut part)) = arguments.next_element()? {
            all.append(&mut part);
        }
        Ok(MaybeFlatVec(all))
    }
}

/// An argument that is a list, or a single element.
struct ListPart<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ListPart<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListPartVisitor(PhantomData))
    }
}

struct ListPartVisitor<T>(PhantomData<T>);

macro_rules! visit_element {
    ($($visit:ident: $of:ty),*) => {$(
        fn $visit<E: de::Error>(self, value: $of) -> Result<ListPart<T>, E> {
            T::deserialize(value.into_deserializer()).map(|one| ListPart(vec![one]))
        }
    )*};
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListPartVisitor<T> {
    type Value = ListPart<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or one of its elements")
    }

    visit_element!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ListPart<T>, A::Error> {
        let mut part = Vec::new();
        while let Some(element) = list.next_element()? {
            part.push(element);
        }
        Ok(ListPart(part))
    }
}

/// A tuple that is read from a list that may end early. A missing element is `None`, or an error if it is not optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionalTail<T>(
    /// The tuple.
    pub T,
);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OptionalTail<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(MissingAsNil(deserializer)).map(Self)
    }
}

/// Deserializes tuples with nil for the elements that are missing at the end.
struct MissingAsNil<T>(T);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for MissingAsNil<D> {
    type Error = D::Error;

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, MissingAsNil(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for MissingAsNil<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(MissingAsNil(list))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for MissingAsNil<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let mut seed = Some(seed);
        match self.0.next_element_seed(SharedSeed(&mut seed))? {
            None => seed.map(|seed| seed.deserialize(().into_deserializer())).transpose(),
            element => Ok(element),
        }
    }
}

/// A seed that its owner gets back if there is no element.
struct SharedSeed<'a, S>(&'a mut Option<S>);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for SharedSeed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let seed = self.0.take().ok_or_else(|| de::Error::custom("an element was read twice"))?;
        seed.deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Bytes, Result,
        wire::{decode, encode},
    };

    fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
        let mut bytes = encode::Encoded::default();
        encode::args(value, &mut bytes).unwrap();
        bytes.flatten()
    }

    fn decoded<T: de::DeserializeOwned>(bytes: &'static [u8]) -> Result<T, String> {
        decode::args(&bytes::Bytes::from_static(bytes)).map_err(|malformed| malformed.to_string())
    }

    #[test]
    fn flag_and_value_are_an_option_or_result() {
        let (some, none) = (b"\x92\xc3\xa1v", b"\x92\xc2\xa0");
        assert_eq!(encoded(&FlaggedOption(Some(Bytes::from("v")))), some);
        assert_eq!(encoded(&FlaggedOption(None::<Bytes>)), none);
        assert_eq!(decoded::<FlaggedOption<Bytes>>(some), Ok(FlaggedOption(Some("v".into()))));
        assert_eq!(decoded::<FlaggedOption<Bytes>>(none), Ok(FlaggedOption(None)));
        assert_eq!(encoded(&FlaggedResult(Ok::<_, i32>(1))), b"\x92\xc3\x01");
        assert_eq!(encoded(&FlaggedResult(Err::<i32, _>(1))), b"\x92\xc2\x01");
        assert_eq!(decoded::<FlaggedResult<i32>>(b"\x92\xc3\x01"), Ok(FlaggedResult(Ok(1))));
        assert_eq!(decoded::<FlaggedResult<i32>>(b"\x92\xc2\x01"), Ok(FlaggedResult(Err(1))));
        assert!(decoded::<FlaggedOption<Bytes>>(b"\x91\xc3").is_err(), "the value is missing");
    }

    #[test]
    fn tuple_in_one_is_a_single_argument() {
        assert_eq!(encoded(&SingleArgument((1, "x"))), b"\x91\x92\x01\xa1x");
        assert_eq!(
            decoded::<SingleArgument<(i32, String)>>(b"\x91\x92\x01\xa1x"),
            Ok(SingleArgument((1, "x".to_owned())))
        );
        assert_eq!(
            encoded(&[SingleArgument((1, 2))]),
            b"\x91\x92\x01\x02",
            "it changes nothing within a list"
        );
    }

    #[test]
    fn missing_values_at_the_end_are_none() {
        type Metric = SingleArgument<OptionalTail<(String, f64, Option<i64>)>>;
        let metric = |time| SingleArgument(OptionalTail(("m".to_owned(), 1.5, time)));
        let timed = b"\x91\x93\xa1m\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\x05";
        let untimed = b"\x91\x92\xa1m\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00";
        let nil = b"\x91\x93\xa1m\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xc0";
        assert_eq!(decoded::<Metric>(timed), Ok(metric(Some(5))));
        assert_eq!(decoded::<Metric>(untimed), Ok(metric(None)));
        assert_eq!(decoded::<Metric>(nil), Ok(metric(None)));
        assert!(decoded::<Metric>(b"\x91\x91\xa1m").is_err(), "the value is missing");
        assert!(decoded::<Metric>(b"\x91\xa1m").is_err(), "not a list");
        assert_eq!(decoded::<OptionalTail<(u8, Option<u8>)>>(b"\x91\x07"), Ok(OptionalTail((7, None))));
    }

    #[test]
    fn list_is_read_nested_and_flat() {
        assert_eq!(encoded(&MaybeFlatVec(vec![1, 2])), b"\x91\x92\x01\x02");
        for bytes in [&b"\x91\x92\x01\x02"[..], b"\x92\x01\x02"] {
            assert_eq!(decoded::<MaybeFlatVec<i32>>(bytes), Ok(MaybeFlatVec(vec![1, 2])));
        }
        for bytes in [&b"\x91\x90"[..], b"\x90"] {
            assert_eq!(decoded::<MaybeFlatVec<i32>>(bytes), Ok(MaybeFlatVec(vec![])));
        }
        assert_eq!(decoded::<MaybeFlatVec<String>>(b"\x91\xa1x"), Ok(MaybeFlatVec(vec!["x".to_owned()])));
        assert_eq!(decoded::<MaybeFlatVec<f64>>(b"\x91\xca\x3f\x80\x00\x00"), Ok(MaybeFlatVec(vec![1.0])));
        assert!(decoded::<MaybeFlatVec<i32>>(b"\x91\xa1x").unwrap_err().contains("expected i32"));
        assert!(decoded::<MaybeFlatVec<i32>>(b"\x91\x80").is_err());
    }
}
