//! What the connection counts in the budget of its process, and what it does while memory is scarce.

use super::{ChannelKey, Mux, Role, congestion::ticks_of};
use crate::protocol::{
    error::{Error, ErrorKind},
    limits::Limits,
    memory::{MemoryBudget, MemoryReservation, MemoryStage},
};

/// The step in which bytes are counted, and the bytes that are not counted.
const STEP: usize = MemoryBudget::UNCOUNTED_BYTES;

/// The memory of a connection, beside its unread messages and the arguments of its running calls.
#[derive(Debug)]
pub(super) struct ConnectionMemory {
    budget: MemoryBudget,
    /// The bytes that are counted in the budget.
    charged: usize,
    /// The bytes in use from which on fewer are counted, and those above which more are.
    lower: usize,
    upper: usize,
    /// Bytes of an incomplete frame, arrived or reserved.
    pub(super) input_bytes: usize,
    /// Bytes of the calls that have not begun.
    pub(super) pending_bytes: usize,
    /// Bytes of the output that the driver writes.
    pub(super) writing_bytes: usize,
    /// Bytes reserved for the answers of calls, with the channels of these.
    replies: Vec<(u64, usize)>,
    reply_bytes: usize,
    /// The driver waits for room for a frame.
    awaits_room: bool,
}

impl ConnectionMemory {
    pub(super) fn new(budget: MemoryBudget) -> Self {
        let upper = if budget.limit().is_some() { STEP } else { usize::MAX };
        Self {
            budget,
            charged: 0,
            lower: 0,
            upper,
            input_bytes: 0,
            pending_bytes: 0,
            writing_bytes: 0,
            replies: Vec::new(),
            reply_bytes: 0,
            awaits_room: false,
        }
    }

    /// Counts `used` bytes in whole steps; returns how many are to be returned to the budget.
    #[cold]
    fn recount(&mut self, used: usize) -> usize {
        let target = MemoryBudget::counted_bytes(used);
        let returned = self.charged.saturating_sub(target);
        if target > self.charged {
            self.budget.add(target - self.charged);
        }
        self.set_charged(target);
        returned
    }

    fn set_charged(&mut self, charged: usize) {
        self.charged = charged;
        self.upper = charged.max(STEP);
        self.lower = if charged > 0 { charged.saturating_sub(STEP * 3 / 2).max(STEP / 2) } else { 0 };
    }

    /// Takes over reserved bytes, whose use is counted from now on.
    fn absorb(&mut self, reservation: MemoryReservation) -> usize {
        let bytes = reservation.into_bytes();
        if bytes > 0 {
            self.set_charged(self.charged + bytes);
        }
        bytes
    }

    fn is_scarce(&self) -> bool {
        self.charged > 0 && self.budget.is_scarce()
    }
}

impl Drop for ConnectionMemory {
    fn drop(&mut self) {
        self.budget.subtract(self.charged);
    }
}

impl Mux {
    /// What an open channel of the peer takes, with its handler.
    const CHANNEL_BYTES: usize = 1 << 10;
    /// The output of a connection up to which answers are queued even if there is no memory for them.
    const SMALL_OUTPUT_BYTES: usize = 4 * STEP;

    /// Counts the memory in use, of which `queued` bytes are output, if it has changed by a step. Returns the bytes that are to
    /// be returned to the budget once the lock of the connection is released.
    #[inline]
    pub(crate) fn update_memory(&mut self, queued: usize) -> usize {
        let used = self.used_bytes(queued);
        if used <= self.memory.upper && used >= self.memory.lower {
            return 0;
        }
        self.memory.recount(used)
    }

    #[inline]
    fn used_bytes(&self, queued: usize) -> usize {
        let memory = &self.memory;
        let messages = self.unread_bytes + self.args_bytes + memory.pending_bytes;
        let frames = memory.input_bytes + memory.writing_bytes + queued;
        messages + frames + memory.reply_bytes + self.peers.len() * Self::CHANNEL_BYTES
    }

    /// Returns whether this connection has to make do with little memory: it has counted some, and memory is scarce.
    #[inline]
    pub(crate) fn is_memory_scarce(&self) -> bool {
        self.memory.is_scarce()
    }

    /// Returns whether memory is counted for this connection.
    #[inline]
    pub(super) fn has_counted_memory(&self) -> bool {
        self.memory.charged > 0
    }

    /// Returns the most bytes of unread messages or output that this connection may keep now, of the `limit` that it
    /// usually has.
    #[inline]
    pub(super) fn current_limit(&self, limit: usize) -> usize {
        if self.memory.is_scarce() { limit.min(STEP) } else { limit }
    }

    /// Returns whether the output is too large for further answers while memory is scarce.
    pub(super) fn is_output_large(&self) -> bool {
        self.memory.writing_bytes > STEP && self.memory.is_scarce()
    }

    /// Returns the stage of the frames that arrive on this connection.
    pub(crate) fn memory_stage(&self) -> MemoryStage {
        if matches!(self.role, Role::Client) { MemoryStage::Last } else { MemoryStage::First }
    }

    /// Returns whether a large frame may have to wait until others have left room for it: never on a connection that holds
    /// a lock, whose loss must not wait.
    pub(crate) fn can_await_room(&self) -> bool {
        self.urgent_channels == 0
    }

    /// Notes whether the driver waits for room for a frame. The socket is not read then.
    pub(crate) fn set_awaiting_room(&mut self, awaits_room: bool) {
        if awaits_room && !self.memory.awaits_room {
            self.congestions += 1;
        }
        self.memory.awaits_room = awaits_room;
    }

    #[inline]
    pub(super) fn awaits_room(&self) -> bool {
        self.memory.awaits_room
    }

    /// Notes how many bytes an incomplete frame takes, for which more may have been reserved.
    pub(crate) fn set_input_bytes(&mut self, bytes: usize, reservation: MemoryReservation) {
        self.memory.absorb(reservation);
        self.memory.input_bytes = bytes;
    }

    /// Keeps reserved bytes for the answer of a call, until that is queued or the call ends.
    pub(crate) fn reserve_reply(&mut self, id: u64, reservation: MemoryReservation) {
        let bytes = self.memory.absorb(reservation);
        if bytes > 0 {
            self.memory.replies.push((id, bytes));
            self.memory.reply_bytes += bytes;
        }
    }

    /// Makes room for an answer of `bytes` bytes of a call whose arguments take `args_bytes`. Returns whether there is room:
    /// always, if the output remains small.
    pub(crate) fn admit_reply(&mut self, id: u64, args_bytes: usize, bytes: usize) -> bool {
        let replies = self.memory.replies.iter().filter(|reply| reply.0 == id);
        let reserved: usize = replies.map(|reply| reply.1).sum();
        let missing = bytes.saturating_sub(reserved + args_bytes);
        let output = self.output_len() + self.memory.writing_bytes + bytes;
        if missing == 0 || output <= Self::SMALL_OUTPUT_BYTES {
            return true;
        }
        let Some(reservation) = self.memory.budget.try_reserve(missing) else { return false };
        self.reserve_reply(id, reservation);
        true
    }

    /// Ends what [`Mux::reserve_reply`] keeps for a call.
    #[inline]
    pub(super) fn release_reply(&mut self, id: u64) {
        if self.memory.reply_bytes > 0 {
            self.memory.replies.retain(|reply| reply.0 != id);
            self.memory.reply_bytes = self.memory.replies.iter().map(|reply| reply.1).sum();
        }
    }

    /// Advances the time for which the largest channel was not read while memory was scarce, and fails it when that has
    /// reached the limit.
    pub(super) fn fail_largest_unread(&mut self, ticks: u64) {
        if !self.memory.is_scarce() || self.unread_bytes <= STEP {
            return;
        }
        let own = self.own.iter_mut().map(|channel| (channel.unread_bytes(), channel.id, true));
        let peers = self.peers.values().map(|channel| (channel.unread_bytes(), channel.id, false));
        let Some((_, id, own)) = own.chain(peers).max() else { return };
        let (key, timeout) = (ChannelKey { id, own }, self.limits.memory_stall_timeout());
        if self.congested.contains(&key) {
            return;
        }
        let Some(channel) = self.channel(key) else { return };
        channel.stalled_ticks = channel.stalled_ticks.saturating_add(ticks);
        if channel.stalled_ticks >= ticks_of(timeout) {
            let reason =
                format!("were not read for {timeout:?}, while memory was scarce (`max_memory_bytes`)");
            self.fail_unread(key, &reason);
        }
    }

    /// Drops what is left of the output and the calls that have not begun, once the connection has ended.
    pub(crate) fn discard_unsent(&mut self) {
        // It counts as not written for ever, so that `poll_flushed` fails.
        self.writing |= self.output_len() > 0;
        (self.output, self.urgent) = Default::default();
        self.pending.clear();
        (self.memory.input_bytes, self.memory.pending_bytes, self.memory.writing_bytes) = (0, 0, 0);
    }
}

/// Returns the error of a connection whose peer does not read, or does not send, what takes memory that others wait for.
pub(crate) fn too_slow(what: &str, bytes: usize, limits: Limits) -> Error {
    let text = format!(
        "the other side {what} less than a sixteenth of {bytes} bytes within {:?}, while others waited for their memory \
         (`max_memory_bytes`)",
        limits.memory_stall_timeout()
    );
    Error::new(ErrorKind::LimitExceeded(text))
}
