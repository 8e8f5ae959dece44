//! The answer of an app as HTTP (`worker.md` 6.2).

use std::{
    collections::VecDeque,
    future::poll_fn,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use cocaine::http::{end_to_end, read_meta};
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, Version, header};

use super::body::{ReplyBody, Rest};
use crate::gateway::{http::error::Failure, routing::event_call::Begun};

/// By this header of its answer an app says that an empty chunk ends the body.
const PROTOCOL: HeaderName = HeaderName::from_static("x-cocaine-http-proto-version");

/// What is read before the head is sent, so that a short answer has a length and an early error a status of its own.
const AHEAD: usize = 256 << 10;

/// What an answer is for.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// How long the app may be silent.
    pub(crate) patience: Duration,
}

impl Asked {
    /// Returns the answer: with a length if it is whole already or the app has declared one, streamed if it is not. A
    /// client of HTTP/1.0 could not tell the end of a stream from a failure: it waits for the whole, up to 256 KiB.
    ///
    /// # Errors
    /// 500 for a first chunk that is no head of an answer, for lengths that contradict each other or the body, and for
    /// an error that comes before anything was sent.
    pub(crate) async fn answer(&self, begun: Begun) -> Result<Response<ReplyBody>, Failure> {
        let Some(first) = begun.first else {
            return Err(wrong("received `close` event without prior meta info".into()));
        };
        let (status, mut headers) = read_meta(&first).map_err(|error| Failure::of(&error))?;
        let ends_at_empty = ends_at_empty(&mut headers)?;
        end_to_end(&mut headers);
        let declared = declared(&mut headers)?;
        let mut rest = Rest::new(begun.rest, ends_at_empty, self.patience);
        let body = if self.is_bodiless(status) {
            let never = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT].contains(&status);
            if never {
                headers.remove(header::CONTENT_LENGTH);
            }
            ReplyBody::unsent(declared.filter(|_| !never))
        } else {
            let (ready, ended) = self.ahead(&mut rest, declared).await?;
            let here: u64 = ready.iter().map(|piece| piece.len() as u64).sum();
            if let (true, Some(declared)) = (ended, declared)
                && here < declared
            {
                return Err(wrong(format!("the answer has {here} bytes and a Content-Length of {declared}")));
            }
            ReplyBody::new(ready, (!ended).then_some(rest), declared)
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    fn is_bodiless(&self, status: StatusCode) -> bool {
        let without = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
        self.method == Method::HEAD || without.contains(&status)
    }

    /// Reads what is there, or what a client of HTTP/1.0 waits for; the flag is whether that is all.
    async fn ahead(
        &self,
        rest: &mut Rest,
        declared: Option<u64>,
    ) -> Result<(VecDeque<Bytes>, bool), Failure> {
        let waits = self.version == Version::HTTP_10 && declared.is_none();
        let (mut ready, mut len) = (VecDeque::new(), 0);
        while len < AHEAD {
            let piece = if waits {
                poll_fn(|cx| rest.poll_piece(cx)).await
            } else {
                match rest.poll_piece(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(piece) => piece,
                    Poll::Pending => return Ok((ready, false)),
                }
            };
            match piece {
                Some(Ok(piece)) => {
                    len += piece.len();
                    ready.push_back(piece);
                }
                Some(Err(cut_off)) => return Err(cut_off.0),
                None => return Ok((ready, true)),
            }
        }
        Ok((ready, false))
    }
}

fn ends_at_empty(headers: &mut HeaderMap) -> Result<bool, Failure> {
    match headers.remove(PROTOCOL) {
        None => Ok(false),
        Some(version) if version == "1.0" => Ok(false),
        Some(version) if version == "1.1" => Ok(true),
        Some(version) => Err(wrong(format!("the answer has {PROTOCOL} {version:?}: 1.0 and 1.1 are known"))),
    }
}

/// Returns the length that the app has declared, and leaves one such header.
fn declared(headers: &mut HeaderMap) -> Result<Option<u64>, Failure> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next().cloned() else { return Ok(None) };
    let digits = first.as_bytes().iter().all(u8::is_ascii_digit);
    let length = first.to_str().ok().filter(|_| digits).and_then(|length| length.parse().ok());
    let Some(length) = length else {
        return Err(wrong(format!("the answer has a Content-Length of {first:?}")));
    };
    if lengths.any(|other| other != first) {
        return Err(wrong("the answer has several values of Content-Length".into()));
    }
    headers.insert(header::CONTENT_LENGTH, first);
    Ok(Some(length))
}

fn wrong(cause: String) -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, cause)
}
