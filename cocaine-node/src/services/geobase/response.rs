//! Answers that are maps.

use std::{collections::BTreeMap, net::IpAddr};

use cocaine::{Result, Value};

use super::{coordinates::Place, network_record::Location, refused, region_index::Atlas, tree::Tree};

/// Returns all that is known of a region: a map of what there is.
pub(super) fn region(tree: &Tree, at: u32, services: Vec<String>) -> Value {
    let region = tree.region(at);
    let mut entries = vec![entry("id", region.id), entry("type", region.kind.name())];
    entries.extend(tree.parent(at).map(|parent| entry("parent", tree.id(parent))));
    entries.extend(region.chief.map(|chief| entry("chief", tree.id(chief))));
    let names = tree.names(at).map(|(language, name)| entry(language, name));
    entries.push(entry("names", names.collect::<Vec<_>>()));
    entries.extend(region.code.as_deref().map(|code| entry("codes", vec![Value::from(code)])));
    entries.extend(region.place.map(|place| entry("coordinates", coordinates(place))));
    entries.extend(tree.zone(at).map(|zone| entry("timezone", zone)));
    entries.push(entry("services", services.into_iter().map(Value::from).collect::<Vec<_>>()));
    Value::Map(entries)
}

/// Returns where a request comes from: from the place that it names, or from its address.
pub(super) fn origin(atlas: &Atlas, request: &BTreeMap<String, String>) -> Result<Value> {
    let of = |key: &str| request.get(key).map(String::as_str);
    match (of("latitude"), of("longitude"), of("ip")) {
        (Some(latitude), Some(longitude), _) => near(atlas, latitude, longitude),
        (_, _, Some(ip)) => at_address(atlas, ip),
        _ => Err(refused(
            "it takes `ip`, or both `latitude` and `longitude`, to find out where a request is from",
        )),
    }
}

fn near(atlas: &Atlas, latitude: &str, longitude: &str) -> Result<Value> {
    let degrees =
        |text: &str| text.trim().parse().map_err(|_| refused(format!("{text:?} is no number of degrees")));
    let place = place(degrees(latitude)?, degrees(longitude)?)?;
    let (at, distance) = nearest(atlas, place)?;
    let mut entries = regions(&atlas.tree, at);
    entries.push(entry("coordinates", coordinates(place)));
    entries.push(entry("distance", distance));
    entries.extend(atlas.tree.zone(at).map(|zone| entry("timezone", zone)));
    Ok(Value::Map(entries))
}

fn at_address(atlas: &Atlas, ip: &str) -> Result<Value> {
    let address = address(ip)?;
    let record = atlas.record(address).ok_or_else(|| nowhere(address))?;
    let at = record.leaf().and_then(|id| atlas.tree.find(id)).ok_or_else(|| nowhere(address))?;
    let mut entries = regions(&atlas.tree, at);
    let location = record.location.as_ref();
    let place = location.and_then(Location::place);
    entries.extend(place.map(|place| entry("coordinates", coordinates(place))));
    entries.extend(location.and_then(Location::radius).map(|radius| entry("radius", radius)));
    let zone = location.and_then(|location| location.time_zone).or_else(|| atlas.tree.zone(at));
    entries.extend(zone.map(|zone| entry("timezone", zone)));
    let postal = record.postal.as_ref().and_then(|postal| postal.code);
    entries.extend(postal.map(|code| entry("postal", code)));
    Ok(Value::Map(entries))
}

fn regions(tree: &Tree, at: u32) -> Vec<(Value, Value)> {
    let parents = tree.parents(at).map(|at| tree.id(at).into()).collect::<Vec<Value>>();
    vec![entry("region_id", tree.id(at)), entry("parents", parents)]
}

fn coordinates(place: Place) -> Vec<Value> {
    vec![place.latitude.into(), place.longitude.into()]
}

fn entry(key: &str, value: impl Into<Value>) -> (Value, Value) {
    (key.into(), value.into())
}

/// Reads an address.
pub(super) fn address(ip: &str) -> Result<IpAddr> {
    ip.trim().parse().map_err(|_| refused(format!("{ip:?} is no IP address")))
}

/// Returns a place, which must be on earth.
pub(super) fn place(latitude: f64, longitude: f64) -> Result<Place> {
    Place::new(latitude, longitude).ok_or_else(|| {
        refused(format!(
            "{latitude}, {longitude} is no place: latitudes are from -90 to 90 degrees, longitudes from -180 to 180"
        ))
    })
}

/// Returns the region nearest to a place.
pub(super) fn nearest(atlas: &Atlas, place: Place) -> Result<(u32, f64)> {
    atlas.places.nearest(place).ok_or_else(|| refused("the database tells no region's place"))
}

/// Returns the error of an address of no known region.
pub(super) fn nowhere(address: IpAddr) -> cocaine::Error {
    refused(format!("the address {address} is of no known region"))
}
