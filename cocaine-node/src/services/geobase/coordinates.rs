//! Coordinates on the globe, and an index that finds the nearest of them.

use rstar::{RTree, primitives::GeomWithData};

/// The mean radius of the earth in kilometres.
const RADIUS: f64 = 6371.0088;

/// A point on the surface of the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Coordinates {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
}

impl Coordinates {
    /// Returns the coordinates if both are in range.
    pub(super) fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let is_valid = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        is_valid.then_some(Self { latitude, longitude })
    }

    /// Returns the point on the unit sphere. The order of straight-line distances there is that on the surface.
    fn to_unit_sphere(self) -> [f64; 3] {
        let (latitude, longitude) = (self.latitude.to_radians(), self.longitude.to_radians());
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    }
}

/// Finds the nearest of a set of regions, which are given by their positions in the tree.
#[derive(Debug)]
pub(super) struct SpatialIndex(RTree<GeomWithData<[f64; 3], u32>>);

impl SpatialIndex {
    pub(super) fn new(regions: impl Iterator<Item = (Coordinates, u32)>) -> Self {
        let points = regions.map(|(coordinates, at)| GeomWithData::new(coordinates.to_unit_sphere(), at));
        Self(RTree::bulk_load(points.collect()))
    }

    /// Returns the nearest region and its distance along the surface in kilometres.
    pub(super) fn nearest(&self, coordinates: Coordinates) -> Option<(u32, f64)> {
        let (nearest, squared) = self.0.nearest_neighbor_with_distance_2(coordinates.to_unit_sphere())?;
        let half_chord = squared.sqrt() / 2.0;
        Some((nearest.data, 2.0 * RADIUS * half_chord.min(1.0).asin()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coordinates(latitude: f64, longitude: f64) -> Coordinates {
        Coordinates::new(latitude, longitude).unwrap()
    }

    #[test]
    fn coordinates_out_of_range_are_rejected() {
        assert!(Coordinates::new(-90.0, 180.0).is_some());
        for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Coordinates::new(latitude, longitude), None);
        }
    }

    #[test]
    fn nearest_works_across_date_line_and_poles() {
        let known = [(0.0, 179.0), (0.0, -170.0), (80.0, 10.0), (60.0, -170.0)];
        let known = known.map(|(latitude, longitude)| coordinates(latitude, longitude));
        let index = SpatialIndex::new(known.into_iter().zip(0..));
        let nearest = |latitude, longitude| index.nearest(coordinates(latitude, longitude)).unwrap().0;
        assert_eq!(nearest(0.0, -179.0), 0, "two degrees, not nine");
        assert_eq!(nearest(1.0, -174.0), 1);
        assert_eq!(nearest(85.0, -170.0), 2, "over the pole");
        assert!(SpatialIndex::new(std::iter::empty()).nearest(coordinates(0.0, 0.0)).is_none());
    }

    #[test]
    fn distances_follow_the_surface() {
        let index = SpatialIndex::new([(coordinates(55.752_22, 37.615_56), 7)].into_iter());
        let (_, same) = index.nearest(coordinates(55.752_22, 37.615_56)).unwrap();
        assert!(same < 0.001, "{same}");
        let (at, petersburg) = index.nearest(coordinates(59.938_63, 30.314_13)).unwrap();
        assert_eq!(at, 7);
        assert!((633.0..636.0).contains(&petersburg), "{petersburg}");
        let (_, opposite) = index.nearest(coordinates(-55.752_22, 37.615_56 - 180.0)).unwrap();
        assert!((20_014.0..20_016.0).contains(&opposite), "{opposite}");
    }
}
