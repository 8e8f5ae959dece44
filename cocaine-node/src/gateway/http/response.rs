//! Responses: those of an app (`worker.md` 6.2), and those of the gateway itself.

use std::{
    collections::VecDeque,
    future::poll_fn,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use cocaine::{
    MemoryBudget,
    http::{decode_response_head, forbids_content, remove_hop_by_hop, set_bodiless_length},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};

use super::{
    body::{BodyStream, ResponseBody},
    error::HttpError,
};
use crate::{config::Target, gateway::routing::event_call::ResponseStart};

/// The header by which an app declares that an empty chunk ends the body.
const PROTOCOL: HeaderName = HeaderName::from_static("x-cocaine-http-proto-version");

/// The header that tells an error of the gateway from one of the app.
const GENERATED_BY: HeaderName = HeaderName::from_static("x-error-generated-by");

/// How much is read before the head is sent, so that a short response gets a length and an early error its own status.
const READ_AHEAD_BYTES: usize = 256 << 10;

/// What the response depends on in its request.
pub(crate) struct RequestInfo {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// How long the app may send nothing.
    pub(crate) timeout: Duration,
    /// Counts the response until the client has read it.
    pub(crate) memory: MemoryBudget,
}

impl RequestInfo {
    /// Returns the response of an app. It has a length if it is complete or the app declares one, and is streamed
    /// otherwise. A client of HTTP/1.0 could not tell the end of a stream from a failure, so up to 256 KiB are awaited
    /// for it.
    ///
    /// # Errors
    /// 500 for a first chunk that is not the head of a response, for lengths that contradict each other or the body, and
    /// for an error that comes before anything is sent.
    pub(crate) async fn response(&self, start: ResponseStart) -> Result<Response<ResponseBody>, HttpError> {
        let Some(first) = start.first else {
            return Err(invalid("received `close` event without prior meta info".into()));
        };
        let (status, mut headers) =
            decode_response_head(&first).map_err(|error| HttpError::from_call(&error))?;
        let ends_at_empty = ends_at_empty(&mut headers)?;
        remove_hop_by_hop(&mut headers);
        let declared = declared_length(&mut headers)?;
        let body = if forbids_content(&self.method, status) {
            set_bodiless_length(status, &mut headers);
            // The length of the content that is omitted; with 204 and 205 there is none.
            let has_length = ![StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT].contains(&status);
            ResponseBody::omitted(declared.filter(|_| has_length))
        } else {
            let (upload, memory) = (start.upload, self.memory.clone());
            let stream = BodyStream::new(start.rest, ends_at_empty, self.timeout, upload, memory);
            self.body(stream, declared).await?
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    async fn body(&self, mut stream: BodyStream, declared: Option<u64>) -> Result<ResponseBody, HttpError> {
        let (buffered, ended) = self.read_ahead(&mut stream, declared).await?;
        let length: u64 = buffered.iter().map(|chunk| chunk.len() as u64).sum();
        if let (true, Some(declared)) = (ended, declared)
            && length < declared
        {
            return Err(invalid(format!("the answer has {length} bytes and a Content-Length of {declared}")));
        }
        Ok(ResponseBody::new(buffered, (!ended).then_some(stream), declared))
    }

    /// Reads the chunks that have arrived, or those that a client of HTTP/1.0 waits for. The flag is whether the body is
    /// complete.
    async fn read_ahead(
        &self,
        stream: &mut BodyStream,
        declared: Option<u64>,
    ) -> Result<(VecDeque<Bytes>, bool), HttpError> {
        let waits = self.version == Version::HTTP_10 && declared.is_none();
        let (mut buffered, mut length) = (VecDeque::new(), 0);
        while length < READ_AHEAD_BYTES {
            let chunk = if waits {
                poll_fn(|cx| stream.poll_chunk(cx)).await
            } else {
                match stream.poll_chunk(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(chunk) => chunk,
                    Poll::Pending => return Ok((buffered, false)),
                }
            };
            match chunk {
                Some(Ok(chunk)) => {
                    length += chunk.len();
                    buffered.push_back(chunk);
                }
                Some(Err(error)) => return Err(error.0),
                None => return Ok((buffered, true)),
            }
        }
        Ok((buffered, false))
    }
}

fn ends_at_empty(headers: &mut HeaderMap) -> Result<bool, HttpError> {
    match headers.remove(PROTOCOL) {
        None => Ok(false),
        Some(version) if version == "1.0" => Ok(false),
        Some(version) if version == "1.1" => Ok(true),
        Some(version) => {
            Err(invalid(format!("the answer has {PROTOCOL} {version:?}: 1.0 and 1.1 are known")))
        }
    }
}

/// Returns the length that the app declares, and removes repetitions of the header.
fn declared_length(headers: &mut HeaderMap) -> Result<Option<u64>, HttpError> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next().cloned() else { return Ok(None) };
    let is_number = first.as_bytes().iter().all(u8::is_ascii_digit);
    let length = first.to_str().ok().filter(|_| is_number).and_then(|length| length.parse().ok());
    let Some(length) = length else {
        return Err(invalid(format!("the answer has a Content-Length of {first:?}")));
    };
    if lengths.any(|other| other != first) {
        return Err(invalid("the answer has several values of Content-Length".into()));
    }
    headers.insert(header::CONTENT_LENGTH, first);
    Ok(Some(length))
}

fn invalid(cause: String) -> HttpError {
    HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, cause)
}

/// Returns the response for an error: a text with the cause, and the service and the event if they are known.
pub(crate) fn error_response(error: &HttpError, target: Option<&Target>) -> Response<ResponseBody> {
    let text = match target {
        Some(Target { service, event }) => format!("service `{service}`, event `{event}`: {}\n", error.cause),
        None => format!("{}\n", error.cause),
    };
    let mut response = text_response(text, "text/plain; charset=utf-8");
    *response.status_mut() = error.status;
    response.headers_mut().insert(GENERATED_BY, HeaderValue::from_static(error.generated_by));
    response
}

/// Returns a response with a text.
pub(crate) fn text_response(text: impl Into<Bytes>, media_type: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(text.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

#[cfg(test)]
mod tests {
    use cocaine::{Category, Code, Error};

    use super::{super::error::VICODYN, *};

    #[test]
    fn scheduler_error_names_the_scheduler() {
        let target = Target::new("s", "e");
        let generated_by = |category| {
            let error = HttpError::from_call(&Error::service(Code::new(category, 1), "x"));
            error_response(&error, Some(&target)).headers()[GENERATED_BY].clone()
        };
        assert_eq!(generated_by(VICODYN), "vicodyn");
        assert_eq!(generated_by(Category::WORKER), "cocaine-gateway");
    }
}
