//! All methods of the geobase service, with the sample database.

use std::collections::BTreeMap;

use cocaine::{Code, Error, Value};
use cocaine_bindings::{Geobase, GeobaseClient};
use cocaine_node::Node;
use tokio::task::JoinSet;

use crate::{client, frame_client::FrameClient, node, service};

const EARTH: i32 = 6_295_630;
const EUROPE: i32 = 6_255_148;
const RUSSIA: i32 = 2_017_370;
const MOSCOW_AREA: i32 = 524_894;
const MOSCOW: i32 = 524_901;
const PETERSBURG_AREA: i32 = 536_203;
const PETERSBURG: i32 = 498_817;
const UNITED_STATES: i32 = 6_252_001;
const LOS_ANGELES: i32 = 5_368_361;
const TOKYO: i32 = 1_850_147;
const NOWHERE: i32 = 1;

/// Checks that a call fails with the code of the service and this text.
fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, Error>, text: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code(), Some(Code::INVALID_VALUE), "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[tokio::test]
async fn regions_are_found_by_address_and_location() {
    let node = node().await;
    let geobase: GeobaseClient = service(&node).await;
    for (address, region) in [
        ("192.0.2.1", MOSCOW),
        ("192.0.2.130", PETERSBURG),
        ("192.0.2.200", RUSSIA),
        ("198.51.100.255", LOS_ANGELES),
        ("2001:db8::7", MOSCOW),
        (" ::ffff:192.0.2.1\n", MOSCOW),
    ] {
        assert_eq!(geobase.region_id(address).await.unwrap(), region, "{address}");
    }
    assert_refused(geobase.region_id("127.0.0.1").await, "the address 127.0.0.1 belongs to no known region");
    assert_refused(geobase.region_id("2001:db9::").await, "2001:db9::");
    assert_refused(geobase.region_id("192.0.2").await, "\"192.0.2\" is not an IP address");

    assert!(geobase.ip_in("192.0.2.1", RUSSIA).await.unwrap());
    assert!(geobase.ip_in("2001:db8::7", EARTH).await.unwrap());
    assert!(!geobase.ip_in("192.0.2.1", PETERSBURG).await.unwrap());
    assert!(!geobase.ip_in("127.0.0.1", EARTH).await.unwrap(), "its region is unknown");
    assert_refused(geobase.ip_in("192.0.2.1", NOWHERE).await, "region 1 is unknown");
    assert_refused(geobase.ip_in("here", RUSSIA).await, "\"here\" is not an IP address");

    assert_eq!(geobase.region_id_by_location(55.9, 37.4).await.unwrap(), MOSCOW);
    assert_eq!(geobase.region_id_by_location(20.0, -179.0).await.unwrap(), TOKYO, "across the date line");
    for (latitude, longitude) in [(91.0, 0.0), (0.0, -180.5), (f64::NAN, 0.0)] {
        assert_refused(
            geobase.region_id_by_location(latitude, longitude).await,
            "is not a location: latitudes range from -90",
        );
    }
    node.shutdown().await;
}

#[tokio::test]
async fn region_relations_are_reported() {
    let node = node().await;
    let geobase: GeobaseClient = service(&node).await;
    assert_eq!(geobase.children(RUSSIA).await.unwrap(), [MOSCOW_AREA, PETERSBURG_AREA]);
    assert!(geobase.children(MOSCOW).await.unwrap().is_empty());
    assert_refused(geobase.children(-7).await, "region -7 is unknown");

    let all = [RUSSIA, MOSCOW_AREA, MOSCOW, PETERSBURG_AREA, PETERSBURG];
    assert_eq!(geobase.subtree(RUSSIA).await.unwrap(), all);
    assert_eq!(geobase.subtree(EARTH).await.unwrap()[0], EARTH);
    assert_refused(geobase.subtree(NOWHERE).await, "region 1");

    assert!(geobase.id_in(MOSCOW, RUSSIA).await.unwrap());
    assert!(geobase.id_in(MOSCOW, MOSCOW).await.unwrap());
    assert!(!geobase.id_in(RUSSIA, MOSCOW).await.unwrap());
    assert!(!geobase.id_in(MOSCOW, UNITED_STATES).await.unwrap());
    assert_refused(geobase.id_in(NOWHERE, RUSSIA).await, "region 1");
    assert_refused(geobase.id_in(MOSCOW, NOWHERE).await, "region 1");

    assert_eq!(geobase.parents(MOSCOW).await.unwrap(), [MOSCOW, MOSCOW_AREA, RUSSIA, EUROPE, EARTH]);
    assert_refused(geobase.parents(NOWHERE).await, "region 1");
    assert_eq!(geobase.parent_id(RUSSIA).await.unwrap(), EUROPE);
    assert_eq!(geobase.parent(RUSSIA).await.unwrap(), EUROPE);
    for outcome in [geobase.parent_id(EARTH).await, geobase.parent(EARTH).await] {
        assert_refused(outcome, "region 6295630 has no parent region");
    }
    for outcome in [geobase.parent_id(NOWHERE).await, geobase.parent(NOWHERE).await] {
        assert_refused(outcome, "region 1 is unknown");
    }

    assert_eq!(geobase.chief_region_id(RUSSIA).await.unwrap(), MOSCOW);
    assert_eq!(geobase.chief_region_id(PETERSBURG_AREA).await.unwrap(), PETERSBURG);
    assert_eq!(geobase.chief_region_id(PETERSBURG).await.unwrap(), PETERSBURG);
    assert_refused(geobase.chief_region_id(NOWHERE).await, "region 1");
    node.shutdown().await;
}

#[tokio::test]
async fn names_codes_and_coordinates_are_reported() {
    let node = node().await;
    let geobase: GeobaseClient = service(&node).await;
    assert_eq!(geobase.supported_linguistics().await.unwrap(), ["de", "en", "fr", "ja", "ru"]);
    assert_eq!(geobase.names(MOSCOW).await.unwrap(), ["Moskau", "Moscow", "Moscou", "モスクワ", "Москва"]);
    assert_eq!(
        geobase.names(2_643_743).await.unwrap(),
        ["London", "Londres", "ロンドン", "Лондон"],
        "without duplicates"
    );
    assert_refused(geobase.names(NOWHERE).await, "region 1");
    assert_eq!(geobase.linguistics_for_region(MOSCOW, "ru").await.unwrap(), ["Москва"]);
    assert_eq!(geobase.linguistics_for_region(EARTH, "en").await.unwrap(), ["Earth"]);
    assert_refused(geobase.linguistics_for_region(MOSCOW, "tlh").await, "in the language \"tlh\"");
    assert_refused(geobase.linguistics_for_region(NOWHERE, "ru").await, "region 1");

    assert_eq!(geobase.region_ids_by_name("МОСКВА", 10).await.unwrap(), [MOSCOW_AREA, MOSCOW]);
    assert_eq!(geobase.region_ids_by_name("saint", 10).await.unwrap(), [PETERSBURG_AREA, PETERSBURG]);
    assert_eq!(geobase.region_ids_by_name("Moscow", 1).await.unwrap(), [MOSCOW_AREA]);
    for (name, max) in [("Moscow", 0), ("Moscow", -1), ("", 10), ("Atlantis", i32::MAX)] {
        assert!(geobase.region_ids_by_name(name, max).await.unwrap().is_empty(), "{name} {max}");
    }

    assert_eq!(geobase.codes(RUSSIA).await.unwrap(), ["RU"]);
    assert_eq!(geobase.codes(MOSCOW_AREA).await.unwrap(), ["MOW"]);
    assert_eq!(geobase.codes(EUROPE).await.unwrap(), ["EU"]);
    assert!(geobase.codes(MOSCOW).await.unwrap().is_empty());
    assert_refused(geobase.codes(NOWHERE).await, "region 1");

    assert_eq!(geobase.coordinates(MOSCOW).await.unwrap(), [55.752_22, 37.615_56]);
    assert_refused(geobase.coordinates(EUROPE).await, "the database has no location for region 6255148");
    assert_refused(geobase.coordinates(NOWHERE).await, "region 1");
    node.shutdown().await;
}

#[tokio::test]
async fn time_zones_are_reported() {
    let node = node().await;
    let geobase: GeobaseClient = service(&node).await;
    assert_eq!(geobase.timezone_name(LOS_ANGELES).await.unwrap(), "America/Los_Angeles");
    assert_eq!(geobase.timezone_name(RUSSIA).await.unwrap(), "Europe/Moscow", "all its cities share it");
    assert_refused(geobase.timezone_name(UNITED_STATES).await, "region 6252001 has no time zone of its own");
    assert_refused(geobase.timezone_name(NOWHERE).await, "region 1 is unknown");

    let summer = geobase.timezone_for_time("europe/berlin", 1_711_846_800).await.unwrap();
    assert_eq!(
        (summer.name.as_str(), summer.abbreviation.as_str(), summer.dst, summer.offset),
        ("Europe/Berlin", "CEST", true, 7200)
    );
    let before = geobase.timezone_for_time("Europe/Berlin", 1_711_846_799).await.unwrap();
    assert_eq!((before.abbreviation.as_str(), before.dst, before.offset), ("CET", false, 3600));
    assert_refused(
        geobase.timezone_for_time("Mars/Olympus", 0).await,
        "the time zone \"Mars/Olympus\" is unknown",
    );
    assert_eq!(
        geobase.timezone_for_time("UTC", i64::MAX).await.unwrap_err().code(),
        Some(Code::INVALID_VALUE),
        "it is not a valid time"
    );

    let now = geobase.timezone("Asia/Tokyo").await.unwrap();
    assert_eq!(
        (now.name.as_str(), now.abbreviation.as_str(), now.dst, now.offset),
        ("Asia/Tokyo", "JST", false, 32_400)
    );
    assert_refused(geobase.timezone("").await, "the time zone \"\"");
    node.shutdown().await;
}

#[tokio::test]
async fn region_services_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Node::builder().listen("127.0.0.1:0").data(folder.path()).start();
    let node = start().await.unwrap();
    let geobase: GeobaseClient = service(&node).await;
    assert!(geobase.get_services(MOSCOW).await.unwrap().is_empty());
    assert!(!geobase.have_service(MOSCOW, "taxi").await.unwrap());
    let mut setting = JoinSet::new();
    for number in 0..32 {
        let geobase: GeobaseClient = service(&node).await;
        setting
            .spawn(async move { geobase.set_service(MOSCOW, &format!("s{number:02}"), true).await.unwrap() });
    }
    setting.join_all().await;
    let all: Vec<_> = (0..32).map(|number| format!("s{number:02}")).collect();
    assert_eq!(geobase.get_services(MOSCOW).await.unwrap(), all, "no update is lost");
    assert!(geobase.have_service(MOSCOW, "s07").await.unwrap());
    assert!(
        geobase.get_services(RUSSIA).await.unwrap().is_empty(),
        "services of a city are not those of its country"
    );
    geobase.set_service(MOSCOW, "s07", false).await.unwrap();
    geobase.set_service(MOSCOW, "s07", false).await.unwrap();
    geobase.set_service(PETERSBURG, "only", true).await.unwrap();
    geobase.set_service(PETERSBURG, "only", false).await.unwrap();
    assert_refused(geobase.set_service(MOSCOW, "", true).await, "the name of a service has 1 to 256 bytes");
    assert_refused(geobase.set_service(NOWHERE, "taxi", true).await, "region 1");
    assert_refused(geobase.get_services(NOWHERE).await, "region 1");
    assert_refused(geobase.have_service(NOWHERE, "taxi").await, "region 1");
    node.shutdown().await;

    let node = start().await.unwrap();
    let geobase: GeobaseClient = service(&node).await;
    assert_eq!(geobase.get_services(MOSCOW).await.unwrap().len(), 31);
    assert!(!geobase.have_service(MOSCOW, "s07").await.unwrap());
    assert!(geobase.get_services(PETERSBURG).await.unwrap().is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn region_data_has_all_known_entries() {
    let node = node().await;
    let geobase: GeobaseClient = service(&node).await;
    geobase.set_service(RUSSIA, "taxi", true).await.unwrap();
    let data = geobase.region_data(RUSSIA).await.unwrap();
    let expected = "{id: 2017370, type: country, parent: 6255148, chief: 524901, names: {de: Russland, en: Russia, \
                    fr: Russie, ja: ロシア, ru: Россия}, codes: [RU], coordinates: [60.0, 100.0], timezone: Europe/Moscow, \
                    services: [taxi]}";
    assert_eq!(unquoted(&data), expected);
    let earth = geobase.region_data(EARTH).await.unwrap();
    for (key, value) in [("type", Some("earth")), ("parent", None), ("timezone", None), ("codes", None)] {
        assert_eq!(earth.get(key).and_then(Value::as_str), value, "{key}");
    }
    assert_refused(geobase.region_data(NOWHERE).await, "region 1");
    node.shutdown().await;
}

#[tokio::test]
async fn requests_are_located_by_address_or_coordinates() {
    let node = node().await;
    let geobase: GeobaseClient = service(&node).await;
    let pinpoint = async |request: &[(&str, &str)]| {
        let request: BTreeMap<_, _> =
            request.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        geobase.pinpoint_geolocation(&request).await
    };
    let by_address = pinpoint(&[("ip", "192.0.2.1"), ("user-agent", "x")]).await.unwrap();
    let expected = "{region_id: 524901, parents: [524901, 524894, 2017370, 6255148, 6295630], \
                    coordinates: [55.75222, 37.61556], radius: 20.0, timezone: Europe/Moscow, postal: 101000}";
    assert_eq!(unquoted(&by_address), expected);
    let country = pinpoint(&[("ip", "192.0.2.200")]).await.unwrap();
    assert_eq!(country.get("timezone").and_then(Value::as_str), Some("Europe/Moscow"), "from its region");
    assert_eq!(country.get("postal"), None);

    let by_coordinates = [("ip", "192.0.2.1"), ("latitude", "59.93863"), ("longitude", " 30.31413")];
    let by_coordinates = pinpoint(&by_coordinates).await.unwrap();
    assert_eq!(
        by_coordinates.get("region_id").and_then(Value::as_i64),
        Some(PETERSBURG.into()),
        "the coordinates take precedence"
    );
    assert!(by_coordinates.get("distance").and_then(Value::as_f64).unwrap() < 0.001);
    assert_eq!(by_coordinates.get("timezone").and_then(Value::as_str), Some("Europe/Moscow"));

    assert_refused(
        pinpoint(&[("latitude", "1")]).await,
        "the request must have `ip`, or both `latitude` and `longitude`",
    );
    assert_refused(pinpoint(&[]).await, "the request must have `ip`");
    assert_refused(pinpoint(&[("ip", "here")]).await, "\"here\" is not an IP address");
    assert_refused(pinpoint(&[("ip", "127.0.0.1")]).await, "127.0.0.1 belongs to no known region");
    assert_refused(
        pinpoint(&[("latitude", "north"), ("longitude", "0")]).await,
        "\"north\" is not a number of degrees",
    );
    assert_refused(pinpoint(&[("latitude", "NaN"), ("longitude", "0")]).await, "is not a location");
    node.shutdown().await;
}

#[tokio::test]
async fn wrong_argument_type_closes_the_connection() {
    const CHILDREN: u64 = 2;
    let node = node().await;
    let address = client(&node).resolve("geobase", None).await.unwrap().endpoints[0].0;
    let mut raw = FrameClient::connect(address).await;
    raw.send(1, CHILDREN, [RUSSIA]).await;
    let list = Value::Array(vec![MOSCOW_AREA.into(), PETERSBURG_AREA.into()]);
    assert_eq!(raw.recv().await, (1, 0, Value::Array(vec![list])));
    raw.send(2, CHILDREN, ["Russia"]).await;
    raw.expect_end().await;
    node.shutdown().await;
}

/// Formats a value without quotation marks.
fn unquoted(value: &Value) -> String {
    value.to_string().replace('"', "")
}
