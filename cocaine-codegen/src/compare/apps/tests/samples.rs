//! Types with values, to be written as one and read as another.

use std::collections::BTreeMap;

use cocaine::{Bytes, Schema, Value, msgpack, schema::TypeSchema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A type with some of its values, encoded.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) schema: TypeSchema,
    pub(super) values: Vec<Vec<u8>>,
    pub(super) decodes: fn(&[u8]) -> bool,
}

fn sample<T: Schema + Serialize + DeserializeOwned>(name: &'static str, values: &[T]) -> Sample {
    let values = values.iter().map(|value| msgpack::to_vec(value).unwrap()).collect();
    let decodes = |bytes: &[u8]| msgpack::from_slice::<T>(bytes).is_ok();
    Sample { name, schema: TypeSchema::of::<T>(), values, decodes }
}

/// Pushes a type as it is, and within an `Option`, a list, a map and a field.
fn push<T: Schema + Serialize + DeserializeOwned + Clone>(
    samples: &mut Vec<Sample>,
    name: &'static str,
    values: &[T],
) {
    samples.push(sample(name, values));
    let options: Vec<_> = values.iter().cloned().map(Some).chain([None]).collect();
    samples.push(sample(name, &options));
    samples.push(sample(name, &[Vec::new(), values.to_vec()]));
    let maps: Vec<BTreeMap<String, T>> = values
        .iter()
        .map(|value| [("key".to_owned(), value.clone())].into())
        .chain([BTreeMap::new()])
        .collect();
    samples.push(sample(name, &maps));
    let fields: Vec<_> = values.iter().cloned().map(|field| Wrapper { field }).collect();
    samples.push(sample(name, &fields));
}

#[derive(Serialize, Deserialize, Schema)]
struct Wrapper<T> {
    field: T,
}

macro_rules! samples {
    ($samples:ident: $($type:ty = [$($value:expr),* $(,)?];)*) => {
        $(push::<$type>(&mut $samples, stringify!($type), &[$($value),*]);)*
    };
}

/// Declares types with the derives that all of them have.
macro_rules! types {
    ($($(#[$attribute:meta])* $kind:ident $name:ident $(= $body:tt)? $(($($newtype:ty),*))?;)*) => {$(
        types!(@ $(#[$attribute])* $kind $name $(= $body)? $(($($newtype),*))?);
    )*};
    (@ $(#[$attribute:meta])* $kind:ident $name:ident = $body:tt) => {
        #[derive(Clone, Serialize, Deserialize, Schema)]
        $(#[$attribute])*
        $kind $name $body
    };
    (@ $(#[$attribute:meta])* struct $name:ident ($($newtype:ty),*)) => {
        #[derive(Clone, Serialize, Deserialize, Schema)]
        $(#[$attribute])*
        struct $name($($newtype),*);
    };
    (@ $(#[$attribute:meta])* struct $name:ident) => {
        #[derive(Clone, Serialize, Deserialize, Schema)]
        $(#[$attribute])*
        struct $name;
    };
}

types! {
    struct Nothing;
    struct Slug(String);
    struct Pair(u8, String);
    struct Link = { slug: String, hits: u32 };
    struct LinkSwapped = { hits: u32, slug: String };
    struct LinkWide = { slug: String, hits: u64 };
    struct LinkShort = { slug: String };
    struct LinkMore = { slug: String, hits: u32, target: String };
    struct LinkOption = { slug: String, hits: u32, target: Option<String> };
    struct LinkDefault = { slug: String, hits: u32, #[serde(default)] target: String };
    struct LinkSkipped = { slug: String, #[serde(default, skip_serializing_if = "is_zero")] hits: u32 };
    #[serde(deny_unknown_fields)]
    struct LinkStrict = { slug: String, hits: u32 };
    struct LinkAlias = { #[serde(alias = "slug")] name: String, hits: u32 };
    struct LinkRenamed = { #[serde(rename = "name", alias = "slug")] slug: String, #[serde(default)] hits: u32 };
    struct LinkUnread = { slug: String, #[serde(skip_deserializing)] hits: u32 };
    #[expect(dead_code, reason = "it is only read")]
    struct LinkUnwritten = { slug: String, #[serde(skip_serializing, default)] hits: u32 };
    struct LinkFlat = { hits: u32, #[serde(flatten)] inner: LinkShort };
    struct LinkRest = { slug: String, #[serde(flatten)] rest: BTreeMap<String, Value> };
    struct LinkFlatKind = { hits: u32, #[serde(flatten)] kind: Internal };
    enum Names = { A, B };
    enum NamesMore = { A, B, C };
    enum NamesFewer = { B };
    enum NamesOther = { A, #[serde(other)] Other };
    enum NamesAlias = { #[serde(alias = "A")] First, B };
    enum External = { A, B(u8), C { x: u8 }, D(u8, u8) };
    enum ExternalMore = { A, B(u8), C { x: u8 }, D(u8, u8), E(String) };
    enum ExternalWide = { A, B(u16), C { x: u8, y: Option<u8> }, D(u8, u8) };
    enum ExternalShifted = { A(u8), B, C { x: u8 } };
    enum ExternalList = { A, B(u8), C(BTreeMap<String, u8>), D(Vec<u8>) };
    #[expect(dead_code, reason = "it is only read")]
    enum ExternalUnwritten = { A, #[serde(skip_serializing)] B(u8) };
    #[serde(tag = "type")]
    enum Internal = { A, B { x: u8 }, C(LinkShort) };
    #[serde(tag = "type")]
    enum InternalMore = { A, B { x: u8, y: u8 }, C(Link) };
    #[serde(tag = "type")]
    enum InternalUnits = { A, B };
    #[serde(tag = "type")]
    enum InternalOther = { A, #[serde(other)] Other };
    #[serde(tag = "kind")]
    enum InternalKind = { A, B { x: u8 } };
    #[serde(tag = "type", content = "content")]
    enum Adjacent = { A, B(u8), C { x: u8 } };
    #[serde(tag = "type", content = "content")]
    enum AdjacentOption = { A(Option<u8>), B(u8) };
    #[serde(tag = "type", content = "content")]
    enum AdjacentOther = { B(u8), #[serde(other)] Other };
    #[serde(untagged)]
    enum Untagged = { Number(u8), Text(String) };
    #[serde(untagged)]
    enum UntaggedSwapped = { Text(String), Number(u8) };
    #[serde(untagged)]
    enum UntaggedMore = { Number(u8), Text(String), Link(Link) };
    #[serde(untagged)]
    enum UntaggedWide = { Number(u16), Text(String) };
    #[serde(untagged)]
    enum UntaggedOptional = { Nil, Links(Vec<Link>) };
    struct Tree = { value: u8, children: Vec<Tree> };
    struct Forest = { value: u16, children: Vec<Forest> };
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// Returns types of each kind, with values that distinguish them.
pub(super) fn samples() -> Vec<Sample> {
    let mut all = scalars();
    all.extend(structs());
    all.extend(enums());
    all
}

fn scalars() -> Vec<Sample> {
    let mut all = Vec::new();
    samples! { all:
        () = [()];
        bool = [true, false];
        u8 = [0, 1, u8::MAX];
        u16 = [0, u16::MAX];
        u32 = [0, 1, u32::MAX];
        u64 = [0, u64::MAX];
        i8 = [i8::MIN, 0, i8::MAX];
        i16 = [i16::MIN, 0, i16::MAX];
        i32 = [i32::MIN, 0, i32::MAX];
        i64 = [i64::MIN, 0, i64::MAX];
        std::num::NonZeroU8 = [std::num::NonZeroU8::MIN, std::num::NonZeroU8::MAX];
        std::num::NonZeroI32 = [std::num::NonZeroI32::MIN, std::num::NonZeroI32::MAX];
        f32 = [0.0, -1.5, f32::MAX, f32::NAN];
        f64 = [0.0, -1.5, f64::MAX, f64::NAN];
        char = ['a', 'ж', '\0'];
        String = [text(""), text("A"), text("name"), text("\0")];
        Bytes = [Bytes::new(), Bytes::from_static(b"\xff\0abc")];
        Value = [Value::Nil, Value::from(1_u8), Value::from("A"), Value::Array(vec![Value::Nil]), Value::Bool(true)];
        Vec<u8> = [vec![], vec![0, 255]];
        Vec<u16> = [vec![], vec![0, u16::MAX]];
        Vec<String> = [vec![], vec![text(""), text("name")]];
        Vec<Option<u8>> = [vec![], vec![None, Some(1)]];
        [u8; 2] = [[0, 255]];
        [u8; 3] = [[0, 1, 255]];
        [String; 2] = [[text(""), text("name")]];
        (u8,) = [(255,), (0,)];
        (u8, String) = [(255, text("a"))];
        (u8, String, bool) = [(255, text("a"), true)];
        BTreeMap<u32, u8> = [BTreeMap::new(), [(u32::MAX, 255)].into()];
        BTreeMap<String, Vec<u8>> = [BTreeMap::new(), [(text("a"), vec![1]), (text(""), vec![])].into()];
        Option<Option<u8>> = [None, Some(Some(0)), Some(Some(255))];
    }
    all
}

fn structs() -> Vec<Sample> {
    let (a, link, none) = (|| text("a"), || Link { slug: text("a"), hits: 1 }, Vec::new);
    let tree = Tree { value: 255, children: vec![Tree { value: 1, children: none() }] };
    let forest = Forest { value: 256, children: vec![Forest { value: 1, children: Vec::new() }] };
    let rest = || [(text("more"), Value::from(true))].into();
    let mut all = Vec::new();
    samples! { all:
        Nothing = [Nothing];
        Slug = [Slug(text("")), Slug(text("name\0"))];
        Pair = [Pair(255, a())];
        Link = [link()];
        LinkSwapped = [LinkSwapped { hits: 1, slug: a() }];
        LinkWide = [LinkWide { slug: a(), hits: 1 }, LinkWide { slug: a(), hits: u64::MAX }];
        LinkShort = [LinkShort { slug: a() }];
        LinkMore = [LinkMore { slug: a(), hits: 1, target: a() }];
        LinkOption = [
            LinkOption { slug: a(), hits: 1, target: None },
            LinkOption { slug: a(), hits: 1, target: Some(a()) }
        ];
        LinkDefault = [LinkDefault { slug: a(), hits: 1, target: a() }];
        LinkSkipped = [LinkSkipped { slug: a(), hits: 0 }, LinkSkipped { slug: a(), hits: 1 }];
        LinkStrict = [LinkStrict { slug: a(), hits: 1 }];
        LinkAlias = [LinkAlias { name: a(), hits: 1 }];
        LinkRenamed = [LinkRenamed { slug: a(), hits: 1 }];
        LinkUnread = [LinkUnread { slug: a(), hits: 1 }];
        LinkUnwritten = [LinkUnwritten { slug: a(), hits: 1 }];
        LinkFlat = [LinkFlat { hits: 1, inner: LinkShort { slug: a() } }];
        LinkRest = [LinkRest { slug: a(), rest: BTreeMap::new() }, LinkRest { slug: a(), rest: rest() }];
        LinkFlatKind = [LinkFlatKind { hits: 1, kind: Internal::A }];
        Tree = [tree];
        Forest = [forest];
        std::time::Duration = [std::time::Duration::from_millis(1500)];
    }
    all
}

fn enums() -> Vec<Sample> {
    let (a, link) = (|| text("a"), || Link { slug: text("a"), hits: 1 });
    let mut all = Vec::new();
    samples! { all:
        Names = [Names::A, Names::B];
        NamesMore = [NamesMore::A, NamesMore::B, NamesMore::C];
        NamesFewer = [NamesFewer::B];
        NamesOther = [NamesOther::A, NamesOther::Other];
        NamesAlias = [NamesAlias::First, NamesAlias::B];
        External = [External::A, External::B(255), External::C { x: 1 }, External::D(1, 2)];
        ExternalMore = [
            ExternalMore::A, ExternalMore::B(1), ExternalMore::C { x: 1 }, ExternalMore::D(1, 2), ExternalMore::E(a())
        ];
        ExternalWide = [
            ExternalWide::A, ExternalWide::B(256), ExternalWide::C { x: 1, y: None }, ExternalWide::D(1, 2)
        ];
        ExternalShifted = [ExternalShifted::A(1), ExternalShifted::B, ExternalShifted::C { x: 1 }];
        ExternalList = [
            ExternalList::A, ExternalList::B(1), ExternalList::C(BTreeMap::new()), ExternalList::D(vec![1])
        ];
        ExternalUnwritten = [ExternalUnwritten::A];
        Internal = [Internal::A, Internal::B { x: 1 }, Internal::C(LinkShort { slug: a() })];
        InternalMore = [InternalMore::A, InternalMore::B { x: 1, y: 2 }, InternalMore::C(link())];
        InternalUnits = [InternalUnits::A, InternalUnits::B];
        InternalOther = [InternalOther::A, InternalOther::Other];
        InternalKind = [InternalKind::A, InternalKind::B { x: 1 }];
        Adjacent = [Adjacent::A, Adjacent::B(255), Adjacent::C { x: 1 }];
        AdjacentOption = [AdjacentOption::A(None), AdjacentOption::A(Some(1)), AdjacentOption::B(1)];
        AdjacentOther = [AdjacentOther::B(1), AdjacentOther::Other];
        Untagged = [Untagged::Number(255), Untagged::Text(a())];
        UntaggedSwapped = [UntaggedSwapped::Number(255), UntaggedSwapped::Text(a())];
        UntaggedMore = [UntaggedMore::Number(255), UntaggedMore::Text(a()), UntaggedMore::Link(link())];
        UntaggedWide = [UntaggedWide::Number(256), UntaggedWide::Text(a())];
        UntaggedOptional = [UntaggedOptional::Nil, UntaggedOptional::Links(vec![]), UntaggedOptional::Links(vec![link()])];
        std::net::IpAddr = [std::net::IpAddr::from([127, 0, 0, 1]), std::net::IpAddr::from([0_u16; 8])];
        Result<u8, String> = [Ok(1), Err(a())];
    }
    all
}
