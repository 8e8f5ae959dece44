//! The schemas of the standard library's types, as serde serializes them.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    ffi::{CStr, CString},
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::{NonZero, Saturating, Wrapping},
    ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo},
    path::{Path, PathBuf},
    rc::Rc,
    sync::{Arc, Mutex, RwLock, atomic},
    time::{Duration, SystemTime},
};

use super::{
    Schema,
    bounded_hash::{
        NO_CONTENT, bounded_hashes, hash_array, hash_enum, hash_field, hash_fields, hash_parts, hash_variant,
    },
    kinds::Kinds,
    model::{
        Content, Definition, EnumDefinition, Field, Presence, Shape, StructDefinition, Tagging, Type, Variant,
    },
    registry::Definitions,
};
use crate::wire::{bytes::Bytes, map_entries::MapEntries, value::Value};

macro_rules! simple {
    ($($kinds:ident: $($type:ty => $of:ident),*;)*) => {$($(
        impl Schema for $type {
            const KINDS: Kinds = Kinds::$kinds;
            bounded_hashes!(|_parts| hash_parts(Type::$of.simple_name(), &[]););

            fn schema(_definitions: &mut Definitions) -> Type {
                Type::$of
            }
        }
    )*)*};
}

simple! {
    UNIT: () => Unit;
    BOOL: bool => Bool, atomic::AtomicBool => Bool;
    INTEGER: u8 => U8, u16 => U16, u32 => U32, u64 => U64, usize => U64,
        i8 => I8, i16 => I16, i32 => I32, i64 => I64, isize => I64,
        atomic::AtomicU8 => U8, atomic::AtomicU16 => U16, atomic::AtomicU32 => U32, atomic::AtomicU64 => U64,
        atomic::AtomicUsize => U64, atomic::AtomicI8 => I8, atomic::AtomicI16 => I16, atomic::AtomicI32 => I32,
        atomic::AtomicI64 => I64, atomic::AtomicIsize => I64;
    FLOAT: f32 => F32, f64 => F64;
    TEXT: char => Char, str => Text, String => Text, Path => Text, PathBuf => Text;
    BYTES: Bytes => Bytes, CStr => Bytes, CString => Bytes;
    ANY: Value => Any;
}

macro_rules! non_zero {
    ($($type:ty),*) => {$(
        impl Schema for NonZero<$type> {
            const KINDS: Kinds = Kinds::INTEGER;
            bounded_hashes!(|parts| hash_parts("nonzero", parts); $type);

            fn schema(definitions: &mut Definitions) -> Type {
                Type::NonZero(Box::new(<$type>::schema(definitions)))
            }
        }
    )*};
}

non_zero!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

macro_rules! transparent {
    ($([$($param:tt)*] $type:ty;)*) => {$(
        impl<$($param)*> Schema for $type {
            const KINDS: Kinds = T::KINDS;
            bounded_hashes!(as T);

            fn schema(definitions: &mut Definitions) -> Type {
                T::schema(definitions)
            }
        }
    )*};
}

transparent! {
    [T: Schema + ?Sized] &T;
    [T: Schema + ?Sized] &mut T;
    [T: Schema + ?Sized] Box<T>;
    [T: Schema + ?Sized] Arc<T>;
    [T: Schema + ?Sized] Rc<T>;
    [T: Schema + ToOwned + ?Sized] Cow<'_, T>;
    [T: Schema + ?Sized] Mutex<T>;
    [T: Schema + ?Sized] RwLock<T>;
    [T: Schema + ?Sized] RefCell<T>;
    [T: Schema] Cell<T>;
    [T: Schema] Reverse<T>;
    [T: Schema] Wrapping<T>;
    [T: Schema] Saturating<T>;
}

macro_rules! lists {
    ($([$($param:tt)*] $type:ty;)*) => {$(
        impl<$($param)*> Schema for $type {
            const KINDS: Kinds = Kinds::ARRAY;
            bounded_hashes!(|parts| hash_parts("list", parts); T);

            fn schema(definitions: &mut Definitions) -> Type {
                Type::List(Box::new(T::schema(definitions)))
            }
        }
    )*};
}

lists! {
    [T: Schema] [T];
    [T: Schema] Vec<T>;
    [T: Schema] VecDeque<T>;
    [T: Schema] LinkedList<T>;
    [T: Schema] BTreeSet<T>;
    [T: Schema] BinaryHeap<T>;
    [T: Schema, S] HashSet<T, S>;
}

impl<T: Schema> Schema for Option<T> {
    const KINDS: Kinds = T::KINDS.or_nil();
    bounded_hashes!(|parts| hash_parts("option", parts); T);

    fn schema(definitions: &mut Definitions) -> Type {
        Type::Option(Box::new(T::schema(definitions)))
    }
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    const KINDS: Kinds = Kinds::ARRAY;
    bounded_hashes!(|parts| hash_array(parts[0], N); T);

    fn schema(definitions: &mut Definitions) -> Type {
        Type::Array(Box::new(T::schema(definitions)), N)
    }
}

macro_rules! maps {
    ($([$($param:tt)*] $type:ty;)*) => {$(
        impl<$($param)*> Schema for $type {
            const KINDS: Kinds = Kinds::MAP;
            bounded_hashes!(|parts| hash_parts("map", parts); K, V);

            fn schema(definitions: &mut Definitions) -> Type {
                let key = K::schema(definitions);
                Type::Map(Box::new(key), Box::new(V::schema(definitions)))
            }
        }
    )*};
}

maps! {
    [K: Schema, V: Schema] BTreeMap<K, V>;
    [K: Schema, V: Schema] MapEntries<K, V>;
    [K: Schema, V: Schema, S] HashMap<K, V, S>;
}

/// A unit struct, which is an empty array.
impl<T: ?Sized> Schema for PhantomData<T> {
    const KINDS: Kinds = Kinds::UNIT_STRUCT;
    bounded_hashes!(|parts| hash_parts("tuple", parts););

    fn schema(_definitions: &mut Definitions) -> Type {
        Type::Tuple(Vec::new())
    }
}

macro_rules! tuples {
    ($($first:ident $($name:ident)*;)*) => {$(
        impl<$first: Schema, $($name: Schema),*> Schema for ($first, $($name,)*) {
            const KINDS: Kinds = Kinds::ARRAY;
            bounded_hashes!(|parts| hash_parts("tuple", parts); $first, $($name),*);

            fn schema(definitions: &mut Definitions) -> Type {
                Type::Tuple(vec![$first::schema(definitions), $($name::schema(definitions)),*])
            }
        }
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
    A B C D E F G H I J K L M;
    A B C D E F G H I J K L M N;
    A B C D E F G H I J K L M N O;
    A B C D E F G H I J K L M N O P;
}

fn undocumented(shape: Shape) -> Definition {
    Definition { doc: String::new(), shape }
}

fn structure(fields: Vec<Field>) -> Definition {
    undocumented(Shape::Struct(StructDefinition { fields, deny_unknown_fields: false }))
}

fn variant(name: &str, content: Content) -> Variant {
    Variant {
        name: name.to_owned(),
        doc: String::new(),
        aliases: Vec::new(),
        content,
        other: false,
        written: Presence::Always,
        read: Presence::Always,
    }
}

fn enumeration(variants: Vec<Variant>) -> Definition {
    undocumented(Shape::Enum(EnumDefinition { tagging: Tagging::External, variants }))
}

macro_rules! time {
    ($($type:ty: $path:literal, $seconds:literal, $nanoseconds:literal;)*) => {$(
        impl Schema for $type {
            const KINDS: Kinds = Kinds::STRUCT;
            bounded_hashes!(
                |parts| hash_fields(&[hash_field($seconds, parts[0]), hash_field($nanoseconds, parts[1])]);
                u64, u32
            );

            fn schema(definitions: &mut Definitions) -> Type {
                definitions.define::<Self>($path, &[], |_| {
                    structure(vec![Field::new($seconds, Type::U64), Field::new($nanoseconds, Type::U32)])
                })
            }
        }
    )*};
}

time! {
    Duration: "std::time::Duration", "secs", "nanos";
    SystemTime: "std::time::SystemTime", "secs_since_epoch", "nanos_since_epoch";
}

macro_rules! ranges {
    ($($type:ident: $($bound:literal)*;)*) => {$(
        impl<T: Schema> Schema for $type<T> {
            const KINDS: Kinds = Kinds::STRUCT;
            bounded_hashes!(|parts| hash_fields(&[$(hash_field($bound, parts[0])),*]); T);

            fn schema(definitions: &mut Definitions) -> Type {
                let of = T::schema(definitions);
                let path = concat!("std::ops::", stringify!($type));
                definitions.define::<Self>(path, &[of.to_string()], |_| {
                    structure(vec![$(Field::new($bound, of.clone())),*])
                })
            }
        }
    )*};
}

ranges! {
    Range: "start" "end";
    RangeInclusive: "start" "end";
    RangeFrom: "start";
    RangeTo: "end";
}

impl<T: Schema> Schema for Bound<T> {
    const KINDS: Kinds = Kinds::UNIT_VARIANT.or(Kinds::VARIANT);
    bounded_hashes!(
        |parts| hash_enum(&["external"], &[
            hash_variant("Unbounded", NO_CONTENT),
            hash_variant("Included", parts[0]),
            hash_variant("Excluded", parts[0]),
        ]);
        T
    );

    fn schema(definitions: &mut Definitions) -> Type {
        let of = T::schema(definitions);
        definitions.define::<Self>("std::ops::Bound", &[of.to_string()], |_| {
            enumeration(vec![
                variant("Unbounded", Content::Unit),
                variant("Included", Content::Newtype(of.clone())),
                variant("Excluded", Content::Newtype(of)),
            ])
        })
    }
}

impl<T: Schema, E: Schema> Schema for Result<T, E> {
    const KINDS: Kinds = Kinds::VARIANT;
    bounded_hashes!(
        |parts| hash_enum(&["external"], &[hash_variant("Ok", parts[0]), hash_variant("Err", parts[1])]);
        T, E
    );

    fn schema(definitions: &mut Definitions) -> Type {
        let (value, error) = (T::schema(definitions), E::schema(definitions));
        definitions.define::<Self>("std::result::Result", &[value.to_string(), error.to_string()], |_| {
            enumeration(vec![variant("Ok", Content::Newtype(value)), variant("Err", Content::Newtype(error))])
        })
    }
}

macro_rules! newtypes {
    ($($type:ty: $path:literal, $of:ty;)*) => {$(
        impl Schema for $type {
            const KINDS: Kinds = <$of>::KINDS;
            bounded_hashes!(as $of);

            fn schema(definitions: &mut Definitions) -> Type {
                definitions.define::<Self>($path, &[], |definitions| {
                    undocumented(Shape::Newtype(<$of>::schema(definitions)))
                })
            }
        }
    )*};
}

newtypes! {
    Ipv4Addr: "std::net::Ipv4Addr", [u8; 4];
    Ipv6Addr: "std::net::Ipv6Addr", [u8; 16];
    SocketAddrV4: "std::net::SocketAddrV4", (Ipv4Addr, u16);
    SocketAddrV6: "std::net::SocketAddrV6", (Ipv6Addr, u16);
}

macro_rules! address_families {
    ($($type:ty: $path:literal, $v4:ty, $v6:ty;)*) => {$(
        impl Schema for $type {
            const KINDS: Kinds = Kinds::VARIANT;
            bounded_hashes!(
                |parts| hash_enum(&["external"], &[hash_variant("V4", parts[0]), hash_variant("V6", parts[1])]);
                $v4, $v6
            );

            fn schema(definitions: &mut Definitions) -> Type {
                definitions.define::<Self>($path, &[], |definitions| {
                    enumeration(vec![
                        variant("V4", Content::Newtype(<$v4>::schema(definitions))),
                        variant("V6", Content::Newtype(<$v6>::schema(definitions))),
                    ])
                })
            }
        }
    )*};
}

address_families! {
    IpAddr: "std::net::IpAddr", Ipv4Addr, Ipv6Addr;
    SocketAddr: "std::net::SocketAddr", SocketAddrV4, SocketAddrV6;
}
