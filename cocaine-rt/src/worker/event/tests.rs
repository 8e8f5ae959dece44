//! What handlers receive, and what their clients do.

#![expect(clippy::unused_async, reason = "an event is asynchronous, whatever it does")]

mod arguments;
mod endings;
mod names;
mod replies;

use crate::{
    Bytes, Events, Result, Table,
    error::{Error, ErrorKind},
    msgpack,
    worker::session::script::Script,
};

/// How an event ended, as its client sees it.
#[derive(Debug, PartialEq)]
enum End {
    /// With the chunks that were sent.
    Closed(Vec<Bytes>),
    /// With the category, the code and the text of an error.
    Failed(i64, i64, String),
    /// Not yet.
    Open,
}

impl End {
    fn of(script: &Script) -> Self {
        let (sent, end) = script.sent();
        match end {
            None => Self::Open,
            Some(Ok(())) => Self::Closed(sent),
            Some(Err(error)) => match error.kind() {
                ErrorKind::Service { category, code, message } => {
                    Self::Failed(category.0, *code, message.clone())
                }
                _ => Self::Failed(0, 0, error.to_string()),
            },
        }
    }

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

fn table(events: impl Events) -> Table {
    let mut table = Table::default();
    events.register(&mut table);
    table
}

/// Runs the only event of `events` for a client that sends `chunks` and closes.
async fn ask(events: impl Events, chunks: impl IntoIterator<Item = Bytes>) -> End {
    let (script, session) = Script::new(chunks.into_iter().map(Ok).collect(), true);
    let table = table(events);
    let (event, _) = table.listed()[0];
    table.run(event, session).await;
    End::of(&script)
}

/// Runs the only event of `events` for a client whose stream ends with an error.
async fn ask_broken(events: impl Events, error: Error) -> End {
    let (script, session) = Script::new(vec![Err(error)], true);
    let table = table(events);
    table.run(table.listed()[0].0, session).await;
    End::of(&script)
}

type Alias = Bytes;
type Outcome<T> = Result<T>;
