//! The channels that this side has opened, found by `id & mask`.

use super::slot::{RecvState, Slot};

/// A table with at most half of its places taken. Ids may have gaps: one whose place is taken is skipped.
#[derive(Debug)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    live: usize,
}

impl Table {
    const SMALLEST: usize = 64;

    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), live: 0 }
    }

    #[inline]
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the low bits count")]
    #[inline]
    fn place(&self, id: u64) -> usize {
        id as usize & (self.slots.len() - 1)
    }

    /// Returns the first free id above `last`, with a place for it; `None` when the ids are used up.
    #[inline]
    pub(crate) fn vacancy(&mut self, last: u64) -> Option<u64> {
        if self.live * 2 >= self.slots.len() {
            self.grow();
        }
        let mut id = last.checked_add(1)?;
        while self.slots[self.place(id)].id != 0 {
            id = id.checked_add(1)?;
        }
        Some(id)
    }

    /// Opens a channel, whose id came from [`Table::vacancy`], in its place.
    #[inline]
    pub(crate) fn open(&mut self, id: u64, recv_state: RecvState) -> &mut Slot {
        let place = self.place(id);
        self.live += 1;
        let slot = &mut self.slots[place];
        slot.renew(id, recv_state);
        slot
    }

    #[inline]
    pub(crate) fn get(&mut self, id: u64) -> Option<&mut Slot> {
        if self.slots.is_empty() {
            return None;
        }
        let place = self.place(id);
        self.slots.get_mut(place).filter(|slot| slot.id == id && id != 0)
    }

    /// Frees the place of a channel; returns whether there was one, and whether it had a deadline.
    #[inline]
    pub(crate) fn close(&mut self, id: u64) -> Option<bool> {
        let slot = self.get(id)?;
        let timed = slot.expires != u64::MAX;
        slot.renew(0, RecvState::Ended);
        self.live -= 1;
        Some(timed)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().filter(|slot| slot.id != 0)
    }

    /// Doubles the places. Ids that differ in the low bits go on differing, so that no two meet.
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(Self::SMALLEST);
        let mut slots = Vec::with_capacity(size);
        slots.resize_with(size, Slot::vacant);
        let old = std::mem::replace(&mut self.slots, slots);
        for slot in old.into_iter().filter(|slot| slot.id != 0) {
            let place = self.place(slot.id);
            self.slots[place] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(table: &mut Table, last: u64) -> u64 {
        let id = table.vacancy(last).unwrap();
        table.open(id, RecvState::Primitive);
        id
    }

    #[test]
    fn an_id_whose_place_is_taken_is_skipped() {
        let mut table = Table::new();
        let first = open(&mut table, 0);
        let mut last = first;
        for _ in 0..Table::SMALLEST - 1 {
            let id = open(&mut table, last);
            table.close(id).unwrap();
            last = id;
        }
        let next = open(&mut table, last);
        assert_eq!((first, next), (1, 66), "65 would lie on 1");
        assert!(table.get(first).is_some());
    }

    #[test]
    fn every_channel_is_found_after_the_table_has_grown() {
        let mut table = Table::new();
        let mut last = 0;
        let ids: Vec<_> = (0..1000)
            .map(|_| {
                last = open(&mut table, last);
                last
            })
            .collect();
        assert!(ids.iter().all(|id| table.get(*id).is_some()));
        assert_eq!(table.live(), 1000);
        assert!(table.get(last + 1).is_none());
    }

    #[test]
    fn the_last_id_is_not_passed() {
        assert_eq!(Table::new().vacancy(u64::MAX), None);
    }
}
