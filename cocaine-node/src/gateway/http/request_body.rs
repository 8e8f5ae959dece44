//! The bodies of requests, which are buffered before an app is called.

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

/// The average rate in bytes per second that a client must keep up once the time-out for the beginning has passed.
const MIN_RATE: u64 = 4096;

/// Limits the memory for the bodies of all requests together.
#[derive(Clone, Debug)]
pub(crate) struct BodyBuffer {
    used: Arc<AtomicUsize>,
    limit: usize,
    /// The most bytes of one body.
    body_limit: usize,
    /// How long a client may take to send the beginning of a body.
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
        self.bytes += bytes;
        if self.used.fetch_add(bytes, Ordering::Relaxed) + bytes > self.limit {
            let text = "too many large requests at once: try again later (`http.buffer`)";
            return Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        Ok(())
    }
}

impl Drop for BodyReservation {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl BodyBuffer {
    pub(crate) fn new(limit: usize, body_limit: usize, timeout: Duration) -> Self {
        Self { used: Arc::default(), limit, body_limit, timeout }
    }

    /// Reads a whole body.
    ///
    /// # Errors
    /// 413 if it is too long, 408 if the client is too slow, 503 if the buffer is full, 400 if the body is malformed.
    pub(crate) async fn read(&self, mut body: Incoming) -> Result<BufferedBody, HttpError> {
        let mut reservation = self.empty_reservation();
        if body.is_end_stream() {
            return Ok(BufferedBody { bytes: Bytes::new(), reservation });
        }
        if body.size_hint().lower() > self.body_limit as u64 {
            return Err(self.too_long());
        }
        let start = Instant::now();
        // A body of one frame is not copied.
        let (mut first, mut all) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = self.next_frame(&mut body, start, first.len() + all.len()).await? {
            let Ok(data) = frame.into_data() else { continue };
            self.reserve(&mut reservation, data.len())?;
            if first.is_empty() && all.is_empty() {
                first = data;
            } else {
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&data);
            }
        }
        let bytes = if all.is_empty() { first } else { all.freeze() };
        Ok(BufferedBody { bytes, reservation })
    }

    async fn next_frame(
        &self,
        body: &mut Incoming,
        start: Instant,
        received: usize,
    ) -> Result<Option<Frame<Bytes>>, HttpError> {
        let deadline = start + self.timeout + Duration::from_secs(received as u64 / MIN_RATE);
        let Ok(frame) = timeout_at(deadline, body.frame()).await else {
            let text = format!(
                "the body of the request is too slow: {received} bytes came in {:?}",
                start.elapsed()
            );
            return Err(HttpError::new(StatusCode::REQUEST_TIMEOUT, text));
        };
        frame.transpose().map_err(|error| {
            HttpError::new(StatusCode::BAD_REQUEST, format!("the body of the request is malformed: {error}"))
        })
    }

    fn reserve(&self, reservation: &mut BodyReservation, bytes: usize) -> Result<(), HttpError> {
        if reservation.bytes + bytes > self.body_limit {
            return Err(self.too_long());
        }
        reservation.grow(bytes)
    }

    fn empty_reservation(&self) -> BodyReservation {
        BodyReservation { used: self.used.clone(), limit: self.limit, bytes: 0 }
    }

    fn too_long(&self) -> HttpError {
        let text =
            format!("the body of the request is longer than {} bytes (`http.request_body`)", self.body_limit);
        HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }
}

#[cfg(test)]
impl BodyBuffer {
    /// Returns a body that was read.
    pub(crate) fn buffered(&self, bytes: Bytes) -> BufferedBody {
        let mut reservation = self.empty_reservation();
        reservation.grow(bytes.len()).unwrap();
        BufferedBody { bytes, reservation }
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}
