//! A call of an event by its name, by the schema of the app.

use std::{borrow::Cow, sync::Arc};

use cocaine::json::{Conversion, ConversionDirection, PlainJson, encode_params};
use cocaine::{
    Bytes, Code, Duplex, Error, Receiver, Result as CallResult, Sender, Service, Value, msgpack,
    schema::{AppSchema, ArgumentSchema, EventKind, EventOutput, EventSchema, HASH_HEADER, Type},
};
use serde_json::value::{RawValue, to_raw_value};

use super::{call::RpcCall, error::RpcError};
use crate::gateway::{
    context::Context,
    http::counted,
    routing::{app_schemas::LoadedSchema, event_call::Retries, lease_pool::ServiceLease},
};

/// What an event has answered, as JSON.
#[derive(Debug)]
pub(super) enum EventResult {
    /// One reply.
    Reply(Box<RawValue>),
    /// The items of a stream.
    Items(Vec<Box<RawValue>>),
}

/// A call of an event by its name.
pub(super) struct RpcEventCall<'a> {
    pub(super) call: &'a RpcCall<'a>,
    pub(super) context: &'a Context,
    pub(super) event: &'a str,
    pub(super) params: Option<&'a Value>,
}

impl RpcEventCall<'_> {
    /// Calls the event and returns what it answers. A call that the app has certainly not accepted is made again, and once
    /// more with a newer schema if a worker has refused the first.
    ///
    /// # Errors
    /// An unknown event, parameters and answers that do not fit the schema, and a call that fails.
    pub(super) async fn run(
        &self,
        mut loaded: Arc<LoadedSchema>,
        mut lease: ServiceLease<'_>,
        mut retries: Retries<'_>,
    ) -> Result<EventResult, RpcError> {
        loop {
            let exchange = self.prepare(&loaded).await?;
            let error = match exchange.run(lease.service()).await {
                Ok(result) => {
                    lease.release();
                    return Ok(result);
                }
                Err(ExchangeError::Rpc(error)) => return Err(error),
                Err(ExchangeError::Service(error)) => error,
            };
            let failure = exchange.failure(&error);
            let is_newer = self.reload(&mut loaded, &error, &lease).await;
            lease.release();
            if !is_newer && !retries.wait_to_retry(&error).await {
                return Err(failure);
            }
            lease = self.call.lease().await?;
        }
    }

    async fn prepare<'e>(&'e self, loaded: &'e Arc<LoadedSchema>) -> Result<Exchange<'e>, RpcError> {
        let schema = &loaded.schema;
        let event = find_event(schema, self.call.name, self.event, self.params)?;
        let chunks = encode_params(schema, self.event, &event, self.params)?;
        let memory = &self.context.memory;
        let chunks = chunks.into_iter().map(|chunk| counted::count(chunk.into(), memory).into()).collect();
        let hash = loaded.event_hash(self.event).await;
        Ok(Exchange { call: self.call, schema, name: self.event, event, chunks, hash })
    }

    /// Replaces the schema by a newer one, if a worker has refused a payload that was made by it. Returns whether there is
    /// a newer one.
    async fn reload(&self, loaded: &mut Arc<LoadedSchema>, error: &Error, lease: &ServiceLease<'_>) -> bool {
        if error.code() != Some(Code::SCHEMA_MISMATCH) {
            return false;
        }
        let (schemas, hash) = (&self.context.schemas, loaded.event_hash(self.event).await);
        schemas.remove(self.call.name);
        let Ok(Ok(newer)) = schemas.get(self.call.pool, lease.service()).await else { return false };
        *loaded = newer;
        loaded.event_hash(self.event).await != hash
    }
}

/// Returns the event of a name. Any other is one of the fallback, of which nothing is known but how many arguments it gets.
fn find_event<'s>(
    schema: &'s AppSchema,
    app: &str,
    name: &str,
    params: Option<&Value>,
) -> Result<Cow<'s, EventSchema>, RpcError> {
    let event = match (schema.events.get(name), schema.fallback) {
        (Some(event), _) => Cow::Borrowed(event),
        (None, None) => {
            let known: Vec<_> = schema.events.keys().take(100).map(String::as_str).collect();
            let more = if known.len() < schema.events.len() { ", …" } else { "" };
            return Err(RpcError::event_not_found(app, name, &format!("{}{more}", known.join(", "))));
        }
        (None, Some(kind)) => {
            if let Some(Value::Map(_)) = params {
                let text = format!("{name} is not in the schema of `{app}`: its arguments have no names");
                return Err(RpcError::invalid_params(text));
            }
            let count = params.and_then(Value::as_array).map_or(0, <[_]>::len);
            let argument = ArgumentSchema { name: "argument".into(), ty: Type::Opaque };
            Cow::Owned(EventSchema {
                kind,
                arguments: vec![argument; count],
                output: EventOutput::Stream(Type::Opaque),
                ..EventSchema::default()
            })
        }
    };
    if event.kind == EventKind::Http { Err(RpcError::http_event(app, name)) } else { Ok(event) }
}

/// What is sent, and how the answer is read.
struct Exchange<'e> {
    call: &'e RpcCall<'e>,
    schema: &'e AppSchema,
    name: &'e str,
    event: Cow<'e, EventSchema>,
    chunks: Vec<Bytes>,
    hash: Option<Bytes>,
}

/// Why there is no answer.
enum ExchangeError {
    /// The service has reported an error, so that its connection can be used again.
    Service(Error),
    Rpc(RpcError),
}

impl From<RpcError> for ExchangeError {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

impl From<Error> for ExchangeError {
    fn from(error: Error) -> Self {
        if error.code().is_some() { Self::Service(error) } else { Self::Rpc(RpcError::from_call(&error)) }
    }
}

impl Exchange<'_> {
    async fn run(&self, service: &Service) -> Result<EventResult, ExchangeError> {
        let mut service = self.call.with_headers(service);
        if let Some(hash) = &self.hash {
            service = service.with_header(HASH_HEADER, hash.clone());
        }
        let Duplex { tx, rx } = service.open("enqueue", (self.name,)).await?;
        // The app may answer before it has read all chunks: its answer is what counts.
        match tokio::join!(self.send(tx), self.receive(rx)) {
            (_, Ok(Some(result))) => Ok(result),
            (Err(error), Ok(None)) => Err(error.into()),
            (Ok(()), Ok(None)) => Err(RpcError::misfit(self.name, "it has no reply").into()),
            (_, Err(error)) => Err(error),
        }
    }

    async fn send(&self, mut tx: Sender<Bytes>) -> CallResult<()> {
        for chunk in &self.chunks {
            tx.send(chunk.clone()).await?;
        }
        tx.finish()
    }

    /// Returns the answer; `None` if there is none and should be one.
    async fn receive(&self, mut rx: Receiver<Bytes>) -> Result<Option<EventResult>, ExchangeError> {
        let mut conversion = Conversion::new(self.schema, ConversionDirection::ToJson);
        let mut items = Vec::new();
        while let Some(chunk) = rx.recv().await {
            items.push(self.read(&mut conversion, chunk?)?);
        }
        Ok(match &self.event.output {
            EventOutput::Stream(_) => Some(EventResult::Items(items)),
            EventOutput::Reply(Type::Unit) if items.is_empty() => Some(EventResult::Reply(self.null()?)),
            EventOutput::Reply(_) if items.len() > 1 => {
                let text = format!("{} chunks are not one reply", items.len());
                return Err(RpcError::misfit(self.name, &text).into());
            }
            EventOutput::Reply(_) => items.pop().map(EventResult::Reply),
        })
    }

    fn null(&self) -> Result<Box<RawValue>, RpcError> {
        to_raw_value(&()).map_err(|error| RpcError::misfit(self.name, &error.to_string()))
    }

    /// Converts a chunk to JSON. What is made of it meanwhile is dropped before anything else runs.
    fn read<'s>(&'s self, conversion: &mut Conversion<'s>, chunk: Bytes) -> Result<Box<RawValue>, RpcError> {
        let ty = self.event.output.ty();
        let value = match ty {
            Type::Bytes => Value::Raw(chunk),
            _ => match msgpack::from_slice_within(&chunk, self.call.budget.limit()) {
                Ok(value) => value,
                Err(_) if *ty == Type::Opaque => Value::Raw(chunk),
                Err(error) => return Err(RpcError::misfit(self.name, &error.to_string())),
            },
        };
        let converted = conversion.convert(ty, &value);
        let converted = converted.map_err(|misfit| RpcError::misfit(self.name, &misfit.to_string()))?;
        let text = to_raw_value(&PlainJson(&converted));
        let text = text.map_err(|error| RpcError::misfit(self.name, &error.to_string()))?;
        self.call.budget.reserve_bytes(text.get().len() + size_of::<Box<RawValue>>())?;
        Ok(text)
    }

    /// Returns the error of JSON-RPC for one of the service, with the name that the app has declared for it.
    fn failure(&self, error: &Error) -> RpcError {
        let declared = self.event.error.as_ref().and_then(|name| self.schema.errors.get(name));
        let mut variants = declared.iter().flat_map(|definition| &definition.variants);
        let variant = error.code().and_then(|code| {
            variants.find(|variant| (variant.category, variant.code) == (code.category.0, code.code))
        });
        let failure = RpcError::from_call(error);
        match variant {
            Some(variant) => failure.with_name(&variant.name),
            None => failure,
        }
    }
}
