//! An app that answers by script, and the gateway in front of it.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use cocaine::{
    Bytes, Category, Code, Error, Headers, Receiver, ReplySender, Result, Sender, Value,
    http::{RequestChunk, write_meta},
    server::{Caller, Dispatch, Server},
};
use cocaine_bindings::{AppServer, ServeApp};
use cocaine_node::{config::HttpConfig, gateway::Gateway};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::sync::{Notify, mpsc};

use crate::names::{Names, at};

/// What the app does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Chunk(Bytes),
    Error(i64, i64, String),
    Close,
    /// Waits for a signal.
    Wait(Arc<Notify>),
    /// Answers with what has come: the request chunk as the body.
    Echo,
    /// Sends so many bytes in pieces of a mebibyte.
    Flood(usize),
}

/// An event that has come.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) event: String,
    pub(crate) headers: Headers,
    pub(crate) chunks: Vec<Bytes>,
    pub(crate) trace: Option<cocaine::Trace>,
}

impl Asked {
    /// Returns the request of the first chunk.
    pub(crate) fn request(&self) -> RequestChunk {
        RequestChunk::read(&self.chunks[0]).unwrap()
    }
}

/// The app's answers, in the order of its events, and its events.
#[derive(Clone)]
struct Script {
    answers: Arc<Mutex<VecDeque<Vec<Step>>>>,
    default: Arc<Mutex<Vec<Step>>>,
    asked: mpsc::UnboundedSender<Asked>,
    ended: mpsc::UnboundedSender<bool>,
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
        let mut chunks = Vec::new();
        while let Some(chunk) = input.recv().await {
            chunks.push(chunk?);
        }
        let steps = self.script.answers.lock().unwrap().pop_front();
        let steps = steps.unwrap_or_else(|| self.script.default.lock().unwrap().clone());
        let first = chunks.first().cloned().unwrap_or_default();
        let (headers, trace) = (self.caller.headers().clone(), self.caller.trace());
        let _ = self.script.asked.send(Asked { event: event.into(), headers, chunks, trace });
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
                            let _ = self.script.ended.send(false);
                            return Ok(());
                        }
                        left -= piece;
                    }
                    let _ = self.script.ended.send(true);
                }
            }
        }
        std::future::pending().await
    }

    async fn info(&self) -> Result<Value> {
        Err(Error::service(Code::NOT_SUPPORTED, "not asked here"))
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
    asked: mpsc::UnboundedReceiver<Asked>,
    ended: mpsc::UnboundedReceiver<bool>,
    known: Names,
    /// What the app is known as.
    names: Vec<String>,
    server: Option<Server>,
    locator: Option<Server>,
}

impl Cloud {
    /// Starts a cloud whose app is known as `app`.
    pub(crate) async fn start(config: HttpConfig) -> Self {
        Self::with(config, &["app"]).await
    }

    /// Starts a cloud whose app is known under several names; `storage` is no app.
    pub(crate) async fn with(config: HttpConfig, names: &[&str]) -> Self {
        let config = config.listen("127.0.0.1:0");
        let ((asked_tx, asked), (ended_tx, ended)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let (answers, default) = (Arc::default(), Arc::new(Mutex::new(vec![Step::Echo, Step::Close])));
        let script = Script { answers, default, asked: asked_tx, ended: ended_tx };
        let known = Names::default();
        let locator = known.serve().await;
        known.alias("storage", "locator");
        let gateway = Gateway::start(&locator.local_addr().to_string(), &config).await.unwrap();
        let (http, locator) = (gateway.local_addr(), Some(locator));
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let mut cloud =
            Self { gateway: Some(gateway), http, script, asked, ended, known, names, server: None, locator };
        cloud.start_app().await;
        cloud
    }

    /// Starts the app, and tells the locator of it.
    pub(crate) async fn start_app(&mut self) {
        let serving = self.script.clone();
        let app = ServeApp::new(move |caller| App { script: serving.clone(), caller: caller.clone() });
        let graph = app.spec().graph();
        let server = Server::bind("127.0.0.1:0", app).await.unwrap();
        for name in &self.names {
            self.known.tell(name, at(&server, graph.clone()));
        }
        self.server = Some(server);
    }

    /// Lets the app die: its connections end at once.
    pub(crate) fn kill_app(&mut self) {
        self.server = None;
    }

    /// Lets the app die, and the locator know of it.
    pub(crate) fn stop_app(&mut self) {
        self.names.iter().for_each(|name| self.known.forget(name));
        self.kill_app();
    }

    /// Returns where the locator is.
    pub(crate) fn locators(&self) -> String {
        self.locator.as_ref().unwrap().local_addr().to_string()
    }

    /// Lets the locator die.
    pub(crate) fn kill_locator(&mut self) {
        self.locator = None;
    }

    /// Stops the gateway; the future ends when it is done.
    pub(crate) fn shutdown(&mut self) -> impl Future<Output = ()> + Send + use<> {
        self.gateway.take().unwrap().shutdown()
    }

    /// Returns where HTTP is spoken.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// Sets how the next event is answered; events beyond those that are set echo their request.
    pub(crate) fn answer(&self, steps: impl Into<Vec<Step>>) {
        self.script.answers.lock().unwrap().push_back(steps.into());
    }

    /// Sets how events are answered for which nothing is set.
    pub(crate) fn always(&self, steps: impl Into<Vec<Step>>) {
        *self.script.default.lock().unwrap() = steps.into();
    }

    /// Returns the next event.
    pub(crate) async fn asked(&mut self) -> Asked {
        let asked = tokio::time::timeout(Duration::from_secs(10), self.asked.recv()).await;
        asked.expect("an event comes").unwrap()
    }

    /// Returns the events that have come.
    pub(crate) fn all_asked(&mut self) -> Vec<Asked> {
        self.script.answers.lock().unwrap().clear();
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }

    /// Returns whether a flood was taken to its end.
    pub(crate) async fn flooded(&mut self) -> bool {
        let ended = tokio::time::timeout(Duration::from_secs(10), self.ended.recv()).await;
        ended.expect("the flood ends").unwrap()
    }
}

/// Returns the first chunk of an answer.
pub(crate) fn head(status: u16, headers: &[(&str, &str)]) -> Bytes {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    write_meta(StatusCode::from_u16(status).unwrap(), &map)
}

/// Returns the steps of a short answer.
pub(crate) fn text(text: &str) -> Vec<Step> {
    let length = text.len().to_string();
    vec![Step::Chunk(head(200, &[("content-length", &length)])), Step::Chunk(text.into()), Step::Close]
}
