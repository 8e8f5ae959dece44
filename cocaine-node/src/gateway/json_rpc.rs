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
//! `chunks`, in `params` or beside it, are the messages that follow the call, as `{"write": ["data"]}` or
//! `["write", ["data"]]`; a missing `close` is added. An optional argument is left out, since `null` is a value. Values
//! that JSON cannot express have the forms listed in [`json`].
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
//! | -32099 | Generic Cocaine error: the connection was closed, as it is after arguments of a wrong type |
//! | any other | the service's own code and text; `data` has the category |

mod call;
mod error;
mod json;
mod request;

use bytes::Bytes;
use cocaine::{
    MemoryBudget, Value,
    bind::{REQUEST_TIMEOUT, encode_request_timeout},
};
use futures_util::{StreamExt, stream};
use http::{HeaderName, Response, StatusCode, request::Parts};
use hyper::body::Incoming;
use serde::Serialize;
use tokio::time::timeout;

use self::{
    call::{ResultBudget, RpcCall},
    error::RpcError,
    json::AsJson,
    request::{ParsedRequest, RpcRequest},
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
    routing::{event_call::Retries, lease_pool::LeasePool},
};
use crate::config::Target;

/// The header that makes a request a call of JSON-RPC.
pub(super) const JSON_RPC: HeaderName = HeaderName::from_static("x-cocaine-json-rpc");

/// How many calls of a batch run at once.
const BATCH_CONCURRENCY: usize = 64;

/// The id of a request that has one, and its result.
type Answer = Option<(Value, Result<Value, RpcError>)>;

/// A response of JSON-RPC.
#[derive(Serialize)]
struct RpcResponse<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<AsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
    id: AsJson<'a>,
}

impl<'a> RpcResponse<'a> {
    fn new(id: &'a Value, result: &'a Result<Value, RpcError>) -> Self {
        let (result, error) = match result {
            Ok(value) => (Some(AsJson(value)), None),
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
            Ok(request) => self.call(&request).await,
            Err(error) => Err(error),
        };
        Some((id?, result))
    }

    async fn call(&self, request: &RpcRequest) -> Result<Value, RpcError> {
        let target = Target::new(request.service.clone(), request.event());
        let limit = self.context.settings.timeouts.get(&target.service, &target.event);
        let mut headers = self.context.call_headers(&self.caller.parts.headers, self.caller.sampled);
        // The time-out is for the whole call, as the app and its node take it.
        if let Some(timeout) = self.context.settings.timeouts.get_configured(&target.service, &target.event) {
            headers.push((REQUEST_TIMEOUT, encode_request_timeout(timeout).as_slice().into()));
        }
        let retries = Retries::new(&request.service, &self.context.metrics);
        let call = RpcCall {
            request,
            pool: self.pool,
            access: &self.context.settings.access,
            role: self.caller.role,
            headers,
            timeout: limit,
            budget: self.budget,
        };
        timeout(limit, call.run(retries)).await.unwrap_or_else(|_| Err(RpcError::timed_out(limit)))
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
