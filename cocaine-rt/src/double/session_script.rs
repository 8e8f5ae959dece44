//! The server side of a session: a script at the other end of an in-memory connection.

use std::{
    fmt,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Poll, Waker},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{ItemStream, expectations::Expectations};
use crate::{
    client::{
        event::halves::{EventReceiver, EventSender},
        methods::{Compatibility, MethodTable, Selector},
        service_connection::{Options, Request, SendAttempt, ServiceConnection},
    },
    connection::{
        driver,
        dyn_receiver::DynReceiver,
        dyn_sender::DynSender,
        halves::{Duplex, Receiver, Sender},
    },
    protocol::{
        endpoint::ServiceInfo,
        error::{Error, Result},
        limits::Limits,
        memory::MemoryBudget,
        panic::panic_text,
        spec::ServiceSpec,
    },
    server::{Call, Connection, Dispatch, send_items},
    wire::encode::Encoded,
};

type ScriptFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;
type ScriptFn<R, S> = Box<dyn FnOnce(R, S) -> ScriptFuture + Send>;

/// The script of a session: `R` is the half that receives from the caller, `S` the half that sends to it.
///
/// It runs until it returns or the runtime ends. An `Err` closes the connection, like that of a server's handler. [`super::Double::wait_for_scripts`] waits for scripts to end, and [`super::Double::verify`] reports their panics.
pub struct SessionScript<R, S>(Result<ScriptFn<R, S>>);

impl<R, S> SessionScript<R, S> {
    /// Creates a session that runs `script`.
    pub fn new<F>(script: impl FnOnce(R, S) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self(Ok(Box::new(move |input, output| Box::pin(script(input, output)))))
    }

    /// Creates a session that fails to open.
    pub fn failed(error: Error) -> Self {
        Self(Err(error))
    }
}

impl<I, T> SessionScript<Receiver<I>, Sender<T>>
where
    I: DeserializeOwned + Send + 'static,
    T: Serialize + Send + 'static,
{
    /// Creates a session that sends a stream and discards the items of the caller.
    pub fn streaming(items: ItemStream<T>) -> Self {
        Self::new(move |mut input: Receiver<I>, output| async move {
            let read = async { while input.recv().await.is_some() {} };
            tokio::join!(send_items(items, output), read).0
        })
    }
}

impl<I, T> SessionScript<EventReceiver<I>, EventSender<T>>
where
    I: DeserializeOwned + Send + 'static,
    T: Serialize + Send + 'static,
{
    /// Creates a session that discards the chunks of the caller, and then sends `items`.
    pub(super) fn answering(items: Vec<T>) -> Self {
        Self::new(move |mut input: EventReceiver<I>, mut output: EventSender<T>| async move {
            while input.recv().await.is_some() {}
            for item in items {
                output.send(item).await?;
            }
            output.finish()
        })
    }
}

impl<R, S> fmt::Debug for SessionScript<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionScript")
    }
}

/// The capacity of the in-memory connection, in bytes.
const BUFFER_SIZE: usize = 64 << 10;

/// Opens a session with a script.
pub(super) fn open_session<R, S, X, Y>(
    expectations: &Arc<Expectations>,
    method: usize,
    args: bytes::Bytes,
    SessionScript(script): SessionScript<R, S>,
) -> Result<Duplex<X, Y>>
where
    R: From<DynReceiver> + Send + 'static,
    S: From<DynSender> + Send + 'static,
    X: From<DynSender>,
    Y: From<DynReceiver>,
{
    let (spec, script) = (expectations.spec(), script?);
    let pending = PendingScript { script, guard: ScriptGuard::new(expectations), method };
    let (client, server_io) = tokio::io::duplex(BUFFER_SIZE);
    let server = SessionServer { spec, pending: Mutex::new(Some(pending)) };
    let (limits, memory) = (Limits::default(), MemoryBudget::unlimited());
    Connection::start(server_io, "the caller of a double", limits, memory.clone(), spec, |_| server);
    let handle = driver::connect(client, "a double".into(), limits, memory);
    let info = ServiceInfo { endpoints: Vec::new(), version: spec.version, graph: spec.graph() };
    let table = MethodTable::new(Some(spec), &info, Compatibility::Unchecked)?;
    let connection = ServiceConnection { handle, table, service: spec.name.into() };
    let bound = connection.table.select(Selector::Index(method))?;
    let args = Encoded { buf: args.into(), segments: Vec::new() };
    let request = Request { args: &args, options: &Options::default(), waker: Waker::noop(), event: None };
    match connection.open_session(&bound, request)? {
        SendAttempt::Sent((tx, rx)) => Ok(Duplex { tx: tx.into(), rx: rx.into() }),
        SendAttempt::Full(_) | SendAttempt::Closed => {
            Err(Error::disconnected("the connection to the double cannot accept the call"))
        }
    }
}

/// Serves one session.
struct SessionServer<R, S> {
    spec: &'static ServiceSpec,
    pending: Mutex<Option<PendingScript<R, S>>>,
}

/// A script that has not been started.
struct PendingScript<R, S> {
    script: ScriptFn<R, S>,
    guard: ScriptGuard,
    method: usize,
}

/// Counts a script as running until it is dropped.
struct ScriptGuard(Weak<Expectations>);

impl ScriptGuard {
    fn new(expectations: &Arc<Expectations>) -> Self {
        expectations.running_scripts().send_modify(|count| *count += 1);
        Self(Arc::downgrade(expectations))
    }
}

impl Drop for ScriptGuard {
    fn drop(&mut self) {
        if let Some(expectations) = self.0.upgrade() {
            expectations.running_scripts().send_modify(|count| *count -= 1);
        }
    }
}

impl<R, S> Dispatch for SessionServer<R, S>
where
    R: From<DynReceiver> + Send + 'static,
    S: From<DynSender> + Send + 'static,
{
    fn spec(&self) -> &'static ServiceSpec {
        self.spec
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<R, S> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            let (_, reply) = call.split();
            let Some(PendingScript { script, guard, method }) = pending else {
                return reply.unknown();
            };
            let (halves, outcome) = reply.session();
            let (input, output) = halves.open();
            outcome.settle(run_script(script(input, output), &guard.0, method).await);
        }
    }
}

/// Runs a script and records its panic in the double, since the task would hide it from the test.
async fn run_script(
    mut future: ScriptFuture,
    expectations: &Weak<Expectations>,
    method: usize,
) -> Result<()> {
    let run = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    run.await.unwrap_or_else(|panic| {
        if let Some(expectations) = expectations.upgrade() {
            let (service, method) = (expectations.spec().name, expectations.method_name(method));
            expectations.record_failure(format!(
                "the script of {service}.{method} panicked: {}",
                panic_text(&*panic)
            ));
        }
        resume_unwind(panic)
    })
}
