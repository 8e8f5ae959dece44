//! The structural hash that the compiler computes, against that of types as data.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
    num::NonZero,
    ops::{Bound, Range},
    sync::Arc,
    time::{Duration, SystemTime},
};

use cocaine::{
    Bytes, MapEntries, Schema, Value,
    bind::schema::{
        OpaqueContent, SingleTuple,
        bounded_hash::{self, UNKNOWN},
    },
    schema::{Definitions, Type, TypeSchema},
};
use serde::{Deserialize, Serialize};

/// Returns the hash of types as data.
fn data_hash<T: Schema + ?Sized>() -> u64 {
    let schema = TypeSchema::of::<T>();
    bounded_hash::hash_types(&schema.types, &[&schema.root])[0]
}

/// Checks that both hashes of each type are equal.
macro_rules! assert_equal_hashes {
    ($($type:ty),* $(,)?) => {$(
        const { assert!(bounded_hash::of::<$type>() != UNKNOWN) };
        assert_eq!(bounded_hash::of::<$type>(), data_hash::<$type>(), stringify!($type));
    )*};
}

struct WithoutSchema;

#[derive(Schema)]
#[allow(dead_code)]
struct Link<T> {
    slug: T,
    #[schema(opaque)]
    hidden: u8,
    opaque: WithoutSchema,
    #[schema(as = Vec<OpaqueContent>)]
    shown: u8,
    next: Option<Box<Link<T>>>,
}

#[derive(Serialize, Deserialize, Schema)]
struct Tree(Vec<Tree>);

#[derive(Serialize, Deserialize, Schema)]
struct Unit;

#[derive(Serialize, Deserialize, Schema)]
struct Pair(u8, #[serde(skip)] u16);

#[derive(Serialize, Deserialize, Schema)]
#[serde(transparent)]
struct Transparent {
    pair: Pair,
}

#[derive(Serialize, Deserialize, Schema)]
struct Flat {
    #[serde(rename = "first")]
    a: Unit,
    #[serde(flatten)]
    others: BTreeMap<String, u8>,
}

macro_rules! enums {
    ($($name:ident $(#[$attribute:meta])*;)*) => {$(
        #[derive(Serialize, Deserialize, Schema)]
        $(#[$attribute])*
        enum $name {
            A { a: u8, b: Vec<$name> },
            B(BTreeMap<String, u64>),
            #[serde(rename = "see")]
            C,
        }
    )*};
}

enums! {
    External;
    Internal #[serde(tag = "t")];
    Adjacent #[serde(tag = "t", content = "c")];
}

#[derive(Serialize, Deserialize, Schema)]
#[serde(untagged)]
enum Untagged {
    A { a: u8, b: Vec<Untagged> },
    B(String),
    C,
}

#[derive(Serialize, Deserialize, Schema)]
enum Tuples {
    One(u8),
    Two(u8, Unit),
    #[schema(opaque)]
    Opaque(u8, u8),
}

#[derive(Serialize, Deserialize, Schema)]
enum Inline {
    One { first: Vec<Tree> },
    Two(u8, Unit),
}

#[derive(Serialize, Deserialize, Schema)]
enum Within {
    Two((u8, Unit)),
    One(First),
}

#[derive(Serialize, Deserialize, Schema)]
struct First {
    first: Vec<Tree>,
}

#[derive(Clone, Serialize, Deserialize, Schema)]
#[serde(from = "u8", into = "u8")]
struct Converted(u16);

impl From<u8> for Converted {
    fn from(value: u8) -> Self {
        Self(value.into())
    }
}

impl From<Converted> for u8 {
    fn from(Converted(value): Converted) -> Self {
        value.to_le_bytes()[0]
    }
}

#[test]
fn hashes_of_std_types_are_equal() {
    assert_equal_hashes![
        (),
        bool,
        u8,
        u64,
        usize,
        i8,
        i64,
        f32,
        f64,
        char,
        str,
        String,
        Bytes,
        Value,
        OpaqueContent,
        NonZero<u8>,
        NonZero<i64>,
        Option<Option<u8>>,
        Vec<Vec<Vec<Vec<Vec<Vec<u8>>>>>>,
        [u8; 3],
        [u8; 4],
        (u8,),
        SingleTuple<u8>,
        (u8, (u16, [u32; 2])),
        BTreeMap<u8, Vec<u16>>,
        HashMap<String, u8>,
        MapEntries<f32, ()>,
        PhantomData<u8>,
        Cow<'_, str>,
        Arc<[u8]>,
        Duration,
        SystemTime,
        Range<u8>,
        Bound<Range<Duration>>,
        Result<u8, String>,
        IpAddr,
        SocketAddr,
        std::path::Path,
    ];
}

#[test]
fn hashes_of_derived_types_are_equal() {
    assert_equal_hashes![
        Link<u8>,
        Link<Vec<Tree>>,
        Tree,
        Unit,
        Pair,
        Transparent,
        Flat,
        External,
        Internal,
        Adjacent,
        Untagged,
        Tuples,
        Converted,
        Vec<External>,
    ];
}

/// Returns how many of these are different.
macro_rules! count_different {
    ($($type:ty),* $(,)?) => {
        std::collections::BTreeSet::from([$(bounded_hash::of::<$type>()),*]).len()
    };
}

#[test]
fn hashes_differ_with_structure() {
    let count =
        count_different![External, Internal, Adjacent, Untagged, Tuples, Flat, Pair, Unit, Tree, Link<u8>];
    assert_eq!(count, 10);
    assert_eq!(
        count_different![u8, Option<u8>, Vec<u8>, [u8; 1], [u8; 2], (u8,), NonZero<u8>, OpaqueContent],
        8
    );
    assert_eq!(count_different![Link<u8>, Link<u16>, Link<Vec<u8>>, Link<Vec<u16>>], 4);
    assert_eq!(count_different![Vec<Vec<Vec<Vec<u8>>>>, Vec<Vec<Vec<Vec<u16>>>>], 2, "four deep");
    assert_eq!(count_different![u8, Converted, Box<u8>, Cow<'_, u8>], 1, "newtypes and pointers");
    assert_eq!(count_different![Inline, Within], 1, "the content of a variant is a type within it");
}

#[test]
fn schema_by_hand_has_unknown_hash() {
    struct Celsius;
    impl Schema for Celsius {
        fn schema(definitions: &mut Definitions) -> Type {
            f64::schema(definitions)
        }
    }
    #[derive(Schema)]
    #[allow(dead_code)]
    struct Named {
        #[schema(as = f64)]
        celsius: Celsius,
    }
    assert_eq!(count_different![Celsius, Link<Celsius>, Vec<(u8, Celsius)>, Result<u8, Celsius>], 1);
    assert_eq!(bounded_hash::of::<Vec<Celsius>>(), UNKNOWN);
    assert_equal_hashes![Named];
}
