//! A call that JSON-RPC asks for: what is sent, and what comes back.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use cocaine::{
    Args, Bytes, CallKind, Duplex, DynReceiver, DynSender, Method, Receiver, Service, Tree, TreeShape, Value,
};

use super::request::{Form, Message, Request};
use crate::gateway::{
    json_rpc::error::Fault,
    routing::{event_call::Tries, service_pool::Fleet},
};

/// What all answers to one HTTP request may take.
#[derive(Debug)]
pub(super) struct Room {
    limit: usize,
    taken: AtomicUsize,
}

impl Room {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, taken: AtomicUsize::new(0) }
    }

    fn take(&self, args: &[Value]) -> Result<(), Fault> {
        let size: usize = args.iter().map(size).sum();
        let taken = self.taken.fetch_add(size, Ordering::Relaxed);
        if taken.saturating_add(size) > self.limit { Err(Fault::too_long(self.limit)) } else { Ok(()) }
    }
}

/// Returns about what a value takes in memory.
fn size(value: &Value) -> usize {
    let held = match value {
        Value::Raw(raw) => raw.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 0,
    };
    held + size_of::<Value>()
}

/// A call that is ready to be made.
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    pub(super) fleet: &'a Fleet,
    /// Headers of the call.
    pub(super) headers: Vec<(&'a str, Bytes)>,
    /// How long a single answer may take.
    pub(super) patience: Duration,
    pub(super) room: &'a Room,
}

impl Call<'_> {
    /// Calls the method and returns its result, in the form of the request. What an app has surely not taken is asked
    /// again.
    ///
    /// # Errors
    /// A method that is not there, chunks that it does not take, and all that keeps it from answering. An error of the
    /// service is a result if events are asked for.
    pub(super) async fn run(&self, mut tries: Tries<'_>) -> Result<Value, Fault> {
        loop {
            let service = self.service().await?;
            let graph = service.graph().await.map_err(|error| Fault::unreachable(&error))?;
            let Some(method) = graph.method(&self.request.method) else {
                let names: Vec<_> = graph.methods().map(|method| &*method.name).collect();
                return Err(Fault::no_method(&self.request.service, &names.join(", ")));
            };
            let outcome = self.outcome(&service, method).await?;
            if let Some(error) = outcome.refusal()
                && tries.again(&error).await
            {
                continue;
            }
            return match self.request.form {
                Form::Values => outcome.values(method.upstream.shape()),
                Form::Events => Ok(outcome.events()),
            };
        }
    }

    async fn service(&self) -> Result<Service, Fault> {
        let service = self.fleet.get(&self.request.service).await;
        let mut service = service.map_err(|error| Fault::unreachable(&error))?;
        for (name, value) in &self.headers {
            service = service.with_header(name, value.clone());
        }
        Ok(service)
    }

    async fn outcome(&self, service: &Service, method: &Method) -> Result<Outcome, Fault> {
        let chunks = chunks(method, &self.request.chunks)?;
        let (name, args) = (&*method.name, Args(self.request.args.clone()));
        match CallKind::of(&method.dispatch, &method.upstream) {
            CallKind::Mute => {
                service.mute(name, args).await.map_err(|error| Fault::of(&error))?;
                Ok(Outcome::default())
            }
            CallKind::Unary => {
                let answer = service.with_deadline(self.patience).call(name, args).await;
                Outcome::default().with(answer.map(|args| Message::new("value", args)), self.room)
            }
            CallKind::Streaming => self.stream(service.stream(name, args)).await,
            _ => {
                let opened = service.open(name, args).await.map_err(|error| Fault::of(&error))?;
                self.session(opened, chunks).await
            }
        }
    }

    async fn stream(&self, mut items: Receiver<Args>) -> Result<Outcome, Fault> {
        let mut outcome = Outcome::default();
        while let Some(item) = items.recv().await {
            outcome = outcome.with(item.map(|args| Message::new("write", args)), self.room)?;
        }
        if outcome.error().is_none() {
            outcome.0.push(Message::new("close", Args::default()));
        }
        Ok(outcome)
    }

    async fn session(
        &self,
        opened: Duplex<DynSender, DynReceiver>,
        chunks: Vec<Message>,
    ) -> Result<Outcome, Fault> {
        let Duplex { mut tx, mut rx } = opened;
        let send = async {
            for Message { name, args } in chunks {
                tx.send(&name, Args(args)).await?;
            }
            Ok::<_, cocaine::Error>(())
        };
        let receive = async {
            let mut outcome = Outcome::default();
            while let Some(message) = rx.recv().await {
                let message = message.and_then(|(name, payload)| Ok(Message::new(&name, payload.decode()?)));
                outcome = outcome.with(message, self.room)?;
            }
            Ok::<_, Fault>(outcome)
        };
        // The service may end the call before it has taken all chunks: what it has said counts.
        match tokio::join!(send, receive) {
            (_, Err(fault)) => Err(fault),
            (Err(error), Ok(outcome)) if outcome.0.is_empty() => Err(Fault::of(&error)),
            (_, Ok(outcome)) => Ok(outcome),
        }
    }
}

/// Returns the messages to send after the call: those that are asked for, and a `close` where they leave it out.
///
/// # Errors
/// The first that the method does not take.
fn chunks(method: &Method, asked: &[Message]) -> Result<Vec<Message>, Fault> {
    let mut state = method.dispatch.node();
    for (index, message) in asked.iter().enumerate() {
        let Some(edge) = state.messages().find(|edge| *edge.name == *message.name) else {
            return Err(Fault::chunk(index + 1, &message.name, &state));
        };
        if let Tree::Node(next) = &edge.next {
            state = next.clone();
        }
    }
    let mut chunks = asked.to_vec();
    if state.messages().any(|edge| &*edge.name == "close" && edge.is_terminal()) {
        chunks.push(Message::new("close", Args::default()));
    }
    Ok(chunks)
}

/// What has come back: messages in their order. An error of the service is the last of them.
#[derive(Debug, Default)]
struct Outcome(Vec<Message>);

impl Outcome {
    /// Adds what has come.
    ///
    /// # Errors
    /// What is no answer of the service, and more than there is room for.
    fn with(mut self, came: cocaine::Result<Message>, room: &Room) -> Result<Self, Fault> {
        let message = match came {
            Ok(message) => message,
            Err(error) => Message::of(&error).ok_or_else(|| Fault::of(&error))?,
        };
        room.take(&message.args)?;
        self.0.push(message);
        Ok(self)
    }

    fn error(&self) -> Option<cocaine::Error> {
        self.0.last().and_then(Message::error)
    }

    /// Returns the error if nothing came before it.
    fn refusal(&self) -> Option<cocaine::Error> {
        self.error().filter(|_| self.0.len() == 1)
    }

    /// Returns the value, or the list of values of a stream; of any other protocol all messages.
    fn values(mut self, shape: TreeShape) -> Result<Value, Fault> {
        if let Some(error) = self.error() {
            return Err(Fault::of(&error));
        }
        match shape {
            TreeShape::End => Ok(Value::Nil),
            TreeShape::Primitive => Ok(self.0.pop().map_or(Value::Nil, Message::value)),
            TreeShape::Streaming => {
                let items = self.0.into_iter().filter(|message| message.name == "write");
                Ok(Value::Array(items.map(Message::value).collect()))
            }
            TreeShape::Other => Ok(self.events()),
        }
    }

    fn events(self) -> Value {
        let event = |message: Message| {
            let Message { name, args } = message;
            Value::Map(vec![("event".into(), name.into()), ("value".into(), Value::Array(args))])
        };
        Value::Array(self.0.into_iter().map(event).collect())
    }
}

impl Message {
    fn new(name: &str, args: Args) -> Self {
        Self { name: name.into(), args: args.0 }
    }

    /// Returns the message by which a service tells of an error, if it is one of a service.
    fn of(error: &cocaine::Error) -> Option<Self> {
        let cocaine::ErrorKind::Service { code, message } = error.kind() else { return None };
        let pair = Value::Array(vec![code.category.0.into(), code.code.into()]);
        Some(Self { name: "error".into(), args: vec![pair, message.as_str().into()] })
    }

    /// Returns the error that the message tells of, if it does.
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

    /// Returns the only argument, or the list of all.
    fn value(mut self) -> Value {
        if self.args.len() == 1 { self.args.remove(0) } else { Value::Array(self.args) }
    }
}
