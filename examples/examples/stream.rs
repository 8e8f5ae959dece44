//! Streams: chunks in, chunks out, and both at once.
//!
//! Run a node (`cargo run --bin cocaine-node`), then:
//! `cargo build --example stream`, `cargo run --bin cocaine -- app upload stream --program target/debug/examples/stream --start`,
//! `cargo run --example call -- stream count 3`, `cargo run --example call -- stream shout a b c`.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use cocaine::{Result, SessionReceiver, SessionSender, Stream, Worker, events};

/// Replies with a stream: each item is one chunk.
#[cocaine::worker]
async fn count(to: u32) -> impl Stream<Item = Result<u32>> {
    Count(0, to)
}

/// Reads a stream: the reply is sent when the client has closed its side.
#[cocaine::worker]
async fn sum(mut numbers: SessionReceiver<i64>) -> Result<i64> {
    let mut sum = 0;
    while let Some(number) = numbers.recv().await {
        sum += number?;
    }
    Ok(sum)
}

/// Reads and writes: each chunk is answered as it arrives. When the client disconnects, the handler is dropped.
#[cocaine::worker(cancel)]
async fn shout(mut words: SessionReceiver<String>, mut shouts: SessionSender<String>) -> Result<()> {
    while let Some(word) = words.recv().await {
        shouts.send(word?.to_uppercase()).await?;
    }
    Ok(())
}

/// Counts up to a number. Any `Stream` works, such as those of the crates `futures` and `async-stream`.
struct Count(u32, u32);

impl Stream for Count {
    type Item = Result<u32>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<u32>>> {
        self.0 += 1;
        Poll::Ready((self.0 <= self.1).then_some(Ok(self.0)))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    Worker::from_args()?.serve(events![count, sum, shout]).await
}
