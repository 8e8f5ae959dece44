#![allow(unused_variables)]

use cocaine::{SessionSender, Result, Session, Stream, worker};

struct Point;

#[worker]
async fn not_encoded() -> Point {
    Point
}

#[worker]
async fn not_encoded_in_result() -> Result<Vec<Point>> {
    Ok(Vec::new())
}

#[worker]
async fn error_without_text(n: u64) -> std::result::Result<u64, Point> {
    Ok(n)
}

#[worker]
async fn value_beside_output(output: SessionSender<u8>) -> Result<u64> {
    Ok(1)
}

#[worker]
async fn value_beside_session(session: Session) -> u64 {
    1
}

#[worker]
async fn stream_of_plain_items() -> impl Stream<Item = u8> {
    futures_util::stream::empty()
}

#[worker]
async fn stream_that_is_not_sent() -> impl Stream<Item = Result<u8>> {
    let held = std::rc::Rc::new(1);
    futures_util::stream::poll_fn(move |_| std::task::Poll::Ready(Some(Ok(*held))))
}

fn main() {}
