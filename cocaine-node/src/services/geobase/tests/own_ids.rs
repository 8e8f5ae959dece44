//! Databases whose makers do not number all regions as `GeoNames` does.

use super::{
    super::{region_key::FIRST_OWN_ID, tree_builder::RegionCounts},
    *,
};

const FRANCE: TestRegion<'_> = ("country", 3_017_382, &[("en", "France")]);
const ILE_DE_FRANCE: TestRegion<'_> = ("subdivision", 0, &[("en", "Ile-de-France")]);
const PARIS: TestRegion<'_> = ("city", 0, &[("en", "Paris")]);
const LYON: TestRegion<'_> = ("city", 0, &[("en", "Lyon"), ("ru", "Лион")]);

fn network<'a>(networks: &'a [&'a str], areas: &'a [TestRegion<'a>]) -> TestNetwork<'a> {
    TestNetwork { networks, areas, ..TestNetwork::default() }
}

fn region_id(index: &RegionIndex, address: &str) -> i32 {
    index.tree.id(index.find_by_address(address.parse().unwrap()).unwrap())
}

#[test]
fn regions_without_ids_get_own_ones() {
    let (paris, lyon) = ([FRANCE, ILE_DE_FRANCE, PARIS], [FRANCE, LYON]);
    let index = index(&[network(&["1.0.0.0/8", "3.0.0.0/8"], &paris), network(&["2.0.0.0/8"], &lyon)]);
    let (paris, lyon) = (region_id(&index, "1.2.3.4"), region_id(&index, "2.3.4.5"));
    assert!(paris >= FIRST_OWN_ID && lyon >= FIRST_OWN_ID && paris != lyon, "{paris} {lyon}");
    assert_eq!(region_id(&index, "3.0.0.1"), paris);
    let parents = index.parents(paris);
    assert_eq!((parents.len(), parents[2]), (4, 3_017_382), "the country keeps its number");
    assert!(parents[1] >= FIRST_OWN_ID);
    assert_eq!(index.parents(lyon)[1], 3_017_382);
    assert_eq!(index.named("лион", 10), [lyon]);
    assert_eq!(index.counts(), RegionCounts { own_ids: 3, nameless: 0 });
}

#[test]
fn own_ids_survive_a_new_release() {
    let (paris, lyon) = ([FRANCE, ILE_DE_FRANCE, PARIS], [FRANCE, LYON]);
    let former = index(&[network(&["1.0.0.0/8"], &paris), network(&["2.0.0.0/8"], &lyon)]);
    let nice = [FRANCE, ("city", 0, &[("en", "Nice")][..])];
    // Other networks in another order, with one more town.
    let newer = index(&[
        network(&["1.0.0.0/9"], &nice),
        network(&["8.0.0.0/8"], &lyon),
        network(&["9.0.0.0/8"], &paris),
    ]);
    assert_eq!(region_id(&newer, "9.1.1.1"), region_id(&former, "1.1.1.1"));
    assert_eq!(region_id(&newer, "8.1.1.1"), region_id(&former, "2.1.1.1"));
}

#[test]
fn namesakes_elsewhere_are_other_regions() {
    let texas = [("country", 0, &[("en", "United States")][..]), PARIS];
    let index = index(&[network(&["1.0.0.0/8"], &[FRANCE, PARIS]), network(&["2.0.0.0/8"], &texas)]);
    assert_eq!(index.named("paris", 10).len(), 2);
    assert_ne!(region_id(&index, "1.0.0.1"), region_id(&index, "2.0.0.1"));
}

#[test]
fn nameless_regions_are_counted_and_left_out() {
    let nameless: &[TestRegion<'_>] = &[FRANCE, ("subdivision", 0, &[]), ("city", 0, &[("en", "")])];
    let index = index(&[network(&["1.0.0.0/8"], nameless)]);
    assert_eq!(region_id(&index, "1.0.0.1"), 3_017_382);
    assert_eq!(index.counts(), RegionCounts { own_ids: 0, nameless: 2 });
    let error = refusal(&[network(&["1.0.0.0/8"], &nameless[1..])]);
    assert!(matches!(error, LoadError::NoRegions(_)), "{error}");
}
