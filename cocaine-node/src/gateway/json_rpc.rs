//! JSON-RPC 2.0 for every service of the cloud, for requests with the header `X-Cocaine-JSON-RPC`, whatever its value and
//! whatever the path (`worker.md` 7.3).
//!
//! `method` is `SERVICE.METHOD`, and `params` has one of two forms, which decides that of the result too:
//!
//! | `params` | `result` |
//! |---|---|
//! | `[ARGUMENTS]`, or nothing | what the method answers with: the value, `[]` if it has none, a list if it has several; of a stream the list of its values; `null` of a method that never answers |
//! | `{"args": [ARGUMENTS], "chunks": [MESSAGES]}` | every message that came: `{"event": NAME, "value": [ARGUMENTS]}`, errors of the service included |
//!
//! `chunks`, in `params` or beside it, are the messages that follow the call, as `{"write": ["data"]}` or
//! `["write", ["data"]]`; a `close` that they leave out is added. An argument that is optional is left out, for `null` is
//! a value. [`json`] has the forms of what JSON cannot say.
//!
//! A batch runs its calls side by side and is answered in the order of its requests. A notification is called and not
//! answered; with nothing to answer the status is 204. All else has the status 200, but for what is not JSON (400).
//!
//! | code | message |
//! |---|---|
//! | -32700, -32600, -32601, -32602 | as JSON-RPC says |
//! | -32000 | Invalid method format |
//! | -32001 | Service is not connected |
//! | -32002 | Protocol violation |
//! | -32003 | Timed out while waiting for response from the Cocaine |
//! | -32099 | Generic Cocaine error: the connection has ended, as it does for arguments of a wrong type |
//! | any other | the service's own code and words; `data` has the category |

mod call;
mod error;
mod json;
mod request;

use cocaine::Value;
use futures_util::{StreamExt, stream};
use http::{HeaderName, HeaderValue, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use serde::Serialize;
use tokio::time::timeout;

use self::{
    call::{Call, Room},
    error::Fault,
    json::Json,
    request::{Asked, Request},
};
use crate::config::Target;
use crate::gateway::{
    http::{body::ReplyBody, error::Failure, request_id::Id},
    proxy::Gate,
    routing::event_call::Tries,
};

/// The header that makes a call of a request.
pub(super) const MARK: HeaderName = HeaderName::from_static("x-cocaine-json-rpc");

/// How many calls of a batch run at a time.
const ABREAST: usize = 64;

/// One response.
#[derive(Serialize)]
struct Answer<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Json<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Fault>,
    id: Json<'a>,
}

impl<'a> Answer<'a> {
    fn new(id: &'a Value, result: &'a Result<Value, Fault>) -> Self {
        let (result, error) = match result {
            Ok(value) => (Some(Json(value)), None),
            Err(fault) => (None, Some(fault)),
        };
        Self { jsonrpc: "2.0", result, error, id: Json(id) }
    }
}

/// The id of a request that has one, and its result.
type Done = Option<(Value, Result<Value, Fault>)>;

impl Gate {
    /// Answers a request of JSON-RPC, or a batch of them.
    ///
    /// # Errors
    /// A body that does not come, or is too long.
    pub(super) async fn rpc(
        &self,
        parts: &Parts,
        body: Incoming,
        id: Id,
    ) -> Result<Response<ReplyBody>, Failure> {
        let held = self.buffer.collect(body).await?;
        self.metrics.received(held.bytes.len());
        let read: Result<Value, _> = serde_json::from_slice(&held.bytes);
        drop(held);
        let room = Room::new(self.settings.response_buffer);
        let done = |asked| self.done(asked, parts, id, &room);
        let batch = match read {
            Err(error) => return Ok(refuse(StatusCode::BAD_REQUEST, Fault::parse(&error.to_string()))),
            Ok(Value::Array(batch)) if batch.is_empty() => {
                return Ok(refuse(StatusCode::OK, Fault::invalid("the batch is empty")));
            }
            Ok(Value::Array(batch)) => batch,
            Ok(single) => {
                let done = done(Asked::of(single)).await;
                return Ok(done.map_or_else(nothing, |(id, result)| answer(&Answer::new(&id, &result))));
            }
        };
        let all: Vec<Done> =
            stream::iter(batch).map(|one| done(Asked::of(one))).buffered(ABREAST).collect().await;
        let answers: Vec<_> = all.iter().flatten().map(|(id, result)| Answer::new(id, result)).collect();
        Ok(if answers.is_empty() { nothing() } else { answer(&answers) })
    }

    async fn done(&self, asked: Asked, parts: &Parts, id: Id, room: &Room) -> Done {
        let result = match asked.request {
            Ok(request) => self.call(&request, parts, id, room).await,
            Err(fault) => Err(fault),
        };
        Some((asked.id?, result))
    }

    async fn call(&self, request: &Request, parts: &Parts, id: Id, room: &Room) -> Result<Value, Fault> {
        let target = Target { service: request.service.clone(), event: request.event().into() };
        let patience = self.settings.timeouts.get(&target.service, &target.event);
        let headers = self.headers(&target, &parts.headers, id);
        let tries = Tries::new(&request.service, &self.rpc_fleet, &self.metrics);
        let call = Call { request, fleet: &self.rpc_fleet, headers, patience, room };
        timeout(patience, call.run(tries)).await.unwrap_or_else(|_| Err(Fault::late(patience)))
    }
}

fn refuse(status: StatusCode, fault: Fault) -> Response<ReplyBody> {
    let mut response = answer(&Answer::new(&Value::Nil, &Err(fault)));
    *response.status_mut() = status;
    response
}

fn answer(answer: &impl Serialize) -> Response<ReplyBody> {
    // All that is written can be JSON, and goes into memory.
    let text = serde_json::to_vec(answer).unwrap_or_default();
    let mut response = Response::new(ReplyBody::whole(text.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn nothing() -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
