//! Types in each form that serde knows.

use std::collections::BTreeMap;

use cocaine::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) slug: String,
    pub(crate) target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
}

impl Link {
    pub(crate) fn new(slug: &str, target: &str) -> Self {
        Self { slug: slug.to_owned(), target: target.to_owned(), ttl: None, tags: Vec::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) ratio: f64,
    pub(crate) samples: Vec<f64>,
    pub(crate) digest: Vec<u8>,
    pub(crate) blob: Bytes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Rect { width: f64, height: f64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Action {
    Click { x: f64, y: f64 },
    Link(Link),
    Close,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
pub(crate) enum Tip {
    Amount(f64),
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Key {
    Number(u64),
    Name(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) id: u32,
    #[serde(flatten)]
    pub(crate) link: Link,
    #[serde(flatten)]
    pub(crate) weights: BTreeMap<String, i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Meters(pub(crate) f32);
