//! The ring of a routing group: each member owns points on it in proportion to its weight (`protocol.md` 7.1).

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use super::GroupError;

/// The number of hashes for a member of average weight. Each hash gives four points.
const HASHES_PER_MEMBER: usize = 64;

/// The largest number of members, so that no group has more than about a million points.
const MAX_MEMBERS: usize = 4096;

/// The points of a group in ascending order, each with the index of the member that owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Continuum {
    points: Vec<(u32, u32)>,
    members: Vec<String>,
}

impl Continuum {
    /// Builds the ring for members of these weights. A member of weight zero counts, but owns no point.
    pub(crate) fn new(group: &BTreeMap<String, u32>) -> Result<Self, GroupError> {
        if group.len() > MAX_MEMBERS {
            return Err(GroupError::Unavailable);
        }
        let total = total(group);
        if total < f64::EPSILON {
            return Err(GroupError::Unavailable);
        }
        let mut points = Vec::new();
        for (index, (member, weight)) in (0..).zip(group) {
            for step in 0..hash_count(f64::from(*weight) / total, group.len()) {
                let hash = Md5::new().chain_update(member).chain_update(step.to_le_bytes()).finalize();
                points.extend(le_words(&hash.into()).map(|point| (point, index)));
            }
        }
        points.sort_unstable();
        Ok(Self { points, members: group.keys().cloned().collect() })
    }

    /// Returns the member for a seed, which is always the same for the same group.
    pub(crate) fn member_for_seed(&self, seed: &str) -> &str {
        let hash = Md5::digest(seed);
        self.owner_after(le_words(&hash.into()).fold(0, |mixed, point| mixed ^ point))
    }

    /// Returns a random member, by weight.
    pub(crate) fn random_member(&self) -> &str {
        self.owner_after(fastrand::u32(..))
    }

    /// Returns the points and their owners in ascending order.
    pub(crate) fn points(&self) -> impl ExactSizeIterator<Item = (u32, &str)> {
        self.points.iter().map(|&(point, index)| (point, self.member(index)))
    }

    /// Returns the owner of the first point above `point`, wrapping around to the first point of all.
    pub(super) fn owner_after(&self, point: u32) -> &str {
        let index = self.points.partition_point(|(owned, _)| *owned <= point);
        let owner = self.points.get(index).or(self.points.first());
        owner.map_or("", |(_, index)| self.member(*index))
    }

    fn member(&self, index: u32) -> &str {
        usize::try_from(index).ok().and_then(|index| self.members.get(index)).map_or("", String::as_str)
    }
}

/// Returns the sum of the weights in single precision, as the original computes it.
fn total(group: &BTreeMap<String, u32>) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let sum = group.values().fold(0.0_f32, |sum, weight| sum + *weight as f32);
    f64::from(sum)
}

/// Returns the number of hashes for a member with this share of the total weight, among `members`.
fn hash_count(share: f64, members: usize) -> u64 {
    // At most 2^18, since there are at most 4,096 members.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = (share * (HASHES_PER_MEMBER * members) as f64).round() as u64;
    count
}

fn le_words(hash: &[u8; 16]) -> impl Iterator<Item = u32> {
    hash.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word))
}
