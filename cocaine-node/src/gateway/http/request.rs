//! Requests: which are refused, and the chunk that an app receives.

use cocaine::http::{encode_request_chunk, remove_hop_by_hop};
use http::{HeaderValue, Method, StatusCode, Version, header, request::Parts, uri::PathAndQuery};

use super::error::HttpError;

/// Refuses requests that two readers could understand differently, and those that the gateway does not support.
///
/// # Errors
/// 405 for `CONNECT`, 501 for a transfer coding other than `chunked` and for a WebSocket, 400 for a second `Host`.
pub(crate) fn validate(parts: &Parts) -> Result<(), HttpError> {
    if parts.method == Method::CONNECT {
        return Err(HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not supported"));
    }
    let mut codings = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    if !codings.next().is_none_or(is_chunked) || codings.next().is_some() {
        let text = "the only supported Transfer-Encoding is a single `chunked`";
        return Err(HttpError::new(StatusCode::NOT_IMPLEMENTED, text));
    }
    if is_websocket(parts) {
        let text =
            "the gateway passes no WebSocket on: use requests, whose responses may be streams without an end";
        return Err(HttpError::new(StatusCode::NOT_IMPLEMENTED, text));
    }
    if parts.headers.get_all(header::HOST).iter().nth(1).is_some() {
        return Err(HttpError::new(StatusCode::BAD_REQUEST, "the header host is repeated"));
    }
    Ok(())
}

/// Returns whether a client asks for a WebSocket, whose frames it would mistake a response for. Other protocols are offers
/// that may be ignored, such as HTTP/2.
fn is_websocket(parts: &Parts) -> bool {
    let offers = parts.headers.get_all(header::UPGRADE).iter();
    let mut protocols = offers.flat_map(|offer| offer.as_bytes().split(|byte| *byte == b','));
    protocols.any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// The body of a request's chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ChunkBody<'a> {
    Whole(&'a [u8]),
    /// More chunks follow.
    Beginning(&'a [u8]),
}

/// Returns the chunk that an app receives, without the headers of the client's connection. A whole body that was chunked
/// gets a Content-Length, and the host of an absolute URI replaces the `Host`.
pub(crate) fn encode_request(mut parts: Parts, uri: PathAndQuery, body: ChunkBody<'_>) -> cocaine::Bytes {
    let was_chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    remove_hop_by_hop(&mut parts.headers);
    parts.headers.remove(header::EXPECT);
    let bytes = match body {
        ChunkBody::Whole(bytes) => {
            if was_chunked {
                parts.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
            }
            bytes
        }
        ChunkBody::Beginning(bytes) => bytes,
    };
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(header::HOST, host);
    }
    parts.uri = uri.into();
    if parts.version != Version::HTTP_10 {
        parts.version = Version::HTTP_11;
    }
    encode_request_chunk(&parts, bytes)
}
