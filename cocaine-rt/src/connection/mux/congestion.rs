//! Congestion: readers that are slower than the peer keep the socket from being read, and for how long.

use std::time::Duration;

use super::{ChannelKey, Mux, TICK, channel::Channel};
use crate::protocol::error::{Error, ErrorKind};

impl Mux {
    /// The unread bytes of a connection above which its socket is not read, in those that one channel may have.
    const CHANNELS_OF_UNREAD: usize = 8;

    /// Notes a message that was queued for a channel: `added` bytes. The socket is not read while a channel is congested.
    #[inline]
    pub(super) fn note_queued(&mut self, key: ChannelKey, added: usize) {
        self.unread_bytes += added;
        if self.is_congested(key) && !self.congested.contains(&key) {
            self.congestions += u64::from(self.congested.is_empty());
            self.congested.push(key);
            if self.urgent_channels > 0 {
                self.fail_congested();
            }
        }
    }

    /// Requires that the socket is read as long as this channel is open: a channel that would keep it from being read
    /// fails at once.
    pub(crate) fn forbid_pauses(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channel(key)
            && !std::mem::replace(&mut channel.is_urgent, true)
        {
            self.urgent_channels += 1;
            self.fail_congested();
        }
    }

    fn fail_congested(&mut self) {
        for key in std::mem::take(&mut self.congested) {
            self.fail_unread(key, "are unread on a connection that holds a lock");
        }
    }

    /// Notes that `removed` bytes were read, or dropped.
    #[inline]
    pub(super) fn note_removed(&mut self, removed: usize) {
        self.unread_bytes -= removed;
    }

    /// Returns how often the socket was not read because readers were slow, and whether that is so now.
    pub(crate) fn congestion(&mut self) -> (u64, bool) {
        (self.congestions, self.is_input_blocked())
    }

    /// Returns whether some channel keeps the socket from being read.
    #[inline]
    pub(crate) fn is_input_blocked(&mut self) -> bool {
        if self.congested.is_empty() {
            return self.awaits_room();
        }
        let mut congested = std::mem::take(&mut self.congested);
        congested.retain(|key| self.is_congested(*key));
        self.congested = congested;
        !self.congested.is_empty() || self.awaits_room()
    }

    /// Advances the time that congested channels have gone unread, and fails those that have reached the limit.
    pub(super) fn fail_stalled(&mut self, ticks: u64) {
        for index in (0..self.congested.len()).rev() {
            let key = self.congested[index];
            let limit = ticks_of(self.limits.stall_timeout);
            let Some(channel) = self.channel(key) else { continue };
            channel.stalled_ticks = channel.stalled_ticks.saturating_add(ticks);
            if channel.stalled_ticks >= limit {
                self.congested.swap_remove(index);
                self.fail_unread(key, &format!("were not read for {:?}", self.limits.stall_timeout));
            }
        }
    }

    /// Fails a channel, and drops what is unread on it.
    pub(super) fn fail_unread(&mut self, key: ChannelKey, reason: &str) {
        let Some(channel) = self.channel(key) else { return };
        let unread = channel.unread_bytes();
        let text = format!("{unread} bytes of channel {} {reason}", key.id);
        self.fail_over_limit(key, Error::new(ErrorKind::LimitExceeded(text)));
    }

    /// Fails a channel for a limit that it has exceeded, and drops what is unread on it.
    pub(super) fn fail_over_limit(&mut self, key: ChannelKey, error: Error) {
        let Some(channel) = self.channel(key) else { return };
        let unread = channel.unread_bytes();
        channel.fail(error);
        let wakers = [channel.reader.take(), channel.credit.take_sender()];
        self.wakers.extend(wakers.into_iter().flatten());
        let removed = unread - self.channel(key).map_or(0, |channel| channel.unread_bytes());
        self.note_removed(removed);
        self.lift_credit(key);
    }

    /// Returns whether the unread messages of a channel are too many, for the channel or for the connection.
    #[inline]
    fn is_congested(&mut self, key: ChannelKey) -> bool {
        let limits = self.limits;
        let total_limit =
            limits.max_in_use_bytes.min(limits.max_unread_bytes.saturating_mul(Self::CHANNELS_OF_UNREAD));
        let (total_limit, channel_limit) =
            (self.current_limit(total_limit), self.current_limit(limits.max_unread_bytes));
        let unread_bytes = self.unread_bytes;
        let Some(channel) = self.channel(key) else { return false };
        // One message may be of any size.
        let is_full = unread_bytes.saturating_sub(channel.first_bytes()) > total_limit;
        let is_channel_full = |channel: &Channel| {
            // A peer that counts sends one message too many at most.
            let excess = if channel.credit.is_on() { limits.max_frame_bytes } else { 0 };
            channel.is_congested(channel_limit.saturating_add(excess))
        };
        is_full && channel.unread_bytes() > 0 || is_channel_full(channel)
    }
}

/// Returns how many ticks a time takes, at least one.
pub(super) fn ticks_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX).max(1)
}
