//! JSON-RPC 2.0: requests with the header `X-Cocaine-JSON-RPC`, whatever its value and whatever the path (`worker.md` 7.3).
//! They reach `enqueue` and `info` of apps and the services that the configuration lists, or every service if they come
//! from an administrator. Each call has a connection of its own while it runs.
//!
//! `method` is `SERVICE.METHOD`. `params` has one of two forms, which also decides the form of the result:
//!
//! | `params` | `result` |
//! |---|---|
//! | `[ARGUMENTS]`, or absent | the value that the method returns: `[]` if it returns nothing, a list if it returns several values or a stream, `null` if it never answers |
//! | `{"args": [ARGUMENTS], "chunks": [MESSAGES]}` | every message received: `{"event": NAME, "value": [ARGUMENTS]}`, errors of the service included |
//!
//! Where the manifest of an app has a schema, its events are methods as well: `APP.EVENT`, unless the app's service has a method
//! of that name. `params` are the arguments by name or by position, `"$input"` among those by name the items of the stream that
//! the event reads, and the result is its reply, or the list of its items, in the JSON of `docs/apps.md` 6 ([`json`](cocaine::json)).
//!
//! `chunks`, in `params` or beside it, are the messages that follow the call, as `{"write": ["data"]}` or
//! `["write", ["data"]]`; a missing `close` is added. An optional argument is left out, since `null` is a value. Values
//! that JSON cannot express have forms of their own ([`AsJson`](cocaine::json::AsJson)).
//!
//! The calls of a batch run concurrently, and are answered in the order of the requests. A notification is called but not
//! answered. The status is 204 if there is nothing to answer, 400 if the body is not JSON, and 200 otherwise.
//!
//! | code | message |
//! |---|---|
//! | -32700, -32600, -32601, -32602 | as in JSON-RPC |
//! | -32000 | Invalid method format |
//! | -32001 | Service is not connected |
//! | -32002 | Protocol violation |
//! | -32003 | Timed out while waiting for response from the Cocaine |
//! | -32004 | Access denied: the service is neither an app nor listed in `http.json_rpc_services` |
//! | -32005 | Answer does not fit the schema of the app |
//! | -32099 | Generic Cocaine error: the connection was closed, as it is after arguments of a wrong type |
//! | any other | the service's own code and text; `data` has the category, and the name that the app declares for the error |

mod call;
mod error;
mod event_call;
mod request;

use std::sync::Arc;

use bytes::Bytes;
use cocaine::{
    MemoryBudget, Service, Value,
    bind::{REQUEST_TIMEOUT, encode_request_timeout},
};
use futures_util::{StreamExt, stream};
use http::{HeaderName, Response, StatusCode, request::Parts};
use hyper::body::Incoming;
use serde::{Serialize, Serializer};
use tokio::time::timeout;

use self::{
    call::{ResultBudget, RpcCall},
    error::RpcError,
    event_call::{EventResult, RpcEventCall},
    request::{ParsedRequest, RpcMembers, RpcRequest},
};
use super::{
    access::Role,
    context::Context,
    http::{
        body::ResponseBody,
        counted,
        error::HttpError,
        json_body::{ParseError, ParsedBody},
        response::text_response,
    },
    routing::{app_schemas::LoadedSchema, event_call::Retries, lease_pool::LeasePool},
};
use crate::config::Target;
use cocaine::json::AsJson;

/// The header that makes a request a call of JSON-RPC.
pub(super) const JSON_RPC: HeaderName = HeaderName::from_static("x-cocaine-json-rpc");

/// How many calls of a batch run at once.
const BATCH_CONCURRENCY: usize = 64;

/// The id of a request that has one, and its result.
type Answer = Option<(Value, Result<RpcResult, RpcError>)>;

/// What a call has returned.
enum RpcResult {
    /// Of a method.
    Value(Value),
    /// Of an event that was called by its name.
    Event(EventResult),
}

impl Serialize for RpcResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => AsJson(value).serialize(serializer),
            Self::Event(EventResult::Reply(reply)) => reply.serialize(serializer),
            Self::Event(EventResult::Items(items)) => items.serialize(serializer),
        }
    }
}

/// A response of JSON-RPC.
#[derive(Serialize)]
struct RpcResponse<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RpcResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
    id: AsJson<'a>,
}

impl<'a> RpcResponse<'a> {
    fn new(id: &'a Value, result: &'a Result<RpcResult, RpcError>) -> Self {
        let (result, error) = match result {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(error)),
        };
        Self { jsonrpc: "2.0", result, error, id: AsJson(id) }
    }
}

/// The sender of a request, and what its calls have in common.
pub(super) struct RpcCaller<'a> {
    pub(super) role: Role,
    pub(super) parts: &'a Parts,
    /// Whether the trace of the request is recorded.
    pub(super) sampled: bool,
}

/// Answers a request, or a batch of requests.
///
/// # Errors
/// A body that cannot be read, and a caller that may be a web page of another site.
pub(super) async fn handle(
    context: &Context,
    pool: &LeasePool,
    caller: RpcCaller<'_>,
    body: Incoming,
) -> Result<Response<ResponseBody>, HttpError> {
    context.settings.access.check_call(caller.role, caller.parts)?;
    let body = context.read_body(body).await?;
    let ParsedBody { value, reservation } = match context.body_parser.parse(body).await {
        Ok(parsed) => parsed,
        Err(ParseError::Malformed(reason)) => {
            return Ok(error_response(StatusCode::BAD_REQUEST, RpcError::parse(&reason)));
        }
        Err(ParseError::TooLarge(reason)) => {
            return Ok(error_response(StatusCode::PAYLOAD_TOO_LARGE, RpcError::invalid_request(&reason)));
        }
        Err(ParseError::Full(error)) => return Err(error),
    };
    // The values are part of the calls until these are answered.
    let _reservation = reservation;
    let budget = ResultBudget::new(context.settings.response_buffer, &context.memory);
    let batch = RpcBatch { context, pool, caller, budget: &budget };
    Ok(match value {
        Value::Array(requests) if requests.is_empty() => {
            error_response(StatusCode::OK, RpcError::invalid_request("the batch is empty"))
        }
        Value::Array(requests) => batch.answer_all(requests).await,
        request => match batch.answer(request).await {
            Some((id, result)) => json_response(&RpcResponse::new(&id, &result), &context.memory),
            None => empty_response(),
        },
    })
}

/// The requests of one HTTP request, and what their calls share.
struct RpcBatch<'a> {
    context: &'a Context,
    pool: &'a LeasePool,
    caller: RpcCaller<'a>,
    budget: &'a ResultBudget,
}

impl RpcBatch<'_> {
    async fn answer_all(&self, requests: Vec<Value>) -> Response<ResponseBody> {
        let answers = stream::iter(requests).map(|request| self.answer(request));
        let answers: Vec<Answer> = answers.buffered(BATCH_CONCURRENCY).collect().await;
        let responses: Vec<_> =
            answers.iter().flatten().map(|(id, result)| RpcResponse::new(id, result)).collect();
        if responses.is_empty() { empty_response() } else { json_response(&responses, &self.context.memory) }
    }

    async fn answer(&self, request: Value) -> Answer {
        let ParsedRequest { id, request } = ParsedRequest::parse(request);
        let result = match request {
            Ok(members) => self.call(members).await,
            Err(error) => Err(error),
        };
        Some((id?, result))
    }

    async fn call(&self, members: RpcMembers) -> Result<RpcResult, RpcError> {
        // Boxed because the futures are large, and only one of them runs.
        if members.is_method_of_apps() {
            Box::pin(self.call_method(members.into_request()?)).await
        } else {
            Box::pin(self.call_named(members)).await
        }
    }

    async fn call_method(&self, request: RpcRequest) -> Result<RpcResult, RpcError> {
        let target = Target::new(request.service.clone(), request.event());
        let call = self.new_call(&target);
        let retries = Retries::new(&request.service, &self.context.metrics);
        let limit = call.timeout;
        let called = timeout(limit, call.run(&request, retries)).await;
        called.unwrap_or_else(|_| Err(RpcError::timed_out(limit))).map(RpcResult::Value)
    }

    /// Calls an event of an app by its name, or a method of another service.
    async fn call_named(&self, members: RpcMembers) -> Result<RpcResult, RpcError> {
        let target = Target::new(members.service.clone(), &members.method);
        let call = self.new_call(&target);
        let limit = call.timeout;
        let run = async {
            let lease = match call.lease().await {
                Ok(lease) => lease,
                Err(error) => return Err(members.into_error(error)),
            };
            if !call.is_event(lease.service(), &members.method).await {
                lease.release();
                let request = members.into_request()?;
                let retries = Retries::new(&request.service, &self.context.metrics);
                return call.run(&request, retries).await.map(RpcResult::Value);
            }
            let loaded = match self.find_schema(lease.service()).await {
                Ok(loaded) => loaded,
                Err(no_schema) => {
                    lease.release();
                    return Err(members.into_error(no_schema));
                }
            };
            if members.chunks.is_some() {
                return Err(RpcError::chunks_of_event());
            }
            let (event, params) = (members.method.as_str(), members.params.as_ref());
            let retries = Retries::new(&members.service, &self.context.metrics);
            let event_call = RpcEventCall { call: &call, context: self.context, event, params };
            event_call.run(loaded, lease, retries).await.map(RpcResult::Event)
        };
        timeout(limit, run).await.unwrap_or_else(|_| Err(RpcError::timed_out(limit)))
    }

    async fn find_schema(&self, app: &Service) -> Result<Arc<LoadedSchema>, RpcError> {
        match self.context.schemas.get(self.pool, app).await {
            Ok(schema) => schema.map_err(|reason| RpcError::no_schema(app.name(), &reason)),
            Err(error) => Err(RpcError::no_schema(app.name(), &format!("its schema is not known: {error}"))),
        }
    }

    fn new_call<'t>(&'t self, target: &'t Target) -> RpcCall<'t> {
        let settings = &self.context.settings;
        let mut headers = self.context.call_headers(&self.caller.parts.headers, self.caller.sampled);
        // The time-out is for the whole call, as the app and its node take it.
        if let Some(timeout) = settings.timeouts.get_configured(&target.service, &target.event) {
            headers.push((REQUEST_TIMEOUT, encode_request_timeout(timeout).as_slice().into()));
        }
        RpcCall {
            name: &target.service,
            pool: self.pool,
            access: &settings.access,
            role: self.caller.role,
            headers,
            timeout: settings.timeouts.get(&target.service, &target.event),
            budget: self.budget,
        }
    }
}

fn error_response(status: StatusCode, error: RpcError) -> Response<ResponseBody> {
    let mut response = json_response(&RpcResponse::new(&Value::Nil, &Err(error)), &MemoryBudget::unlimited());
    *response.status_mut() = status;
    response
}

/// Returns the response, which is counted in `memory` until the client has read it.
fn json_response(response: &impl Serialize, memory: &MemoryBudget) -> Response<ResponseBody> {
    // Neither the values nor memory as a writer can fail.
    let text = serde_json::to_vec(response).unwrap_or_default();
    text_response(counted::count(Bytes::from(text), memory), "application/json")
}

fn empty_response() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
