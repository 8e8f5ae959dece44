//! The channels that this side has opened, found by `id & mask`.

use super::{channel::Channel, recv_state::RecvState};

/// A table that is at most half full. Ids may have gaps: an id whose slot is in use is skipped.
#[derive(Debug)]
pub(super) struct ChannelTable {
    slots: Vec<Channel>,
    len: usize,
}

impl ChannelTable {
    const MIN_SLOTS: usize = 64;

    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), len: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the low bits count")]
    #[inline]
    fn index(&self, id: u64) -> usize {
        id as usize & (self.slots.len() - 1)
    }

    /// Returns the lowest id above `last` whose slot is free, or `None` when the ids are used up.
    #[inline]
    pub(super) fn next_id(&mut self, last: u64) -> Option<u64> {
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        let mut id = last.checked_add(1)?;
        while self.slots[self.index(id)].id != 0 {
            id = id.checked_add(1)?;
        }
        Some(id)
    }

    /// Opens a channel, whose id came from [`ChannelTable::next_id`].
    #[inline]
    pub(super) fn open(&mut self, id: u64, recv_state: RecvState) -> &mut Channel {
        let index = self.index(id);
        self.len += 1;
        let slot = &mut self.slots[index];
        slot.renew(id, recv_state);
        slot
    }

    #[inline]
    pub(super) fn get(&mut self, id: u64) -> Option<&mut Channel> {
        if self.slots.is_empty() {
            return None;
        }
        let index = self.index(id);
        self.slots.get_mut(index).filter(|slot| slot.id == id && id != 0)
    }

    /// Removes a channel, and returns whether it had a deadline; `None` if there is no such channel.
    #[inline]
    pub(super) fn remove(&mut self, id: u64) -> Option<bool> {
        let slot = self.get(id)?;
        let has_deadline = slot.expires != u64::MAX;
        slot.renew(0, RecvState::Ended);
        self.len -= 1;
        Some(has_deadline)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Channel> {
        self.slots.iter_mut().filter(|slot| slot.id != 0)
    }

    /// Doubles the slots. Ids that differ in their low bits still do with one bit more, so that no two collide.
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(Self::MIN_SLOTS);
        let mut slots = Vec::with_capacity(size);
        slots.resize_with(size, Channel::vacant);
        let old = std::mem::replace(&mut self.slots, slots);
        for slot in old.into_iter().filter(|slot| slot.id != 0) {
            let index = self.index(slot.id);
            self.slots[index] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(table: &mut ChannelTable, last: u64) -> u64 {
        let id = table.next_id(last).unwrap();
        table.open(id, RecvState::Primitive);
        id
    }

    #[test]
    fn id_with_occupied_slot_is_skipped() {
        let mut table = ChannelTable::new();
        let first = open(&mut table, 0);
        let mut last = first;
        for _ in 0..ChannelTable::MIN_SLOTS - 1 {
            let id = open(&mut table, last);
            table.remove(id).unwrap();
            last = id;
        }
        let next = open(&mut table, last);
        assert_eq!((first, next), (1, 66), "65 would share the slot of 1");
        assert!(table.get(first).is_some());
    }

    #[test]
    fn grown_table_finds_every_channel() {
        let mut table = ChannelTable::new();
        let mut last = 0;
        let ids: Vec<_> = (0..1000)
            .map(|_| {
                last = open(&mut table, last);
                last
            })
            .collect();
        assert!(ids.iter().all(|id| table.get(*id).is_some()));
        assert_eq!(table.len(), 1000);
        assert!(table.get(last + 1).is_none());
    }

    #[test]
    fn exhausted_ids_are_none() {
        assert_eq!(ChannelTable::new().next_id(u64::MAX), None);
    }
}
