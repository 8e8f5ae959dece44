//! A hash of channel ids with a key that the peer does not know, so that it cannot choose ids that collide.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes hashers with one random key.
#[derive(Clone, Debug)]
pub(super) struct IdHashBuilder(u64);

impl Default for IdHashBuilder {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u64) | 1)
    }
}

impl BuildHasher for IdHashBuilder {
    type Hasher = IdHasher;

    #[inline]
    fn build_hasher(&self) -> IdHasher {
        IdHasher { key: self.0, state: 0 }
    }
}

/// Multiplies by the key and folds the product, and once more by a constant: some keys alone spread some ids badly.
#[derive(Debug)]
pub(super) struct IdHasher {
    key: u64,
    state: u64,
}

impl Hasher for IdHasher {
    #[inline]
    fn write_u64(&mut self, value: u64) {
        let keyed = fold(value ^ self.state ^ self.key.rotate_left(32), self.key);
        self.state = fold(keyed, MIX);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

/// An odd number with its bits well mixed: 2⁶⁴ divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    let folded = (product as u64) ^ ((product >> 64) as u64);
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_with_gaps_are_spread_evenly() {
        for (keyed, shift) in (0..100)
            .map(|_| IdHashBuilder::default())
            .flat_map(|keyed| [0, 1, 7, 16, 32, 47].map(|shift| (keyed.clone(), shift)))
        {
            let mut low = [0_u32; 256];
            let mut high = [0_u32; 128];
            for id in 0..4096_u64 {
                let hash = keyed.hash_one(id << shift);
                low[usize::try_from(hash & 255).unwrap()] += 1;
                high[usize::try_from(hash >> 57).unwrap()] += 1;
            }
            assert!(low.iter().all(|count| *count < 80), "{shift}: {low:?}");
            assert!(high.iter().all(|count| *count < 120), "{shift}: {high:?}");
        }
    }

    #[test]
    fn two_connections_hash_differently() {
        let (one, other) = (IdHashBuilder::default(), IdHashBuilder::default());
        assert!((0..64_u64).any(|id| one.hash_one(id) != other.hash_one(id)));
    }
}
