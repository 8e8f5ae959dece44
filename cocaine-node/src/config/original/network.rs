//! Where an original listens: `network`, and `locator` in version 2.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use super::{
    document::{Element, Result, Section},
    mapping::Mapping,
    services,
};

/// The port of a locator where the configuration names none.
const LOCATOR_PORT: u16 = 10053;
/// The address that an original listens on where the configuration names none.
const ALL_ADDRESSES: &str = "::";

const NO_POOL: &str = "the node runs one thread for each core: nothing is to be done";
const NO_GROUP: &str = "the node does not look for others by multicast: give them its address";
const NO_GATEWAY: &str = "the node does not pass calls on to other nodes: their clients call them directly";

/// Maps the section `network` of the versions 3 and 4.
pub(super) fn map(mapping: &mut Mapping, mut section: Section<'_>) -> Result<()> {
    let mut port = None;
    for (service, element) in section.take_section("pinned")?.take_rest() {
        let pinned: u16 = element.number()?;
        if service == "locator" {
            port = Some(pinned);
        } else if pinned != 0 {
            mapping.config.network.pinned.insert(service.to_owned(), pinned);
        }
    }
    if port.is_none() {
        let path = section.path_of("pinned");
        mapping.warn(path, "does not name the locator, which an original has on any port then: it is 10053");
    }
    map_address(mapping, &mut section, port)?;
    map_range(mapping, section.take("shared"), port)?;
    mapping.warn_if_set(section.take("pool"), NO_POOL);
    mapping.finish(section);
    Ok(())
}

/// Maps the sections `locator` and `network` of version 2.
pub(super) fn map_version_2(
    mapping: &mut Mapping,
    mut locator: Section<'_>,
    mut network: Section<'_>,
) -> Result<()> {
    let port = locator.take("port").map(|port| port.number()).transpose()?;
    map_address(mapping, &mut locator, port)?;
    map_range(mapping, locator.take("port-range"), port)?;
    mapping.finish(locator);
    let group = network.take("group");
    mapping.config.cluster = Some(group.is_some());
    mapping.warn_if_set(group, NO_GROUP);
    mapping.warn_if_set(network.take("gateway"), NO_GATEWAY);
    mapping.finish(network);
    Ok(())
}

/// Maps `endpoint` and `hostname`.
fn map_address(mapping: &mut Mapping, section: &mut Section<'_>, port: Option<u16>) -> Result<()> {
    let endpoint = section.take_text("endpoint")?;
    if endpoint.is_none() {
        let message = "is not set: like an original, the node listens on all addresses; to limit it, set it or `--listen`";
        mapping.warn(section.path_of("endpoint"), message);
    }
    let listen = address(endpoint.unwrap_or(ALL_ADDRESSES), port.unwrap_or(LOCATOR_PORT));
    mapping.config.listen = Some(listen.into());
    mapping.config.hostname = section.take_text("hostname")?.map(str::to_owned);
    Ok(())
}

fn address(endpoint: &str, port: u16) -> String {
    match endpoint.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, port).to_string(),
        Err(_) => format!("{endpoint}:{port}"),
    }
}

/// Maps a range of ports, from the first one to the one after the last. An original ignores an empty range.
fn map_range(mapping: &mut Mapping, range: Option<Element<'_>>, locator: Option<u16>) -> Result<()> {
    let Some(range) = range else { return Ok(()) };
    let bounds = range.elements()?.iter().map(Element::number::<u16>).collect::<Result<Vec<_>>>()?;
    let [first, end] = bounds[..] else { return Err(range.error("must have two ports")) };
    // Port 0 is any free one.
    let first = first.max(1);
    if first >= end {
        return Ok(());
    }
    let pinned = &mapping.config.network.pinned;
    let taken: BTreeSet<u16> = pinned.values().copied().chain([locator.unwrap_or(LOCATOR_PORT)]).collect();
    let ports = (first..end).filter(|port| !taken.contains(port)).count();
    let needed = services::names().filter(|name| !pinned.contains_key(*name)).count();
    if ports < needed {
        let message = format!(
            "has {ports} ports, and the services of the node need {needed}, and each app one more: free ports are used until \
             it has more"
        );
        mapping.warn(range.path(), message);
    } else {
        mapping.config.network.shared = Some((first, end - 1));
    }
    Ok(())
}
