//! The bodies of requests: collected before an app is called, or sent on in pieces.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::error::HttpError;

/// The average rate in bytes per second that a client must keep up while its body is collected, once the time-out for
/// the beginning has passed.
const MIN_RATE: u64 = 4096;

/// The longest body that is collected: a worker may have a limit of 128 MiB for a frame, which has the head of the request
/// too.
const MAX_COLLECTED_BYTES: usize = (128 << 20) - (1 << 20);

/// The bytes that are received at once, as a rule: what hyper has allocated for a read can be more.
const MAX_PIECE: usize = 128 << 10;

/// Limits the memory for the bodies of all requests together.
#[derive(Clone, Debug)]
pub(crate) struct BodyBuffer {
    used: Arc<AtomicUsize>,
    limit: usize,
    /// The most bytes of one body.
    body_limit: usize,
    /// How long a client may take to send the beginning of a body, and each piece of one that is sent on in pieces.
    timeout: Duration,
}

/// A complete body, and its share of the [`BodyBuffer`].
#[derive(Debug)]
pub(crate) struct BufferedBody {
    pub(crate) bytes: Bytes,
    pub(crate) reservation: BodyReservation,
}

/// Bytes of a [`BodyBuffer`] that one body uses, released on drop.
#[derive(Debug)]
pub(crate) struct BodyReservation {
    used: Arc<AtomicUsize>,
    limit: usize,
    bytes: usize,
}

impl BodyReservation {
    /// Adds bytes, which stay reserved even if they do not fit.
    ///
    /// # Errors
    /// 503 if the buffer is full.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), HttpError> {
        if self.add(bytes) > self.limit {
            let text = "too many large requests at once: try again later (`http.buffer`)";
            return Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        Ok(())
    }

    /// Returns whether the buffer has room for so many bytes more.
    fn has_room(&self, bytes: usize) -> bool {
        self.used.load(Ordering::Relaxed) + bytes <= self.limit
    }

    /// Adds bytes, and returns how many the buffer has then.
    fn add(&mut self, bytes: usize) -> usize {
        self.bytes += bytes;
        self.used.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    fn release(&mut self) {
        self.used.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for BodyReservation {
    fn drop(&mut self) {
        self.release();
    }
}

impl BodyBuffer {
    pub(crate) fn new(limit: usize, body_limit: usize, timeout: Duration) -> Self {
        Self { used: Arc::default(), limit, body_limit, timeout }
    }

    /// Begins to read a body.
    ///
    /// # Errors
    /// 413 if it is too long.
    pub(crate) fn receive(&self, incoming: Incoming) -> Result<RequestBody, HttpError> {
        let reservation = BodyReservation { used: self.used.clone(), limit: self.limit, bytes: 0 };
        let body = RequestBody {
            incoming,
            reservation,
            limit: self.body_limit,
            timeout: self.timeout,
            start: None,
            received: 0,
            first: Bytes::new(),
            all: BytesMut::new(),
            has_ended: false,
        };
        body.check_length(self.body_limit)?;
        Ok(body)
    }

    /// Returns how many bytes are buffered.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// A body that a client is sending.
#[derive(Debug)]
pub(crate) struct RequestBody {
    incoming: Incoming,
    reservation: BodyReservation,
    /// The most bytes of the body.
    limit: usize,
    timeout: Duration,
    /// When the first byte was waited for.
    start: Option<Instant>,
    received: usize,
    // A body of one frame is not copied.
    first: Bytes,
    all: BytesMut,
    /// The end of a body without a length has been read.
    has_ended: bool,
}

impl RequestBody {
    /// Reads the whole body.
    ///
    /// # Errors
    /// 413 if it is too long, 408 if the client is too slow, 503 if the buffer is full, 400 if the body is malformed.
    pub(crate) async fn collect(mut self) -> Result<BufferedBody, HttpError> {
        let limit = self.limit.min(MAX_COLLECTED_BYTES);
        self.check_length(limit)?;
        // The client may have been kept waiting since the beginning.
        self.start = None;
        self.fill_within(usize::MAX, limit).await?;
        let bytes = self.take_buffered();
        Ok(BufferedBody { bytes, reservation: self.reservation })
    }

    /// Reads until the body is complete, or more than `enough` bytes are buffered. Returns whether it is complete.
    ///
    /// # Errors
    /// Those of [`RequestBody::collect`].
    pub(crate) async fn fill(&mut self, enough: usize) -> Result<bool, HttpError> {
        self.fill_within(enough, self.limit).await
    }

    /// Reads on like [`RequestBody::fill`], but only while the buffer has room. What is read last may exceed it.
    pub(crate) async fn read_ahead(&mut self, enough: usize) -> Result<bool, HttpError> {
        while !self.is_complete() && self.received <= enough && self.reservation.has_room(MAX_PIECE) {
            let deadline = self.deadline();
            let Some(data) = self.next_data(deadline, self.limit).await? else { break };
            self.reservation.add(data.len());
            self.append(data);
        }
        Ok(self.is_complete())
    }

    async fn fill_within(&mut self, enough: usize, limit: usize) -> Result<bool, HttpError> {
        while !self.is_complete() && self.received <= enough {
            let deadline = self.deadline();
            let Some(data) = self.next_data(deadline, limit).await? else { break };
            self.reservation.grow(data.len())?;
            self.append(data);
        }
        Ok(self.is_complete())
    }

    /// Returns when the client has to have sent more of a body that is buffered.
    fn deadline(&mut self) -> Instant {
        let start = *self.start.get_or_insert_with(Instant::now);
        start + self.timeout + Duration::from_secs(self.received as u64 / MIN_RATE)
    }

    fn append(&mut self, data: Bytes) {
        if self.first.is_empty() && self.all.is_empty() {
            self.first = data;
        } else {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
            self.all.extend_from_slice(&data);
        }
    }

    fn is_complete(&self) -> bool {
        self.has_ended || self.incoming.is_end_stream()
    }

    /// Returns the bytes that are buffered, which keep their share of the [`BodyBuffer`] until [`RequestBody::release`].
    pub(crate) fn take_buffered(&mut self) -> Bytes {
        if self.all.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.all).freeze()
        }
    }

    /// Returns the next piece of a body that is sent on in pieces, or `None` at its end. The client has the time-out for
    /// each. The piece has a share of the [`BodyBuffer`] until [`RequestBody::release`], also if the buffer is full: it is
    /// in memory already, and the next one is read only after it.
    ///
    /// # Errors
    /// 413 if the body is too long, 408 if the client is too slow, 400 if the body is malformed.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<Bytes>, HttpError> {
        if self.is_complete() {
            return Ok(None);
        }
        let piece = self.next_data(Instant::now() + self.timeout, self.limit).await?;
        if let Some(piece) = &piece {
            self.reservation.add(piece.len());
        }
        Ok(piece)
    }

    /// Gives the share of what was taken back to the [`BodyBuffer`].
    pub(crate) fn release(&mut self) {
        self.reservation.release();
    }

    /// Returns the next data that is not empty.
    async fn next_data(&mut self, deadline: Instant, limit: usize) -> Result<Option<Bytes>, HttpError> {
        loop {
            let Some(frame) = self.next_frame(deadline).await? else {
                self.has_ended = true;
                return Ok(None);
            };
            // Trailers are dropped.
            let Ok(data) = frame.into_data() else { continue };
            if data.is_empty() {
                continue;
            }
            self.received += data.len();
            if self.received > limit {
                return Err(self.too_long(limit));
            }
            return Ok(Some(data));
        }
    }

    async fn next_frame(&mut self, deadline: Instant) -> Result<Option<Frame<Bytes>>, HttpError> {
        let Ok(frame) = timeout_at(deadline, self.incoming.frame()).await else {
            let (received, elapsed) =
                (self.received, self.start.map(|start| start.elapsed()).unwrap_or_default());
            let text = format!("the body of the request is too slow: {received} bytes came in {elapsed:?}");
            return Err(HttpError::new(StatusCode::REQUEST_TIMEOUT, text));
        };
        frame.transpose().map_err(|error| {
            HttpError::new(StatusCode::BAD_REQUEST, format!("the body of the request is malformed: {error}"))
        })
    }

    /// Refuses a body that declares to be too long.
    fn check_length(&self, limit: usize) -> Result<(), HttpError> {
        if self.received as u64 + self.incoming.size_hint().lower() > limit as u64 {
            return Err(self.too_long(limit));
        }
        Ok(())
    }

    fn too_long(&self, limit: usize) -> HttpError {
        let reason = if limit < self.limit {
            "which is all that an app takes that does not read bodies in pieces"
        } else {
            "`http.request_body`"
        };
        let text = format!("the body of the request is longer than {limit} bytes ({reason})");
        HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }
}

#[cfg(test)]
impl BodyBuffer {
    /// Returns a body that was read.
    pub(crate) fn buffered(&self, bytes: Bytes) -> BufferedBody {
        let mut reservation = BodyReservation { used: self.used.clone(), limit: self.limit, bytes: 0 };
        reservation.grow(bytes.len()).unwrap();
        BufferedBody { bytes, reservation }
    }
}
