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
    answer,
    body::Body,
    request::{Asked, refuse, request},
};
use crate::{
    protocol::error::{Error, Result},
    worker::{Handler, Session, Worker},
};

impl Worker {
    /// Answers an event's requests with a tower service: an `axum::Router`, or whatever takes an [`http::Request`] and
    /// gives an [`http::Response`].
    ///
    /// The service sees the request as the client of the gateway has made it, without the headers that concern one
    /// connection; the [`Context`](crate::Context) of the event is among its extensions. It answers at once and streams:
    /// each piece of the body is sent as it is yielded. A body whose length is known gets a `Content-Length`. Nothing is
    /// compressed or decompressed; tower has layers for that.
    ///
    /// A client that leaves before its request is whole ends the service's future. An error of the service, or of a body
    /// that has begun, ends the event with category 42, code 100.
    pub fn http<S, B>(&mut self, event: &str, service: S) -> &mut Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
        B: http_body::Body<Error: Into<Box<dyn StdError + Send + Sync>> + Send> + Send + 'static,
        B::Data: Buf + Send,
    {
        self.on(event, handler(service))
    }

    /// As [`Worker::http`], for every event that has no handler of its own.
    pub fn http_fallback<S, B>(&mut self, service: S) -> &mut Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
        B: http_body::Body<Error: Into<Box<dyn StdError + Send + Sync>> + Send> + Send + 'static,
        B::Data: Buf + Send,
    {
        self.fallback(handler(service))
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
    let Some(Asked { chunk, rest, outgoing, context }) = Asked::of(session).await? else { return Ok(()) };
    let may_leave = rest.is_some();
    let request = match request(chunk, rest, context.clone()) {
        Ok(request) => request,
        Err(reason) => return refuse(outgoing, &reason),
    };
    let method = request.method().clone();
    let answered = async {
        let response = call(service, request).await?;
        answer::send(response, &method, outgoing).await
    };
    if !may_leave {
        return answered.await;
    }
    // Of a client that has closed its stream nobody tells.
    let mut answered = pin!(answered);
    poll_fn(|cx| match answered.as_mut().poll(cx) {
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
