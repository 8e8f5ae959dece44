//! Places on the globe, and which of them is the nearest.

use rstar::{RTree, primitives::GeomWithData};

/// Kilometres from the middle of the earth to its surface, on average.
const RADIUS: f64 = 6371.0088;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
}

impl Place {
    /// Returns a place, if there is one on earth.
    pub(super) fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let is_there = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        is_there.then_some(Self { latitude, longitude })
    }

    /// Returns the place on a globe of radius 1. What is near there is near on the surface.
    fn on_globe(self) -> [f64; 3] {
        let (latitude, longitude) = (self.latitude.to_radians(), self.longitude.to_radians());
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    }
}

/// Places of regions, which are told by their positions in the tree.
#[derive(Debug)]
pub(super) struct Places(RTree<GeomWithData<[f64; 3], u32>>);

impl Places {
    pub(super) fn new(places: impl Iterator<Item = (Place, u32)>) -> Self {
        let places = places.map(|(place, at)| GeomWithData::new(place.on_globe(), at));
        Self(RTree::bulk_load(places.collect()))
    }

    /// Returns the region that is nearest on the surface, and how many kilometres away it is.
    pub(super) fn nearest(&self, place: Place) -> Option<(u32, f64)> {
        let (nearest, squared) = self.0.nearest_neighbor_with_distance_2(place.on_globe())?;
        let half_chord = squared.sqrt() / 2.0;
        Some((nearest.data, 2.0 * RADIUS * half_chord.min(1.0).asin()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(latitude: f64, longitude: f64) -> Place {
        Place::new(latitude, longitude).unwrap()
    }

    #[test]
    fn places_are_on_earth() {
        assert!(Place::new(-90.0, 180.0).is_some());
        for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Place::new(latitude, longitude), None);
        }
    }

    #[test]
    fn the_nearest_is_so_across_the_date_line_and_the_poles() {
        let known = [place(0.0, 179.0), place(0.0, -170.0), place(80.0, 10.0), place(60.0, -170.0)];
        let places = Places::new(known.into_iter().zip(0..));
        let nearest = |latitude, longitude| places.nearest(place(latitude, longitude)).unwrap().0;
        assert_eq!(nearest(0.0, -179.0), 0, "two degrees, not nine");
        assert_eq!(nearest(1.0, -174.0), 1);
        assert_eq!(nearest(85.0, -170.0), 2, "over the pole");
        assert!(Places::new(std::iter::empty()).nearest(place(0.0, 0.0)).is_none());
    }

    #[test]
    fn distances_are_those_of_the_surface() {
        let places = Places::new([(place(55.752_22, 37.615_56), 7)].into_iter());
        let (_, same) = places.nearest(place(55.752_22, 37.615_56)).unwrap();
        assert!(same < 0.001, "{same}");
        let (at, petersburg) = places.nearest(place(59.938_63, 30.314_13)).unwrap();
        assert_eq!(at, 7);
        assert!((633.0..636.0).contains(&petersburg), "{petersburg}");
        let (_, opposite) = places.nearest(place(-55.752_22, 37.615_56 - 180.0)).unwrap();
        assert!((20_014.0..20_016.0).contains(&opposite), "{opposite}");
    }
}
