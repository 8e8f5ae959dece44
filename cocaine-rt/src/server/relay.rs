//! Forwards a stream from one channel to another, as a node does between a client and a worker.

use std::task::{Context, Poll, ready};

use crate::{
    connection::{
        halves::{Receiver, Sender},
        mux::message::Message,
    },
    protocol::{
        code::{Category, Code},
        credit,
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

/// Forwards one direction of an event from one channel to another. Messages that have arrived are forwarded together, under one
/// lock of each connection, as far as the receiver has room for them. An unknown category of an error becomes [`Category::UNKNOWN`] (`worker.md` 3.6).
#[derive(Debug)]
pub struct Relay {
    from: Receiver<Bytes>,
    to: Sender<Bytes>,
    blocked: bool,
    started: bool,
}

/// How a [`Relay`] ended.
#[derive(Debug)]
pub enum RelayEnd {
    /// The stream was closed, and the close was forwarded.
    Closed,
    /// The sender ended the stream with an error, and the error was forwarded.
    Failed,
    /// The sender sent an invalid message. It was not forwarded.
    Malformed(Error),
    /// The source channel ended: it was revoked, or its connection closed.
    Lost(Error),
}

impl Relay {
    /// Blobs up to this size are copied; larger ones are shared.
    const MAX_COPIED_BYTES: usize = 16 << 10;

    /// Returns the relay between two halves.
    pub fn new(from: Receiver<Bytes>, to: Sender<Bytes>) -> Self {
        Self { from, to, blocked: false, started: false }
    }

    /// Forwards messages until the stream ends. Must not be polled after that.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<RelayEnd> {
        loop {
            let room = self.to.as_dyn_mut().poll_room(cx);
            self.blocked = room.is_pending();
            let Poll::Ready(room) = room else {
                // A receiver that reads too slowly costs the source its channel.
                ready!(self.from.poll_failed(cx));
                let lost = ready!(self.collect(cx, 0, &mut Scratch::take()));
                return Poll::Ready(lost.err().unwrap_or(RelayEnd::Closed));
            };
            let mut frames = Scratch::take();
            let (end, cost) = match ready!(self.collect(cx, room, &mut frames)) {
                Ok(collected) => collected,
                Err(end) => return Poll::Ready(end),
            };
            self.started = true;
            // A failure to send means that the receiver is gone, which the relay of the other direction reports.
            let _ = self.to.as_dyn_mut().queue_encoded(&frames, cost, end.is_some());
            if let Some(end) = end {
                return Poll::Ready(end);
            }
        }
    }

    /// Encodes the messages that have arrived as frames of the other channel; returns the end, if one of them is, and the
    /// credit that they take.
    fn collect(
        &mut self,
        cx: &mut Context<'_>,
        room: u64,
        frames: &mut Encoded,
    ) -> Poll<Result<(Option<RelayEnd>, u64), RelayEnd>> {
        let sender = self.to.as_dyn_mut();
        let (id, mut buf) = (sender.id(), Vec::new());
        let headers = sender.frame_headers(&mut buf);
        let (mut last, mut written) = (None, Ok(0));
        let polled = self.from.poll_each(cx, room, |message| {
            last = Some(message.kind);
            let Ok(total) = &mut written else { return 0 };
            match write(frames, id, message, headers) {
                Ok(cost) => *total += cost,
                Err(malformed) => written = Err(malformed),
            }
            credit::cost(message.args.len())
        });
        if let Err(error) = ready!(polled) {
            return Poll::Ready(Err(RelayEnd::Lost(error)));
        }
        let end = match last {
            None | Some(CLOSE) => Some(RelayEnd::Closed),
            Some(ERROR) => Some(RelayEnd::Failed),
            Some(_) => None,
        };
        Poll::Ready(written.map(|cost| (end, cost)).map_err(|malformed| {
            let error = Error::protocol(format!("a message of a stream: {malformed}"));
            RelayEnd::Malformed(error.with_wire_code(Code::INVALID_ARGUMENTS))
        }))
    }

    /// Returns whether a message has been forwarded.
    pub fn has_started(&self) -> bool {
        self.started
    }

    /// Returns whether the relay waits because the receiver does not read.
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Returns once the receiver is gone.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.to.poll_closed(cx)
    }

    /// Returns once the connection of the receiver has ended. A receiver that has revoked its channel is gone for
    /// [`Relay::poll_closed`], but still gets what is forwarded.
    pub fn poll_disconnected(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.to.poll_disconnected(cx)
    }

    /// Ends the forwarded stream with an error.
    pub fn fail(self, error: &Error) {
        // A failure means that the receiver is gone.
        let _ = self.to.fail(error);
    }

    /// Ends the forwarded stream without a message.
    pub fn abandon(self) {
        self.to.abandon();
    }
}

/// Encodes a message as a frame of the other channel; returns the credit that it takes.
fn write(
    frames: &mut Encoded,
    id: u64,
    message: &Message,
    headers: FrameHeaders<'_>,
) -> Result<u64, DecodeError> {
    frame::begin(frames, id, message.kind, headers);
    let start = frames.len();
    match message.kind {
        WRITE => write_chunk(&message.args, frames)?,
        ERROR => write_error(&message.args, frames)?,
        _ => encode::write_array_len(&mut frames.buf, 0),
    }
    let cost = credit::cost(frames.len() - start);
    frame::end(frames, headers);
    Ok(cost)
}

/// Encodes a chunk again, as a raw of the oldest `MessagePack` family (`worker.md` 2).
fn write_chunk(source: &bytes::Bytes, args: &mut Encoded) -> Result<(), DecodeError> {
    let mut reader = Reader::new(source);
    if reader.array_len()? == 0 {
        return Err(DecodeError::new("a chunk without its bytes"));
    }
    let raw = reader.raw()?;
    if raw.len() > Relay::MAX_COPIED_BYTES {
        let (blob,): (Bytes,) = decode::args(source)?;
        return encode::args(&(blob,), args)
            .map_err(|error| DecodeError::new(Error::from_encode(error).to_string()));
    }
    encode::write_array_len(&mut args.buf, 1);
    encode::write_raw(&mut args.buf, raw);
    Ok(())
}

/// Encodes an error again: `[[category, code], text]`, with an empty text for none.
fn write_error(source: &bytes::Bytes, args: &mut Encoded) -> Result<(), DecodeError> {
    let ((category, code), text): ((i64, i32), Option<Bytes>) = decode::args(source)?;
    let category = Category(category).registered();
    let error = ((category.0, code), text.unwrap_or_default());
    encode::args(&error, args).map_err(|error| DecodeError::new(Error::from_encode(error).to_string()))
}
