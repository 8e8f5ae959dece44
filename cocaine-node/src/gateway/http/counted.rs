//! Bytes that are counted in a budget of memory for as long as they are kept.

use bytes::Bytes;
use cocaine::{MemoryBudget, MemoryReservation};

/// Bytes, and the memory that is counted for them.
struct CountedBytes {
    bytes: Bytes,
    _reservation: MemoryReservation,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns the same bytes, with which `reservation` is dropped.
pub(crate) fn with_reservation(bytes: Bytes, reservation: MemoryReservation) -> Bytes {
    Bytes::from_owner(CountedBytes { bytes, _reservation: reservation })
}

/// Returns the same bytes, which are counted in `memory` if they are many. They are in memory already, so that they are counted
/// even if memory is scarce.
pub(crate) fn count(bytes: Bytes, memory: &MemoryBudget) -> Bytes {
    if bytes.len() <= MemoryBudget::UNCOUNTED_BYTES {
        return bytes;
    }
    let reservation = memory.charge(bytes.len());
    with_reservation(bytes, reservation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_until_last_slice_is_dropped() {
        let memory = MemoryBudget::new(1 << 20);
        let small = count(vec![1; MemoryBudget::UNCOUNTED_BYTES].into(), &memory);
        assert_eq!(memory.used(), 0);
        let large = count(vec![2; 100_000].into(), &memory);
        assert_eq!(large, vec![2; 100_000]);
        assert_eq!(memory.used(), 100_000);
        let slice = large.slice(5..);
        drop((small, large));
        assert_eq!(memory.used(), 100_000);
        drop(slice);
        assert_eq!(memory.used(), 0);
    }
}
