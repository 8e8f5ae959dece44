//! What generated code knows of an event.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use crate::{
    protocol::graph::CLOSE,
    wire::encode::{self, Encoded},
};

/// An event of an app, for generated code: its name, and the hash of the schema that the code was made from.
///
/// It is a `static`, since it keeps what each call needs of it in encoded form.
pub struct EventSpec {
    name: &'static str,
    hash: &'static str,
    encoded: OnceLock<EncodedSpec>,
}

struct EncodedSpec {
    /// The arguments of `enqueue`.
    args: Encoded,
    name: Arc<str>,
}

impl EventSpec {
    /// Returns the event `name`, whose hash is sent as `hash_text` writes it; no hash is sent if it is empty.
    pub const fn new(name: &'static str, hash: &'static str) -> Self {
        Self { name, hash, encoded: OnceLock::new() }
    }

    /// Returns the name of the event.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the hash as 16 hexadecimal digits.
    pub const fn hash(&self) -> &'static str {
        self.hash
    }

    /// Returns the arguments of `enqueue`.
    pub(crate) fn args(&self) -> &Encoded {
        &self.encoded().args
    }

    /// Returns the name for the context of errors.
    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.encoded().name
    }

    fn encoded(&self) -> &EncodedSpec {
        self.encoded.get_or_init(|| {
            let mut args = Encoded::default();
            encode::write_array_len(&mut args.buf, 1);
            encode::write_raw(&mut args.buf, self.name.as_bytes());
            EncodedSpec { args, name: self.name.into() }
        })
    }
}

impl fmt::Debug for EventSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSpec")
            .field("name", &self.name)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// What a client sends with the request of an event.
#[derive(Clone, Copy)]
pub(crate) struct EventOpening<'a> {
    pub(crate) spec: &'a EventSpec,
    /// The arguments of the first chunk.
    pub(crate) chunk: Option<&'a Encoded>,
    pub(crate) ending: EventEnding,
}

impl EventOpening<'_> {
    /// Returns the message that ends the caller's stream at once.
    pub(crate) fn close(&self) -> Option<u64> {
        (self.ending != EventEnding::Session).then_some(CLOSE)
    }
}

/// How the two streams of an event end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventEnding {
    /// The caller's ends with the request, and the worker's after one reply, for which the deadline of calls applies.
    OneReply,
    /// The caller's ends with the request.
    Stream,
    /// Either side ends its own.
    Session,
}
