//! Reads the request of an event from its first chunk, or rejects it.

use std::{future::poll_fn, task::Poll};

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};

use super::{
    body::Body,
    codec::{self, RequestChunk, encode_response_head},
    hop_by_hop::remove_hop_by_hop,
};
use crate::{
    protocol::error::{Error, Result},
    wire::bytes::Bytes,
    worker::{Context, Session, SessionReceiver, SessionSender},
};

/// A request chunk, and the rest of its event.
pub(super) struct IncomingRequest {
    pub(super) chunk: RequestChunk,
    /// The following chunks; `None` if the client has closed its side already.
    pub(super) remaining: Option<SessionReceiver>,
    pub(super) outgoing: SessionSender,
    pub(super) context: Context,
}

impl IncomingRequest {
    /// Reads the first chunk. Returns `None` if it is not a request; the client has got status 400 then.
    ///
    /// # Errors
    /// If the client has disconnected, or has closed its side without a request.
    pub(super) async fn read(mut session: Session) -> Result<Option<Self>> {
        let Some(chunk) = session.recv().await.transpose()? else {
            return Err(Error::handler("the event was closed without a request"));
        };
        let context = session.context().clone();
        let (mut incoming, outgoing) = session.split();
        let chunk = match RequestChunk::decode(&chunk) {
            Ok(chunk) => chunk,
            Err(error) => {
                return send_bad_request(outgoing, &format!("malformed request: {}", error.kind()))
                    .map(|()| None);
            }
        };
        // Most clients send one chunk and close at once.
        let mut chunk = chunk;
        let remaining = match poll_fn(|cx| Poll::Ready(incoming.poll_recv(cx))).await {
            Poll::Ready(None) => None,
            Poll::Ready(Some(more)) => {
                chunk.body = [&*chunk.body, &*more?].concat().into();
                Some(incoming)
            }
            Poll::Pending => Some(incoming),
        };
        Ok(Some(Self { chunk, remaining, outgoing, context }))
    }
}

/// Converts a chunk into a request. Invalid headers are skipped.
///
/// # Errors
/// If the method or the URI is invalid; the error is the text of the response.
pub(super) fn build_request(
    chunk: RequestChunk,
    remaining: Option<SessionReceiver>,
    context: Context,
) -> Result<Request<Body>, String> {
    let RequestChunk { method, uri, version, headers, body } = chunk;
    let method =
        Method::from_bytes(&method).map_err(|_| format!("malformed request: the method is {method:?}"))?;
    let uri = Uri::from_maybe_shared(bytes::Bytes::from(uri.clone()))
        .map_err(|error| format!("malformed request: the URI is {uri:?}: {error}"))?;
    let mut request = Request::new(Body::new(body, remaining));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.version_mut() = version;
    *request.headers_mut() = header_map(&headers);
    request.extensions_mut().insert(context);
    Ok(request)
}

fn header_map(pairs: &[(Bytes, Bytes)]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(pairs.len().min(INITIAL_HEADERS));
    for (name, value) in pairs {
        let appended = codec::parse_header(name, value.clone())
            .and_then(|(name, value)| headers.try_append(name, value).ok());
        if appended.is_none() {
            tracing::debug!(?name, ?value, "a header of a request is left out");
        }
    }
    remove_hop_by_hop(&mut headers);
    headers
}

/// The maximum initial capacity: a peer does not choose how much is allocated up front.
const INITIAL_HEADERS: usize = 128;

/// Responds with status 400 and `reason`.
pub(super) fn send_bad_request(outgoing: SessionSender, reason: &str) -> Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, reason.len().into());
    outgoing.finish_with_chunks([encode_response_head(StatusCode::BAD_REQUEST, &headers), reason.into()])
}
