//! Frames whose arguments were longer than the limit and were skipped: the channel fails, and the connection does not.

use super::{ChannelKey, Mux, Violation, message::Message, receiving::not_allowed};
use crate::{
    protocol::{
        code::Code,
        error::{Error, ErrorKind},
        limits::Limits,
    },
    wire::scan::FrameBounds,
};

impl Mux {
    /// Fails a channel of this side whose next message has at least `len` bytes, before these have arrived. `refusal` is the
    /// reason, if it is not the length.
    pub(crate) fn fail_oversized(&mut self, id: u64, len: usize, refusal: Option<&Error>) {
        if self.own.get(id).is_some_and(|channel| !channel.recv_state.is_ended()) {
            let error = refusal.cloned().unwrap_or_else(|| too_long(&format!("at least {len}"), self.limits));
            self.fail_over_limit(ChannelKey { id, own: true }, error);
        }
    }

    /// Receives what is left of a frame, of which `skipped` bytes were skipped, for the reason `refusal` if it was not their
    /// length. The rest starts at `start` in `batch`.
    pub(crate) fn receive_oversized(
        &mut self,
        batch: &bytes::Bytes,
        start: usize,
        bounds: &FrameBounds,
        skipped: usize,
        refusal: Option<&Error>,
    ) -> Result<(), Violation> {
        let headers = self.read_headers(batch, start, bounds)?;
        let (id, kind) = (bounds.channel, bounds.kind);
        let error =
            refusal.cloned().unwrap_or_else(|| too_long(&(skipped + bounds.len).to_string(), self.limits));
        tracing::warn!(channel = id, %error, "a message was not stored");
        if let Some(channel) = self.own.get(id) {
            if !channel.recv_state.is_ended() {
                channel.recv_state.advance(kind);
                self.fail_over_limit(ChannelKey { id, own: true }, error);
            }
            return Ok(());
        }
        match self.peers.get_mut(&id) {
            Some(channel) if !channel.recv_state.is_ended() => {
                if !channel.recv_state.advance(kind) {
                    return self.tolerate(Code::SLOT_NOT_FOUND, || not_allowed(kind, id));
                }
                self.fail_over_limit(ChannelKey { id, own: false }, error);
                self.free_if_unused(id);
                Ok(())
            }
            _ if id > self.last_peer_id => {
                let args = bytes::Bytes::from_static(&[0x90]);
                self.accept(id, Message { kind, args, headers }, Some(error))
            }
            _ => self
                .tolerate(Code::REVOKED_CHANNEL, || format!("channel {id} is not above every earlier one")),
        }
    }
}

/// Returns the error of a frame of `len` bytes.
fn too_long(len: &str, limits: Limits) -> Error {
    Error::new(ErrorKind::LimitExceeded(format!(
        "a message of {len} bytes is longer than {} (raise `max_frame_bytes` where it is received)",
        limits.max_frame_bytes
    )))
}
