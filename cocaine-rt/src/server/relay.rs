//! Handing a stream on from one channel to another, as a node does between a client and a worker.

use std::task::{Context, Poll, ready};

use crate::{
    connection::{
        halves::{Receiver, Sender},
        mux::message::Message,
    },
    protocol::{
        code::{Category, Code},
        error::Error,
        graph::{CLOSE, ERROR, WRITE},
    },
    wire::{
        bytes::Bytes,
        decode::{self, DecodeError, Reader},
        encode::{self, Encoded},
        frame::{self, FrameHeaders},
        scratch::Scratch,
    },
};

/// One direction of an event: what comes on a channel goes out on another, with one lock of each connection for all
/// that has come. An error's category that is not known becomes [`Category::UNKNOWN`] (`worker.md` 3.6).
#[derive(Debug)]
pub struct Relay {
    from: Receiver<Bytes>,
    to: Sender<Bytes>,
    blocked: bool,
}

/// How a [`Relay`] has come to its end.
#[derive(Debug)]
pub enum Passed {
    /// The stream was closed, and that was handed on.
    Closed,
    /// The stream ended with an error of its sender, and that was handed on.
    Failed,
    /// The sender broke the rules of its stream. Nothing of that was handed on.
    Malformed(Error),
    /// The channel that is read has ended: revoked, or with its connection.
    Lost(Error),
}

impl Relay {
    /// Blobs up to this size are written where they belong, larger ones shared.
    const COPIED: usize = 16 << 10;

    /// Returns the relay between two halves.
    pub fn new(from: Receiver<Bytes>, to: Sender<Bytes>) -> Self {
        Self { from, to, blocked: false }
    }

    /// Hands on what has come, and waits for more until the stream ends. It is not to be polled after that.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        loop {
            self.blocked = self.to.half().poll_room(cx).is_pending();
            if self.blocked {
                return Poll::Pending;
            }
            let mut frames = Scratch::take();
            let passed = match ready!(self.collect(cx, &mut frames)) {
                Ok(passed) => passed,
                Err(ended) => return Poll::Ready(ended),
            };
            // What is sent to somebody who has left is lost, as is known to whoever reads from them.
            let _ = self.to.half().queue_encoded(&frames, passed.is_some());
            if let Some(passed) = passed {
                return Poll::Ready(passed);
            }
        }
    }

    /// Writes what has come as it is to be sent.
    fn collect(
        &mut self,
        cx: &mut Context<'_>,
        frames: &mut Encoded,
    ) -> Poll<Result<Option<Passed>, Passed>> {
        let half = self.to.half();
        let (id, mut buf) = (half.id(), Vec::new());
        let headers = half.frame_headers(&mut buf);
        let (mut last, mut written) = (None, Ok(()));
        let polled = self.from.poll_each(cx, |message| {
            last = Some(message.kind);
            if written.is_ok() {
                written = write(frames, id, message, headers);
            }
        });
        if let Err(error) = ready!(polled) {
            return Poll::Ready(Err(Passed::Lost(error)));
        }
        if let Err(malformed) = written {
            let error = Error::protocol(format!("a message of a stream: {malformed}"));
            return Poll::Ready(Err(Passed::Malformed(error.with_wire_code(Code::INVALID_ARGUMENTS))));
        }
        Poll::Ready(Ok(match last {
            None | Some(CLOSE) => Some(Passed::Closed),
            Some(ERROR) => Some(Passed::Failed),
            Some(_) => None,
        }))
    }

    /// Returns whether it waits for whom it hands on to, who does not read.
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Returns once nobody can receive what is handed on.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.to.poll_closed(cx)
    }

    /// Ends the stream that is sent with an error.
    pub fn fail(self, error: &Error) {
        // Nobody is left to be told.
        let _ = self.to.fail(error);
    }

    /// Ends the stream that is sent without a word.
    pub fn abandon(self) {
        self.to.abandon();
    }
}

fn write(
    frames: &mut Encoded,
    id: u64,
    message: &Message,
    headers: FrameHeaders<'_>,
) -> Result<(), DecodeError> {
    frame::begin(frames, id, message.kind, headers);
    match message.kind {
        WRITE => chunk(&message.args, frames)?,
        ERROR => error(&message.args, frames)?,
        _ => encode::write_array_len(&mut frames.buf, 0),
    }
    frame::end(frames, headers);
    Ok(())
}

/// Writes a chunk again, with a raw of the oldest family (`worker.md` 2).
fn chunk(source: &bytes::Bytes, args: &mut Encoded) -> Result<(), DecodeError> {
    let mut reader = Reader::new(source);
    if reader.array_len()? == 0 {
        return Err(DecodeError::new("a chunk without its bytes"));
    }
    let raw = reader.raw()?;
    if raw.len() > Relay::COPIED {
        let (blob,): (Bytes,) = decode::args(source)?;
        return encode::args(&(blob,), args)
            .map_err(|error| DecodeError::new(Error::from_encode(error).to_string()));
    }
    encode::write_array_len(&mut args.buf, 1);
    encode::write_raw(&mut args.buf, raw);
    Ok(())
}

/// Writes an error again: `[[category, code], text]`, an empty text for none.
fn error(source: &bytes::Bytes, args: &mut Encoded) -> Result<(), DecodeError> {
    let ((category, code), text): ((i64, i32), Option<Bytes>) = decode::args(source)?;
    let category = Category(category).registered();
    let error = ((category.0, code), text.unwrap_or_default());
    encode::args(&error, args).map_err(|error| DecodeError::new(Error::from_encode(error).to_string()))
}
