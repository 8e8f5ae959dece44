//! The other side of a session: a script at the other end of a connection in memory.

use std::{
    fmt,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Poll, Waker},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{Items, book::Book};
use crate::{
    client::{
        connection::{Attempt, Link, Options, Request},
        methods::{Compatibility, Selector, Table},
    },
    connection::{
        channel::{DynReceiver, DynSender},
        driver,
        halves::{Duplex, Receiver, Sender},
    },
    protocol::{
        endpoint::ServiceInfo,
        error::{Error, Result},
        limits::Limits,
        panic::panic_text,
        spec::ServiceSpec,
    },
    server::{Call, Connection, Dispatch, pump},
    wire::encode::Encoded,
};

type Playing = Pin<Box<dyn Future<Output = Result<()>> + Send>>;
type Script<R, S> = Box<dyn FnOnce(R, S) -> Playing + Send>;

/// Who answers a session: `R` is the half that receives what the caller sends, `S` the half that answers.
///
/// It runs until it returns, or the runtime ends; an `Err` closes the connection, as a server's does. That it panicked is
/// told by [`super::Double::verify`], and that it has ended by [`super::Double::played`].
pub struct Peer<R, S>(Result<Script<R, S>>);

impl<R, S> Peer<R, S> {
    /// Answers as this script does.
    pub fn plays<F>(script: impl FnOnce(R, S) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self(Ok(Box::new(move |input, output| Box::pin(script(input, output)))))
    }

    /// Does not open the session.
    pub fn fails(error: Error) -> Self {
        Self(Err(error))
    }
}

impl<I, T> Peer<Receiver<I>, Sender<T>>
where
    I: DeserializeOwned + Send + 'static,
    T: Serialize + Send + 'static,
{
    /// Answers with a stream; what the caller sends is read, and not looked at.
    pub fn streams(items: Items<T>) -> Self {
        Self::plays(move |mut input: Receiver<I>, output| async move {
            let read = async { while input.recv().await.is_some() {} };
            tokio::join!(pump(items, output), read).0
        })
    }
}

impl<R, S> fmt::Debug for Peer<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer")
    }
}

/// How much the connection holds.
const ROOM: usize = 64 << 10;

/// Opens a session with `peer`.
pub(super) fn open<R, S, X, Y>(
    book: &Arc<Book>,
    method: usize,
    args: bytes::Bytes,
    Peer(script): Peer<R, S>,
) -> Result<Duplex<X, Y>>
where
    R: From<DynReceiver> + Send + 'static,
    S: From<DynSender> + Send + 'static,
    X: From<DynSender>,
    Y: From<DynReceiver>,
{
    let (spec, script) = (book.spec(), script?);
    let play = Play { script, end: End::of(book), method };
    let (near, far) = tokio::io::duplex(ROOM);
    let stage = Stage { spec, play: Mutex::new(Some(play)) };
    Connection::start(far, "the caller of a double", Limits::default(), spec, |_| stage);
    let handle = driver::connect(near, "a double".into(), Limits::default());
    let found = ServiceInfo { endpoints: Vec::new(), version: spec.version, graph: spec.graph() };
    let table = Table::new(Some(spec), &found, Compatibility::Unchecked)?;
    let link = Link { handle, table, service: spec.name.into() };
    let bound = link.table.select(Selector::Place(method))?;
    let args = Encoded { buf: args.into(), segments: Vec::new() };
    let request = Request { args: &args, options: &Options::default(), waker: Waker::noop() };
    match link.session(&bound, request)? {
        Attempt::Sent((tx, rx)) => Ok(Duplex { tx: tx.into(), rx: rx.into() }),
        Attempt::Full(_) | Attempt::Ended => Err(Error::disconnected("the double has no room")),
    }
}

/// Serves one session.
struct Stage<R, S> {
    spec: &'static ServiceSpec,
    play: Mutex<Option<Play<R, S>>>,
}

/// What is to be played.
struct Play<R, S> {
    script: Script<R, S>,
    end: End,
    method: usize,
}

/// Dropped when a script has come to its end.
struct End(Weak<Book>);

impl End {
    fn of(book: &Arc<Book>) -> Self {
        book.playing().send_modify(|count| *count += 1);
        Self(Arc::downgrade(book))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(book) = self.0.upgrade() {
            book.playing().send_modify(|count| *count -= 1);
        }
    }
}

impl<R, S> Dispatch for Stage<R, S>
where
    R: From<DynReceiver> + Send + 'static,
    S: From<DynSender> + Send + 'static,
{
    fn spec(&self) -> &'static ServiceSpec {
        self.spec
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<R, S> {
        let play = self.play.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            let (_, reply) = call.split();
            let Some(Play { script, end, method }) = play else {
                return reply.unknown();
            };
            let (halves, outcome) = reply.session();
            let (input, output) = halves.open();
            outcome.settle(watched(script(input, output), &end.0, method).await);
        }
    }
}

/// Runs a script, and has the double tell of its panic: the task in which it runs keeps it to itself.
async fn watched(mut playing: Playing, book: &Weak<Book>, method: usize) -> Result<()> {
    let polled = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| playing.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    polled.await.unwrap_or_else(|panic| {
        if let Some(book) = book.upgrade() {
            let (service, method) = (book.spec().name, book.method(method));
            book.fault(format!("the script of {service}.{method} panicked: {}", panic_text(&*panic)));
        }
        resume_unwind(panic)
    })
}
