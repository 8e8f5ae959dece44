//! The regions that come out of records.

use proptest::{collection::vec, prelude::*};

use super::{
    super::{coordinates::Place, network_record::Kind, tree::EARTH},
    *,
};

const MOSCOW: i32 = 524_901;
const OXFORD: i32 = 2_640_729;
const RUSSIA: i32 = 2_017_370;
const UNITED_STATES: i32 = 6_252_001;

#[test]
fn the_sample_is_a_world() {
    let atlas = sample();
    assert_eq!(
        atlas.children(EARTH),
        [6_255_146, 6_255_147, 6_255_148, 6_255_149, 6_255_150, 6_255_151],
        "by their numbers"
    );
    assert_eq!(atlas.parents(OXFORD), [OXFORD, 2_640_726, 6_269_131, 2_635_167, 6_255_148, EARTH]);
    assert_eq!(atlas.children(6_269_131), [2_640_726, 2_643_743], "a subdivision and a town");
    assert!(atlas.children(OXFORD).is_empty());
    assert_eq!(
        atlas.ids(atlas.tree.subtree(atlas.at(RUSSIA))),
        [RUSSIA, 524_894, MOSCOW, 536_203, 498_817],
        "each before those that lie in it"
    );
    assert!(atlas.tree.holds(0, atlas.at(MOSCOW)));
    assert!(atlas.tree.holds(atlas.at(MOSCOW), atlas.at(MOSCOW)));
    assert!(!atlas.tree.holds(atlas.at(MOSCOW), atlas.at(RUSSIA)));
    assert!(!atlas.tree.holds(atlas.at(UNITED_STATES), atlas.at(MOSCOW)));
    let earth: Vec<_> = atlas.tree.names(0).collect();
    assert_eq!(earth, [("de", "Erde"), ("en", "Earth"), ("fr", "Terre"), ("ja", "地球"), ("ru", "Земля")]);
}

#[test]
fn addresses_are_in_the_smallest_region() {
    let atlas = sample();
    let at = |address: &str| Some(atlas.tree.id(atlas.locate(address.parse().unwrap())?));
    assert_eq!(at("192.0.2.1"), Some(MOSCOW));
    assert_eq!(at("192.0.2.200"), Some(RUSSIA), "no town is known");
    assert_eq!(at("::ffff:198.51.100.80"), Some(OXFORD), "one of IPv4, written as of IPv6");
    assert_eq!(at("2001:db8:8000::1"), Some(5_128_581));
    assert_eq!(at("127.0.0.1"), None);
    assert_eq!(at("2001:db9::"), None);
}

#[test]
fn the_chief_town_has_the_most_networks_and_then_the_lowest_number() {
    let atlas = sample();
    let chief = |id| atlas.tree.region(atlas.at(id)).chief.map(|at| atlas.tree.id(at));
    assert_eq!(chief(RUSSIA), Some(MOSCOW));
    assert_eq!(chief(536_203), Some(498_817));
    assert_eq!(chief(MOSCOW), Some(MOSCOW));
    let areas = |city| [("country", 1, NONE), ("city", city, NONE)];
    let atlas = super::atlas(&[
        Entry { networks: &["1.0.0.0/8"], areas: &areas(9), ..Entry::default() },
        Entry { networks: &["2.0.0.0/8"], areas: &areas(7), ..Entry::default() },
        Entry { networks: &["3.0.0.0/8"], areas: &[("country", 2, NONE)], ..Entry::default() },
    ]);
    let chief = |id| atlas.tree.region(atlas.at(id)).chief.map(|at| atlas.tree.id(at));
    assert_eq!((chief(1), chief(2), chief(EARTH)), (Some(7), None, Some(7)));
}

const NONE: &[(&str, &str)] = &[];

#[test]
fn a_zone_is_the_records_or_that_of_all_below() {
    let atlas = sample();
    let zone = |id| atlas.tree.zone(atlas.at(id));
    assert_eq!(zone(MOSCOW), Some("Europe/Moscow"));
    assert_eq!(zone(RUSSIA), Some("Europe/Moscow"), "both towns have it");
    assert_eq!(zone(UNITED_STATES), None, "its towns have two");
    assert_eq!(zone(EARTH), None);
    let atlas = super::atlas(&[
        Entry {
            networks: &["1.0.0.0/8"],
            areas: &[("country", 1, NONE), ("city", 2, NONE)],
            zone: Some("Asia/Tokyo"),
            ..Entry::default()
        },
        Entry {
            networks: &["2.0.0.0/8"],
            areas: &[("country", 1, NONE)],
            zone: Some("UTC"),
            ..Entry::default()
        },
    ]);
    let zone = |id| atlas.tree.zone(atlas.at(id));
    assert_eq!((zone(1), zone(2), zone(EARTH)), (Some("UTC"), Some("Asia/Tokyo"), Some("UTC")));
}

#[test]
fn of_several_places_the_first_is_kept_and_one_off_the_earth_never() {
    let areas: &[Area<'_>] = &[("country", 1, NONE), ("city", 2, NONE)];
    let at = |networks, place| Entry { networks, areas, place: Some(place), ..Entry::default() };
    let atlas = super::atlas(&[
        at(&["3.0.0.0/8"], (3.0, 3.0)),
        at(&["2.0.0.0/8"], (2.0, 2.0)),
        at(&["1.0.0.0/8"], (91.0, 0.0)),
    ]);
    assert_eq!(atlas.tree.region(atlas.at(2)).place, Place::new(2.0, 2.0));
    assert_eq!(atlas.tree.region(atlas.at(1)).place, None);
}

#[test]
fn only_regions_with_nothing_below_are_nearest() {
    let atlas = sample();
    // Siberia: the middle of Russia, which is no town.
    let (at, _) = atlas.places.nearest(Place::new(60.0, 100.0).unwrap()).unwrap();
    assert_eq!(atlas.tree.region(at).kind, Kind::City);
}

#[test]
fn a_region_lies_in_the_smallest_that_a_record_has_it_in() {
    let direct: &[Area<'_>] = &[("country", 1, NONE), ("city", 9, NONE)];
    let through: &[Area<'_>] =
        &[("country", 1, NONE), ("subdivision", 3, NONE), ("subdivision", 4, NONE), ("city", 9, NONE)];
    for areas in [[direct, through, direct], [through, direct, direct]] {
        let entries: Vec<_> = [["1.0.0.0/8"], ["2.0.0.0/8"], ["3.0.0.0/8"]]
            .iter()
            .zip(areas)
            .map(|(networks, areas)| Entry { networks, areas, ..Entry::default() })
            .collect();
        assert_eq!(super::atlas(&entries).parents(9), [9, 4, 3, 1, EARTH]);
    }
}

#[test]
fn records_that_contradict_each_other_make_a_tree() {
    let atlas = super::atlas(&[
        Entry {
            networks: &["1.0.0.0/8"],
            areas: &[("country", 1, NONE), ("city", 2, NONE)],
            ..Entry::default()
        },
        Entry {
            networks: &["2.0.0.0/8"],
            areas: &[("country", 2, NONE), ("city", 1, NONE)],
            ..Entry::default()
        },
        Entry {
            networks: &["3.0.0.0/8"],
            areas: &[("continent", 5, NONE), ("country", 5, NONE), ("city", EARTH.unsigned_abs(), NONE)],
            ..Entry::default()
        },
        Entry { networks: &["4.0.0.0/8"], areas: &[("country", u32::MAX, NONE)], ..Entry::default() },
    ]);
    assert_eq!(atlas.children(EARTH), [1, 2, 5]);
    let at = |address: &str| Some(atlas.tree.id(atlas.locate(address.parse().unwrap())?));
    assert_eq!(at("2.0.0.0"), Some(1));
    assert_eq!(at("3.0.0.0"), Some(5), "nothing is in the earth but as its part");
    assert_eq!(at("4.0.0.0"), None, "a number that the service cannot tell");
}

#[test]
fn a_database_without_regions_is_refused() {
    let nothing = refusal(&[Entry { networks: &["1.0.0.0/8"], ..Entry::default() }]).to_string();
    assert!(nothing.starts_with("it is of the type Test-City and tells no regions"), "{nothing}");
    assert!(matches!(refusal(&[]), Unusable::NoRegions(_)));
    let codes = Atlas::new({
        let mut writer = Writer::new();
        let value = writer.value(&Item::Map(vec![("country", Item::Text("RU"))]));
        writer.network("1.0.0.0".parse().unwrap(), 8, value);
        writer.finish(ABOUT)
    });
    assert!(matches!(codes.unwrap_err(), Unusable::Invalid(_)), "countries of another shape");
}

#[test]
fn too_many_languages_are_refused() {
    let languages: Vec<_> = (0..65).map(|number| format!("l{number}")).collect();
    let names: Vec<_> = languages.iter().map(|language| (language.as_str(), "x")).collect();
    let of = |names: &[(&str, &str)]| {
        Atlas::new(database(&[Entry {
            networks: &["1.0.0.0/8"],
            areas: &[("city", 1, names)],
            ..Entry::default()
        }]))
    };
    assert_eq!(of(&names[..64]).unwrap().tree.languages().len(), 64);
    assert_eq!(of(&names).unwrap_err().to_string(), "it has names in more than 64 languages");
}

#[test]
fn names_are_found_in_any_language_and_case_exact_ones_first() {
    let atlas = sample();
    assert_eq!(atlas.named("МОСКВА", 10), [524_894, MOSCOW], "larger regions first");
    assert_eq!(atlas.named("moscow", 1), [524_894]);
    assert_eq!(atlas.named("Lon", 10), [2_643_743], "once, though it is so in three languages");
    assert_eq!(atlas.named("東京", 10), [1_850_147, 1_850_144], "the name itself, then what starts so");
    assert_eq!(atlas.named("New York", 10), [5_128_638, 5_128_581]);
    for nothing in ["", "Atlantis", "oscow"] {
        assert_eq!(atlas.named(nothing, 10), [0; 0], "{nothing}");
    }
    assert_eq!(atlas.named("moscow", 0), [0; 0]);
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
    fn whatever_records_say_the_regions_are_a_tree(chains in chains()) {
        let areas: Vec<Vec<Area<'_>>> = chains
            .iter()
            .map(|chain| chain.iter().map(|(kind, id)| (*kind, *id, NONE)).collect())
            .collect();
        let networks: Vec<_> = (1..=chains.len()).map(|number| format!("{number}.0.0.0/8")).collect();
        let networks: Vec<_> = networks.iter().map(|network| [network.as_str()]).collect();
        let entries: Vec<_> = areas
            .iter()
            .zip(&networks)
            .map(|(areas, networks)| Entry { networks, areas, ..Entry::default() })
            .collect();
        let Ok(atlas) = Atlas::new(database(&entries)) else {
            prop_assert!(chains.iter().all(Vec::is_empty));
            return Ok(());
        };
        let tree = &atlas.tree;
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
