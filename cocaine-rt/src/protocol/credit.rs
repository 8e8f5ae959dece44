//! Flow control by credit: an extension that is used only where both ends are this framework's (`protocol.md` 14).

use crate::{
    protocol::graph::FIRST_CONTROL,
    wire::{decode, headers::Headers},
};

/// The message that grants credit: `[bytes]`, on the channel that it is for.
pub(crate) const CREDIT: u64 = FIRST_CONTROL - 1;

/// The header of a first message by which a client offers credit: the bytes that the server may send at first, as eight
/// little-endian bytes.
pub(crate) const CREDIT_HEADER: &str = "cocaine-credit";

/// The environment variable by which a node offers credit to a worker that it starts: the bytes that the worker may send
/// at first on each channel, in decimal. A header would not do, since an original node forwards those of its clients.
pub const CREDIT_VARIABLE: &str = "COCAINE_CREDIT";

/// The credit of a channel whose messages are no longer kept. Adding to it does not overflow.
pub(crate) const UNLIMITED: u64 = i64::MAX as u64;

/// What a message costs beside the bytes of its arguments.
const MESSAGE_OVERHEAD: usize = 64;

/// Returns the credit that a message with `args_len` bytes of arguments takes.
#[inline]
pub(crate) fn cost(args_len: usize) -> u64 {
    (args_len + MESSAGE_OVERHEAD) as u64
}

/// Returns the value of [`CREDIT_HEADER`].
pub(crate) fn encode_offer(window: usize) -> [u8; 8] {
    (window as u64).to_le_bytes()
}

/// Returns the credit that the headers of a first message offer.
pub(crate) fn decode_offer(headers: &Headers) -> Option<u64> {
    let value: [u8; 8] = headers.get(CREDIT_HEADER)?.as_ref().try_into().ok()?;
    Some(u64::from_le_bytes(value))
}

/// Returns the bytes that a message of kind [`CREDIT`] grants.
pub(crate) fn decode_grant(args: &bytes::Bytes) -> Result<u64, String> {
    decode::args::<(u64,)>(args).map(|(bytes,)| bytes).map_err(|error| format!("credit: {error}"))
}

/// Returns the credit that the node has offered to this process, if it did when it started it.
pub(crate) fn offered_by_node() -> Option<u64> {
    std::env::var(CREDIT_VARIABLE).ok()?.parse().ok()
}
