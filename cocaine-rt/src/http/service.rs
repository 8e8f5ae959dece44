//! A tower service as the handler of an event.

use std::{
    error::Error as StdError,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use bytes::Buf;
use http::{Request, Response};
use tower_service::Service;

use super::{
    body::Body,
    request::{IncomingRequest, build_request, send_bad_request},
    response,
};
use crate::{
    protocol::error::{Error, Result},
    worker::{ExecutionMode, Handler, Session, Worker},
};

impl Worker {
    /// Serves the requests of an event with a tower service: an `axum::Router`, or any service from [`http::Request`] to
    /// [`http::Response`].
    ///
    /// The service gets the request as the client sent it to the gateway, without hop-by-hop headers; the
    /// [`Context`](crate::Context) of the event is among its extensions. The response is streamed: each piece of the body
    /// is sent as it is yielded. A body of known length gets a `Content-Length`. Nothing is compressed or decompressed;
    /// tower has layers for that.
    ///
    /// A body of more than 64 KiB arrives while the service runs, as fast as the service reads it, if the gateway and the
    /// node are of this project; otherwise the gateway collects it. If the client disconnects before its request is
    /// complete, reading the body fails and the service's future is dropped. An error of the service
    /// or of the response's body ends the event with category 42, code 100.
    #[must_use]
    pub fn http<S, B>(mut self, event: &str, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
        B: http_body::Body<Error: Into<Box<dyn StdError + Send + Sync>> + Send> + Send + 'static,
        B::Data: Buf + Send,
    {
        self.add_http_handler(event, ExecutionMode::Spawned, handler(service));
        self
    }

    /// Like [`Worker::http`], for a service that never blocks its thread: it runs on the thread of the worker's connection, as
    /// an event with `#[cocaine::worker(inline)]` does. That is faster for short requests, which need no other thread; heartbeats wait
    /// while the service computes, and tasks that it spawns run on the same thread.
    #[must_use]
    pub fn http_inline<S, B>(mut self, event: &str, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
        B: http_body::Body<Error: Into<Box<dyn StdError + Send + Sync>> + Send> + Send + 'static,
        B::Data: Buf + Send,
    {
        self.add_http_handler(event, ExecutionMode::Inline, handler(service));
        self
    }

    /// Like [`Worker::http`], for all events without a handler.
    #[must_use]
    pub fn http_fallback<S, B>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
        B: http_body::Body<Error: Into<Box<dyn StdError + Send + Sync>> + Send> + Send + 'static,
        B::Data: Buf + Send,
    {
        self.set_http_fallback(handler(service));
        self
    }
}

fn handler<S, B>(service: S) -> impl Handler
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    B: http_body::Body<Error: Into<Box<dyn StdError + Send + Sync>> + Send> + Send + 'static,
    B::Data: Buf + Send,
{
    move |session: Session| serve(service.clone(), session)
}

async fn serve<S, B>(service: S, session: Session) -> Result<()>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: http_body::Body<Data: Buf, Error: Into<Box<dyn StdError + Send + Sync>>>,
{
    let Some(IncomingRequest { chunk, remaining, outgoing, context }) =
        IncomingRequest::read(session).await?
    else {
        return Ok(());
    };
    let is_open = remaining.is_some();
    let request = match build_request(chunk, remaining, context.clone()) {
        Ok(request) => request,
        Err(reason) => return send_bad_request(outgoing, &reason),
    };
    let method = request.method().clone();
    let respond = async {
        let response = call(service, request).await?;
        response::send_response(response, &method, outgoing).await
    };
    if !is_open {
        return respond.await;
    }
    // Once the client has closed its side, its disconnecting is not reported.
    let mut respond = pin!(respond);
    poll_fn(|cx| match respond.as_mut().poll(cx) {
        Poll::Pending => context.poll_closed(cx).map(|()| Err(Error::handler("the client has left"))),
        ready @ Poll::Ready(_) => ready,
    })
    .await
}

async fn call<S: Service<Request<Body>>>(mut service: S, request: Request<Body>) -> Result<S::Response>
where
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let failed = |error: S::Error| Error::handler(format!("the service failed: {}", error.into()));
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
    service.call(request).await.map_err(failed)
}
