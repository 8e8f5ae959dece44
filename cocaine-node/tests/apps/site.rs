//! A web site in a worker, for uploads: it reads the bodies of requests, or does not.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use cocaine::{
    Error, Result, Session, Worker,
    http::{Body, RequestChunk, encode_response_head},
};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tower_service::Service;

type SiteResponse = Response<UnsyncBoxBody<Bytes, Error>>;

/// Requests that wait for `/release`.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Whether there was a request for `/release`.
static RELEASED: LazyLock<watch::Sender<bool>> = LazyLock::new(watch::Sender::default);

/// How the requests for `/count` and `/hold` have ended.
static OUTCOMES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How the body of one request has ended. It is noted on drop, also if the handler is dropped because its client has left.
struct BodyOutcome(String);

impl BodyOutcome {
    fn new() -> Self {
        Self("failed: the handler was dropped".into())
    }
}

impl Drop for BodyOutcome {
    fn drop(&mut self) {
        OUTCOMES.lock().unwrap().push(std::mem::take(&mut self.0));
    }
}

/// Adds the events of a mode. In `site`, `web` and `listener` take bodies in pieces, and `whole` is answered by a handler
/// that knows one chunk; so is `web` in `whole-site`.
pub(crate) fn add_events(mut worker: Worker, mode: &str) -> Worker {
    match mode {
        "site" => {}
        "whole-site" => return worker.on("web", whole),
        _ => return worker,
    }
    let mut listener = worker.listen("listener");
    tokio::spawn(async move {
        while let Some((stream, _)) = listener.accept().await {
            let service = service_fn(|request: Request<hyper::body::Incoming>| {
                answer(request.map(BodyExt::boxed_unsync))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    worker.http("web", Site).on("whole", whole)
}

/// Answers with the lengths of the first chunk's body and of what comes after it, and the names of the event's headers.
async fn whole(mut session: Session) -> Result<()> {
    let first = session.recv().await.transpose()?.unwrap_or_default();
    let request = RequestChunk::decode(&first)?;
    let mut rest = 0;
    while let Some(chunk) = session.recv().await.transpose()? {
        rest += chunk.len();
    }
    let named = request
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with(b"Content") || name.starts_with(b"Transfer"));
    let named: Vec<_> = named.map(|(name, value)| format!("{name:?}: {value:?}")).collect();
    let offers = session.context().headers().iter().filter(|(name, _)| name.starts_with(b"cocaine")).count();
    let text = format!("{} and {rest}, {}, {offers} offers", request.body.len(), named.join(", "));
    // With its length, the response has one form, however its pieces arrive.
    let length = HeaderMap::from_iter([(header::CONTENT_LENGTH, text.len().into())]);
    session.send(encode_response_head(StatusCode::OK, &length)).await?;
    session.finish_with(text)
}

#[derive(Clone)]
struct Site;

impl Service<Request<Body>> for Site {
    type Response = SiteResponse;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<SiteResponse, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(answer(request.map(BodyExt::boxed_unsync)))
    }
}

async fn answer<E: std::fmt::Display + Send + 'static>(
    request: Request<UnsyncBoxBody<Bytes, E>>,
) -> Result<SiteResponse, Infallible> {
    let (parts, body) = request.into_parts();
    Ok(match parts.uri.path() {
        "/count" => text(StatusCode::OK, count(&parts.headers, body, BodyOutcome::new()).await),
        "/echo" => Response::new(body.map_err(|error| Error::user(1, error.to_string())).boxed_unsync()),
        "/early" => text(StatusCode::UNAUTHORIZED, "not you".into()),
        "/hold" => {
            let outcome = BodyOutcome::new();
            HELD.fetch_add(1, Ordering::Relaxed);
            // The sender is never dropped.
            let _ = RELEASED.subscribe().wait_for(|released| *released).await;
            text(StatusCode::OK, count(&parts.headers, body, outcome).await)
        }
        "/held" => text(StatusCode::OK, HELD.load(Ordering::Relaxed).to_string()),
        "/release" => {
            RELEASED.send_replace(true);
            text(StatusCode::OK, String::new())
        }
        _ => text(StatusCode::OK, OUTCOMES.lock().unwrap().join("\n")),
    })
}

/// Reads a body, and returns its length, the sum of its bytes, and the headers that frame it.
async fn count<E: std::fmt::Display>(
    headers: &HeaderMap,
    mut body: UnsyncBoxBody<Bytes, E>,
    mut outcome: BodyOutcome,
) -> String {
    let (mut len, mut sum) = (0, 0_u64);
    outcome.0 = loop {
        match body.frame().await {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                len += data.len();
                sum += data.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            }
            Some(Err(error)) => break format!("failed: {error}"),
            None => break "complete".to_owned(),
        }
    };
    drop(outcome);
    let framing = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].map(|name| {
        headers.get(name).map_or_else(|| "none".to_owned(), |value| value.to_str().unwrap().to_owned())
    });
    format!("{len} {sum} {}", framing.join(" "))
}

fn text(status: StatusCode, text: String) -> SiteResponse {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
