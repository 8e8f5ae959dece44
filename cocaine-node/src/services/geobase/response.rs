//! The `region_data` and `pinpoint_geolocation` maps, and the checks of arguments.

use std::{collections::BTreeMap, net::IpAddr};

use cocaine::{Result, Value};

use super::{
    coordinates::Coordinates, invalid, network_record::Location, region_index::RegionIndex, tree::RegionTree,
};

/// Returns the map of `region_data`. What is unknown has no entry.
pub(super) fn region_data(tree: &RegionTree, at: u32, services: Vec<String>) -> Value {
    let region = tree.region(at);
    let mut entries = vec![entry("id", region.id), entry("type", region.kind.name())];
    entries.extend(tree.parent(at).map(|parent| entry("parent", tree.id(parent))));
    entries.extend(region.chief_city.map(|chief| entry("chief", tree.id(chief))));
    let names = tree.names(at).map(|(language, name)| entry(language, name));
    entries.push(entry("names", names.collect::<Vec<_>>()));
    entries.extend(region.code.as_deref().map(|code| entry("codes", vec![Value::from(code)])));
    entries.extend(region.coordinates.map(coordinates_entry));
    entries.extend(tree.zone(at).map(|zone| entry("timezone", zone)));
    entries.push(entry("services", services.into_iter().map(Value::from).collect::<Vec<_>>()));
    Value::Map(entries)
}

/// Returns the map of `pinpoint_geolocation`. Coordinates in the request take precedence over its address.
pub(super) fn pinpoint(index: &RegionIndex, request: &BTreeMap<String, String>) -> Result<Value> {
    let of = |key: &str| request.get(key).map(String::as_str);
    match (of("latitude"), of("longitude"), of("ip")) {
        (Some(latitude), Some(longitude), _) => pinpoint_coordinates(index, latitude, longitude),
        (_, _, Some(ip)) => pinpoint_address(index, ip),
        _ => Err(invalid("the request must have `ip`, or both `latitude` and `longitude`")),
    }
}

fn pinpoint_coordinates(index: &RegionIndex, latitude: &str, longitude: &str) -> Result<Value> {
    let degrees =
        |text: &str| text.trim().parse().map_err(|_| invalid(format!("{text:?} is not a number of degrees")));
    let coordinates = coordinates(degrees(latitude)?, degrees(longitude)?)?;
    let (at, distance) = nearest_region(index, coordinates)?;
    let mut entries = region_entries(&index.tree, at);
    entries.push(coordinates_entry(coordinates));
    entries.push(entry("distance", distance));
    entries.extend(index.tree.zone(at).map(|zone| entry("timezone", zone)));
    Ok(Value::Map(entries))
}

fn pinpoint_address(index: &RegionIndex, ip: &str) -> Result<Value> {
    let address = parse_address(ip)?;
    let at = index.find_by_address(address).ok_or_else(|| unknown_address(address))?;
    let record = index.record(address).ok_or_else(|| unknown_address(address))?;
    let mut entries = region_entries(&index.tree, at);
    let location = record.location.as_ref();
    entries.extend(location.and_then(Location::coordinates).map(coordinates_entry));
    entries.extend(location.and_then(Location::radius).map(|radius| entry("radius", radius)));
    let zone = location.and_then(|location| location.time_zone).or_else(|| index.tree.zone(at));
    entries.extend(zone.map(|zone| entry("timezone", zone)));
    let postal = record.postal.as_ref().and_then(|postal| postal.code);
    entries.extend(postal.map(|code| entry("postal", code)));
    Ok(Value::Map(entries))
}

fn region_entries(tree: &RegionTree, at: u32) -> Vec<(Value, Value)> {
    let parents = tree.parents(at).map(|at| tree.id(at).into()).collect::<Vec<Value>>();
    vec![entry("region_id", tree.id(at)), entry("parents", parents)]
}

fn coordinates_entry(coordinates: Coordinates) -> (Value, Value) {
    let list: Vec<Value> = vec![coordinates.latitude.into(), coordinates.longitude.into()];
    entry("coordinates", list)
}

fn entry(key: &str, value: impl Into<Value>) -> (Value, Value) {
    (key.into(), value.into())
}

/// Parses an IP address.
pub(super) fn parse_address(ip: &str) -> Result<IpAddr> {
    ip.trim().parse().map_err(|_| invalid(format!("{ip:?} is not an IP address")))
}

/// Returns the coordinates, or an error if one is out of range.
pub(super) fn coordinates(latitude: f64, longitude: f64) -> Result<Coordinates> {
    Coordinates::new(latitude, longitude).ok_or_else(|| {
        invalid(format!(
            "{latitude}, {longitude} is not a location: latitudes range from -90 to 90 degrees, longitudes from -180 to 180"
        ))
    })
}

/// Returns the region nearest to the coordinates, and its distance in kilometres.
pub(super) fn nearest_region(index: &RegionIndex, coordinates: Coordinates) -> Result<(u32, f64)> {
    let nearest = index.leaves.nearest(coordinates);
    nearest.ok_or_else(|| invalid("the database has no coordinates of any region"))
}

/// Returns the error for an address that lies in no known region.
pub(super) fn unknown_address(address: IpAddr) -> cocaine::Error {
    invalid(format!("the address {address} belongs to no known region"))
}
