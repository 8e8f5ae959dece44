#![allow(unused_variables)]

use cocaine::{SessionReceiver, Context, SessionSender, Result, worker};

struct Point;

#[worker]
async fn not_decoded(name: String, point: Point, _who: Context) -> String {
    name
}

#[worker]
async fn not_decoded_within(points: Vec<Point>) {}

#[worker]
async fn not_decoded_chunks(name: String, points: SessionReceiver<Point>) {}

#[worker]
async fn not_encoded(points: SessionSender<Point>) -> Result<()> {
    Ok(())
}

#[worker]
async fn not_sent(count: std::rc::Rc<u8>) {}

struct Counter;

#[worker]
impl Counter {
    async fn add(&self, point: Point) {}
}

fn main() {}
