//! Sends the response of a service as chunks: the head at once, the body as it is produced.

use std::{
    error::Error as StdError,
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
};

use bytes::Buf;
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::{Body, Frame};

use super::{
    codec::encode_response_head,
    content::{forbids_content, set_bodiless_length},
    hop_by_hop::remove_hop_by_hop,
};
use crate::{
    protocol::error::{Error, Result},
    wire::bytes::Bytes,
    worker::SessionSender,
};

/// The maximum size of a body chunk. Larger pieces of data are split.
pub(super) const MAX_CHUNK: usize = 64 << 10;

/// Corrects the Content-Length of a response without content. Frameworks add a length of 0 to a 304, where it would have to
/// be the length of the omitted content.
pub(super) fn correct_content_length(status: StatusCode, headers: &mut HeaderMap) {
    set_bodiless_length(status, headers);
    let empty = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "0");
    if status == StatusCode::NOT_MODIFIED && empty {
        headers.remove(header::CONTENT_LENGTH);
    }
}

/// Sends a response.
///
/// # Errors
/// If the body fails or the client has disconnected. The caller ends the event with the error.
pub(super) async fn send_response<B>(
    response: Response<B>,
    method: &Method,
    mut outgoing: SessionSender,
) -> Result<()>
where
    B: Body<Data: Buf, Error: Into<Box<dyn StdError + Send + Sync>>>,
{
    let (mut parts, body) = response.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    if forbids_content(method, parts.status) {
        correct_content_length(parts.status, &mut parts.headers);
        return outgoing.finish_with_chunks([encode_response_head(parts.status, &parts.headers)]);
    }
    set_content_length(&mut parts.headers, &body);
    let head = encode_response_head(parts.status, &parts.headers);
    let mut body = pin!(body);
    // A short response that is complete already is sent in one write. A longer one waits for its reader.
    let first = match poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await {
        Poll::Ready(first) => first.transpose().map_err(body_error)?,
        Poll::Pending => {
            outgoing.send(head).await?;
            return send_remaining(body, outgoing).await;
        }
    };
    let first = first.and_then(into_data);
    let is_short = first.as_ref().is_none_or(|first| first.len() <= MAX_CHUNK);
    if is_short && body.is_end_stream() {
        return outgoing
            .finish_with_chunks([head].into_iter().chain(first.into_iter().flat_map(split_into_chunks)));
    }
    outgoing.send(head).await?;
    for piece in first.into_iter().flat_map(split_into_chunks) {
        outgoing.send(piece).await?;
    }
    send_remaining(body, outgoing).await
}

/// Sends the remaining frames of the body and closes the response.
async fn send_remaining<B>(mut body: Pin<&mut B>, mut outgoing: SessionSender) -> Result<()>
where
    B: Body<Data: Buf, Error: Into<Box<dyn StdError + Send + Sync>>>,
{
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        for piece in into_data(frame.map_err(body_error)?).into_iter().flat_map(split_into_chunks) {
            outgoing.send(piece).await?;
        }
    }
    outgoing.finish()
}

fn set_content_length(headers: &mut HeaderMap, body: &impl Body) {
    if let Some(length) = body.size_hint().exact() {
        headers.entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
    }
}

fn into_data<D: Buf>(frame: Frame<D>) -> Option<bytes::Bytes> {
    let mut data = frame.into_data().ok()?;
    Some(data.copy_to_bytes(data.remaining()))
}

/// Splits data into chunks of at most [`MAX_CHUNK`] bytes. Empty data yields no chunk.
fn split_into_chunks(mut data: bytes::Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let piece = data.split_to(data.len().min(MAX_CHUNK));
        (!piece.is_empty()).then(|| piece.into())
    })
}

fn body_error(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::handler(format!("the body of the response failed: {}", error.into()))
}
