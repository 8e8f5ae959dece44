//! Bodies of HTTP requests in pieces: an extension between a gateway, a node and a worker of this framework
//! (`protocol.md` 14.3).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The header of `enqueue` by which a gateway offers to send the body of a request in pieces, and the header of `info` by
/// which it asks whether a node understands that.
pub const BODY_HEADER: &str = "cocaine-body";

/// The value of [`BODY_HEADER`].
pub const BODY_IN_PIECES: &str = "pieces";

/// The key of the answer to `info` with [`BODY_HEADER`].
pub const BODY_KEY: &str = "bodies_in_pieces";

/// The first chunk of an answer to an offer, sent at once: the node looks for a worker. It is the head of an interim
/// response, `[102, []]`.
pub const OFFER_RECEIVED: &[u8] = b"\x92\x66\x90";

/// The second chunk of that answer: a worker has the event, and takes the body in pieces. It is `[100, []]`. An offer that
/// is not accepted ends with [`Code::OFFER_DECLINED`](crate::Code::OFFER_DECLINED), and no worker has seen the event.
pub const OFFER_ACCEPTED: &[u8] = b"\x92\x64\x90";

/// The events of a worker whose handlers take the body of a request in pieces: the second argument of its handshake,
/// `[{event: bool}, others]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamedEvents {
    /// The events that differ from all others.
    pub(crate) exceptions: BTreeMap<String, bool>,
    pub(crate) others: bool,
}

impl StreamedEvents {
    /// Returns whether the handler of an event takes bodies in pieces.
    pub fn contains(&self, event: &str) -> bool {
        self.exceptions.get(event).copied().unwrap_or(self.others)
    }

    /// Returns whether no handler takes bodies in pieces.
    pub fn is_empty(&self) -> bool {
        !self.others && !self.exceptions.values().any(|is_streamed| *is_streamed)
    }
}

impl Serialize for StreamedEvents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.exceptions, self.others).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StreamedEvents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (exceptions, others) = Deserialize::deserialize(deserializer)?;
        Ok(Self { exceptions, others })
    }
}
