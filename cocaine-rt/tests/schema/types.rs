//! A type for each form that a schema has a word for.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
    num::NonZero,
    ops::{Bound, Range},
    time::{Duration, SystemTime},
};

use cocaine::{Bytes, Schema, Value};
use serde::{Deserialize, Serialize};

/// A short link.
///
/// It has two paragraphs.
#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Link {
    /// What stands behind the slash.
    pub(crate) slug: String,
    #[serde(rename = "url", alias = "target", alias = "href")]
    pub(crate) target: String,
    pub(crate) note: Option<String>,
    #[serde(default)]
    pub(crate) clicks: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(skip)]
    pub(crate) cache: u8,
    #[serde(default, skip_serializing)]
    pub(crate) secret: u32,
    #[serde(skip_deserializing)]
    pub(crate) computed: u32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, Schema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) max_size: u32,
    pub(crate) r#type: char,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Unit;

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Meters(pub(crate) f64);

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
#[serde(transparent)]
pub(crate) struct Names {
    pub(crate) names: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Color(pub(crate) u8, pub(crate) u8, pub(crate) u8);

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Empty {}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Page {
    pub(crate) number: u32,
    #[serde(flatten)]
    pub(crate) settings: Meta,
    #[serde(flatten)]
    pub(crate) rest: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Meta {
    pub(crate) title: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Shape {
    /// Nowhere.
    NoPoint,
    Circle(f64),
    #[serde(rename = "LINE", alias = "segment")]
    Line(i32, i32),
    Rect {
        upper_left: f32,
        /// How wide it is.
        width: Option<f32>,
    },
    #[serde(skip)]
    Secret,
    #[serde(rename_all = "PascalCase")]
    Own {
        own_rule: bool,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Action {
    Click { x: i16, y: i16 },
    Linked(Meta),
    Close,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
#[serde(tag = "t", content = "c")]
pub(crate) enum Message {
    Text(String),
    Pair(u8, u8),
    Fields { a: u8 },
    End,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
#[serde(untagged)]
pub(crate) enum Key {
    Number(u64),
    Ratio(f64),
    Name(String),
    Flag(bool),
    Pair(u8, u8),
    Both { name: String, number: u64 },
    One { name: String },
    Nothing,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) enum Never {}

/// A list that contains itself.
#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct List {
    pub(crate) head: i64,
    pub(crate) tail: Option<Box<List>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Tree(pub(crate) Vec<Tree>);

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Chain(pub(crate) Option<Box<Chain>>);

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Folder {
    pub(crate) entries: BTreeMap<String, Node>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) enum Node {
    File(Bytes),
    Folder(Folder),
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Pages<T, const N: usize> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<u64>,
    #[serde(skip)]
    pub(crate) marker: PhantomData<[u8; N]>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Borrowed<'a> {
    pub(crate) text: &'a str,
    #[serde(borrow)]
    pub(crate) cow: Cow<'a, str>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Generic {
    pub(crate) links: Pages<Meta, 1>,
    pub(crate) texts: Pages<String, 1>,
    pub(crate) more: Pages<String, 2>,
}

/// A type without a schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plain(pub(crate) u8);

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Foreign {
    pub(crate) plain: Plain,
    pub(crate) plains: Vec<Plain>,
    #[serde(with = "hexadecimal")]
    pub(crate) with: u32,
    #[serde(with = "hexadecimal")]
    #[schema(as = String)]
    pub(crate) known: u32,
    #[schema(opaque)]
    pub(crate) hidden: u32,
}

pub(crate) mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{value:x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
#[serde(from = "(u8, u8)", into = "(u8, u8)")]
pub(crate) struct Version {
    pub(crate) major: u8,
    pub(crate) minor: u8,
}

impl From<(u8, u8)> for Version {
    fn from((major, minor): (u8, u8)) -> Self {
        Self { major, minor }
    }
}

impl From<Version> for (u8, u8) {
    fn from(version: Version) -> Self {
        (version.major, version.minor)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Standard {
    pub(crate) integers: (u8, u16, u32, u64, i8, i16, i32, i64),
    pub(crate) sizes: (usize, isize, NonZero<u8>),
    pub(crate) others: ((), bool, char, f32, f64),
    pub(crate) texts: (String, Box<str>, Cow<'static, str>),
    pub(crate) nested: Option<Option<u8>>,
    pub(crate) list: Vec<u8>,
    pub(crate) bytes: Bytes,
    pub(crate) array: [u8; 4],
    pub(crate) set: BTreeSet<i32>,
    pub(crate) map: HashMap<u16, Vec<String>>,
    pub(crate) keys: BTreeMap<(u8, bool), Value>,
    pub(crate) duration: Duration,
    pub(crate) time: SystemTime,
    pub(crate) address: IpAddr,
    pub(crate) socket: SocketAddr,
    pub(crate) range: Range<u32>,
    pub(crate) bound: Bound<u8>,
    pub(crate) result: Result<u8, String>,
    pub(crate) marker: PhantomData<u8>,
}

pub(crate) mod other {
    use cocaine::Schema;
    use serde::{Deserialize, Serialize};

    /// Another type of this name.
    #[derive(Clone, Debug, Serialize, Deserialize, Schema)]
    pub(crate) struct Meta(pub(crate) u8);
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Namesakes {
    pub(crate) meta: Meta,
    pub(crate) other: other::Meta,
    pub(crate) again: Meta,
}
