//! The tree of regions that records make.

use proptest::{collection::vec, prelude::*};

use super::{
    super::{
        coordinates::Coordinates,
        region::{EARTH, RegionKind},
    },
    *,
};

const MOSCOW: i32 = 524_901;
const OXFORD: i32 = 2_640_729;
const RUSSIA: i32 = 2_017_370;
const UNITED_STATES: i32 = 6_252_001;

#[test]
fn sample_has_the_expected_tree() {
    let index = sample();
    assert_eq!(
        index.children(EARTH),
        [6_255_146, 6_255_147, 6_255_148, 6_255_149, 6_255_150, 6_255_151],
        "sorted by id"
    );
    assert_eq!(index.parents(OXFORD), [OXFORD, 2_640_726, 6_269_131, 2_635_167, 6_255_148, EARTH]);
    assert_eq!(index.children(6_269_131), [2_640_726, 2_643_743], "a subdivision and a city");
    assert!(index.children(OXFORD).is_empty());
    assert_eq!(
        index.ids(index.tree.subtree(index.at(RUSSIA))),
        [RUSSIA, 524_894, MOSCOW, 536_203, 498_817],
        "each region before its children"
    );
    assert!(index.tree.contains(0, index.at(MOSCOW)));
    assert!(index.tree.contains(index.at(MOSCOW), index.at(MOSCOW)));
    assert!(!index.tree.contains(index.at(MOSCOW), index.at(RUSSIA)));
    assert!(!index.tree.contains(index.at(UNITED_STATES), index.at(MOSCOW)));
    let earth: Vec<_> = index.tree.names(0).collect();
    assert_eq!(earth, [("de", "Erde"), ("en", "Earth"), ("fr", "Terre"), ("ja", "地球"), ("ru", "Земля")]);
}

#[test]
fn address_lies_in_smallest_known_region() {
    let index = sample();
    let at = |address: &str| Some(index.tree.id(index.find_by_address(address.parse().unwrap())?));
    assert_eq!(at("192.0.2.1"), Some(MOSCOW));
    assert_eq!(at("192.0.2.200"), Some(RUSSIA), "no city is known");
    assert_eq!(at("::ffff:198.51.100.80"), Some(OXFORD), "an IPv4-mapped address");
    assert_eq!(at("2001:db8:8000::1"), Some(5_128_581));
    assert_eq!(at("127.0.0.1"), None);
    assert_eq!(at("2001:db9::"), None);
}

#[test]
fn chief_city_has_most_networks() {
    let index = sample();
    let chief = |id| index.tree.region(index.at(id)).chief_city.map(|at| index.tree.id(at));
    assert_eq!(chief(RUSSIA), Some(MOSCOW));
    assert_eq!(chief(536_203), Some(498_817));
    assert_eq!(chief(MOSCOW), Some(MOSCOW));
    let areas = |city| [("country", 1, NONE), ("city", city, NONE)];
    let index = super::index(&[
        TestNetwork { networks: &["1.0.0.0/8"], areas: &areas(9), ..TestNetwork::default() },
        TestNetwork { networks: &["2.0.0.0/8"], areas: &areas(7), ..TestNetwork::default() },
        TestNetwork { networks: &["3.0.0.0/8"], areas: &[("country", 2, NONE)], ..TestNetwork::default() },
    ]);
    let chief = |id| index.tree.region(index.at(id)).chief_city.map(|at| index.tree.id(at));
    assert_eq!((chief(1), chief(2), chief(EARTH)), (Some(7), None, Some(7)));
}

const NONE: &[(&str, &str)] = &[];

#[test]
fn time_zone_is_own_or_shared_below() {
    let index = sample();
    let zone = |id| index.tree.zone(index.at(id));
    assert_eq!(zone(MOSCOW), Some("Europe/Moscow"));
    assert_eq!(zone(RUSSIA), Some("Europe/Moscow"), "both cities have it");
    assert_eq!(zone(UNITED_STATES), None, "its cities have two");
    assert_eq!(zone(EARTH), None);
    let index = super::index(&[
        TestNetwork {
            networks: &["1.0.0.0/8"],
            areas: &[("country", 1, NONE), ("city", 2, NONE)],
            zone: Some("Asia/Tokyo"),
            ..TestNetwork::default()
        },
        TestNetwork {
            networks: &["2.0.0.0/8"],
            areas: &[("country", 1, NONE)],
            zone: Some("UTC"),
            ..TestNetwork::default()
        },
    ]);
    let zone = |id| index.tree.zone(index.at(id));
    assert_eq!((zone(1), zone(2), zone(EARTH)), (Some("UTC"), Some("Asia/Tokyo"), Some("UTC")));
}

#[test]
fn first_valid_coordinates_are_kept() {
    let areas: &[TestRegion<'_>] = &[("country", 1, NONE), ("city", 2, NONE)];
    let at = |networks, place| TestNetwork { networks, areas, place: Some(place), ..TestNetwork::default() };
    let index = super::index(&[
        at(&["3.0.0.0/8"], (3.0, 3.0)),
        at(&["2.0.0.0/8"], (2.0, 2.0)),
        at(&["1.0.0.0/8"], (91.0, 0.0)),
    ]);
    assert_eq!(index.tree.region(index.at(2)).coordinates, Coordinates::new(2.0, 2.0));
    assert_eq!(index.tree.region(index.at(1)).coordinates, None);
}

#[test]
fn nearest_region_has_no_children() {
    let index = sample();
    // The centre of Russia, in Siberia, is not a city.
    let (at, _) = index.leaves.nearest(Coordinates::new(60.0, 100.0).unwrap()).unwrap();
    assert_eq!(index.tree.region(at).kind, RegionKind::City);
}

#[test]
fn smallest_claimed_parent_wins() {
    let direct: &[TestRegion<'_>] = &[("country", 1, NONE), ("city", 9, NONE)];
    let through: &[TestRegion<'_>] =
        &[("country", 1, NONE), ("subdivision", 3, NONE), ("subdivision", 4, NONE), ("city", 9, NONE)];
    for areas in [[direct, through, direct], [through, direct, direct]] {
        let entries: Vec<_> = [["1.0.0.0/8"], ["2.0.0.0/8"], ["3.0.0.0/8"]]
            .iter()
            .zip(areas)
            .map(|(networks, areas)| TestNetwork { networks, areas, ..TestNetwork::default() })
            .collect();
        assert_eq!(super::index(&entries).parents(9), [9, 4, 3, 1, EARTH]);
    }
}

#[test]
fn contradicting_records_make_a_tree() {
    let index = super::index(&[
        TestNetwork {
            networks: &["1.0.0.0/8"],
            areas: &[("country", 1, NONE), ("city", 2, NONE)],
            ..TestNetwork::default()
        },
        TestNetwork {
            networks: &["2.0.0.0/8"],
            areas: &[("country", 2, NONE), ("city", 1, NONE)],
            ..TestNetwork::default()
        },
        TestNetwork {
            networks: &["3.0.0.0/8"],
            areas: &[("continent", 5, NONE), ("country", 5, NONE), ("city", EARTH.unsigned_abs(), NONE)],
            ..TestNetwork::default()
        },
        TestNetwork {
            networks: &["4.0.0.0/8"],
            areas: &[("country", u32::MAX, NONE)],
            ..TestNetwork::default()
        },
    ]);
    assert_eq!(index.children(EARTH), [1, 2, 5]);
    let at = |address: &str| Some(index.tree.id(index.find_by_address(address.parse().unwrap())?));
    assert_eq!(at("2.0.0.0"), Some(1));
    assert_eq!(at("3.0.0.0"), Some(5), "nothing is in the earth but as its part");
    assert_eq!(at("4.0.0.0"), None, "a number that the service cannot tell");
}

#[test]
fn database_without_regions_is_refused() {
    let nothing = refusal(&[TestNetwork { networks: &["1.0.0.0/8"], ..TestNetwork::default() }]).to_string();
    assert!(nothing.starts_with("it is of the type Test-City and tells no regions"), "{nothing}");
    assert!(matches!(refusal(&[]), LoadError::NoRegions(_)));
    let codes = RegionIndex::new({
        let mut writer = MmdbWriter::new();
        let value = writer.value(&MmdbValue::Map(vec![("country", MmdbValue::Text("RU"))]));
        writer.network("1.0.0.0".parse().unwrap(), 8, value);
        writer.finish(METADATA)
    });
    let error = codes.unwrap_err();
    assert!(matches!(error, LoadError::Record(_)), "countries of another form: {error}");
}

#[test]
fn too_many_languages_are_refused() {
    let languages: Vec<_> = (0..65).map(|number| format!("l{number}")).collect();
    let names: Vec<_> = languages.iter().map(|language| (language.as_str(), "x")).collect();
    let of = |names: &[(&str, &str)]| {
        RegionIndex::new(database(&[TestNetwork {
            networks: &["1.0.0.0/8"],
            areas: &[("city", 1, names)],
            ..TestNetwork::default()
        }]))
    };
    assert_eq!(of(&names[..64]).unwrap().tree.languages().len(), 64);
    assert_eq!(of(&names).unwrap_err().to_string(), "it has names in more than 64 languages");
}

#[test]
fn name_search_lists_exact_matches_first() {
    let index = sample();
    assert_eq!(index.named("МОСКВА", 10), [524_894, MOSCOW], "larger regions first");
    assert_eq!(index.named("moscow", 1), [524_894]);
    assert_eq!(index.named("Lon", 10), [2_643_743], "once, although three languages share the name");
    assert_eq!(index.named("東京", 10), [1_850_147, 1_850_144], "exact matches before prefixes");
    assert_eq!(index.named("New York", 10), [5_128_638, 5_128_581]);
    for nothing in ["", "Atlantis", "oscow"] {
        assert_eq!(index.named(nothing, 10), [0; 0], "{nothing}");
    }
    assert_eq!(index.named("moscow", 0), [0; 0]);
}

/// Records whose regions are few, so that they contradict each other.
fn chains() -> impl Strategy<Value = Vec<Vec<(&'static str, u32)>>> {
    let id = || 1_u32..8;
    let optional = |kind: &'static str| proptest::option::of(id().prop_map(move |id| (kind, id)));
    let subdivisions = vec(id().prop_map(|id| ("subdivision", id)), 0..4);
    let chain = (optional("continent"), optional("country"), subdivisions, optional("city"));
    let chain = chain.prop_map(|(continent, country, subdivisions, city)| {
        continent.into_iter().chain(country).chain(subdivisions).chain(city).collect()
    });
    vec(chain, 1..12)
}

proptest! {
    #[test]
    fn any_records_make_a_tree(chains in chains()) {
        let areas: Vec<Vec<TestRegion<'_>>> = chains
            .iter()
            .map(|chain| chain.iter().map(|(kind, id)| (*kind, *id, NONE)).collect())
            .collect();
        let networks: Vec<_> = (1..=chains.len()).map(|number| format!("{number}.0.0.0/8")).collect();
        let networks: Vec<_> = networks.iter().map(|network| [network.as_str()]).collect();
        let entries: Vec<_> = areas
            .iter()
            .zip(&networks)
            .map(|(areas, networks)| TestNetwork { networks, areas, ..TestNetwork::default() })
            .collect();
        let Ok(index) = RegionIndex::new(database(&entries)) else {
            prop_assert!(chains.iter().all(Vec::is_empty));
            return Ok(());
        };
        let tree = &index.tree;
        let all: Vec<_> = tree.subtree(0).collect();
        prop_assert_eq!(all.len(), tree.regions().len());
        for at in all {
            prop_assert_eq!(tree.find(tree.id(at)), Some(at));
            prop_assert_eq!(tree.parents(at).last(), Some(0));
            for child in tree.children(at) {
                prop_assert_eq!(tree.parent(child), Some(at));
                prop_assert!(tree.region(at).kind < tree.region(child).kind);
            }
            let below = tree.subtree(at).skip(1).count();
            let through: usize = tree.children(at).map(|child| tree.subtree(child).count()).sum();
            prop_assert_eq!(below, through);
        }
        for chain in &chains {
            for (_, id) in chain {
                prop_assert!(tree.find(i32::try_from(*id).unwrap()).is_some());
            }
        }
    }
}
