//! Handles one HTTP request: finds out what it is for, and produces the response.

use std::{pin::pin, sync::Arc, time::Duration};

use cocaine::{Code, Duplex, Error, MemoryBudget};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, request::Parts, uri::PathAndQuery};
use hyper::body::Incoming;
use tokio::time::timeout;
use tracing::Instrument;

use super::{
    access::Role,
    access_log::AccessLog,
    context::Context,
    http::{
        body::ResponseBody,
        error::HttpError,
        port::Peer,
        request::{ChunkBody, encode_request, validate},
        request_body::RequestBody,
        request_id::RequestId,
        response::{RequestInfo, error_response, text_response},
        upload::{Upload, UploadTarget},
    },
    json_rpc::{self, JSON_RPC, RpcCaller},
    metrics::MEDIA_TYPE,
    request_record::{RecordedBody, RequestRecord},
    routing::{
        app_state::AppLookup,
        body_offer::BodyOffer,
        event_call::{EventCall, ResponseStart},
        lease_pool::LeasePool,
        route::{Route, find_route, host_authority},
        service_pool::ServicePool,
    },
    settings::GatewaySettings,
};
use crate::config::Target;

/// The header of a response with the service that sent it.
const APPLICATION: HeaderName = HeaderName::from_static("x-cocaine-application");

/// How long a locator may take to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest body that is sent in one chunk with its request to every app.
const MAX_CHUNK_BODY: usize = 64 << 10;

/// How much of a body is read while a node is asked whether it understands offers of requests in pieces.
const READ_AHEAD: usize = 1 << 20;

/// A request that becomes an event.
struct RoutedRequest<'a> {
    target: &'a Target,
    parts: Parts,
    uri: PathAndQuery,
    /// Headers of the call.
    headers: Vec<(&'a str, cocaine::Bytes)>,
    /// How long the app may take.
    limit: Duration,
}

impl RoutedRequest<'_> {
    fn info(&self, memory: MemoryBudget) -> RequestInfo {
        let (method, version) = (self.parts.method.clone(), self.parts.version);
        RequestInfo { method, version, timeout: self.limit, memory }
    }
}

/// Handles the requests of a gateway.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) context: Context,
    pub(super) pool: Arc<ServicePool>,
    /// The connections of calls of JSON-RPC, which share none: a call may hold a lock, or end its connection.
    pub(super) json_rpc_pool: Arc<LeasePool>,
    pub(super) apps: Arc<AppLookup>,
}

/// Where a request comes from, and what it may do.
#[derive(Clone, Copy)]
struct Sender {
    peer: Peer,
    role: Role,
    /// Whether the trace of the request is recorded.
    sampled: bool,
}

/// The response to a request, and what is recorded of it.
struct Outcome {
    response: Response<ResponseBody>,
    target: Option<Target>,
    /// Why the gateway itself answers.
    failure: Option<HttpError>,
}

impl Outcome {
    /// Returns a response of the gateway itself.
    fn of_gateway(result: Result<Response<ResponseBody>, HttpError>) -> Self {
        match result {
            Ok(response) => Self { response, target: None, failure: None },
            Err(error) => Self { response: error_response(&error, None), target: None, failure: Some(error) },
        }
    }

    /// Returns the response to an event.
    fn to_event(target: Target, result: Result<Response<ResponseBody>, HttpError>) -> Self {
        let (mut response, failure) = match result {
            Ok(response) => (response, None),
            Err(error) => (error_response(&error, Some(&target)), Some(error)),
        };
        if let Ok(service) = HeaderValue::from_str(&target.service) {
            response.headers_mut().insert(APPLICATION, service);
        }
        Self { response, target: Some(target), failure }
    }
}

impl Proxy {
    /// Returns a proxy with other settings, which shares everything else.
    pub(super) fn with_settings(&self, settings: GatewaySettings, access_log: AccessLog) -> Self {
        let (settings, access_log) = (Arc::new(settings), Arc::new(access_log));
        let context = Context { settings, access_log, ..self.context.clone() };
        let (pool, json_rpc_pool) = (self.pool.clone(), self.json_rpc_pool.clone());
        Self { context, pool, json_rpc_pool, apps: self.apps.clone() }
    }

    /// Handles a request to the main port, or to the socket for administrators.
    pub(super) async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<RecordedBody> {
        let Context { settings, metrics, access_log, .. } = &self.context;
        let timer = metrics.start_request();
        let (mut parts, body) = request.into_parts();
        let role = settings.access.authenticate(peer, &mut parts.headers);
        let id = RequestId::from_headers(&mut parts.headers);
        let client = settings.proxies.client_address(peer, &parts.headers);
        let record = RequestRecord::start(access_log.clone(), &parts, client, &id);
        let checked = validate(&parts).and_then(|()| id.is_sampled(&parts.headers, settings.sampling));
        let answer = match checked {
            Ok(sampled) => {
                // Boxed because the future is large, and is moved into its scope.
                let dispatched = Box::pin(self.dispatch(Sender { peer, role, sampled }, parts, body));
                id.trace.scope(dispatched).instrument(record.span().clone()).await
            }
            Err(error) => Outcome::of_gateway(Err(error)),
        };
        let Outcome { mut response, target, failure } = answer;
        timer.finish(
            target.as_ref().filter(|target| self.is_known(target, failure.as_ref())),
            response.status(),
        );
        id.add_to(response.headers_mut());
        record.respond(response, target, failure.as_ref())
    }

    /// Returns whether a service exists. The names in requests are arbitrary, and must not become labels of metrics.
    fn is_known(&self, target: &Target, failure: Option<&HttpError>) -> bool {
        failure.is_none_or(|error| error.is_of_app)
            || self.pool.is_known(&target.service)
            || self.context.metrics.has_label(&target.service)
    }

    /// Handles a request to the port for administrators.
    pub(super) async fn handle_admin(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let page = match request.uri().path() {
            "/ping" => self.ping().await,
            "/metrics" => Ok(self.metrics()),
            _ => Err(not_found("this port has only /ping and /metrics")),
        };
        page.unwrap_or_else(|error| error_response(&error, None))
    }

    async fn dispatch(&self, sender: Sender, parts: Parts, body: Incoming) -> Outcome {
        if self.context.settings.json_rpc && parts.headers.contains_key(&JSON_RPC) {
            let caller = RpcCaller { role: sender.role, parts: &parts, sampled: sender.sampled };
            let answer = json_rpc::handle(&self.context, &self.json_rpc_pool, caller, body);
            return Outcome::of_gateway(Box::pin(answer).await);
        }
        match find_route(&parts, &self.context.settings.hosts) {
            Err(error) => Outcome::of_gateway(Err(HttpError::new(StatusCode::BAD_REQUEST, error.0))),
            Ok(Route::Gateway) => Outcome::of_gateway(Box::pin(self.gateway_page(&parts, sender.role)).await),
            Ok(Route::Event(target, uri)) => {
                let result = self.call_event(&target, sender, parts, uri, body).await;
                Outcome::to_event(target, result)
            }
        }
    }

    async fn call_event(
        &self,
        target: &Target,
        sender: Sender,
        mut parts: Parts,
        uri: PathAndQuery,
        body: Incoming,
    ) -> Result<Response<ResponseBody>, HttpError> {
        let GatewaySettings { access, proxies, .. } = &*self.context.settings;
        // Behind a proxy, this machine is not where the client is.
        if !proxies.trusts(sender.peer) {
            access.check_event(sender.peer, &parts)?;
        }
        let mut body = self.context.body_buffer.receive(body)?;
        let is_complete = body.fill(MAX_CHUNK_BODY).await?;
        let limit = self.context.settings.timeouts.get(&target.service, &target.event);
        let headers = self.context.call_headers(&parts.headers, sender.sampled);
        let host = host_authority(&parts).map(str::to_owned);
        let is_path_cut = parts.uri.path() != uri.path();
        let prefix = is_path_cut.then(|| format!("/{}/{}", target.service, target.event));
        proxies.add_headers(&mut parts, sender.peer, host.as_deref(), prefix.as_deref());
        let request = RoutedRequest { target, parts, uri, headers, limit };
        if is_complete {
            return self.send_whole(request, body).await;
        }
        // Boxed because it is large and rarely needed.
        Box::pin(self.send_large(request, body)).await
    }

    /// Sends a request as one chunk, as every app understands it.
    async fn send_whole(
        &self,
        request: RoutedRequest<'_>,
        body: RequestBody,
    ) -> Result<Response<ResponseBody>, HttpError> {
        let info = request.info(self.context.memory.clone());
        let RoutedRequest { target, parts, uri, headers, limit } = request;
        let body = body.collect().await?;
        self.context.metrics.count_received(body.bytes.len());
        let call =
            EventCall { target, chunk: encode_request(parts, uri, ChunkBody::Whole(&body.bytes)), headers };
        let start = timeout(limit, call.send(&self.pool, &self.context.metrics)).await;
        let start = start.map_err(|_| HttpError::timed_out(limit))?;
        match start {
            Ok(start) => info.response(start).await,
            Err(error) => Err(self.explain(&target.service, &error).await),
        }
    }

    /// Returns the error for a call that failed before its response began.
    async fn explain(&self, service: &str, error: &Error) -> HttpError {
        if error.code() == Some(Code::SERVICE_NOT_AVAILABLE) {
            return Box::pin(self.apps.explain(&self.json_rpc_pool, service, error)).await;
        }
        HttpError::from_call(error)
    }

    /// Sends a request in pieces if a worker takes it so, and as one chunk otherwise.
    async fn send_large(
        &self,
        request: RoutedRequest<'_>,
        mut body: RequestBody,
    ) -> Result<Response<ResponseBody>, HttpError> {
        let limit = request.limit;
        let mut asked = pin!(self.pool.accepts_offers(&request.target.service));
        // The client need not wait for the answer.
        let accepts = tokio::select! {
            biased;
            accepts = &mut asked => accepts,
            is_complete = body.read_ahead(READ_AHEAD) => {
                let is_complete = is_complete?;
                asked.await && !is_complete
            }
        };
        if !accepts {
            return self.send_whole(request, body).await;
        }
        let offer = BodyOffer { target: request.target, headers: &request.headers };
        let opened = timeout(limit, offer.send(&self.pool, &self.context.metrics)).await;
        let opened = opened.map_err(|_| HttpError::timed_out(limit))?;
        let channel = match opened {
            Ok(channel) => channel,
            Err(error) => return Err(self.explain(&request.target.service, &error).await),
        };
        let Some(Duplex { tx: requests, rx }) = channel else {
            return self.send_whole(request, body).await;
        };
        let info = request.info(self.context.memory.clone());
        let metrics = self.context.metrics.clone();
        let beginning = body.take_buffered();
        metrics.count_received(beginning.len());
        let head = encode_request(request.parts, request.uri, ChunkBody::Beginning(&beginning));
        let upload = Upload::new(head, body, UploadTarget { requests, timeout: limit, metrics });
        info.response(ResponseStart::during_upload(upload, rx, limit).await?).await
    }

    /// Returns a page of the gateway itself.
    async fn gateway_page(&self, parts: &Parts, role: Role) -> Result<Response<ResponseBody>, HttpError> {
        match parts.uri.path() {
            "/ping" => self.ping().await,
            "/metrics" if role == Role::Administrator || self.context.settings.admin.is_none() => {
                Ok(self.metrics())
            }
            _ => Err(not_found(
                "no app is asked for: it is named by the path, as in /service/event, or by the headers \
                 X-Cocaine-Service and X-Cocaine-Event",
            )),
        }
    }

    async fn ping(&self) -> Result<Response<ResponseBody>, HttpError> {
        match timeout(PING_TIMEOUT, self.pool.ping_locator()).await {
            Ok(Ok(())) => Ok(text_response("OK\n", "text/plain; charset=utf-8")),
            Ok(Err(error)) => Err(ping_failed(&error.to_string())),
            Err(_) => Err(ping_failed(&format!("no locator answered within {PING_TIMEOUT:?}"))),
        }
    }

    fn metrics(&self) -> Response<ResponseBody> {
        self.context.metrics.set_buffered(self.context.body_buffer.used());
        text_response(self.context.metrics.render(), MEDIA_TYPE)
    }
}

fn not_found(cause: &str) -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, cause)
}

fn ping_failed(cause: &str) -> HttpError {
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, format!("Failed: {cause}"))
}
