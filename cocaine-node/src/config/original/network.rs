//! Where an original listens: `network`, and `locator` in version 2.

use std::net::{IpAddr, SocketAddr};

use super::{
    document::{Element, Result, Section},
    mapping::Mapping,
};

/// The port of a locator where the configuration names none.
const LOCATOR_PORT: u16 = 10053;
/// The address that an original listens on where the configuration names none.
const ALL_ADDRESSES: &str = "::";

const NO_POOL: &str = "the node runs one thread for each core: nothing is to be done";
const NO_GROUP: &str = "the node does not look for others by multicast: give them its address";
const NO_GATEWAY: &str = "the node does not pass calls on to other nodes: their clients call them directly";
const NO_PORTS: &str = "services but the locator listen on free ports: clients ask the locator for them";

/// Maps the section `network` of the versions 3 and 4.
pub(super) fn map(mapping: &mut Mapping, mut section: Section<'_>) -> Result<()> {
    let pinned = section.take_section("pinned")?.take_rest();
    let mut port = None;
    for (service, element) in pinned {
        if service == "locator" {
            port = Some(element.number()?);
        } else {
            element.number::<u16>()?;
            mapping.warn(element.path(), NO_PORTS);
        }
    }
    if port.is_none() {
        let path = section.path_of("pinned");
        mapping.warn(path, "does not name the locator, which an original has on any port then: it is 10053");
    }
    map_address(mapping, &mut section, port)?;
    map_range(mapping, section.take("shared"))?;
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
    map_range(mapping, locator.take("port-range"))?;
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

/// Maps a range of ports.
fn map_range(mapping: &mut Mapping, range: Option<Element<'_>>) -> Result<()> {
    let Some(range) = range else { return Ok(()) };
    let bounds = range.elements()?.iter().map(Element::number::<u16>).collect::<Result<Vec<_>>>()?;
    let [first, end] = bounds[..] else { return Err(range.error("must have two ports")) };
    // The original uses any port where the range is empty.
    if first < end {
        mapping.warn(range.path(), NO_PORTS);
    }
    Ok(())
}
