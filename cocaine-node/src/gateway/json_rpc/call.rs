//! A call for JSON-RPC: the messages that are sent, and those that are received.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cocaine::{
    Args, Bytes, Code, Duplex, DynReceiver, DynSender, MemoryBudget, MemoryReservation, Receiver, Service,
    Value,
    graph::{CallKind, Method, Tree, TreeShape},
};

use serde::{Serialize, Serializer, ser::SerializeTuple};

use super::{
    error::RpcError,
    request::{ResultForm, RpcMessage, RpcRequest},
};
use crate::gateway::{
    access::{AccessPolicy, Role, is_app},
    routing::{
        event_call::Retries,
        lease_pool::{LeasePool, ServiceLease},
    },
};

/// Limits the memory of all results of one HTTP request.
#[derive(Debug)]
pub(super) struct ResultBudget {
    limit: usize,
    used: Mutex<UsedMemory>,
}

#[derive(Debug)]
struct UsedMemory {
    bytes: usize,
    /// What is counted for them in the budget of the process.
    counted: MemoryReservation,
}

impl ResultBudget {
    pub(super) fn new(limit: usize, memory: &MemoryBudget) -> Self {
        Self { limit, used: Mutex::new(UsedMemory { bytes: 0, counted: memory.charge(0) }) }
    }

    /// Returns how many bytes all results may take.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    fn reserve(&self, args: &[Value]) -> Result<(), RpcError> {
        self.reserve_bytes(args.iter().map(memory_size).sum())
    }

    /// Reserves memory for a part of a result.
    ///
    /// # Errors
    /// The results are too long, or memory is scarce.
    pub(super) fn reserve_bytes(&self, size: usize) -> Result<(), RpcError> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.bytes = used.bytes.saturating_add(size);
        let bytes = used.bytes;
        if bytes > self.limit {
            return Err(RpcError::result_too_long(self.limit));
        }
        if used.counted.try_count(bytes) { Ok(()) } else { Err(RpcError::no_memory(bytes)) }
    }
}

/// Returns the approximate size of a value in memory.
fn memory_size(value: &Value) -> usize {
    let content = match value {
        Value::Raw(raw) => raw.len(),
        Value::Array(items) => items.iter().map(memory_size).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| memory_size(key) + memory_size(value)).sum(),
        _ => 0,
    };
    content + size_of::<Value>()
}

/// A call of a service.
pub(super) struct RpcCall<'a> {
    /// The name of the service.
    pub(super) name: &'a str,
    pub(super) pool: &'a LeasePool,
    pub(super) access: &'a AccessPolicy,
    pub(super) role: Role,
    /// Headers of the call.
    pub(super) headers: Vec<(&'a str, Bytes)>,
    /// How long a method with a single answer may take.
    pub(super) timeout: Duration,
    pub(super) budget: &'a ResultBudget,
}

impl<'a> RpcCall<'a> {
    /// Calls the method and returns its result, in the form of the request. A call that an app has certainly not accepted
    /// is made again.
    ///
    /// # Errors
    /// An unknown method, chunks that it does not accept, and a call that fails. An error of the service is a result if
    /// the request asks for events.
    pub(super) async fn run(
        &self,
        request: &RpcRequest,
        mut retries: Retries<'_>,
    ) -> Result<Value, RpcError> {
        loop {
            let lease = self.lease().await?;
            let service = lease.service();
            let graph = service.graph().await.map_err(|error| RpcError::not_connected(&error))?;
            let RpcRequest { service: name, method, .. } = request;
            if !self.access.allows_call(self.role, name, &graph, method) {
                return Err(RpcError::not_allowed(name, method));
            }
            let Some(method) = graph.method(method) else {
                let names: Vec<_> = graph.methods().map(|method| &*method.name).collect();
                return Err(RpcError::method_not_found(name, &names.join(", ")));
            };
            let received = self.call(&self.with_headers(service), method, request).await?;
            lease.release();
            if let Some(error) = received.refusal()
                && retries.wait_to_retry(&error).await
            {
                continue;
            }
            return match request.form {
                ResultForm::Values => received.into_values(method.upstream.shape()),
                ResultForm::Events => Ok(received.into_events()),
            };
        }
    }

    /// Returns whether a name is that of an event which the caller may call: the service is an app, and has no such method.
    /// Whatever is wrong with the connection, the call itself reports.
    pub(super) async fn is_event(&self, service: &Service, name: &str) -> bool {
        let Ok(graph) = service.graph().await else { return false };
        is_app(&graph)
            && graph.method(name).is_none()
            && self.access.allows_call(self.role, self.name, &graph, "enqueue")
    }

    /// Returns a connection for this call.
    pub(super) async fn lease(&self) -> Result<ServiceLease<'a>, RpcError> {
        self.pool.lease(self.name).await.map_err(|error| {
            if error.code() == Some(Code::SERVICE_NOT_AVAILABLE) {
                self.pool.remove(self.name);
            }
            RpcError::not_connected(&error)
        })
    }

    /// Returns the service with the headers of this call.
    pub(super) fn with_headers(&self, service: &Service) -> Service {
        let add = |service: Service, (name, value): &(&str, Bytes)| service.with_header(name, value.clone());
        self.headers.iter().fold(service.clone(), add)
    }

    async fn call(
        &self,
        service: &Service,
        method: &Method,
        request: &RpcRequest,
    ) -> Result<ReceivedMessages, RpcError> {
        let needs_close = needs_close(method, &request.chunks)?;
        let (name, args) = (&*method.name, BorrowedArgs(&request.args));
        match CallKind::of(&method.dispatch, &method.upstream) {
            CallKind::Mute => {
                service.send(name, args).await.map_err(|error| RpcError::from_call(&error))?;
                Ok(ReceivedMessages::default())
            }
            CallKind::Unary => {
                let answer = service.with_deadline(self.timeout).call(name, args).await;
                ReceivedMessages::default()
                    .with(answer.map(|args| RpcMessage::new("value", args)), self.budget)
            }
            CallKind::Streaming => self.stream(service.stream(name, args)).await,
            _ => {
                let opened = service.open(name, args).await.map_err(|error| RpcError::from_call(&error))?;
                self.session(opened, request, needs_close).await
            }
        }
    }

    async fn stream(&self, mut items: Receiver<Args>) -> Result<ReceivedMessages, RpcError> {
        let mut received = ReceivedMessages::default();
        while let Some(item) = items.recv().await {
            received = received.with(item.map(|args| RpcMessage::new("write", args)), self.budget)?;
        }
        if received.error().is_none() {
            received.0.push(RpcMessage::new("close", Args::default()));
        }
        Ok(received)
    }

    async fn session(
        &self,
        opened: Duplex<DynSender, DynReceiver>,
        request: &RpcRequest,
        needs_close: bool,
    ) -> Result<ReceivedMessages, RpcError> {
        let Duplex { mut tx, mut rx } = opened;
        let send = async {
            for RpcMessage { name, args } in &request.chunks {
                tx.send(name, BorrowedArgs(args)).await?;
            }
            if needs_close {
                tx.send("close", ()).await?;
            }
            Ok::<_, cocaine::Error>(())
        };
        let receive = async {
            let mut received = ReceivedMessages::default();
            while let Some(message) = rx.recv().await {
                let message =
                    message.and_then(|(name, payload)| Ok(RpcMessage::new(&name, payload.decode()?)));
                received = received.with(message, self.budget)?;
            }
            Ok::<_, RpcError>(received)
        };
        // The service may end the call before it has read all chunks: its answer is what counts.
        match tokio::join!(send, receive) {
            (_, Err(error)) => Err(error),
            (Err(error), Ok(received)) if received.0.is_empty() => Err(RpcError::from_call(&error)),
            (_, Ok(received)) => Ok(received),
        }
    }
}

/// A whole list of arguments.
struct BorrowedArgs<'a>(&'a [Value]);

impl Serialize for BorrowedArgs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|value| list.serialize_element(value))?;
        list.end()
    }
}

/// Returns whether a `close` is to be sent after the messages of the request, in which it is missing.
///
/// # Errors
/// The first message that the method does not accept.
fn needs_close(method: &Method, requested: &[RpcMessage]) -> Result<bool, RpcError> {
    let mut state = method.dispatch.node();
    for (index, message) in requested.iter().enumerate() {
        let Some(edge) = state.messages().find(|edge| *edge.name == *message.name) else {
            return Err(RpcError::unexpected_chunk(index + 1, &message.name, &state));
        };
        if let Tree::Node(next) = &edge.next {
            state = next.clone();
        }
    }
    Ok(state.messages().any(|edge| &*edge.name == "close" && edge.is_terminal()))
}

/// The messages received so far, in order. An error of the service is the last of them.
#[derive(Debug, Default)]
struct ReceivedMessages(Vec<RpcMessage>);

impl ReceivedMessages {
    /// Adds a message, or an error of the service as a message.
    ///
    /// # Errors
    /// An error that is not one of the service, and a message that exceeds the budget.
    fn with(mut self, result: cocaine::Result<RpcMessage>, budget: &ResultBudget) -> Result<Self, RpcError> {
        let message = match result {
            Ok(message) => message,
            Err(error) => RpcMessage::from_error(&error).ok_or_else(|| RpcError::from_call(&error))?,
        };
        budget.reserve(&message.args)?;
        self.0.push(message);
        Ok(self)
    }

    fn error(&self) -> Option<cocaine::Error> {
        self.0.last().and_then(RpcMessage::error)
    }

    /// Returns the error if no other message came before it.
    fn refusal(&self) -> Option<cocaine::Error> {
        self.error().filter(|_| self.0.len() == 1)
    }

    /// Returns the value, the list of values of a stream, or all messages of any other protocol.
    fn into_values(mut self, shape: TreeShape) -> Result<Value, RpcError> {
        if let Some(error) = self.error() {
            return Err(RpcError::from_call(&error));
        }
        match shape {
            TreeShape::End => Ok(Value::Nil),
            TreeShape::Primitive => Ok(self.0.pop().map_or(Value::Nil, RpcMessage::into_value)),
            TreeShape::Streaming => {
                let items = self.0.into_iter().filter(|message| message.name == "write");
                Ok(Value::Array(items.map(RpcMessage::into_value).collect()))
            }
            TreeShape::Other => Ok(self.into_events()),
        }
    }

    fn into_events(self) -> Value {
        let event = |message: RpcMessage| {
            let RpcMessage { name, args } = message;
            Value::Map(vec![("event".into(), name.into()), ("value".into(), Value::Array(args))])
        };
        Value::Array(self.0.into_iter().map(event).collect())
    }
}

impl RpcMessage {
    fn new(name: &str, args: Args) -> Self {
        Self { name: name.into(), args: args.0 }
    }

    /// Returns the message in which a service reports the error, if it is an error of a service.
    fn from_error(error: &cocaine::Error) -> Option<Self> {
        let cocaine::ErrorKind::Service { code, message } = error.kind() else { return None };
        let pair = Value::Array(vec![code.category.0.into(), code.code.into()]);
        Some(Self { name: "error".into(), args: vec![pair, message.as_str().into()] })
    }

    /// Returns the error that the message reports, if it reports one.
    fn error(&self) -> Option<cocaine::Error> {
        if self.name != "error" {
            return None;
        }
        let [pair, text @ ..] = &self.args[..] else { return None };
        let [category, code] = pair.as_array()? else { return None };
        let text =
            text.first().and_then(Value::as_bytes).map(|text| String::from_utf8_lossy(text).into_owned());
        let code = cocaine::Code::new(cocaine::Category(category.as_i64()?), code.as_i64()?);
        Some(cocaine::Error::service(code, text.unwrap_or_default()))
    }

    /// Returns the only argument, or the list of all arguments.
    fn into_value(mut self) -> Value {
        if self.args.len() == 1 { self.args.remove(0) } else { Value::Array(self.args) }
    }
}
