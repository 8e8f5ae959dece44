//! A service by its name: resolved, connected, and connected again when its connection has ended.

use std::{
    fmt,
    future::{Future, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::timeout};

use crate::{
    client::{
        backoff::Backoff,
        cloud::Cloud,
        connection::{Attempt, Link, Options, Pending, Request},
        methods::{Bound, Selector, Table},
    },
    connection::{
        channel::{DynReceiver, DynSender, answered, deadline},
        guard::Guard,
        halves::{Duplex, Reading, Receiver},
        mux::message::Message,
    },
    protocol::{
        error::{Error, ErrorKind, Result},
        graph::{Graph, VALUE},
        spec::ServiceSpec,
    },
    wire::{
        bytes::Bytes,
        decode,
        encode::{self, Encoded},
        scratch::Scratch,
    },
};

/// A service of the cloud, called by the names of its methods.
///
/// Cloning is cheap, and clones share one connection. A connection that ends fails the calls in flight; the next call
/// resolves the name again and connects again, waiting longer after each failure (50 ms to 2 s). Nothing is ever sent
/// twice.
#[derive(Clone)]
pub struct Service {
    shared: Arc<Shared>,
    options: Options,
}

struct Shared {
    name: Arc<str>,
    spec: Option<&'static ServiceSpec>,
    cloud: Arc<Cloud>,
    link: ArcSwapOption<Link>,
    connecting: Mutex<Connecting>,
    /// Attempts to connect that have failed.
    failures: AtomicU64,
}

/// What whoever connects has to know of earlier attempts.
#[derive(Default)]
struct Connecting {
    backoff: Backoff,
    failure: Option<Error>,
}

impl Service {
    /// Returns the service `name`, not connected yet.
    pub(crate) fn new(
        cloud: Arc<Cloud>,
        name: &str,
        spec: Option<&'static ServiceSpec>,
        options: Options,
    ) -> Self {
        let link = ArcSwapOption::empty();
        let (connecting, failures) = (Mutex::default(), AtomicU64::new(0));
        Self {
            shared: Arc::new(Shared { name: name.into(), spec, cloud, link, connecting, failures }),
            options,
        }
    }

    /// Returns a service that is connected already, in a cloud that does not answer.
    #[cfg(test)]
    pub(crate) fn over(link: Arc<Link>) -> Self {
        let nowhere = crate::client::address::Address::list("127.0.0.1:1").unwrap_or_default();
        let cloud = Cloud::new(
            nowhere,
            crate::client::methods::Compatibility::default(),
            crate::protocol::limits::Limits::default(),
            crate::client::cloud::Timeouts::default(),
        );
        let service = Self::new(Arc::new(cloud), &link.service, None, Options::default());
        service.shared.link.store(Some(link));
        service
    }

    /// Returns the connection that the service has.
    #[cfg(test)]
    pub(crate) fn connected_link(&self) -> Arc<Link> {
        self.shared.link.load_full().expect("the service is connected")
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

    /// Returns the methods that the service announces, connecting first if need be.
    pub async fn graph(&self) -> Result<Graph> {
        Ok(self.link().await?.table.graph().clone())
    }

    /// Returns the address of the endpoint that is connected, if one is.
    pub fn endpoint(&self) -> Option<Arc<str>> {
        self.shared.live().map(|link| link.handle.peer().clone())
    }

    /// Calls a method that answers once, and returns the answer as `R`: a tuple takes all its values, anything else
    /// the first.
    pub async fn call<A, R>(&self, method: &str, args: A) -> Result<R>
    where
        A: Serialize + Send,
        R: DeserializeOwned,
    {
        self.unary(method, args).await
    }

    /// Calls a method that never answers; returns once the call is queued.
    pub async fn send<A>(&self, method: &str, args: A) -> Result<()>
    where
        A: Serialize + Send,
    {
        self.mute(method, args).await
    }

    /// Does what [`Service::call`] does, for generated code.
    #[doc(hidden)]
    pub async fn unary<'m, A, R>(&self, method: impl Into<Selector<'m>>, args: A) -> Result<R>
    where
        A: Serialize + Send,
        R: DeserializeOwned,
    {
        let method = method.into();
        let args = self.encode(method, args)?;
        let message = if self.options.is_short() {
            Box::pin(self.in_time(method, args)).await?
        } else {
            self.exchange(method, args).await?
        };
        self.read(method, &message)
    }

    /// Does what [`Service::send`] does, for generated code.
    #[doc(hidden)]
    pub async fn mute<'m, A>(&self, method: impl Into<Selector<'m>>, args: A) -> Result<()>
    where
        A: Serialize + Send,
    {
        let method = method.into();
        let args = self.encode(method, args)?;
        self.send_request(method, args, Link::mute).await
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
        match self.attempt(method, &args, Waker::noop(), Link::stream) {
            Ok(Attempt::Sent(reading)) => reading.into(),
            Ok(_) => Receiver::opening(self.clone().open_later(method, args)),
            Err(error) => Receiver::failed(error),
        }
    }

    /// Calls a method whose answer grants a resource, for generated code. Dropping the guard releases the resource.
    ///
    /// Waiting is unlimited, unless a deadline was set ([`Service::with_deadline`]).
    #[doc(hidden)]
    pub async fn hold<'m, A>(&self, method: impl Into<Selector<'m>>, args: A) -> Result<Guard>
    where
        A: Serialize + Send,
    {
        let method = method.into();
        let held = Guard::by(self.stream(method, args));
        if !self.options.chosen {
            return held.await;
        }
        timeout(self.options.deadline, held).await.unwrap_or_else(|_| Err(self.late(method)))
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
        let (tx, rx) = self.send_request(method, args, Link::session).await?;
        Ok(Duplex { tx: tx.into(), rx: rx.into() })
    }

    /// Returns once everything that was queued is with the operating system; mute calls are only queued.
    pub async fn flush(&self) -> Result<()> {
        let Some(link) = self.shared.live() else { return Ok(()) };
        let flushed = poll_fn(|cx| link.handle.with(|mux| mux.poll_flushed(cx.waker()))).await;
        flushed.map_err(|error| link.blame(error, None))
    }

    #[inline]
    fn encode<A: Serialize>(&self, method: Selector<'_>, args: A) -> Result<Scratch> {
        let mut scratch = Scratch::take();
        encode::args(&args, &mut scratch).map_err(|error| self.blame(Error::from_encode(error), method))?;
        Ok(scratch)
    }

    /// Sends a call and waits for its answer; the connection keeps the deadline, unless it has to be waited for.
    async fn exchange(&self, method: Selector<'_>, args: Scratch) -> Result<Message> {
        let attempt = poll_fn(|cx| Poll::Ready(self.attempt(method, &args, cx.waker(), Link::call)));
        let Attempt::Sent(pending) = attempt.await? else {
            return Box::pin(self.in_time(method, args)).await;
        };
        drop(args);
        self.answer(method, pending).await
    }

    /// Connects, waits for room, sends and waits for the answer, all within the deadline.
    async fn in_time(&self, method: Selector<'_>, args: Scratch) -> Result<Message> {
        let exchange = async {
            let pending = self.send_request(method, args, Link::call).await?;
            self.answer(method, pending).await
        };
        timeout(self.options.deadline, exchange).await.unwrap_or_else(|_| Err(self.late(method)))
    }

    async fn answer(&self, method: Selector<'_>, pending: Pending) -> Result<Message> {
        pending.await.map_err(|error| self.blame(deadline(error, self.options.deadline), method))
    }

    #[inline]
    fn read<R: DeserializeOwned>(&self, method: Selector<'_>, message: &Message) -> Result<R> {
        if message.kind != VALUE {
            let error = answered(message);
            if let Some(link) = self.shared.live() {
                link.handle.heed(&error);
            }
            return Err(self.blame(error, method));
        }
        decode::args(&message.args).map_err(|malformed| self.blame(Error::from_decode(malformed), method))
    }

    /// Opens a stream once the service is connected.
    fn open_later(
        self,
        method: Selector<'_>,
        args: Scratch,
    ) -> impl Future<Output = Result<Reading>> + Send + Sync + 'static + use<> {
        let (place, name) = match method {
            Selector::Place(place) => (place, None),
            Selector::Name(name) => (0, Some(name.to_owned())),
        };
        async move {
            let method = name.as_deref().map_or(Selector::Place(place), Selector::Name);
            self.send_request(method, args, Link::stream).await
        }
    }

    /// Sends until it is sent, connecting and waiting for room as needed.
    async fn send_request<T>(
        &self,
        method: Selector<'_>,
        args: Scratch,
        act: impl Fn(&Link, &Bound, Request<'_>) -> Result<Attempt<T>> + Send + Sync,
    ) -> Result<T> {
        loop {
            let attempt = poll_fn(|cx| Poll::Ready(self.attempt(method, &args, cx.waker(), &act)));
            match attempt.await? {
                Attempt::Sent(sent) => return Ok(sent),
                Attempt::Full(handle) => poll_fn(|cx| handle.with(|mux| mux.poll_room(cx.waker()))).await,
                Attempt::Ended => drop(self.link().await.map_err(|error| self.blame(error, method))?),
            }
        }
    }

    #[inline]
    fn attempt<T>(
        &self,
        method: Selector<'_>,
        args: &Encoded,
        waker: &Waker,
        act: impl Fn(&Link, &Bound, Request<'_>) -> Result<Attempt<T>>,
    ) -> Result<Attempt<T>> {
        let link = self.shared.link.load();
        let Some(link) = link.as_ref().filter(|link| !link.handle.is_outdated()) else {
            return Ok(Attempt::Ended);
        };
        let request = Request { args, options: &self.options, waker };
        link.table
            .select(method)
            .and_then(|bound| act(link, &bound, request))
            .map_err(|error| self.blame(error, method))
    }

    /// Returns the live connection, made within the deadline if there is none.
    pub(crate) async fn link(&self) -> Result<Arc<Link>> {
        let connected = timeout(self.options.deadline, self.shared.connect()).await;
        connected.unwrap_or_else(|_| Err(Error::new(ErrorKind::Deadline(self.options.deadline))))
    }

    fn late(&self, method: Selector<'_>) -> Error {
        self.blame(Error::new(ErrorKind::Deadline(self.options.deadline)), method)
    }

    /// Names the service, the method and the endpoint of an error.
    fn blame(&self, error: Error, method: Selector<'_>) -> Error {
        let method = match method {
            Selector::Name(name) => Some(name),
            Selector::Place(place) => {
                self.shared.spec.and_then(|spec| spec.methods.get(place)).map(|method| method.name)
            }
        };
        error.at(Some(&self.shared.name), method, self.endpoint().as_ref())
    }
}

impl Shared {
    fn live(&self) -> Option<Arc<Link>> {
        self.link.load_full().filter(|link| link.handle.is_usable())
    }

    /// Returns the live connection; one caller at a time makes a new one, and those who waited for it share its failure.
    async fn connect(&self) -> Result<Arc<Link>> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut connecting = self.connecting.lock().await;
        if let Some(link) = self.live() {
            return Ok(link);
        }
        if let (Some(error), true) = (&connecting.failure, self.failures.load(Ordering::Acquire) > failures) {
            return Err(error.clone());
        }
        connecting.backoff.lost();
        connecting.backoff.wait().await;
        match self.establish().await {
            Ok(link) => {
                connecting.backoff.succeeded();
                self.link.store(Some(link.clone()));
                Ok(link)
            }
            Err(error) => {
                connecting.backoff.failed();
                connecting.failure = Some(error.clone());
                self.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }

    async fn establish(&self) -> Result<Arc<Link>> {
        let resolved = self.cloud.resolve(&self.name, None).await?;
        let handle = self.cloud.connect(&resolved.endpoints).await?;
        let table = Table::new(self.spec, &resolved, self.cloud.compatibility())
            .map_err(|error| error.at(Some(&self.name), None, Some(handle.peer())))?;
        tracing::debug!(service = %self.name, endpoint = %handle.peer(), "connected");
        let link = Link { handle, table, service: self.name.clone() };
        self.cloud.compare(self.spec, resolved.version, &link);
        Ok(Arc::new(link))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

/// What generated clients are: bindings around a [`Service`].
pub trait ServiceClient: Sized + Send {
    /// What the bindings were written against.
    const SPEC: &'static ServiceSpec;

    /// Returns the bindings of a service.
    fn from_service(service: Service) -> Self;

    /// Returns the untyped service.
    fn service(&self) -> &Service;

    /// Returns the same client with another deadline for each call ([`Service::with_deadline`]).
    #[must_use]
    fn with_deadline(&self, deadline: Duration) -> Self {
        Self::from_service(self.service().with_deadline(deadline))
    }

    /// Returns the same client with a header on each call ([`Service::with_header`]).
    #[must_use]
    fn with_header(&self, name: &str, value: impl Into<Bytes>) -> Self {
        Self::from_service(self.service().with_header(name, value))
    }
}
