use std::collections::BTreeMap;

use cocaine::{Bytes, Schema};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Schema)]
#[serde(untagged)]
enum Number {
    Float(f64),
    Integer(u64),
}

#[derive(Serialize, Deserialize, Schema)]
#[serde(untagged)]
enum Text {
    Name(String),
    Id(u64),
    Blob(Bytes),
}

#[derive(Serialize, Deserialize, Schema)]
struct Point {
    x: u8,
}

#[derive(Serialize, Deserialize, Schema)]
#[serde(untagged)]
enum Place {
    Point(Point),
    List(Vec<u8>),
    Map(BTreeMap<String, u8>),
}

#[derive(Serialize, Deserialize, Schema)]
#[serde(tag = "type")]
enum Tagged {
    Point(Point),
    Name(String),
}

#[derive(Serialize, Deserialize, Schema)]
struct Flat {
    #[serde(flatten)]
    point: Point,
    #[serde(flatten)]
    list: Vec<u8>,
}

fn main() {}
