//! Annotated handlers, called by a scripted client.

mod arguments;
mod declared;
mod endings;
mod mismatches;
mod names;
mod replies;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    Bytes, Events, HandlerRegistry, Result,
    protocol::{
        error::{Error, ErrorKind},
        msgpack,
    },
    tests::peer::Peer,
    wire::{
        decode,
        encode::{self, Encoded},
        frame::{self, FrameHeaders},
        scan::Scanner,
    },
    worker::{ExecutionMode, tests as worker},
};

/// How an event ended, as its client sees it.
#[derive(Debug, PartialEq)]
enum EventEnd {
    /// With the chunks that were sent.
    Closed(Vec<Bytes>),
    /// With the category, the code and the text of an error.
    Failed(i64, i64, String),
}

impl EventEnd {
    fn failed(text: &str) -> Self {
        Self::Failed(42, 100, text.to_owned())
    }

    fn value<T: serde::Serialize>(value: &T) -> Self {
        Self::Closed(vec![packed(value)])
    }
}

fn packed<T: serde::Serialize + ?Sized>(value: &T) -> Bytes {
    msgpack::to_vec(value).unwrap().into()
}

/// The client of one event, and the node between it and the worker.
struct Client {
    node: Peer,
    events: Vec<(String, ExecutionMode)>,
    /// The channel of the event.
    channel: u64,
}

impl Client {
    /// Serves `events` to a client that has called none yet.
    async fn of(events: impl Events) -> Self {
        let mut worker = worker::worker();
        events.register(&mut worker.registry);
        let events = worker.registry.listed();
        let (mut node, _served) = worker::serve(worker, ());
        node.expect(worker::HELLO).await;
        Self { node, events, channel: 2 }
    }

    /// Goes on with another event.
    fn next(&mut self) -> &mut Self {
        self.channel += 1;
        self
    }

    /// Calls an event.
    async fn call(&mut self, event: &str) {
        self.node.send(self.channel, 0, (event,)).await;
    }

    /// Calls an event with a header.
    async fn call_with_header(&mut self, event: &str, name: &str, value: &str) {
        let frame = msgpack::to_vec(&(self.channel, 0, (event,), [(false, name, value)])).unwrap();
        self.node.io.write_all(&frame).await.unwrap();
    }

    /// Calls the only event, sends all chunks, and closes.
    async fn ask(&mut self, chunks: impl IntoIterator<Item = Bytes>) {
        let event = self.events[0].0.clone();
        self.call(&event).await;
        for chunk in chunks {
            self.chunk(chunk).await;
        }
        self.node.send(self.channel, 2, ()).await;
    }

    async fn chunk(&mut self, chunk: Bytes) {
        let (mut args, mut out) = (Encoded::default(), Encoded::default());
        encode::args(&(chunk,), &mut args).unwrap();
        frame::write(&mut out, self.channel, 0, &args, FrameHeaders::None);
        self.node.io.write_all(&out.flatten()).await.unwrap();
    }

    /// The client leaves.
    async fn leave(&mut self) {
        self.node.send(self.channel, 1, ((5, 2), "EventEnd of file")).await;
    }

    /// Returns how the event ends.
    async fn end(&mut self) -> EventEnd {
        let (mut sent, mut read, mut scanner) = (Vec::new(), Vec::new(), Scanner::new(1 << 20));
        loop {
            while let Some(extent) = scanner.frame(&read).unwrap() {
                let frame: Vec<u8> = read.drain(..extent.len).collect();
                let args = bytes::Bytes::from(frame).slice(extent.args);
                match (extent.channel, extent.kind) {
                    (1, _) => {}
                    (channel, 0) if channel == self.channel => {
                        sent.push(decode::args::<(Bytes,)>(&args).unwrap().0);
                    }
                    (channel, 1) if channel == self.channel => {
                        let ((category, code), text) = decode::args::<((i64, i64), String)>(&args).unwrap();
                        return EventEnd::Failed(category, code, text);
                    }
                    (channel, 2) if channel == self.channel => return EventEnd::Closed(sent),
                    other => panic!("{other:?}"),
                }
            }
            assert!(self.node.io.read_buf(&mut read).await.unwrap() > 0, "the worker has left");
        }
    }
}

/// Returns the names of `events`, in their order, and where their handlers run.
fn listed(events: impl Events) -> Vec<(String, ExecutionMode)> {
    let mut registry = HandlerRegistry::default();
    events.register(&mut registry);
    registry.listed()
}

/// Runs the only event of `events` for a client that sends `chunks` and closes.
async fn ask(events: impl Events, chunks: impl IntoIterator<Item = Bytes>) -> EventEnd {
    let mut client = Client::of(events).await;
    client.ask(chunks).await;
    client.end().await
}

/// Runs the only event of `events` for a client whose stream ends with an error.
async fn ask_broken(events: impl Events, error: Error) -> EventEnd {
    let mut client = Client::of(events).await;
    let event = client.events[0].0.clone();
    client.call(&event).await;
    let ErrorKind::Service { code, message } = error.kind() else { panic!("{error}") };
    client.node.send(client.channel, 1, (code, message)).await;
    client.end().await
}

type Alias = Bytes;
type Outcome<T> = Result<T>;
