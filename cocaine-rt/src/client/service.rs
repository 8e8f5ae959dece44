//! A service by its name: resolves, connects, calls, and reconnects when its connection has ended.

use std::{
    fmt,
    future::{Future, poll_fn},
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    task::yield_now,
    time::{timeout, timeout_at},
};

use crate::{
    client::{
        clock,
        cloud::Cloud,
        methods::{BoundMethod, Selector},
        reconnect::ReconnectingService,
        service_connection::{Options, PendingReply, Request, SendAttempt, ServiceConnection},
    },
    connection::{
        channel::{decode_service_error, with_deadline},
        dyn_receiver::DynReceiver,
        dyn_sender::DynSender,
        guard::Guard,
        halves::{Duplex, Receiver, StreamChannel},
        mux::message::Message,
    },
    protocol::{
        error::{Error, ErrorKind, Result},
        graph::{Graph, VALUE},
        spec::ServiceSpec,
    },
    wire::{
        bytes::Bytes,
        decode::{self, EscapedTexts},
        encode::{self, Encoded},
        scratch::Scratch,
    },
};

/// A service of the cloud, called by the names of its methods.
///
/// Cloning is cheap, and clones share one connection. One that ends fails the calls in flight; the next call
/// resolves the name again and connects again. A connection on which nothing has arrived since a call was sent that has
/// missed its deadline is not used for further calls. An endpoint that fails is tried again after a pause of 50 ms to 2 s,
/// which all services of a client share. Nothing is ever sent twice.
///
/// Each runtime that calls a service has a connection of its own, so that a service, or a client, in a `static` outlives
/// the runtimes of tests.
#[derive(Clone)]
pub struct Service {
    shared: Arc<ReconnectingService>,
    pub(super) options: Options,
}

impl Service {
    /// Returns the service `name`, not connected yet.
    pub(crate) fn new(
        cloud: Arc<Cloud>,
        name: &str,
        spec: Option<&'static ServiceSpec>,
        options: Options,
    ) -> Self {
        Self { shared: Arc::new(ReconnectingService::new(cloud, name, spec)), options }
    }

    /// Returns a connected service of a cloud that does not answer.
    #[cfg(test)]
    pub(crate) fn with_connection(connection: &Arc<ServiceConnection>) -> Self {
        let locators = crate::client::address::Address::parse_list("127.0.0.1:1").unwrap_or_default();
        let cloud = Cloud::new(
            locators,
            crate::client::methods::Compatibility::default(),
            crate::protocol::limits::Limits::default(),
            crate::protocol::memory::MemoryBudget::unlimited(),
            crate::client::cloud::CloudTimeouts::default(),
        );
        let service = Self::new(Arc::new(cloud), &connection.service, None, Options::default());
        service.shared.connections.insert(connection);
        service
    }

    /// Returns the connection that the service has.
    #[cfg(test)]
    pub(crate) fn current_connection(&self) -> Arc<ServiceConnection> {
        self.shared.connections.usable().expect("the service is connected")
    }

    /// Replaces the connection by the one of another service.
    #[cfg(test)]
    pub(crate) fn replace_connection(&self, other: &Self) {
        self.shared.connections.insert(&other.current_connection());
    }

    /// Returns the name under which the service is resolved.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Returns the same service with another deadline for each call; it is kept by this side, and sent along with
    /// `enqueue` as `request_timeout` (`protocol.md` 5.3).
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { shared: self.shared.clone(), options: self.options.with_deadline(deadline) }
    }

    /// Returns the same service with a header on each call, after those that it has.
    #[must_use]
    pub fn with_header(&self, name: &str, value: impl Into<Bytes>) -> Self {
        Self { shared: self.shared.clone(), options: self.options.with_header(name, value.into()) }
    }

    /// Returns the methods that the service announces; connects first if needed.
    pub async fn graph(&self) -> Result<Graph> {
        Ok(self.connection().await?.table.graph().clone())
    }

    /// Returns the address of the connected endpoint, if there is one.
    pub fn endpoint(&self) -> Option<Arc<str>> {
        self.shared.connections.usable().map(|connection| connection.handle.peer().clone())
    }

    /// Calls a method that answers once, and returns the answer as `R`: a tuple takes all its values, anything else
    /// the first.
    pub async fn call<'m, A, R>(&self, method: impl Into<Selector<'m>>, args: A) -> Result<R>
    where
        A: Serialize + Send,
        R: DeserializeOwned,
    {
        let method = method.into();
        let args = self.encode(method, args)?;
        let message = if self.options.has_short_deadline() {
            Box::pin(self.call_within_deadline(method, args)).await?
        } else {
            self.send_and_wait(method, args).await?
        };
        self.decode_reply(method, &message)
    }

    /// Calls a method that never answers; returns once the call is queued.
    pub async fn send<'m, A>(&self, method: impl Into<Selector<'m>>, args: A) -> Result<()>
    where
        A: Serialize + Send,
    {
        let method = method.into();
        let args = self.encode(method, args)?;
        self.send_request(method, &args, ServiceConnection::send).await
    }

    /// Calls a method that answers with a stream. The arguments are encoded at once; the call is made now if the
    /// service is connected, and otherwise when the stream is first read.
    pub fn stream<'m, A, T>(&self, method: impl Into<Selector<'m>>, args: A) -> Receiver<T>
    where
        A: Serialize,
    {
        let method = method.into();
        let args = match self.encode(method, args) {
            Ok(args) => args,
            Err(error) => return Receiver::failed(error),
        };
        match self.try_send(method, &args, Waker::noop(), ServiceConnection::open_stream) {
            Ok(SendAttempt::Sent(reading)) => reading.into(),
            Ok(_) => Receiver::from_open_future(self.clone().open_stream(method, args)),
            Err(error) => Receiver::failed(error),
        }
    }

    /// Opens a session: a channel on which this side sends messages too.
    pub async fn open<'m, A, S, R>(&self, method: impl Into<Selector<'m>>, args: A) -> Result<Duplex<S, R>>
    where
        A: Serialize + Send,
        S: From<DynSender>,
        R: From<DynReceiver>,
    {
        let method = method.into();
        let args = self.encode(method, args)?;
        let (tx, rx) = self.send_request(method, &args, ServiceConnection::open_session).await?;
        Ok(Duplex { tx: tx.into(), rx: rx.into() })
    }

    /// Returns once everything queued has been handed to the operating system, within the deadline: [`Service::send`] only
    /// queues. This covers every connection that the service has in this runtime, also one that takes no further calls.
    ///
    /// # Errors
    ///
    /// `ErrorKind::Deadline` if the peer does not read, and the error of a connection that has ended before all was written.
    pub async fn flush(&self) -> Result<()> {
        let deadline = self.options.deadline;
        let ends = clock::after(deadline);
        for connection in self.shared.connections.all() {
            let flushed = poll_fn(|cx| connection.with(|mux| mux.poll_flushed(cx.waker())));
            let flushed = timeout_at(ends, flushed).await;
            flushed.unwrap_or_else(|_| Err(Error::new(ErrorKind::Deadline(deadline)))).map_err(|error| {
                error.with_context(Some(&self.shared.name), None, Some(connection.peer()))
            })?;
        }
        Ok(())
    }

    #[inline]
    fn encode<A: Serialize>(&self, method: Selector<'_>, args: A) -> Result<Scratch> {
        let mut scratch = Scratch::take();
        encode::args(&args, &mut scratch)
            .map_err(|error| self.add_context(Error::from_encode(error), method))?;
        Ok(scratch)
    }

    /// Sends a call and waits for its reply. The connection enforces the deadline once the call is sent; before that, a
    /// timer does.
    async fn send_and_wait(&self, method: Selector<'_>, args: Scratch) -> Result<Message> {
        let attempt =
            poll_fn(|cx| Poll::Ready(self.try_send(method, &args, cx.waker(), ServiceConnection::call)));
        let SendAttempt::Sent(pending) = attempt.await? else {
            return Box::pin(self.call_within_deadline(method, args)).await;
        };
        drop(args);
        self.wait_for_reply(method, pending).await
    }

    /// Connects, waits for room, sends the call and waits for its reply, until a timer ends.
    async fn call_within_deadline(&self, method: Selector<'_>, args: Scratch) -> Result<Message> {
        let ends = clock::after(self.options.deadline);
        let mut pending = self.send_request(method, &args, ServiceConnection::call).await?;
        drop(args);
        if let Ok(reply) = timeout_at(ends, &mut pending).await {
            reply.map_err(|error| self.complete(error, method))
        } else {
            // The connection reads first what came while this thread was busy.
            yield_now().await;
            let error = self.deadline_error(method);
            pending.check_silence();
            Err(error)
        }
    }

    async fn wait_for_reply(&self, method: Selector<'_>, pending: PendingReply) -> Result<Message> {
        pending.await.map_err(|error| self.complete(error, method))
    }

    /// Adds what the connection does not know to the error of a call: the deadline, the service and the method.
    fn complete(&self, error: Error, method: Selector<'_>) -> Error {
        self.add_context(with_deadline(error, self.options.deadline), method)
    }

    #[inline]
    fn decode_reply<R: DeserializeOwned>(&self, method: Selector<'_>, message: &Message) -> Result<R> {
        if message.kind != VALUE {
            let error = decode_service_error(message);
            if let Some(connection) = self.shared.connections.usable() {
                connection.handle.check_app_stopped(&error);
            }
            return Err(self.add_context(error, method));
        }
        let texts = EscapedTexts::default();
        decode::args_within(&message.args, self.shared.max_decoded_bytes(), &texts)
            .map(|(reply, _)| reply)
            .map_err(|malformed| self.add_context(Error::from_decode(malformed), method))
    }

    /// Connects the service and opens a stream.
    fn open_stream(
        self,
        method: Selector<'_>,
        args: Scratch,
    ) -> impl Future<Output = Result<StreamChannel>> + Send + Sync + 'static + use<> {
        let (index, name) = match method {
            Selector::Index(index) => (index, None),
            Selector::Name(name) => (0, Some(name.to_owned())),
            Selector::Event(event) => (0, Some(event.name().to_owned())),
        };
        async move {
            let method = name.as_deref().map_or(Selector::Index(index), Selector::Name);
            self.send_request(method, &args, ServiceConnection::open_stream).await
        }
    }

    /// Sends a request, connecting and waiting for room as needed, within the deadline.
    pub(super) async fn send_request<T>(
        &self,
        method: Selector<'_>,
        args: &Encoded,
        send: impl Fn(&ServiceConnection, &BoundMethod, Request<'_>) -> Result<SendAttempt<T>> + Send + Sync,
    ) -> Result<T> {
        let mut ends = None;
        loop {
            let attempt = poll_fn(|cx| Poll::Ready(self.try_send(method, args, cx.waker(), &send)));
            let attempt = attempt.await?;
            let mut ends = || *ends.get_or_insert_with(|| clock::after(self.options.deadline));
            match attempt {
                SendAttempt::Sent(value) => return Ok(value),
                SendAttempt::Full(handle) => {
                    let receptions = handle.receptions();
                    let room = poll_fn(|cx| handle.with(|mux| mux.poll_room(cx.waker())));
                    if timeout_at(ends(), room).await.is_err() {
                        let error = self.deadline_error(method);
                        handle.check_silence(receptions);
                        return Err(error);
                    }
                }
                SendAttempt::Closed => {
                    let connected = Box::pin(timeout_at(ends(), self.connection())).await;
                    let connected = connected.map_err(|_| self.deadline_error(method))?;
                    drop(connected.map_err(|error| self.add_context(error, method))?);
                }
            }
        }
    }

    #[inline]
    pub(super) fn try_send<T>(
        &self,
        method: Selector<'_>,
        args: &Encoded,
        waker: &Waker,
        send: impl Fn(&ServiceConnection, &BoundMethod, Request<'_>) -> Result<SendAttempt<T>>,
    ) -> Result<SendAttempt<T>> {
        self.shared.connections.with(|connection| {
            let Some(connection) = connection else { return Ok(SendAttempt::Closed) };
            let request = Request { args, options: &self.options, waker, event: None };
            connection
                .table
                .select(method)
                .and_then(|bound| send(connection, &bound, request))
                .map_err(|error| self.add_context(error, method))
        })
    }

    /// Returns the connection, made within the deadline if there is none.
    pub(crate) async fn connection(&self) -> Result<Arc<ServiceConnection>> {
        let deadline = self.options.deadline;
        let connected = timeout(deadline, self.shared.connect(deadline)).await;
        connected.unwrap_or_else(|_| Err(Error::new(ErrorKind::Deadline(deadline))))
    }

    pub(super) fn deadline_error(&self, method: Selector<'_>) -> Error {
        self.add_context(Error::new(ErrorKind::Deadline(self.options.deadline)), method)
    }

    /// Adds the service, the method and the endpoint to an error.
    pub(super) fn add_context(&self, error: Error, method: Selector<'_>) -> Error {
        let method = match method {
            Selector::Name(name) => Some(name),
            Selector::Event(event) => Some(event.name()),
            Selector::Index(index) => {
                self.shared.spec.and_then(|spec| spec.methods.get(index)).map(|method| method.name)
            }
        };
        error.with_context(Some(&self.shared.name), method, self.endpoint().as_ref())
    }
}

impl Guard {
    /// Calls a method whose answer grants a resource, for generated code. Dropping the guard releases the resource.
    ///
    /// Waiting is unlimited, unless a deadline was set ([`Service::with_deadline`]).
    #[doc(hidden)]
    pub async fn acquire<'m, A>(service: &Service, method: impl Into<Selector<'m>>, args: A) -> Result<Self>
    where
        A: Serialize + Send,
    {
        let method = method.into();
        let guard = Self::from_stream(service.stream(method, args));
        if !service.options.is_deadline_set {
            return guard.await;
        }
        timeout(service.options.deadline, guard).await.unwrap_or_else(|_| Err(service.deadline_error(method)))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.shared.name).finish_non_exhaustive()
    }
}
