//! The ring of a routing group: each member owns points on it in proportion to its weight (`protocol.md` 7.1).

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use super::GroupError;

/// Hashes that a member of average weight takes; each gives four points.
const STEPS: usize = 64;

/// Members of a group at most, so that no group takes more than a million points.
const MEMBERS: usize = 4096;

/// The points of a group in ascending order, and the member that owns each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuum {
    points: Vec<(u32, u32)>,
    members: Vec<String>,
}

impl Continuum {
    /// Returns the ring for members of these weights. One of weight zero owns no point, but counts.
    pub fn new(group: &BTreeMap<String, u32>) -> Result<Self, GroupError> {
        if group.len() > MEMBERS {
            return Err(GroupError::Unavailable);
        }
        let total = total(group);
        if total < f64::EPSILON {
            return Err(GroupError::Unavailable);
        }
        let mut points = Vec::new();
        for (place, (member, weight)) in (0..).zip(group) {
            for step in 0..steps(f64::from(*weight) / total, group.len()) {
                let hash = Md5::new().chain_update(member).chain_update(step.to_le_bytes()).finalize();
                points.extend(quads(&hash.into()).map(|point| (point, place)));
            }
        }
        points.sort_unstable();
        Ok(Self { points, members: group.keys().cloned().collect() })
    }

    /// Returns the member that owns `seed`, always the same for the same group.
    pub fn seeded(&self, seed: &str) -> &str {
        let hash = Md5::digest(seed);
        self.after(quads(&hash.into()).fold(0, |mixed, point| mixed ^ point))
    }

    /// Returns a member at random, by weight.
    pub fn random(&self) -> &str {
        self.after(fastrand::u32(..))
    }

    /// Returns the points and their owners, in ascending order.
    pub fn points(&self) -> impl ExactSizeIterator<Item = (u32, &str)> {
        self.points.iter().map(|&(point, place)| (point, self.member(place)))
    }

    /// Returns the owner of the first point above `point`, or of the first of all if there is none.
    pub(super) fn after(&self, point: u32) -> &str {
        let place = self.points.partition_point(|(owned, _)| *owned <= point);
        let owner = self.points.get(place).or(self.points.first());
        owner.map_or("", |(_, place)| self.member(*place))
    }

    fn member(&self, place: u32) -> &str {
        usize::try_from(place).ok().and_then(|place| self.members.get(place)).map_or("", String::as_str)
    }
}

/// Returns the sum of the weights as the original computes it, in single precision.
fn total(group: &BTreeMap<String, u32>) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let sum = group.values().fold(0.0_f32, |sum, weight| sum + *weight as f32);
    f64::from(sum)
}

/// Returns how many hashes a member takes that has this share of the weight, among `members`.
fn steps(share: f64, members: usize) -> u64 {
    // At most 2^18, since there are at most 4,096 members.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let steps = (share * (STEPS * members) as f64).round() as u64;
    steps
}

fn quads(hash: &[u8; 16]) -> impl Iterator<Item = u32> {
    hash.as_chunks::<4>().0.iter().map(|quad| u32::from_le_bytes(*quad))
}
