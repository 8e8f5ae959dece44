//! An app that follows a script, and the gateway in front of it.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use cocaine::{
    Bytes, Category, Code, Error, Headers, MemoryBudget, Receiver, ReplySender, Result, Sender, Value,
    http::{RequestChunk, encode_response_head},
    server::{BODY_HEADER, BODY_KEY, Caller, Dispatch, Server},
};
use cocaine_bindings::{AppServer, ServeApp};
use cocaine_node::{config::HttpConfig, gateway::Gateway};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::sync::{Notify, mpsc};

use crate::locator::{FakeLocator, resolved_at};

/// A step of the script.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Chunk(Bytes),
    Error(i64, i64, String),
    Close,
    /// Waits for a signal.
    Wait(Arc<Notify>),
    /// Sends the request chunk back as the body.
    Echo,
    /// Sends this many bytes in chunks of a mebibyte.
    Flood(usize),
}

/// An event that the app received.
#[derive(Debug)]
pub(crate) struct ReceivedEvent {
    pub(crate) event: String,
    pub(crate) headers: Headers,
    pub(crate) chunks: Vec<Bytes>,
    pub(crate) trace: Option<cocaine::Trace>,
}

impl ReceivedEvent {
    /// Returns the request of the first chunk.
    pub(crate) fn request(&self) -> RequestChunk {
        RequestChunk::decode(&self.chunks[0]).unwrap()
    }
}

/// The responses of the app, in the order of its events, and the events that it received.
#[derive(Clone)]
struct Script {
    responses: Arc<Mutex<VecDeque<Vec<Step>>>>,
    default: Arc<Mutex<Vec<Step>>>,
    events: mpsc::UnboundedSender<ReceivedEvent>,
    floods: mpsc::UnboundedSender<bool>,
    /// The answers to offers of requests in pieces. Without them the app is like one of an original node, which it becomes
    /// by an offer that has no answer left.
    offers: Arc<Mutex<Option<VecDeque<Vec<Step>>>>>,
}

struct App {
    script: Script,
    caller: Caller,
}

impl AppServer for App {
    async fn enqueue(
        &self,
        event: &str,
        _tag: Option<&str>,
        mut input: Receiver<Bytes>,
        mut output: Sender<Bytes>,
    ) -> Result<()> {
        if self.caller.headers().get(BODY_HEADER).is_some() {
            let answer = {
                let mut offers = self.script.offers.lock().unwrap();
                let answer = offers.as_mut().and_then(VecDeque::pop_front);
                if answer.is_none() {
                    *offers = None;
                }
                answer
            };
            for step in answer.unwrap_or_default() {
                match step {
                    Step::Chunk(chunk) => output.send(chunk).await?,
                    Step::Error(category, code, text) => {
                        return output.fail(&Error::service(Code::new(Category(category), code), text));
                    }
                    step => panic!("{step:?} does not answer an offer"),
                }
            }
        }
        let mut chunks = Vec::new();
        while let Some(chunk) = input.recv().await {
            match chunk {
                Ok(chunk) => chunks.push(chunk),
                Err(error) => return output.fail(&error),
            }
        }
        let steps = self.script.responses.lock().unwrap().pop_front();
        let steps = steps.unwrap_or_else(|| self.script.default.lock().unwrap().clone());
        let first = chunks.first().cloned().unwrap_or_default();
        let (headers, trace) = (self.caller.headers().clone(), self.caller.trace());
        let _ = self.script.events.send(ReceivedEvent { event: event.into(), headers, chunks, trace });
        for step in steps {
            match step {
                Step::Chunk(chunk) => output.send(chunk).await?,
                Step::Error(category, code, text) => {
                    return output.fail(&Error::service(Code::new(Category(category), code), text));
                }
                Step::Close => return output.finish(),
                Step::Wait(signal) => signal.notified().await,
                Step::Echo => {
                    output.send(head(200, &[("content-length", &first.len().to_string())])).await?;
                    output.send(first.clone()).await?;
                }
                Step::Flood(mut left) => {
                    while left > 0 {
                        let piece = left.min(1 << 20);
                        if output.send(vec![b'x'; piece]).await.is_err() {
                            let _ = self.script.floods.send(false);
                            return Ok(());
                        }
                        left -= piece;
                    }
                    let _ = self.script.floods.send(true);
                }
            }
        }
        std::future::pending().await
    }

    async fn info(&self) -> Result<Value> {
        if self.script.offers.lock().unwrap().is_some() {
            return Ok(Value::Map(vec![(BODY_KEY.into(), true.into())]));
        }
        Err(Error::service(Code::NOT_SUPPORTED, "not supported by this app"))
    }

    async fn control(&self, _input: Receiver<i32>, output: ReplySender<()>) -> Result<()> {
        output.abandon();
        Ok(())
    }
}

/// A cloud with a gateway and the app.
pub(crate) struct Cloud {
    gateway: Option<Gateway>,
    http: SocketAddr,
    script: Script,
    events: mpsc::UnboundedReceiver<ReceivedEvent>,
    floods: mpsc::UnboundedReceiver<bool>,
    locator_names: FakeLocator,
    /// The names of the app.
    names: Vec<String>,
    server: Option<Server>,
    locator: Option<Server>,
}

impl Cloud {
    /// Starts a cloud whose app has the name `app`.
    pub(crate) async fn start(config: HttpConfig) -> Self {
        Self::with(config, &["app"]).await
    }

    /// Starts a cloud whose app has several names; `storage` is a service that is not an app.
    pub(crate) async fn with(config: HttpConfig, names: &[&str]) -> Self {
        Self::within(config, names, MemoryBudget::unlimited()).await
    }

    /// Starts such a cloud, whose gateway counts its memory in `memory`.
    pub(crate) async fn within(config: HttpConfig, names: &[&str], memory: MemoryBudget) -> Self {
        let config = config.listen("127.0.0.1:0");
        let ((events_tx, events), (floods_tx, floods)) =
            (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let (responses, default) = (Arc::default(), Arc::new(Mutex::new(vec![Step::Echo, Step::Close])));
        let offers = Arc::default();
        let script = Script { responses, default, events: events_tx, floods: floods_tx, offers };
        let locator_names = FakeLocator::default();
        let locator = locator_names.serve().await;
        locator_names.alias("storage", "locator");
        let gateway =
            Gateway::start_within(&locator.local_addr().to_string(), &config, memory).await.unwrap();
        let (http, locator) = (gateway.local_addr(), Some(locator));
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let mut cloud = Self {
            gateway: Some(gateway),
            http,
            script,
            events,
            floods,
            locator_names,
            names,
            server: None,
            locator,
        };
        cloud.start_app().await;
        cloud
    }

    /// Starts the app, and adds it to the locator.
    pub(crate) async fn start_app(&mut self) {
        let serving = self.script.clone();
        let app = ServeApp::new(move |caller| App { script: serving.clone(), caller: caller.clone() });
        let graph = app.spec().graph();
        let server = Server::bind("127.0.0.1:0", app).await.unwrap();
        for name in &self.names {
            self.locator_names.add(name, resolved_at(&server, graph.clone()));
        }
        self.server = Some(server);
    }

    /// Kills the app: its connections are closed at once.
    pub(crate) fn kill_app(&mut self) {
        self.server = None;
    }

    /// Kills the app, and removes it from the locator.
    pub(crate) fn stop_app(&mut self) {
        self.names.iter().for_each(|name| self.locator_names.remove(name));
        self.kill_app();
    }

    /// Returns the address of the locator.
    pub(crate) fn locator_addr(&self) -> String {
        self.locator.as_ref().unwrap().local_addr().to_string()
    }

    /// Kills the locator.
    pub(crate) fn kill_locator(&mut self) {
        self.locator = None;
    }

    /// Stops the gateway, which runs until the future is ready.
    pub(crate) fn shutdown(&mut self) -> impl Future<Output = ()> + Send + use<> {
        self.gateway.take().unwrap().shutdown()
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// Stops the gateway within a time, which runs until the future is ready.
    pub(crate) fn shutdown_within(&mut self, limit: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.gateway.take().unwrap().shutdown_within(limit)
    }

    /// Returns the address for HTTP clients.
    pub(crate) fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Adds the response to the next event that has none yet. Events without a response echo their request.
    pub(crate) fn respond(&self, steps: impl Into<Vec<Step>>) {
        self.script.responses.lock().unwrap().push_back(steps.into());
    }

    /// Sets the response to events without one of their own.
    pub(crate) fn respond_always(&self, steps: impl Into<Vec<Step>>) {
        *self.script.default.lock().unwrap() = steps.into();
    }

    /// Sets the answers to offers of requests in pieces.
    pub(crate) fn answer_offers(&self, answers: impl IntoIterator<Item = Vec<Step>>) {
        *self.script.offers.lock().unwrap() = Some(answers.into_iter().collect());
    }

    /// Returns the next event.
    pub(crate) async fn next_event(&mut self) -> ReceivedEvent {
        let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
        event.expect("an event arrives").unwrap()
    }

    /// Drops the responses that are left.
    pub(crate) fn drop_responses(&self) {
        self.script.responses.lock().unwrap().clear();
    }

    /// Returns the events received so far, and drops the responses that are left.
    pub(crate) fn drain_events(&mut self) -> Vec<ReceivedEvent> {
        self.drop_responses();
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Returns whether a flood was sent to its end.
    pub(crate) async fn flood_completed(&mut self) -> bool {
        let completed = tokio::time::timeout(Duration::from_secs(10), self.floods.recv()).await;
        completed.expect("the flood ends").unwrap()
    }
}

/// Returns the first chunk of a response.
pub(crate) fn head(status: u16, headers: &[(&str, &str)]) -> Bytes {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    encode_response_head(StatusCode::from_u16(status).unwrap(), &map)
}

/// Returns the steps of a short response.
pub(crate) fn text(text: &str) -> Vec<Step> {
    let length = text.len().to_string();
    vec![Step::Chunk(head(200, &[("content-length", &length)])), Step::Chunk(text.into()), Step::Close]
}
